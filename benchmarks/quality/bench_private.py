"""How much of what is personal does the filter private find, and what does it take for personal?

python benchmarks/quality/bench_private.py        (KATSUO_DATA names the data; works without)

Recall is the share of details of which every letter and digit is replaced, precision that of the
findings which are such a detail: sentences with one detail each, and as many sentences with
numbers that are none. Both are on invented sentences; on passages of real text it is only counted
how much is found, since nobody has labelled them.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).parents[1]))

import os

from filing import file, share
from private_set import FORMS, Labelled, labelled

from katsuo.personal.finding import KINDS, Finder, Finding, versions
from katsuo.store import tables

N_EACH: Final = 400
N_WITHOUT: Final = 2400
N_PASSAGES: Final = 400
"""The first of each file."""
SEED: Final = 29


def is_covered(row: Labelled, found: Sequence[Finding]) -> bool:
    """Whether no letter or digit of the detail is left."""
    gone = {at for each in found for at in range(each.span.start, each.span.end)}
    return all(at in gone or not row.text[at].isalnum() for at in range(row.start, row.end))


def is_right(row: Labelled, each: Finding) -> bool:
    """Whether a finding is the detail of its sentence, or a part of it."""
    return bool(row.kind) and each.span.start < row.end and row.start < each.span.end


def on_sentences(finder: Finder) -> dict[str, Any]:
    """Recall by kind and form, precision by kind of finding."""
    rows = labelled(N_EACH, N_WITHOUT, SEED)
    began = time.process_time()
    judged = [(row, finder.find(row.text)) for row in rows]
    seconds = time.process_time() - began
    hits = Counter((row.kind, row.form) for row, found in judged if is_covered(row, found))
    asked = Counter((row.kind, row.form) for row in rows)
    findings = Counter(each.kind for _, found in judged for each in found)
    right = Counter(each.kind for row, found in judged for each in found if is_right(row, each))
    empty = [found for row, found in judged if not row.kind]
    figures: dict[str, Any] = {}
    for kind in FORMS:
        own = [key for key in asked if key[0] == kind]
        figures[kind] = {
            "recall": share(sum(hits[key] for key in own), sum(asked[key] for key in own)),
            "precision": share(right[kind], findings[kind]),
        }
        figures[f"{kind}, recall by form"] = {form: f"{hits[kind, form]}/{asked[kind, form]}"
                                              for _, form in own}  # fmt: skip
    figures["sentences without any that are left alone"] = share(
        sum(not found for found in empty), len(empty)
    )
    figures["sentences for each second of the processor"] = round(len(rows) / seconds)
    return figures


def on_passages(finder: Finder, folder: Path) -> dict[str, Any]:
    """How much is found for each 1,000 passages of real text, and how fast."""
    figures: dict[str, Any] = {}
    total, seconds = 0, 0.0
    for path in sorted(folder.glob("*.parquet")):
        texts = [str(row["text"]) for row in islice(tables.rows_of(path), N_PASSAGES)]
        began = time.process_time()
        found = Counter(each.kind for text in texts for each in finder.find(text))
        seconds += time.process_time() - began
        total += len(texts)
        figures[f"found for each 1,000 passages of {path.stem}"] = {
            **{kind: round(1000 * found[kind] / len(texts), 1) for kind in KINDS if found[kind]},
            "passages": len(texts),
        }
    return (
        {**figures, "passages for each second of the processor": round(total / seconds)}
        if total
        else {}
    )


def main() -> None:
    """Measure the finder with its defaults."""
    finder = Finder()
    figures = on_sentences(finder)
    folder = Path(os.environ.get("KATSUO_DATA", "-")) / "unannotated"
    figures |= on_passages(finder, folder) if folder.is_dir() else {}
    named = ", ".join(f"{name} {version}" for name, version in versions().items())
    file("private", {"libraries": named, **figures}, READING)


READING: Final = (
    f"{N_EACH} sentences a kind and {N_WITHOUT} without any detail, seed {SEED}, regions US and "
    "GB. Precision is on these numbers of both, and the sentences without any were made to be "
    "mistaken; with other text it is other. Names, postal addresses and dates of birth are not "
    "looked for. The rules were written with such sentences in view, of another seed: text that "
    "nobody foresaw has more that is missed."
)

if __name__ == "__main__":
    main()
