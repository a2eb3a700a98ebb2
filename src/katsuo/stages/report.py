"""What did the run do, and did it help? The facts as JSON, and the page that shows them.

    ReportFacts ──report──▶ report.json's content ──page──▶ report.html

Both are pure: the same facts give the same bytes, and nothing is read or written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from katsuo.own import named
from katsuo.page.arms import GAINS, MEAN
from katsuo.page.exam import is_generated, is_made
from katsuo.page.harms import rejections
from katsuo.page.headline import headline
from katsuo.page.passages import writable
from katsuo.page.power import power
from katsuo.page.quantities import finite
from katsuo.page.rendering import PageExtras, render
from katsuo.scoring.phrasing import Phrasing
from katsuo.types import Task

__all__ = ["Measured", "PageExtras", "ReportFacts", "measured", "page", "report"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportFacts:
    """What the stages measured; scores and gains in points, 0 to 100."""

    name: str
    """The recipe's name of the run."""
    version: str
    """Version of katsuo."""
    seed: int
    base: Mapping[str, Any]
    """The target model: `name`, `sha256`, `note`."""
    generator: str
    """Name of the generator and its sha256."""
    recipe: Mapping[str, Any]
    """The resolved recipe."""
    machine: Mapping[str, Any]
    """`cpu`, `cores`, `memory_gib`, `python`, `libraries` (name -> version)."""
    n_documents: int
    n_contexts: int
    n_tasks: int
    """Tasks that curation kept."""
    funnel: Sequence[Mapping[str, Any]]
    """`stage`, `arrived`, `passed`, `dropped` by reason, in the order of the road; maybe `unit`,
    and `mended` by type and way."""
    arms: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Arm -> set -> `f1`, `metric`, `by_prompt`, `sd`, `mean_rank`, `calibrated`; a set called
    `mean` is the arm's mean over sets. `measured` makes arms and gains from `scores.json`."""
    gains: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """`tasks-zero_shot` and its like -> `value`, `low`, `high`, `n` (documents resampled) and
    `by_set`; `reliable: false` where the measurement knows that its interval is not."""
    over_best: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Arm -> its gain over the model as it was, ranked by its best rule on each set: as in
    `gains`, with the `rule` of each set."""
    resampling: Mapping[str, Any] = field(default_factory=dict)
    """How intervals were drawn: `draws`, `level`, `seed`, `least_p`."""
    harm: Mapping[str, Any] | None = None
    """Adapted arm -> the verdict of `scoring.harm` on it; none where no model was checked."""
    held_out: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Domain, empty where there are none -> documents that nothing was learned from: `documents`
    `of`, `names`, `passages`, `passages_that_share_13_words`, `contexts` by set and way."""
    nothing_learned: Mapping[str, str] = field(default_factory=dict)
    """Arm, behind its domain where there are any -> why it was asked as the model was before."""
    coverage: Mapping[str, Any] | None = None
    """What kept tasks cover of the documents: `scoring.maps.summary`."""
    phrasing: Mapping[str, Phrasing] = field(default_factory=dict)
    """Task type -> how alike the instructions of its kept tasks are put."""
    labels: Mapping[str, Any] = field(default_factory=dict)
    """Task type -> label -> `before` and `after`: drafts with it, and tasks that curation kept."""
    leaks: Sequence[Mapping[str, Any]] = ()
    """`set`, `document`, `tasks`, `ways`, `most_overlap`: evaluation questions that tasks asked."""
    seconds: Mapping[str, float] = field(default_factory=dict)
    peak_mib: Mapping[str, float] = field(default_factory=dict)
    samples: tuple[Task, ...] = ()
    """A few kept tasks, in the order they should be shown."""
    losses: Mapping[str, Sequence[tuple[int, float]]] = field(default_factory=dict)
    """Arm -> step and loss in nats per target token."""


