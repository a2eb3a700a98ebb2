"""What did the run show, in one sentence a reader may quote?

The wording follows the interval: a gain is claimed only where the interval lies
above 0 and rests on enough documents; otherwise the sentence says what is missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from katsuo.page.estimates import MIN_DOCUMENTS, Estimate, Verdict
from katsuo.page.quantities import signed

BADGES: Final[Mapping[Verdict, str]] = {
    Verdict.RAISED: "Gain shown",
    Verdict.LOWERED: "Loss shown",
    Verdict.OPEN: "No gain shown",
    Verdict.UNRELIABLE: "Too few documents",
    Verdict.UNMEASURED: "Not measured",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """The run's result in words."""

    verdict: Verdict
    sentence: str
    notes: tuple[str, ...] = ()
    """What the controls add: was it the tasks, and was it this text?"""


def headline(gains: Mapping[str, Any]) -> Headline:
    """What `gains` show, the main gain being `tasks-zero_shot`."""
    gain = Estimate.of(gains.get("tasks-zero_shot"))
    if gain is None:
        return Headline(
            verdict=Verdict.UNMEASURED,
            sentence="Nothing is proven yet: this run has no scores that compare a model adapted "
            "on the tasks with the model as it was.",
        )
    reading = _reading(Estimate.of(gains.get("tapt-zero_shot")))
    return Headline(
        verdict=gain.verdict,
        sentence=f"{_main(gain)}{reading}.",
        notes=_notes(gains) if gain.reliable else (),
    )


def _main(gain: Estimate) -> str:
    change = f"{signed(gain.value)} points"
    match gain.verdict:
        case Verdict.RAISED:
            return (
                f"Tasks made from your text raised F1 by {change} (95 % interval {gain.interval}) "
                "over the model as it was"
            )
        case Verdict.LOWERED:
            return (
                f"Tasks made from your text lowered F1: it changed by {change} (95 % interval "
                f"{gain.interval}) against the model as it was"
            )
        case Verdict.OPEN:
            return (
                f"It is not shown that tasks made from your text changed F1: {change} were "
                f"measured, and the 95 % interval, {gain.interval}, includes 0"
            )
        case _:
            return _unreliable(gain, change)


def _unreliable(gain: Estimate, change: str) -> str:
    if not gain.interval:
        return (
            f"The result cannot be relied on: F1 changed by {change} against the model as it was, "
            "and this number has no interval"
        )
    if gain.n is None or gain.n >= MIN_DOCUMENTS:
        return (
            f"Too few documents to tell: F1 changed by {change} ({gain.interval}), but a set with "
            f"fewer than {MIN_DOCUMENTS} documents is among those measured"
        )
    noun = "document" if gain.n == 1 else "documents"
    return (
        f"Too few documents to tell: over {gain.n} evaluation {noun} F1 changed by {change}, and "
        f"an interval ({gain.interval}) from fewer than {MIN_DOCUMENTS} documents cannot be "
        "trusted"
    )


def _reading(tapt: Estimate | None) -> str:
    """The clause on the arm that only read the text."""
    if tapt is None:
        return ""
    clause = f"; plain reading of the same text changed it by {signed(tapt.value)} points"
    match tapt.verdict:
        case Verdict.UNRELIABLE:
            return clause
        case Verdict.OPEN:
            return f"{clause} ({tapt.interval}, which includes 0)"
        case _:
            return f"{clause} ({tapt.interval})"


_TAPT_ENDS: Final = {
    Verdict.RAISED: "so making tasks did more than reading the text",
    Verdict.LOWERED: "so reading the text did more than making tasks from it",
    Verdict.OPEN: "an interval that includes 0: it is not shown that making tasks did more than "
    "reading the text",
}
_ELSEWHERE_ENDS: Final = {
    Verdict.RAISED: "so the gain comes from your text and not from practice with tasks alone",
    Verdict.LOWERED: "so tasks from unrelated text did better than tasks from yours",
    Verdict.OPEN: "an interval that includes 0: it is not shown that it matters whose text the "
    "tasks come from",
}
_CONTROLS: Final = (
    ("tasks-tapt", "Tasks against plain reading", _TAPT_ENDS),
    (
        "tasks-tasks_elsewhere",
        "Tasks from your text against tasks from other text",
        _ELSEWHERE_ENDS,
    ),
)


def _notes(gains: Mapping[str, Any]) -> tuple[str, ...]:
    notes = []
    for name, subject, ends in _CONTROLS:
        gain = Estimate.of(gains.get(name))
        if gain is not None and gain.verdict in ends:
            notes.append(
                f"{subject}: {signed(gain.value)} points ({gain.interval}), {ends[gain.verdict]}."
            )
    return tuple(notes)
