"""Your documents as their own exam: which are kept out of all learning, what is asked of them?

    documents ──hash──▶ held out │ learned from            (evaluate.held_out, a share; what
                                                            questions name comes first)
    held out  + questions of yours ─────────────▶ a set for each file
    held out  without any ──curated tasks───────▶ sets `exqa (generated)`, … each asked as it stands

A document is whole on one side. The draw is a hash of its id, so that it stays
where it is when others come. Generated questions measure how well the model does the
generator's tasks about text that it never learned, not whether they are right.
"""

from __future__ import annotations

import difflib
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from katsuo.errors import DataError, RecipeError
from katsuo.own import named as type_name
from katsuo.recipe import expand
from katsuo.road.suites import Suite, sampled, suite_of, suites_of
from katsuo.road.trip import Trip
from katsuo.scoring.lookup import Way, look_up
from katsuo.scoring.overlap import overlap
from katsuo.scoring.probes import QUESTION_COLUMNS, Kind, Row, SetSpec, probes_of, spec_of
from katsuo.store import tables
from katsuo.store.files import sha256
from katsuo.types import GENERATED, Probe, Task, TaskType, digest

_ASKED_TYPES: Final = (TaskType.EXQA, TaskType.MCQA, TaskType.YNQA, TaskType.TE, TaskType.NLI)
"""Types with one short right answer: what a generated question can be scored by."""
_NEAREST: Final = 3
_NAMED: Final = 50
"""Most held-out documents that the manifest names."""


def suites_for(trip: Trip, domain: str = "") -> list[Suite]:
    """All sets of a run: those that the recipe names, and those about its own documents.

    Args:
        trip: The run.
        domain: Its name in a study, which tells its generated sets from those of the others.
    """
    asked = trip.recipe.evaluate
    found = suites_of(trip.recipe)
    if asked.questions:
        found += _written(trip)
    elif asked.held_out and not asked.sets:
        found += _generated(trip, f" of {domain}" if domain else "")
    return found


def held_out(trip: Trip) -> frozenset[str]:
    """Ids of the documents that nothing may be learned from.

    Raises:
        RecipeError: If there are too few documents to keep one out and learn from another.
    """
    evaluate = trip.recipe.evaluate
    share = evaluate.held_out
    if not share and not evaluate.questions:
        return frozenset()
    sources = _sources(trip)
    if len(sources) < 2:
        raise RecipeError(
            f"evaluate.held_out is {share:g} and the run has {len(sources)} document; it needs two "
            "or more, one to ask about and one to learn from"
        )
    asked = {_document(row, where, sources) for row, where in _questions(trip)}
    if len(asked) == len(sources):
        raise RecipeError(
            f"evaluate.questions ask about each of the {len(sources)} documents, so nothing is "
            "left to learn from; ingest more documents, or ask about fewer"
        )
    ranked = sorted(sources, key=lambda id_: (id_ not in asked, digest("held out", id_)))
    number = max(1, len(asked), round(share * len(sources)))
    return frozenset(ranked[: min(number, len(sources) - 1)])


def passages_of(trip: Trip, documents: Collection[str]) -> frozenset[str]:
    """The texts of all passages of `documents`, which are ids."""
    if not documents:
        return frozenset()
    return frozenset(row["text"] for row in passages(trip) if row["document_id"] in documents)


def facts(trip: Trip) -> dict[str, Any]:
    """What the manifest and the report say of the split; nothing where there is none."""
    held = held_out(trip)
    if not held:
        return {}
    rows = list(passages(trip))
    shared = overlap(
        [row["text"] for row in rows if row["document_id"] in held],
        (row["text"] for row in rows if row["document_id"] not in held),
    )
    sources = _sources(trip)
    return {
        "held_out": {
            "documents": len(held),
            "of": len(sources),
            "names": sorted(Path(sources[id_]).name for id_ in held)[:_NAMED],
            "passages": shared.n_passages,
            "passages_that_share_13_words": shared.n_shared,
            "contexts": _ways(trip),
        }
    }


def _ways(trip: Trip) -> dict[str, dict[str, int]]:
    """Set of questions -> how many of their contexts were come by in each way."""
    library = _Library.of(trip)
    return {
        path.stem: dict(
            sorted(
                Counter(
                    library.row(row, f"{path}: row {number}")[1].value
                    for number, row in enumerate(tables.rows_of(path), start=1)
                ).items()
            )
        )
        for path in expand(trip.recipe.evaluate.questions, "evaluate.questions")
    }


