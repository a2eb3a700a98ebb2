"""How do a report and its extras become one HTML file?

The file needs no network, no script and no font. Every text is escaped by the
template engine; only our own drawings and style sheet enter as markup.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any, Final

import jinja2
from markupsafe import Markup, escape

from katsuo.page import coverage, harms, quantities
from katsuo.page.advice import advice
from katsuo.page.arms import arm_label, ordered, set_names, tone
from katsuo.page.charts import bar
from katsuo.page.curves import Curve, curves
from katsuo.page.exam import exam
from katsuo.page.figures import gain_figures, score_figures
from katsuo.page.groups import prompt_values, score_groups, seed_values
from katsuo.page.headline import BADGES
from katsuo.page.matrix import matrix
from katsuo.page.passages import excerpt, pieces, slotted, writable
from katsuo.page.power import p_values
from katsuo.page.sizes import size_chart
from katsuo.types import Dropped, TaskType

DROPPED_EXAMPLES: Final = 3
"""Examples shown for each reason."""

UNITS: Final[Mapping[str, str]] = {"generate": "draft", "curate": "task", "evaluate": "probe"}
"""What a stage counts, where its row in the funnel does not say so itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageExtras:
    """What the page shows beside the report, and `report.json` leaves out."""

    dropped: tuple[Dropped, ...] = ()
    """Examples of what left the road; the first few of each reason are shown."""
    recipe_yaml: str = ""
    """The resolved recipe as written; the report's own recipe as JSON where empty."""
    places: Mapping[str, str] | None = None
    """Context id -> where its passage stands, such as `nda.pdf, page 3`."""
    made_at: str = ""
    """Date and time of the run, as it should be read."""


def render(report: Mapping[str, Any], extras: PageExtras) -> str:
    """The page for a report as `stages.report.report` makes it."""
    text = (
        environment()
        .get_template("report.html.jinja")
        .render(
            report=report,
            extras=extras,
            style=Markup(resource("style.css")),
            badge=BADGES,
            advice=advice(report),
            exam=exam(report),
            scores=score_figures(report["arms"]),
            gains=gain_figures(report["gains"], list(report["arms"])),
            harms=harms.views(report.get("harm")),
            rejected=harms.rejections(report.get("harm")),
            matrix=matrix(report),
            size_chart=size_chart(report),
            p_values=p_values(report["gains"], report.get("over_best") or {}),
            loss_chart=_loss_chart(report),
            questions=score_groups(report["arms"])[: len(set_names(report["arms"]))],
            tuning_seeds=_tuning_seeds(report),
            samples=[_sample(sample, extras) for sample in report["samples"]],
            dropped=_dropped(report, extras),
            **_making(report),
            seconds=_costs(report["seconds"], quantities.duration),
            memory=_costs(report["peak_mib"], quantities.memory),
            n_prompts=_n_prompts(report),
            recipe=extras.recipe_yaml or json.dumps(report["recipe"], indent=2, ensure_ascii=False),
        )
    )
    return writable(text)


def _making(report: Mapping[str, Any]) -> dict[str, Any]:
    """What the page says of coverage and phrasing; nothing of a report that has neither."""
    map_ = (report.get("coverage") or {}).get("map", ())
    phrasing = report.get("phrasing") or {}
    return {
        "map": coverage.mapped(report.get("coverage")),
        "map_legend": coverage.legend(),
        "map_is_grouped": any(row["n_passages"] > len(row["passages"]) for row in map_),
        "phrased": coverage.phrased(phrasing),
        "phrasing_sample": max((found["sample"] for found in phrasing.values()), default=0),
    }


