"""Which words say the same?

"Yes", "true", "Supported"  ──▶ yes          "Refuted", "false" ──▶ no          …
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "yes": ("yes", "true", "correct", "right", "supported", "supports", "entailment", "entailed",
            "same", "the same", "one entry", "kept", "agrees", "backed", "accept", "likely",
            "duplicate", "equivalent", "match"),
    "no": ("no", "false", "incorrect", "wrong", "refuted", "refutes", "contradiction",
           "not entailed", "different", "not the same", "different entries", "changed",
           "disagrees", "not backed", "reject", "unlikely", "separate", "not equivalent",
           "mismatch"),
    "open": ("maybe", "inconclusive", "neutral", "not enough information", "not enough info",
             "cannot tell", "can't say", "does not say", "unclear", "unknown"),
    "good": ("positive", "good", "favourable", "happy", "praise", "fresh", "thumbs up", "bright",
             "friendly or pleased", "+"),
    "bad": ("negative", "bad", "unfavourable", "unhappy", "complaint", "rotten", "thumbs down",
            "gloomy", "hostile or upset", "-"),
}  # fmt: skip
"""Role -> the words that play it; any other word is a role of its own."""
_ROLES: Final = {word: role for role, words in WORDS.items() for word in words}


def role_of(label: str) -> str:
    """What `label` says, whatever its vocabulary: `yes`, `no`, `open`, `good`, `bad`, or itself.

    >>> role_of("Not enough information.")
    'open'
    """
    folded = " ".join(label.casefold().replace("_", " ").split()).rstrip(".")
    return _ROLES.get(folded, folded)