def _written(trip: Trip) -> list[Suite]:
    """A set for each file of questions that somebody wrote."""
    asked, library = trip.recipe.evaluate, _Library.of(trip)
    found = []
    for path in expand(asked.questions, "evaluate.questions"):
        rows = [
            library.row(row, f"{path}: row {number}")[0]
            | {"id": str(number if row.get("id") is None else row["id"])}
            for number, row in enumerate(tables.rows_of(path), start=1)
        ]
        spec = spec_of(rows, name=path.stem, source=str(path))
        probes = sampled(list(probes_of(rows, spec)), asked.max_probes, trip.recipe.seed, path.stem)
        found.append(suite_of(spec, probes, asked.prompts, digest(sha256(path), *_texts(probes))))
    return found


def _generated(trip: Trip, whose: str) -> list[Suite]:
    """A set for each type of the tasks that were made of held-out documents."""
    asked, held = trip.recipe.evaluate, held_out(trip)
    by_type: defaultdict[str, list[Task]] = defaultdict(list)
    for task in tables.tasks(trip.run.stage("curate").parts()):
        short = task.type in _ASKED_TYPES or (task.name and task.labels)
        if task.document_id in held and short:
            by_type[type_name(task)].append(task)
    found = []
    for kind in sorted(by_type):
        name = f"{kind}{whose} {GENERATED}"
        probes = [
            Probe(
                id=task.id,
                set=name,
                document_id=task.document_id,
                context=task.context,
                question=task.instruction,
                answers=(task.response,),
            )
            for task in by_type[kind]
        ]
        spec = SetSpec(name=name, source="3-curated", kind=Kind.TASK, n_probes=len(probes))
        probes = sampled(probes, asked.max_probes, trip.recipe.seed, name)
        found.append(suite_of(spec, probes, 1, digest(*_texts(probes))))
    return found


def _texts(probes: Iterable[Probe]) -> Iterator[str]:
    """Everything of the probes that was made, not read: part of the key of what is asked."""
    for probe in probes:
        yield from (probe.context, probe.question, *probe.answers)


def _questions(trip: Trip) -> Iterator[tuple[Row, str]]:
    for path in expand(trip.recipe.evaluate.questions, "evaluate.questions"):
        for number, row in enumerate(tables.rows_of(path), start=1):
            yield row, f"{path}: row {number}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Library:
    """The documents of a run, in which questions are looked up."""

    sources: Mapping[str, str]
    """Document id -> where it came from."""
    passages: Mapping[str, Sequence[str]]
    """Document id -> its passages, in order."""

    @classmethod
    def of(cls, trip: Trip) -> _Library:
        found: defaultdict[str, list[str]] = defaultdict(list)
        for row in passages(trip):
            found[row["document_id"]].append(row["text"])
        return cls(sources=_sources(trip), passages=found)

    def row(self, row: Row, where: str) -> tuple[dict[str, Any], Way]:
        """The row as evaluation sets have it, its passage looked up where it names none."""
        document = _document(row, where, self.sources)
        whole = {**row, "source_document": document, "answers": _listed(row.get("answers"))}
        if row.get("context"):
            return whole, Way.GIVEN
        question = " ".join(str(row.get(column) or "") for column in QUESTION_COLUMNS)
        held = self.passages[document]
        found = look_up(question, _texts_of(whole["answers"]), held)
        return whole | {"context": held[found.index]}, found.way


def _listed(answers: object) -> object:
    """Answers as evaluation sets have them; a single text becomes a list of one."""
    return [answers] if isinstance(answers, str) else answers


def _texts_of(answers: object) -> list[str]:
    texts = answers.get("text") if isinstance(answers, Mapping) else answers
    return [text for text in texts if isinstance(text, str)] if isinstance(texts, list) else []


def _document(row: Row, where: str, sources: Mapping[str, str]) -> str:
    """The id of the document that a question names, by its path or by the end of it."""
    named = row.get("document") or row.get("source_document")
    if not isinstance(named, str) or not named.strip():
        raise DataError(
            f"{where}: document is {named!r}; it must name the file that the question is about"
        )
    wanted = Path(named.strip()).parts
    found = [id_ for id_, source in sources.items() if Path(source).parts[-len(wanted) :] == wanted]
    if len(found) == 1:
        return found[0]
    names = sorted({Path(source).name for source in sources.values()})
    near = ", ".join(difflib.get_close_matches(named, names, _NEAREST, 0.3)) or "none is like it"
    raise DataError(
        f"{where}: document is {named!r}, which {len(found) or 'none'} of the documents of this "
        f"run match; name one of them ({near})"
    )


def passages(trip: Trip) -> Iterator[dict[str, Any]]:
    """All passages of a run, as rows."""
    for part in trip.run.stage("ingest").parts():
        yield from tables.read(part)


def _sources(trip: Trip) -> dict[str, str]:
    """Document id -> where it came from, of every document with a passage."""
    return {row["document_id"]: row["source"] for row in passages(trip)}