@functools.cache
def environment() -> jinja2.Environment:
    """What every page is made by: text is escaped, a name that is missing is an error."""
    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        loader=jinja2.FunctionLoader(resource),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "points": quantities.points,
        "signed": quantities.signed,
        "count": quantities.count,
        "duration": quantities.duration,
        "unpadded": lambda text: re.sub(r"\s*\n\s*\n\s*", "\n", text),
        "arm_label": arm_label,
        "breakable": lambda name: escape(name).replace("_", Markup("_<wbr>")),
        "tone": tone,
        "seeds": lambda scored: ", ".join(map(quantities.points, seed_values(scored))),
        "prompts": lambda scored: ", ".join(map(quantities.points, prompt_values(scored))),
        "number": lambda raw: quantities.points(raw["value"] if isinstance(raw, Mapping) else raw),
    }
    environment.globals |= {
        "bar": bar,
        "share": quantities.share,
        "ordered": ordered,
        "units": UNITS,
    }
    return environment


def resource(name: str) -> str:
    """The text of a template or of the style sheet."""
    return resources.files("katsuo.page").joinpath(name).read_text("utf-8")


def _loss_chart(report: Mapping[str, Any]) -> Markup:
    losses: Mapping[str, list[list[Any]]] = report["losses"]
    drawn = [Curve.of(arm_label(arm), tone(arm), losses[arm]) for arm in ordered(losses)]
    held = [curve for curve in drawn if curve.spots]
    if not held:
        return Markup("")
    told = "; ".join(
        f"{curve.label} from {curve.spots[0][1]:.2f} to {curve.spots[-1][1]:.2f}" for curve in held
    )
    return curves(held, title=f"Training loss by optimizer step. {told}")


def _sample(sample: Mapping[str, Any], extras: PageExtras) -> dict[str, Any]:
    """One task as the template shows it: texts in pieces, and where the passage stands."""
    context: str = sample["context"]
    spans = [(start, end) for start, end in sample["evidence"]]
    start, end = excerpt(context, spans)
    return {
        "type": sample["type"],
        "type_name": _called(sample["type"]),
        "place": (extras.places or {}).get(sample["context_id"], ""),
        "passage": pieces(context[start:end], [(low - start, high - start) for low, high in spans]),
        "cut_before": start > 0,
        "cut_after": end < len(context),
        "whole": pieces(context, spans),
        "instruction": slotted(sample["instruction"], context),
        "response": sample["response"],
        "scores": sample["scores"],
    }


def _called(type_: str) -> str:
    """The long name of a task type; one of the user's own has no other than its own."""
    return next((kind.full_name for kind in TaskType if kind.value == type_), type_)


def _dropped(report: Mapping[str, Any], extras: PageExtras) -> list[dict[str, Any]]:
    """Examples by stage and reason, the commonest reason of a stage first."""
    shown = []
    for row in report["funnel"]:
        for reason, n in sorted(row["dropped"].items(), key=lambda item: (-item[1], item[0])):
            examples = [
                item
                for item in extras.dropped
                if (item.stage, item.reason) == (row["stage"], reason) and item.excerpt
            ]
            if examples:
                shown.append(
                    {
                        "stage": row["stage"],
                        "reason": reason,
                        "n": n,
                        "examples": examples[:DROPPED_EXAMPLES],
                    }
                )
    return shown


def _costs(by_stage: Mapping[str, float], write: Callable[[float], str]) -> list[dict[str, Any]]:
    most = max(by_stage.values(), default=0)
    return [
        {"stage": stage, "text": write(amount), "bar": bar(amount, most, tone="cost")}
        for stage, amount in by_stage.items()
    ]


def _n_prompts(report: Mapping[str, Any]) -> int:
    scored = [raw for sets in report["arms"].values() for raw in sets.values()]
    return max((len(prompt_values(raw)) for raw in scored), default=0)


def _tuning_seeds(report: Mapping[str, Any]) -> list[str]:
    """The seeds that adapted arms were tuned and scored with, where the scores tell them."""
    adapted = (sets for arm, sets in report["arms"].items() if arm != "zero_shot")
    scored = (raw for sets in adapted for raw in sets.values())
    return list(dict.fromkeys(str(seed) for raw in scored for seed in raw.get("by_seed") or ()))
