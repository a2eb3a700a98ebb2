"""What of the documents gave tasks, and how are these put? A map, and a few words.

    harbour.md   ▉▉▓▓░░▉▉▓▓░░░░▉▉    62 %  of 40

A block is a passage, as wide as it has sentences; the deeper its colour, the more kept tasks
are about it. A line at its foot is as long as the share of its sentences that they touch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from markupsafe import Markup

from katsuo.page.quantities import count, share
from katsuo.types import TaskType

_HEIGHT_PX: Final = 22
_STEPS: Final = (1, 2, 4, 8)
"""Kept tasks from which on a block is deeper."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapped:
    """One document of the map."""

    name: str
    drawing: Markup
    share: str
    """Of its sentences, as text."""
    n_sentences: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrased:
    """How the instructions of one type are put."""

    type_name: str
    n: str
    commonest: str
    """Share that begins in one of ten ways."""
    example: str
    """The commonest beginning, and its share."""
    distinct: tuple[str, ...]
    self_bleu: str


def mapped(coverage: Mapping[str, Any] | None) -> list[Mapped]:
    """The documents that the map draws."""
    return [
        Mapped(
            name=row["name"],
            drawing=_drawing(row),
            share=share(row["covered"], row["sentences"]) if row["sentences"] else "",
            n_sentences=count(row["sentences"]),
        )
        for row in (coverage or {}).get("map", ())
    ]


def phrased(phrasing: Mapping[str, Mapping[str, Any]]) -> list[Phrased]:
    """The rows of the table of phrasing, one for each task type."""
    return [
        Phrased(
            type_name=TaskType(kind).full_name,
            n=count(found["n"]),
            commonest=_percent(found["commonest_fraction"]),
            example=_example(found["openings"]),
            distinct=tuple(
                "" if part is None else f"{100 * part:.0f}" for part in found["distinct"]
            ),
            self_bleu="" if found["self_bleu"] is None else f"{found['self_bleu']:.0f}",
        )
        for kind, found in phrasing.items()
    ]


def depth(n_tasks: int) -> int:
    """How deep the colour of a block with so many tasks is: 0 is none, then 1 to 4."""
    return sum(n_tasks >= step for step in _STEPS)


def legend() -> list[tuple[int, str]]:
    """Depth and what it means."""
    ends = [f"{step} to {_STEPS[i + 1] - 1}" for i, step in enumerate(_STEPS[:-1])]
    named = [text.split(" to ")[0] if len(set(text.split(" to "))) == 1 else text for text in ends]
    return list(enumerate(["none", *named, f"{_STEPS[-1]} or more"]))


def _drawing(row: Mapping[str, Any]) -> Markup:
    """The bar of one document; what it says stands in its title."""
    whole = max(1, row["sentences"])
    at = 0.0
    blocks = []
    for n_sentences, n_covered, n_tasks in row["passages"]:
        width = 100 * n_sentences / whole
        if width:
            blocks.append(_block(at, width, n_covered / n_sentences, n_tasks))
        at += width
    bare = sum(n_tasks == 0 for _, _, n_tasks in row["passages"])
    title = (
        f"{row['name']}: tasks cover {row['covered']} of {row['sentences']} sentences in "
        f"{row['n_passages']} passages; {bare} of {len(row['passages'])} blocks without a task"
    )
    return Markup(
        '<svg class="map" role="img" width="100%" height="{}"><title>{}</title>{}</svg>'
    ).format(_HEIGHT_PX, title, Markup("").join(blocks))


def _block(at: float, width: float, covered_fraction: float, n_tasks: int) -> Markup:
    return Markup(
        '<svg x="{:.3f}%" width="{:.3f}%" height="{}">'
        '<rect class="depth-{}" width="100%" height="{}"/>'
        '<rect class="reach" y="{}" width="{:.1f}%" height="3"/>'
        '<line class="cut" x1="100%" x2="100%" y1="0" y2="{}"/></svg>'
    ).format(
        at,
        width,
        _HEIGHT_PX,
        depth(n_tasks),
        _HEIGHT_PX,
        _HEIGHT_PX - 3,
        100 * covered_fraction,
        _HEIGHT_PX,
    )


def _percent(fraction: float | None) -> str:
    return "" if fraction is None else f"{100 * fraction:.0f}\N{NO-BREAK SPACE}%"


def _example(openings: Sequence[Sequence[Any]]) -> str:
    if not openings:
        return ""
    opening, part = openings[0]
    return f"“{opening} …” {_percent(part)}"
