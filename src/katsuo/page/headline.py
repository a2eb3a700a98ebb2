"""What did the run show, in one sentence a reader may quote?

The wording follows the interval: a gain is claimed only where the interval lies
above 0 and rests on enough documents; otherwise the sentence says what is missing.
Where a control does as well, the notes say what that makes of the gain.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from katsuo.page.estimates import MIN_DOCUMENTS, Estimate, Verdict, fallen
from katsuo.page.exam import is_generated
from katsuo.page.power import power
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
    generated: bool = False
    """Whether a generator asked all questions: then it is agreement with it, not truth."""


def headline(gains: Mapping[str, Any], over_best: Mapping[str, Any] | None = None) -> Headline:
    """What `gains` show, the main gain being `tasks-zero_shot`.

    Args:
        gains: By name, such as `tasks-tapt`.
        over_best: By arm, over the model as it was, ranked by its best rule.
    """
    gain = Estimate.of(gains.get("tasks-zero_shot"))
    if gain is None:
        return Headline(
            verdict=Verdict.UNMEASURED,
            sentence="Nothing is proven yet: this run has no scores that compare a model adapted "
            "on the tasks with the model as it was.",
        )
    reading = _reading(Estimate.of(gains.get("tapt-zero_shot")))
    generated = is_generated(gains["tasks-zero_shot"])
    return Headline(
        verdict=gain.verdict,
        sentence=f"{_MADE if generated else ''}{_main(gain)}{reading}.",
        generated=generated,
        notes=(
            *_fallen(gains["tasks-zero_shot"], gain),
            *((*_over_best(over_best or {}), *_notes(gains, gain)) if gain.reliable else ()),
            *_too_small(gains),
        ),
    )


_MADE: Final = (
    "On questions that the generator itself made about documents nothing was learned from, so "
    "agreement with it and not truth: "
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
_REMIX_ENDS: Final = {
    Verdict.RAISED: "so the gain is more than practice with tasks that people wrote",
    Verdict.LOWERED: "so tasks that people wrote about other text did better than tasks from yours",
    Verdict.OPEN: "an interval that includes 0: it is not shown that tasks from your text do more "
    "than tasks that people wrote about other text",
}
_SHOTS_ENDS: Final = {
    Verdict.RAISED: "so training did more than showing examples",
    Verdict.LOWERED: "so showing examples did more than training",
    Verdict.OPEN: "an interval that includes 0: it is not shown that training did more than "
    "showing a few examples in the prompt",
}
_ELSEWHERE: Final = "tasks-tasks_elsewhere"
_REMIX: Final = "tasks-remix_only"
_CONTROLS: Final = (
    ("tasks-tapt", "Tasks against plain reading", _TAPT_ENDS),
    (_ELSEWHERE, "Tasks from your text against tasks from other text", _ELSEWHERE_ENDS),
    (_REMIX, "Tasks from your text against human-written tasks", _REMIX_ENDS),
    ("tasks-few_shot", "Tasks against worked examples in the prompt", _SHOTS_ENDS),
)
_AS_WELL: Final = (Verdict.OPEN, Verdict.LOWERED)


def _notes(gains: Mapping[str, Any], main: Estimate) -> tuple[str, ...]:
    notes = []
    for name, subject, ends in _CONTROLS:
        gain = Estimate.of(gains.get(name))
        if gain is None or gain.verdict not in ends:
            continue
        # A control knows the form of the answers and not the text: if it is as good, the form
        # explains the gain.
        is_format = name in (_ELSEWHERE, _REMIX) and main.verdict is Verdict.RAISED
        end = ends[gain.verdict]
        if is_format and gain.verdict in _AS_WELL:
            end += ". A control did as well, so the gain may be mere answer format"
        notes.append(f"{subject}: {signed(gain.value)} points ({gain.interval}), {end}.")
    return tuple(notes)


def _over_best(over_best: Mapping[str, Any]) -> tuple[str, ...]:
    """What is left of the gain when the model as it was is ranked by its best rule."""
    raw = over_best.get("tasks") or {}
    gain = Estimate.of(raw)
    rules = {one.get("rule") for one in (raw.get("by_set") or {}).values()}
    if gain is None or not gain.reliable or not rules & {"mean_rank", "calibrated"}:
        return ()
    end = {
        Verdict.RAISED: "so the gain is no matter of how answers are ranked",
        Verdict.LOWERED: "so ranking its answers otherwise did more than training",
    }.get(
        gain.verdict,
        "an interval that includes 0: ranking its answers otherwise may do as well as training",
    )
    return (
        "Against the model as it was with the best way of ranking its answers on each set: "
        f"{signed(gain.value)} points ({gain.interval}), {end}.",
    )


def _fallen(raw: Mapping[str, Any], main: Estimate) -> Iterator[str]:
    """Where a mean that rose hides a set that fell."""
    if main.verdict is not Verdict.RAISED:
        return
    for name, one in fallen(raw):
        sure = "" if one.verdict is Verdict.LOWERED else ", which is not sure"
        said = f" ({one.interval}{sure})" if one.interval else ""
        yield f"The mean hides a loss on {name}: {signed(one.value)} points{said}."


def _too_small(gains: Mapping[str, Any]) -> tuple[str, ...]:
    """That a gain may have been missed, where none was shown."""
    gain, seen = Estimate.of(gains.get("tasks-zero_shot")), power(gains)
    is_missed = gain is not None and gain.verdict is Verdict.OPEN and seen.too_small
    return (seen.sentence,) if is_missed else ()
