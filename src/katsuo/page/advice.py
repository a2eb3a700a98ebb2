"""What should the reader do next? Advice that follows from the run's own numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from katsuo.page.estimates import MIN_DOCUMENTS, Estimate, Verdict, fallen
from katsuo.page.exam import is_generated
from katsuo.page.harms import rejections
from katsuo.page.quantities import count, share

FEW_TASKS: Final = 200
"""Fewer tasks than this rarely move a model; the paper trains on thousands."""
WANTED: Final = "over-limit"
"""What a recipe's own limit left out is no fault of a stage."""
MOST_DROPPED_FRACTION: Final = 0.5
"""A stage that drops more than this is worth a look."""
UNSCORED_FRACTION: Final = 0.05

_NEXT: Final = {
    Verdict.RAISED: "Use the adapter in 4-adapters/tasks, after you have tried it on questions of "
    "your own: the sets measure only what they ask.",
    Verdict.LOWERED: "Do not use this adapter. Read the sample tasks and the dropped ones first; "
    "stricter filters, a lower adapt.learning_rate or fewer adapt.epochs are the usual mends.",
    Verdict.UNMEASURED: "Name held-out questions under evaluate.sets, or keep documents apart with "
    "evaluate.held_out, and run again; what is finished is not computed twice.",
}


_BUT_NOT: Final = (
    "Do not use it for questions like those of {sets} before you have looked at their answers: "
    "there it did worse than the model as it was."
)
_ASK: Final = (
    "Write some questions of your own about these documents and name their file under "
    "evaluate.questions: so far only the generator's questions, which nobody checked, were asked. "
    "Twenty questions about ten documents are a beginning."
)


def advice(report: Mapping[str, Any]) -> list[str]:
    """Sentences in the order of weight; never empty."""
    gains = report["gains"]
    gain = Estimate.of(gains.get("tasks-zero_shot"))
    verdict = Verdict.UNMEASURED if gain is None else gain.verdict
    rejected = list(rejections(report.get("harm")))
    lines = [_not(arm) for arm in rejected]
    if verdict in _NEXT and not (rejected and verdict is Verdict.RAISED):
        lines.append(_NEXT[verdict])
        if verdict is Verdict.RAISED and (lost := fallen(gains["tasks-zero_shot"])):
            lines.append(_BUT_NOT.format(sets=", ".join(name for name, _ in lost)))
    if gain is not None and is_generated(gains["tasks-zero_shot"]):
        lines.append(_ASK)
    if gain is not None:
        lines += _more_documents(gain)
    lines += _reading_will_do(gains)
    lines += _few_tasks(report["n_tasks"])
    lines += _leaks(report["funnel"])
    lines += _unscored(report["arms"])
    return lines


def _not(arm: str) -> str:
    domain, _, name = arm.rpartition("/")
    folder = f"{domain}/4-adapters/{name}" if domain else f"4-adapters/{name}"
    return (
        f"Do not use the adapter in {folder}: it lost more of what the model could do before than "
        "is tolerated. A lower adapt.learning_rate, fewer adapt.epochs or a share of replay in "
        "the arm are the usual mends."
    )


def _more_documents(gain: Estimate) -> Iterator[str]:
    if gain.verdict is Verdict.UNRELIABLE:
        yield (
            f"Add evaluation documents: at least {MIN_DOCUMENTS}, better a hundred. Probes of one "
            "document count as one, because they stand and fall together."
        )
    if gain.verdict is not Verdict.OPEN:
        return
    if gain.n and gain.n_needed and gain.n_needed > gain.n:
        yield (
            "Evaluate on more documents before deciding: if the measured change is the true one, "
            f"about {count(gain.n_needed)} would show it (this run had {count(gain.n)})."
        )
    else:
        yield "Evaluate on more documents before deciding: the interval narrows with their number."


def _reading_will_do(gains: Mapping[str, Any]) -> Iterator[str]:
    against_reading = Estimate.of(gains.get("tasks-tapt"))
    reading = Estimate.of(gains.get("tapt-zero_shot"))
    if against_reading is None or reading is None or reading.verdict is not Verdict.RAISED:
        return
    if against_reading.verdict in (Verdict.OPEN, Verdict.LOWERED):
        yield (
            "Consider the adapter in 4-adapters/tapt: plain reading raised F1 too, and the tasks "
            "did not show more."
        )


def _few_tasks(n_tasks: int) -> Iterator[str]:
    if n_tasks < FEW_TASKS:
        yield (
            f"Make more tasks: {count(n_tasks)} are few to learn from. More documents, more "
            "generate.task_types or a larger generate.per_context give more."
        )


def _leaks(funnel: list[Mapping[str, Any]]) -> Iterator[str]:
    for row in funnel:
        dropped = {name: n for name, n in row["dropped"].items() if name != WANTED}
        n_dropped, arrived = sum(dropped.values()), row["arrived"] - row["dropped"].get(WANTED, 0)
        if arrived and n_dropped > MOST_DROPPED_FRACTION * arrived:
            reason = max(dropped, key=dropped.__getitem__)
            yield (
                f"Look at the stage {row['stage']}: it dropped {share(n_dropped, arrived)}, "
                f"most often as {reason} ({count(dropped[reason])})."
            )


def _unscored(arms: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for arm, sets in arms.items():
        for name, raw in sets.items():
            n, n_unscored = raw["f1"].get("n") or 0, raw["f1"].get("unscored") or 0
            if n_unscored > UNSCORED_FRACTION * n:
                yield (
                    f"Mind the probes without an answer: {count(n_unscored)} of {count(n)} in "
                    f"{name} ({arm}) could not be scored and count as wrong."
                )
