"""Chance has a name: one root seed, and a seed for every stream and record.

A seed is derived from names, never from call order, so the same record gets
the same seed on every machine, in every batch size and after every restart.
"""

from __future__ import annotations

import hashlib
import random


def derive(root: int, *names: str) -> int:
    """A 64-bit seed for the stream called `names`, the same in every order and on every machine.

    >>> derive(7, "generate", "context-3") == derive(7, "generate", "context-3")
    True
    >>> derive(7, "a/b") == derive(7, "a", "b")
    False
    """
    hashed: list[bytes] = []
    for name in (str(root), *names):
        encoded = name.encode("utf-8", "surrogatepass")
        # The length goes first, so that no two lists of names share their bytes.
        hashed += (len(encoded).to_bytes(8, "big"), encoded)
    return int.from_bytes(hashlib.blake2b(b"".join(hashed), digest_size=8).digest(), "big")


def stream(root: int, *names: str) -> random.Random:
    """A random generator of its own for the stream called `names`."""
    return random.Random(derive(root, *names))