def report(facts: ReportFacts) -> dict[str, Any]:
    """The content of `report.json`: `facts`, and what follows from them in words.

    Everything in it is plain JSON that can be written as UTF-8.
    """
    for row in facts.funnel:
        _check(row)
    result = headline(facts.gains, facts.over_best)
    content = {
        "name": facts.name,
        "version": facts.version,
        "seed": facts.seed,
        "headline": {
            "verdict": result.verdict.value,
            "sentence": result.sentence,
            "notes": list(result.notes),
            "generated": result.generated,
            "rejected": rejections(facts.harm),
        },
        "n_documents": facts.n_documents,
        "n_contexts": facts.n_contexts,
        "n_tasks": facts.n_tasks,
        "funnel": facts.funnel,
        "arms": facts.arms,
        "gains": facts.gains,
        "over_best": facts.over_best,
        "power": power(facts.gains).sentence,
        "resampling": facts.resampling,
        "harm": facts.harm,
        "held_out": facts.held_out,
        "nothing_learned": facts.nothing_learned,
        "coverage": facts.coverage,
        "phrasing": {kind: _phrasing(found) for kind, found in facts.phrasing.items()},
        "labels": facts.labels,
        "leaks": facts.leaks,
        "seconds": facts.seconds,
        "peak_mib": facts.peak_mib,
        "base": facts.base,
        "generator": facts.generator,
        "machine": facts.machine,
        "losses": facts.losses,
        "samples": [_sample(task) for task in facts.samples],
        "recipe": facts.recipe,
    }
    return {key: _plain(value) for key, value in content.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Arms and gains in the form that `ReportFacts` takes."""

    arms: dict[str, dict[str, Any]]
    gains: dict[str, dict[str, Any]]
    over_best: dict[str, dict[str, Any]]
    resampling: dict[str, Any]


def measured(scores: Mapping[str, Any]) -> Measured:
    """The arms and gains that the content of `scores.json` states.

    A gain that was measured the other way round is turned: its sign and the ends of its
    interval change places, which is exact.
    """
    gains: dict[str, dict[str, Any]] = {}
    for raw in scores["gains"]:
        name, turned = f"{raw['arm']}-{raw['over']}", f"{raw['over']}-{raw['arm']}"
        turn = _turned if turned in GAINS else dict
        gains[turned if turned in GAINS else name] = _gain(raw, turn)
    best = scores.get("gains_over_best", ())
    return Measured(
        arms={arm: _arm(raw) for arm, raw in scores["arms"].items()},
        gains=gains,
        over_best={raw["arm"]: _gain(raw, dict) for raw in best},
        resampling=dict(scores.get("resampling", {})),
    )


def page(report: Mapping[str, Any], extras: PageExtras) -> str:
    """One self-contained HTML file for the content of a `report.json`."""
    return render(report, extras)


def _check(row: Mapping[str, Any]) -> None:
    n_dropped = sum(row["dropped"].values())
    assert row["arrived"] == row["passed"] + n_dropped, (
        f"{row['stage']}: {row['arrived']} arrived, but {row['passed']} passed and {n_dropped} "
        "were dropped"
    )


def _arm(raw: Mapping[str, Any]) -> dict[str, Any]:
    sets = {name: _set(scored) for name, scored in raw["sets"].items()}
    return {**sets, MEAN: _set(raw["mean"]) | _marked(raw["mean"])} if len(sets) > 1 else sets


def _marked(mean: Mapping[str, Any]) -> dict[str, bool]:
    """The mark of a figure that is made of generated sets alone; their own names carry it."""
    return {"generated": True} if all(map(is_made, mean.get("sets") or [""])) else {}


def _set(scored: Mapping[str, Any]) -> dict[str, Any]:
    f1 = ("value", "low", "high", "n", "unscored", "n_documents", "reliable")
    return {
        "f1": {key: scored[key] for key in f1 if key in scored},
        **{key: held for key, held in scored.items() if key not in f1},
        "by_prompt": [
            {"prompt": prompt, "value": points}
            for prompt, points in scored.get("by_prompt", {}).items()
        ],
    }


def _gain(
    raw: Mapping[str, Any], turn: Callable[[Mapping[str, Any]], dict[str, Any]]
) -> dict[str, Any]:
    by_set = {set_name: turn(gain) for set_name, gain in raw["sets"].items()}
    made = {"generated": True} if is_generated({"by_set": by_set}) else {}
    return {**turn(raw["mean"]), **made, "by_set": by_set}


def _turned(gain: Mapping[str, Any]) -> dict[str, Any]:
    ends = {"value": -gain["value"], "low": -gain["high"], "high": -gain["low"]}
    return {**gain, **ends}


def _phrasing(found: Phrasing) -> dict[str, Any]:
    return {
        "n": found.n,
        "sample": found.sample,
        "commonest_fraction": found.commonest_fraction,
        "openings": [[opening, share] for opening, share in found.openings],
        "distinct": found.distinct,
        "self_bleu": found.self_bleu,
    }


def _sample(task: Task) -> dict[str, Any]:
    return {
        "id": task.id,
        "document_id": task.document_id,
        "context_id": task.context_id,
        "type": named(task),
        "context": task.context,
        "instruction": task.instruction,
        "response": task.response,
        "evidence": [[span.start, span.end] for span in task.evidence],
        "scores": task.scores,
        "origin": {
            "generator": task.origin.generator,
            "format": task.origin.format,
            "seed": task.origin.seed,
        },
    }


def _plain(value: object) -> Any:  # noqa: ANN401 -- JSON has no narrower type
    """`value` in JSON's own types; a number that is none (NaN, infinite) becomes null."""
    if isinstance(value, Mapping):
        return {str(_plain(key)): _plain(held) for key, held in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(held) for held in value]
    if isinstance(value, str):
        return writable(str(value))
    return finite(value) if isinstance(value, float) else value
