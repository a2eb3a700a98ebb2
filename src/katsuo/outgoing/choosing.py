"""Which tasks of which run are wanted, and on which side of the split do they stand?

A document is never on both sides. What a run keeps out of learning is never in a training file, and
comes first where a model is asked.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from katsuo import recipe as recipes
from katsuo import seeds
from katsuo.errors import RecipeError
from katsuo.export.formats import Split
from katsuo.export.table import FORMATS
from katsuo.road import holding
from katsuo.road.trip import Trip
from katsuo.sections import Recipe
from katsuo.store import tables
from katsuo.store.runs import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What to take out of a run, and how."""

    format: str
    book: str = "open"
    """`open` with its passage, `closed` without, `both` as two rows."""
    split: float = 0.0
    """Share of the documents that go into the test file, in [0, 1)."""
    limit: int | None = None
    """At most so many tasks, drawn by chance; all of them if None."""
    domain: str | None = None
    """One domain of a study; all of them if None."""

    def __post_init__(self) -> None:
        if self.format not in FORMATS:
            raise RecipeError(
                f"--format {self.format} is unknown; there are {', '.join(sorted(FORMATS))}"
            )
        if not 0 <= self.split < 1:
            raise RecipeError(f"--split is {self.split:g}; it is a share of the documents, below 1")
        if self.limit is not None and self.limit < 1:
            raise RecipeError(f"--limit is {self.limit}; it must be 1 or more")


class Part(NamedTuple):
    """One run to export: the run itself, or a domain of a study."""

    domain: str
    run: Run
    recipe: Recipe
    held_out: frozenset[str]


class Choice(NamedTuple):
    """Which tasks go where."""

    exam: bool
    """Whether a model is asked about them: then what was kept out of learning comes first."""
    tests: frozenset[str] = frozenset()
    """Documents of the test file."""
    drawn: frozenset[tuple[str, str]] | None = None
    """Domain and id of the tasks that were drawn; None for all."""

    @property
    def splits(self) -> tuple[Split, ...]:
        """The data files in their order."""
        if self.exam:
            return ("test",)
        return ("train", "test") if self.tests else ("train",)

    def side(self, part: Part, document_id: str, task_id: str) -> str:
        """The split of a task, or the reason why it is in none."""
        side: str
        if self.exam:
            kept = part.held_out or self.tests
            side = "learned-from-document" if kept and document_id not in kept else "test"
        elif document_id in part.held_out:
            side = "held-out-document"
        else:
            side = "test" if document_id in self.tests else "train"
        drawn = self.drawn is None or (part.domain, task_id) in self.drawn
        return side if drawn or side not in self.splits else "not-drawn"


def parts_of(run: Run, domain: str | None) -> Iterator[Part]:
    """The run, or the domains of a study: one of them where it is named.

    Raises:
        RecipeError: If curation is not finished, or there is no such domain.
    """
    manifest = run.stage("curate").manifest
    if not manifest:
        raise RecipeError(f"{run.folder}: no finished stage curate; katsuo curate makes it")
    domains = manifest.get("domains", [])
    if domain is not None and domain not in domains:
        known = f"it has {', '.join(domains)}" if domains else "its recipe names no domains"
        raise RecipeError(f"{run.folder}: there is no domain {domain!r}; {known}")
    for name in [domain] if domain else domains or [""]:
        inner = run.within(name) if name else run
        recipe = recipes.load(inner.folder)
        held_out = holding.held_out(Trip(recipe=recipe, run=inner, listen=lambda _: None))
        yield Part(name, inner, recipe, held_out)


def chosen(parts: list[Part], wanted: Wanted, *, exam: bool) -> Choice:
    """The documents of the test file, and the tasks that are drawn.

    Raises:
        RecipeError: If there are too few documents to split.
    """
    seed = parts[0].recipe.seed
    choice = Choice(exam)
    if wanted.split:
        documents = {
            row["document_id"]
            for part, row in _ids(parts)
            if row["document_id"] not in part.held_out
        }
        if len(documents) < 2:
            raise RecipeError(
                f"--split {wanted.split:g} needs two documents with tasks and finds "
                f"{len(documents)}; a document is never in both files"
            )
        order = sorted(documents, key=lambda id_: seeds.derive(seed, "export", "split", id_))
        n_tests = min(max(1, round(wanted.split * len(order))), len(order) - 1)
        choice = choice._replace(tests=frozenset(order[:n_tests]))
    if wanted.limit is None:
        return choice
    eligible = (
        (part.domain, row["id"])
        for part, row in _ids(parts)
        if choice.side(part, row["document_id"], row["id"]) in choice.splits
    )
    drawn = heapq.nsmallest(
        wanted.limit, eligible, key=lambda key: seeds.derive(seed, "export", "limit", *key)
    )
    return choice._replace(drawn=frozenset(drawn))


def _ids(parts: list[Part]) -> Iterator[tuple[Part, dict[str, Any]]]:
    for part in parts:
        for path in part.run.stage("curate").parts():
            for row in tables.read(path, ["id", "document_id"]):
                yield part, row
