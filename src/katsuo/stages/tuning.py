"""What does the trainer learn from tasks and from passages?

    task    ──adapt──▶ Pair: instruction → response, in the model's own chat format
    task    ──teach──▶ Pair: the prompt of a wire format → wire.render(task), as it stands
    context ──TAPT───▶ Pair: nothing → the passage, every token learned

`fit` then turns away what cannot be learned whole: a prompt is never cut.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from katsuo import training, wire
from katsuo.books import closed_book
from katsuo.training import TuneSettings
from katsuo.types import EXCERPT_CHARS, Context, Dropped, Flaw, Pair, Task, digest
from katsuo.wishes import learned


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """What `fit` lets through, and how it signs what it does not."""

    max_tokens: int
    """Longest pair, prompt and target together."""
    stage: str = "adapt"
    """The stage that the ledger names: `adapt` or `teach`."""


def task_pairs(tasks: Iterable[Task], book: str = "open") -> list[Pair]:
    """What a target model learns: to answer each instruction, a user's turn, with its response.

    Args:
        tasks: To learn.
        book: `open` shows the passage, `closed` does not, `both` makes a pair of each form.
    """
    books = ("open", "closed") if book == "both" else (book,)
    return [
        Pair(prompt=task.instruction if form == "open" else closed_book(task), target=task.response)
        for task in tasks
        for form in books
    ]


def with_replay(pairs: Sequence[Pair], replay: Sequence[Pair], share: float) -> list[Pair]:
    """`pairs`, and behind them so many of `replay` that they are `share` of the whole.

    >>> pair = Pair(prompt="a", target="b")
    >>> len(with_replay([pair] * 8, [pair] * 9, 0.2))
    10
    """
    return [*pairs, *replay[: round(len(pairs) * share / (1 - share))]]


def tapt_pairs(contexts: Iterable[Context]) -> list[Pair]:
    """Next-word prediction on the passages: the paper's task-adaptive pretraining."""
    return [Pair(prompt="", target=context.text, chat=False) for context in contexts]


def teach_pairs(
    tasks: Iterable[Task], *, wire_format: str = wire.BONITO_V1, seed: int = 0
) -> Iterator[Pair | Dropped]:
    """What a generator learns: to write each task from its passage, in the wire format.

    A task that the wire format cannot carry is dropped, with the format's reason.

    Args:
        tasks: To learn.
        wire_format: `bonito-v1`, or `katsuo-v1`, in which about half of all wishes are said.
        seed: Decides which.
    """
    for task in tasks:
        draft = wire.Draft(instruction=task.instruction, response=task.response)
        match wire.render(draft, task.context):
            case Flaw(reason=reason):
                yield Dropped(
                    item_id=task.id,
                    stage="teach",
                    by="wire",
                    reason=reason,
                    excerpt=task.instruction[:EXCERPT_CHARS],
                )
            case completion:
                if wire_format == wire.KATSUO_V1:
                    prompt = wire.katsuo_prompt(task.context, learned(task, seed))
                else:
                    prompt = wire.prompt(task.context, task.type)
                yield Pair(prompt=prompt, target=completion, chat=False)


def fit(
    pairs: Iterable[Pair], count: Callable[[Pair], tuple[int, int]], limit: Limit
) -> tuple[list[Pair], list[Dropped]]:
    """The pairs that can be learned whole, in their order, and those that cannot.

    Args:
        pairs: To tune on.
        count: Tokens of a pair that are read only, and tokens that are learned.
        limit: The longest pair.
    """
    kept: list[Pair] = []
    dropped: list[Dropped] = []
    for pair in pairs:
        reason = _reason(pair, count, limit.max_tokens)
        if reason is None:
            kept.append(pair)
        else:
            dropped.append(
                Dropped(
                    item_id=digest(pair.prompt, pair.target),
                    stage=limit.stage,
                    by="fit",
                    reason=reason,
                    excerpt=(pair.prompt or pair.target)[:EXCERPT_CHARS],
                )
            )
    return kept, dropped


def as_long_as(tasks_lengths: Sequence[int], settings: TuneSettings) -> TuneSettings:
    """Settings for the TAPT arm: as many optimizer steps as the arm of tasks takes.

    The trainer goes over the passages as often as that needs, each time in a new order.

    Args:
        tasks_lengths: Tokens of each pair of the arm of tasks.
        settings: Of that arm.
    """
    return replace(settings, max_steps=arm_steps(tasks_lengths, settings))


def arm_steps(lengths: Sequence[int], settings: TuneSettings) -> int:
    """Optimizer steps that tuning on pairs of these lengths takes."""
    return len(training.plan(lengths, settings))


def _reason(pair: Pair, count: Callable[[Pair], tuple[int, int]], max_tokens: int) -> str | None:
    if not pair.target.strip():
        return "target-empty"
    n_read, n_learned = count(pair)
    if n_learned + min(n_read, 1) < 2:  # the very first token is predicted from nothing
        return "target-empty"
    return "too-long" if n_read + n_learned > max_tokens else None
