"""How long do near-duplicates of a million tasks take, in how much memory, and are they found?

python benchmarks/speed/bench_fresh.py [TASKS] [PEER_TASKS]

Invented tasks of 12 to 24 words a question and 4 to 20 a response; 5 % are written twice, another
10 % with a word of the question and the case of the response changed. Which twin has the better
score is drawn: that one must stay. Each figure is of a process of its own. The peers only hash and
ask their index (no exact comparison), on the same words.
"""

from __future__ import annotations

import importlib.util
import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).parents[1]))

from filing import file

from katsuo.filters.fresh import Fresh
from katsuo.protocols import Signature
from katsuo.road.trip import peak_mib

SEED: Final = 5
N_WORDS: Final = 20_000
EXACT, NEAR = 0.05, 0.10
SIZES: Final = (1_000_000, 20_000)
SYLLABLES: Final = "ba do fe gi ku la mo ne pi ra so tu vi wa ze".split()  # noqa: SIM905
WORDS: Final = [
    "".join(random.Random(f"{SEED} word {i}").choices(SYLLABLES, k=2 + i % 3)) + str(i % 97)
    for i in range(N_WORDS)
]
WEIGHTS: Final = list(accumulate(1 / (rank + 10) for rank in range(N_WORDS)))
"""Cumulative, so that few words are common, as in speech."""


def twins(n: int) -> tuple[int, int]:
    """How many of `n` rows are exact and near twins; they stand last."""
    return int(n * EXACT), int(n * NEAR)


def rows(n: int) -> Iterator[Signature]:
    """`n` signatures, made one by one."""
    exact, near = twins(n)
    first_twin = n - exact - near
    for i in range(n):
        of = i if i < first_twin else i - first_twin
        yield row(i, of, changed=i >= first_twin + exact)


def row(i: int, of: int, *, changed: bool) -> Signature:
    """Row `i`, which says what row `of` says."""
    chance = random.Random(f"{SEED} row {of}")
    asked = chance.choices(WORDS, cum_weights=WEIGHTS, k=chance.randint(12, 24))
    said = chance.choices(WORDS, cum_weights=WEIGHTS, k=chance.randint(4, 20))
    if changed:
        asked[-1] += "x"
    response = " ".join(said).upper() + "." if changed else " ".join(said)
    return Signature(
        id=f"{i:016x}",
        type="qa",
        score=random.Random(f"{SEED} score {i}").random(),
        text=f"qa\n{' '.join(asked)}\n{response}",
    )


def found(n: int, gone: set[int]) -> dict[str, Any]:
    """Shares of planted twins of which the better stayed and the worse went; others that went."""
    exact, near = twins(n)
    first_twin = n - exact - near
    pairs = [(i - first_twin, i) for i in range(first_twin, n)]
    score = {i: random.Random(f"{SEED} score {i}").random() for pair in pairs for i in pair}
    ranked = [sorted(pair, key=score.__getitem__) for pair in pairs]
    right = [worse in gone and better not in gone for worse, better in ranked]
    return {
        "exact twins": f"{sum(right[:exact])} of {exact}",
        "near twins": f"{sum(right[exact:])} of {near}",
        "others dropped": len(gone) - sum(right),
    }


def fresh(n: int) -> dict[str, Any]:
    """The filter."""
    held = list(rows(n))
    before = peak_mib()
    began = time.perf_counter()
    gone = {int(id_, 16) for id_, verdict in Fresh().select(held) if not verdict.keep}
    seconds = time.perf_counter() - began
    return {"seconds": seconds, "of which rows MiB": before, "gone": gone}


def grams(signature: Signature) -> list[str]:
    """Runs of three words, as a user of the plain library would take them."""
    split = signature.text.casefold().replace(".", "").split()
    return [" ".join(split[i : i + 3]) for i in range(len(split) - 2)]


def rensa(n: int) -> dict[str, Any]:
    """The plain library: 128 hashes, threshold 0.8, first come first kept."""
    from rensa import RMinHash, RMinHashLSH

    held = list(rows(n))
    before = peak_mib()
    began = time.perf_counter()
    index, gone = RMinHashLSH(0.8, 128, 16), set()
    for i, one in enumerate(held):
        minhash = RMinHash(128, 0)
        minhash.update(grams(one))
        if index.query(minhash):
            gone.add(i)
        else:
            index.insert(i, minhash)
    return {"seconds": time.perf_counter() - began, "of which rows MiB": before, "gone": gone}


def datasketch(n: int) -> dict[str, Any]:
    """The same with datasketch."""
    from datasketch import MinHash, MinHashLSH

    held = list(rows(n))
    before = peak_mib()
    began = time.perf_counter()
    index, gone = MinHashLSH(params=(16, 8), num_perm=128), set()
    for i, one in enumerate(held):
        minhash = MinHash(128)
        minhash.update_batch([gram.encode() for gram in grams(one)])
        if index.query(minhash):
            gone.add(i)
        else:
            index.insert(i, minhash)
    return {"seconds": time.perf_counter() - began, "of which rows MiB": before, "gone": gone}


SUBJECTS: Final = {"fresh": fresh, "rensa": rensa, "datasketch": datasketch}


def one(name: str, n: int) -> None:
    """One subject at one size, printed as JSON."""
    figures = SUBJECTS[name](n)
    gone = figures.pop("gone")
    rates = {"tasks/s": round(n / figures["seconds"])}
    figures = {"tasks": n, **rates, **figures, "peak MiB": peak_mib(), **found(n, gone)}
    print(json.dumps({k: round(v, 1) if isinstance(v, float) else v for k, v in figures.items()}))


def main(sizes: tuple[int, int]) -> None:
    """Measure each subject in a process of its own."""
    asked = [("fresh", sizes[0]), ("fresh", sizes[1])]
    asked += [
        (name, sizes[1]) for name in ("rensa", "datasketch") if importlib.util.find_spec(name)
    ]
    figures = {}
    for name, n in asked:
        words = [sys.executable, __file__, "--one", name, str(n)]
        done = subprocess.run(words, capture_output=True, text=True, check=True)
        figures[f"{name}, {n} tasks"] = json.loads(done.stdout)
        print(name, n, done.stdout, flush=True)
    file("fresh", figures, "Goal: 1,000,000 tasks in under 600 s and 2048 MiB on 2 cores. Peers "
         "keep the first twin, not the better, so half of the pairs count as missed.")  # fmt: skip


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        one(sys.argv[2], int(sys.argv[3]))
    else:
        given = tuple(map(int, sys.argv[1:]))
        main((*given, *SIZES[len(given) :])[:2])
