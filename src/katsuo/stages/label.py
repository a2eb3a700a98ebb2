"""Passages in, tasks with the user's own labels out: which label for which passage?

    passages ──rank──▶ nats of every label ──less its prior──▶ margins over the next best label
                                                                    │ best first, whole set
                           every label its share ◀──choose──────────┘

A label is likely for reasons of its own: how common its words are, how long its description is.
So each is held against its prior: its mean over all passages, or its nats behind passages that
say nothing. Then pairs of passage and label are gone through by falling margin; a pair is taken
if the passage is free and the label's share not full. A label that nobody talks about is filled
with the passages that are least far from it, unless `min_margin` forbids.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Final, Literal

from katsuo.own import OwnTask, instruction
from katsuo.protocols import Question
from katsuo.scoring.choice import logistic
from katsuo.seeds import derive
from katsuo.types import EXCERPT_CHARS, Context, Dropped, Flaw, Origin, Task, digest

LABELLED: Final = "labelled"
"""Name of the score: the logistic function of the margin."""
FORMAT: Final = "ranked-v1"
"""Stands where a generator's wire format would."""
NOTHING: Final = ("N/A", "[...]", "-")
"""Passages that say nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choosing:
    """How labels are given out."""

    shares: Mapping[str, float]
    """Label -> its share of the tasks."""
    prior: Literal["passages", "empty"] = "passages"
    use: float = 0.5
    """Share of the passages that get a label."""
    min_margin: float | None = None
    """Least margin, in nats; None forces."""
    hold_shares: bool = True
    """Whether the others are cut down where one label falls short."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """A label for a passage, and how clear it is."""

    label: str
    margin: float
    """Over the next best label, in nats; below 0 where another one would be likelier."""


def questions(task: OwnTask, asked: str, passages: Mapping[str, str]) -> Iterator[Question]:
    """What a reader is asked: of every passage, by its id, then of passages that say nothing."""
    choices = tuple(f"{label}: {about}" if about else label for label, about in task.labels.items())
    said = dict(zip(task.labels, choices, strict=True))
    shots = tuple((_asked(one.passage, asked), said[one.response]) for one in task.examples)
    nothing = {f"nothing/{number}": text for number, text in enumerate(NOTHING)}
    for id_, text in {**passages, **nothing}.items():
        yield Question(id=id_, prompt=_asked(text, asked), choices=choices, shots=shots)


def choose(
    task: OwnTask, nats: Mapping[str, Sequence[float]], how: Choosing
) -> dict[str, Chosen | str]:
    """For every passage its label, or the reason why it gets none; order does not matter.

    Args:
        task: With its labels.
        nats: Passage -> nats of every label, in their order; of `nothing/…` too. A passage that
            could not be ranked has none.
        how: Shares and limits.
    """
    readable = {id_: row for id_, row in nats.items() if row and not id_.startswith("nothing/")}
    unread = (id_ for id_, row in nats.items() if not row)
    chosen: dict[str, Chosen | str] = dict.fromkeys(unread, "passage-too-long")
    margins = _margins(readable, _prior(nats, readable, how))
    labels = list(task.labels)
    quotas = _quotas(max(len(labels), int(how.use * len(readable))), labels, how.shares)
    taken = _taken(labels, margins, quotas, how.min_margin)
    if how.hold_shares:
        counts = Counter(one.label for one in taken.values())
        most = min(counts[label] / how.shares[label] for label in labels)
        taken = _cut(taken, {label: round(most * how.shares[label]) for label in labels})
    least = -float("inf") if how.min_margin is None else how.min_margin
    for id_, row in margins.items():
        reason = "margin-too-small" if max(row) < least else "label-in-excess"
        chosen[id_] = taken.get(id_, reason)
    return chosen


def label(
    task: OwnTask,
    contexts: Sequence[Context],
    chosen: Mapping[str, Chosen | str],
    *,
    reader: str,
    seed: int,
) -> Iterator[Task | Dropped]:
    """One task or one ledger line for each passage, in their order.

    Args:
        task: The user's task type.
        contexts: The passages.
        chosen: By passage, as `choose` gives it.
        reader: The model that ranked the labels, as recorded in every task.
        seed: The root; decides between several wordings.
    """
    for context in contexts:
        found = chosen[context.id]
        own_seed = derive(seed, "label", task.name, context.id)
        worded: str | Flaw = (
            Flaw(reason=found)
            if isinstance(found, str)
            else instruction(task, context.text, "", own_seed)
        )
        id_ = label_id(reader, task.name, context.id)
        if isinstance(found, str) or isinstance(worded, Flaw):
            assert isinstance(worded, Flaw), "a passage without a label has a reason"
            yield Dropped(
                item_id=id_,
                stage="generate",
                by="labels",
                reason=worded.reason,
                excerpt=f"{task.name}: {context.text}"[:EXCERPT_CHARS],
            )
            continue
        yield Task(
            id=id_,
            document_id=context.document_id,
            context_id=context.id,
            context=context.text,
            type=task.like,
            name=task.name,
            instruction=worded,
            response=found.label,
            labels=tuple(task.labels),
            origin=Origin(generator=reader, format=FORMAT, seed=own_seed),
            scores={LABELLED: logistic(found.margin)},
        )


def label_id(reader: str, name: str, context_id: str) -> str:
    """Names what a reader labels: by whom, as which task type, of what."""
    return digest("label", reader, name, context_id)


def _asked(passage: str, asked: str) -> str:
    return f"{passage.strip()}\n\n{asked}"


def _prior(
    nats: Mapping[str, Sequence[float]], readable: Mapping[str, Sequence[float]], how: Choosing
) -> list[float]:
    """The nats that every label has by itself."""
    empty = [row for id_, row in nats.items() if id_.startswith("nothing/") and row]
    rows = list(readable.values()) if how.prior == "passages" else empty
    return [fmean(column) for column in zip(*rows, strict=True)]


def _margins(
    rows: Mapping[str, Sequence[float]], prior: Sequence[float]
) -> dict[str, tuple[float, ...]]:
    """By passage, how far each label is ahead of the best of the others."""
    found = {}
    for id_, row in rows.items():
        gains = [nats - own for nats, own in zip(row, prior, strict=True)]
        found[id_] = tuple(
            gain - max(gains[:place] + gains[place + 1 :]) for place, gain in enumerate(gains)
        )
    return found


def _quotas(n: int, labels: Sequence[str], shares: Mapping[str, float]) -> dict[str, int]:
    """How many of `n` tasks each label gets; rounded down, so that shares hold among few too."""
    return {label: max(1, int(n * shares[label] + 1e-9)) for label in labels}


def _taken(
    labels: Sequence[str],
    margins: Mapping[str, Sequence[float]],
    quotas: Mapping[str, int],
    least: float | None,
) -> dict[str, Chosen]:
    """The clearest pairs of passage and label, as far as quotas go."""
    pairs = [
        (-margin, digest("label", id_, labels[place]), id_, labels[place])
        for id_, row in margins.items()
        for place, margin in enumerate(row)
        if least is None or margin >= least
    ]
    taken: dict[str, Chosen] = {}
    counts: Counter[str] = Counter()
    for falling, _, id_, chosen in sorted(pairs):
        if id_ not in taken and counts[chosen] < quotas[chosen]:
            taken[id_] = Chosen(label=chosen, margin=-falling)
            counts[chosen] += 1
    return taken


def _cut(taken: Mapping[str, Chosen], quotas: Mapping[str, int]) -> dict[str, Chosen]:
    """What is left of `taken`, the clearest first, when labels get no more than `quotas`."""
    counts: Counter[str] = Counter()
    left = {}
    for id_, one in taken.items():  # they were taken by falling margin
        if counts[one.label] < quotas[one.label]:
            counts[one.label] += 1
            left[id_] = one
    return left
