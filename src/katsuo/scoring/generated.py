"""What are a generator's tasks like, before anybody learns from them?

Each measure is a table of sums by passage's document, so that `intervals` can
redraw the passages: a share, a count for each hundred, or how evenly the labels
fall. Distinct words and commonest openings are stated without an interval: a
redrawn sample repeats texts, so it always looks less varied than the whole.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import Final, TypeAlias

import numpy as np

from katsuo.scoring.agreement import bare
from katsuo.scoring.choice import FloatArray
from katsuo.scoring.coverage import SENTENCE_END
from katsuo.scoring.predictions import Statistic, Table
from katsuo.types import Span
from katsuo.words import words

OPENING_WORDS: Final = 3
"""Words by which two instructions are said to open alike."""
COPIED_RUN_WORDS: Final = 3
"""Words in a row from which on a text is copied; shorter runs are common language."""

Label: TypeAlias = tuple[str, str]
"""The vocabulary that a label is of, and the label."""


def outside(text: str, passage: str) -> str:
    """What `text` says outside the passage, in one line.

    >>> outside("Read: A cat sat.  Who sat?", "A cat sat.")
    'Read: Who sat?'
    """
    bare = passage.strip()
    return " ".join((text.replace(bare, " ") if bare else text).split())


def distinct(texts: Iterable[str], n: int) -> float | None:
    """Different runs of `n` words over all runs of `n` words (Li et al. 2016); none without any.

    It falls as texts are added, so only samples of like size can be compared.
    """
    runs = Counter(run for text in texts for run in _runs(words(text), n))
    return len(runs) / runs.total() if runs else None


def openings(texts: Sequence[str], most: int = 3) -> list[tuple[str, float]]:
    """The commonest first words of `texts`, each with its share; the earlier of equals first."""
    counts = Counter(" ".join(words(text)[:OPENING_WORDS]) for text in texts)
    return [(opening, n / len(texts)) for opening, n in counts.most_common(most)]


def copied(text: str, passage: str) -> tuple[int, int]:
    """Words of `text` that stand in the passage in runs of `COPIED_RUN_WORDS`, and all its words.

    >>> copied("Where did the cat sit down?", "There the cat sat. The cat sit. Did the cat sit?")
    (4, 6)
    """
    said = words(text)
    known = set(_runs(words(passage), COPIED_RUN_WORDS))
    covered: set[int] = set()
    for i, run in enumerate(_runs(said, COPIED_RUN_WORDS)):
        if run in known:
            covered.update(range(i, i + COPIED_RUN_WORDS))
    return len(covered), len(said)


def touched(context: str, spans: Sequence[Span]) -> tuple[int, int]:
    """Sentences of `context` that any of `spans` shares a character with, and all of them."""
    cuts = [0, *(found.end() for found in SENTENCE_END.finditer(context)), len(context)]
    sentences = [(start, end) for start, end in pairwise(cuts) if context[start:end].strip()]
    hit = sum(
        any(span.start < end and start < span.end for span in spans) for start, end in sentences
    )
    return hit, len(sentences)


def label(choices: Sequence[str], own: int, *, by_place: bool = False) -> Label:
    """The label `choices[own]`, in the vocabulary of all of them.

    Args:
        choices: The answers that a task allows.
        own: Which of them is its response.
        by_place: Whether every task has other choices: then a label is the place in the list.

    >>> label(["Yes", "No"], 0), label(["a cat", "a dog"], 1, by_place=True)
    (('no / yes', 'yes'), ('2 choices', '2'))
    """
    if by_place:
        return f"{len(choices)} choices", str(own + 1)
    return " / ".join(sorted(map(bare, choices))), bare(choices[own])


def shares(name: str, of: str, counted: Iterable[tuple[str, float, float]]) -> Table | None:
    """The table of a share in points; none where nothing was counted.

    Args:
        name: Of the measure.
        of: Names the sample; two samples of one name and the same documents meet the same draws.
        counted: Document, part and whole; only documents with a whole can be drawn.
    """
    rows = [(document, (part, whole)) for document, part, whole in counted if whole]
    return _table(name, of, rows, (2,), lambda sums: 100 * sums[..., 0] / sums[..., 1])


def evenness(
    name: str, of: str, labels: Iterable[tuple[str, Label]], source: Sequence[Label]
) -> Table | None:
    """The table of the labels' entropy, in points of the source's, at most 100.

    Entropy is worked out within each vocabulary and weighed by how often that one is used: to
    say "true" where others say "yes" makes labels no more even. Labels that the source does not
    have are left out, for noise is not balance.

    Args:
        name: Of the measure.
        of: Names the sample.
        labels: Document and label of each task.
        source: Labels of annotated tasks, best as many as there are tasks: the entropy of a small
            sample is too low, and then it is so on both sides.

    Returns:
        None where the source has but one label, or no label is one of the source's.
    """
    known = sorted(set(source))
    column = {label: i for i, label in enumerate(known)}
    groups = [[i for i, label in enumerate(known) if label[0] == name] for name in
              dict.fromkeys(label[0] for label in known)]  # fmt: skip
    whole = np.bincount([column[label] for label in source], minlength=len(known))
    usual = float(_entropy(whole.astype(np.float64), groups)) if known else 0.0
    if usual == 0:
        return None
    rows = [
        (document, np.eye(len(known))[column[label]])
        for document, label in labels
        if label in column
    ]

    def statistic(sums: FloatArray) -> FloatArray:
        return 100 * np.minimum(1.0, _entropy(sums, groups) / usual)

    return _table(name, of, rows, (len(known),), statistic)


def _entropy(counts: FloatArray, groups: Sequence[Sequence[int]]) -> FloatArray:
    """Nats of a label once its vocabulary is known, over the last axis of `counts`."""
    total = np.maximum(counts.sum(axis=-1), 1)
    nats = np.zeros(counts.shape[:-1])
    for group in groups:
        held = counts[..., group]
        size = held.sum(axis=-1)
        part = held / np.maximum(size, 1)[..., None]
        logs = np.log(part, out=np.zeros_like(part), where=part > 0)
        nats += size / total * -(part * logs).sum(axis=-1)
    return nats


def _table(
    metric: str,
    of: str,
    rows: Sequence[tuple[str, Sequence[float] | FloatArray]],
    shape: tuple[int, ...],
    statistic: Callable[[FloatArray], FloatArray],
) -> Table | None:
    if not rows:
        return None
    documents = tuple(sorted({document for document, _ in rows}))
    place = {document: i for i, document in enumerate(documents)}
    sums = np.zeros((len(documents), 1, 1, *shape))
    for document, values in rows:
        sums[place[document], 0, 0] += values
    measured: Statistic = statistic
    return Table(
        metric=metric,
        set=of,
        documents=documents,
        seeds=(0,),
        prompts=("",),
        sums=sums,
        statistic=measured,
        n_probes=len(rows),
        unscored=0,
    )


def _runs(split: Sequence[str], n: int) -> list[tuple[str, ...]]:
    return [tuple(split[i : i + n]) for i in range(len(split) - n + 1)]
