"""Can a document be taken out of a run as if it had never been there?

    cells of files     rows of the document out, the ledger's excerpts blank
    cells of drafts    written again for the shards as they are now; nothing is generated anew
    adapters           those that learned from it go, with all scores and the report
    tombstone          later runs beside this one leave the document out
    proof              all sentences of its own and rows under its id are looked for in every
                       file, before and after

What stays is what other documents gave. Runs beside this one are looked into and
named, not changed.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from katsuo import recipe as recipes
from katsuo.errors import DataError, RecipeError
from katsuo.road import learners, lineage, studying
from katsuo.road.generating import cells_of, fill_cell, passes_of
from katsuo.road.holding import passages
from katsuo.road.ingesting import assemble, forgotten_line
from katsuo.road.sources import Sources
from katsuo.road.trip import Counts, Event, Listener, Trip
from katsuo.scoring.coverage import sentences
from katsuo.stages.ingest import Seen
from katsuo.stages.label import FORMAT as RANKED
from katsuo.store import tables
from katsuo.store.decisions import Decisions
from katsuo.store.files import write_json
from katsuo.store.runs import FOLDERS, Cell, Run, StageFolder
from katsuo.store.tombstones import forbid
from katsuo.store.traces import Wanted, rows_about, traces
from katsuo.words import words

_FEWEST_WORDS: Final = 6
_FEWEST_CHARS: Final = 12
"""A shorter sentence could be anybody's; of scripts without spaces, too, whose words are short."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """What was taken out, and how that is known."""

    documents: tuple[str, ...]
    """Their ids."""
    sources: tuple[str, ...]
    """What they were called."""
    n_passages: int
    n_tasks: int
    """Curated tasks about them."""
    adapters: tuple[str, ...]
    """Tunings that had learned from them; they are gone."""
    n_sentences: int
    """Sentences that stood in no other document and were looked for."""
    n_before: int
    """Files that held one of them, or rows under its id, before; none does now."""
    deleted: tuple[str, ...]
    """Files of the run folder that no stage had made, and that held one: they are gone."""
    beside: tuple[str, ...]
    """Other runs that still hold something of it."""
    copies: tuple[str, ...]
    """Other documents of the run that have passages of the same words: those come in now."""


def foretold(folder: Path, named: str) -> Forgotten:
    """What `forget` would take out; nothing is changed.

    Raises:
        RecipeError: If the run holds no such document, or several of that name.
    """
    inner, gone, sources = _asked(Run.at(folder), named, lambda _: None)
    return _told(inner, gone, sources)


def forget(folder: Path, named: str, listen: Listener) -> Forgotten:
    """Take the document called `named` out of the run in `folder`, and what came of it.

    The stages are gone afterwards; `katsuo run` puts them together again from what is left. Where
    it is stopped, by `kill -9` too, the same call goes on.

    Args:
        folder: A run folder.
        named: The document's path, file name or id, as `1-contexts` has it.
        listen: Hears what is done.

    Raises:
        RecipeError: If the run holds no such document, or several of that name.
        DataError: If a trace is left.
    """
    run = Run.at(folder)
    inner, gone, sources = _asked(run, named, listen)
    with run.alone():
        told = _told(inner, gone, sources)
        own = _own_sentences(inner, gone)
        proofs = Wanted(own)
        before = [path for place in (folder, run.home) for path in _held(place, proofs, gone)]
        forbid(run.home, gone)
        pairs = learners.pairs_about(inner, gone)
        for one in inner:
            for name in learners.tunings_on(one, pairs):
                learners.delete_tuning(one, name)
        for one in inner:
            _scrub(one, gone)
        for cell in {_cell_of(path, run) for path in _held(run.home, proofs, gone)}:
            shutil.rmtree(cell)  # whoever wants it makes it again
        stages = [one.run.stage(verb).folder for one in inner for verb in FOLDERS]
        held = _held(folder, proofs, gone)
        beyond = [path for path in held if not any(map(path.is_relative_to, stages))]
        for path in beyond:
            path.unlink()
        # The passages go last: whoever is stopped before is told by them what is to be forgotten.
        for one in reversed(inner):
            _clear(one, gone)
        left = [path for place in (folder, run.home) for path in _held(place, proofs, gone)]
        if left:
            raise DataError(f"{left[0]}: still holds something of {named}; delete the file")
    return replace(
        told,
        n_sentences=len(own),
        n_before=len(before),
        deleted=tuple(str(path) for path in beyond),
        beside=_beside(run, proofs, gone),
    )


def _asked(
    run: Run, named: str, listen: Listener
) -> tuple[list[Trip], frozenset[str], dict[str, str]]:
    """The runs to be scrubbed, the documents to go, and what every document is called."""
    trip = Trip(recipe=recipes.load(run.folder), run=run, listen=listen)
    inner = list(_trips(trip))
    sources = _sources(inner)
    return inner, _named(named, sources, run.folder), sources


def _trips(trip: Trip) -> Iterator[Trip]:
    """This run and all inside it that have passages: domains, arms with tasks of their own."""
    if trip.recipe.domains:
        domains = list(studying.domains(trip).values())
        # A domain may have lost its passages to a call that was stopped.
        for one in [each for each in domains if each.manifest("ingest")] or domains:
            yield from _trips(one)
        return
    if not trip.manifest("ingest"):
        raise RecipeError(f"{trip.run.folder}: has read no documents; there is nothing to forget")
    yield trip
    sources = Sources(trip)
    for name in trip.recipe.adapt.arms_by_name:
        inner = sources.inner(name)
        if inner is not None and inner.manifest("ingest"):
            yield inner


def _sources(trips: Iterable[Trip]) -> dict[str, str]:
    """Document id -> what it was called."""
    return {row["document_id"]: row["source"] for trip in trips for row in passages(trip)}


def _named(named: str, sources: dict[str, str], folder: Path) -> frozenset[str]:
    """The ids of the document called `named`."""
    found = {id_ for id_, source in sources.items() if named in (id_, source)}
    if not found:
        found = {id_ for id_, source in sources.items() if _ends_alike(source, named)}
        if len({sources[id_] for id_ in found}) > 1:
            listed = ", ".join(sorted({sources[id_] for id_ in found}))
            raise RecipeError(f"{folder}: {named} may be {listed}; give the whole path")
    if not found:
        listed = ", ".join(sorted(set(sources.values()))[:5])
        raise RecipeError(f"{folder}: holds no document {named}; it holds {listed} …")
    return frozenset(found)


def _ends_alike(source: str, named: str) -> bool:
    """Whether one of the paths is the end of the other: a folder that is named has to be right."""
    one, other = Path(source).parts, Path(named).parts
    n = min(len(one), len(other))
    return n > 0 and one[-n:] == other[-n:]


def _told(trips: Sequence[Trip], gone: frozenset[str], sources: dict[str, str]) -> Forgotten:
    """What is about to go."""
    tasks = {
        task.id
        for trip in trips
        for task in tables.tasks(trip.run.stage("curate").parts())
        if task.document_id in gone
    }
    pairs = learners.pairs_about(trips, gone)
    held = {row["id"] for trip in trips for row in passages(trip) if row["document_id"] in gone}
    return Forgotten(
        documents=tuple(sorted(gone)),
        sources=tuple(sorted({sources[id_] for id_ in gone})),
        n_passages=len(held),
        n_tasks=len(tasks),
        adapters=tuple(name for one in trips for name in learners.tunings_on(one, pairs)),
        n_sentences=0,
        n_before=0,
        deleted=(),
        beside=(),
        copies=_copies(trips, gone),
    )


def _copies(trips: Sequence[Trip], gone: frozenset[str]) -> tuple[str, ...]:
    """Documents whose passages were dropped because those of the forgotten ones came first."""
    found: set[str] = set()
    for trip in trips:
        mine = Seen()
        for row in passages(trip):
            if row["document_id"] in gone:
                mine.first(row["text"])
        cells = (trip.run.cell("ingest", key) for key in trip.manifest("ingest")["inputs"].values())
        for cell in (each for each in cells if each.done):
            for row in tables.read(cell.folder / "rows.parquet"):
                if row["document_id"] not in gone and row["text"] in mine:
                    found.add(row["source"])
    return tuple(sorted(found))


def _own_sentences(trips: Sequence[Trip], gone: frozenset[str]) -> set[str]:
    """All sentences that stand in the document and in no other."""
    own: set[str] = set()
    for trip in trips:
        for row in passages(trip):
            if row["document_id"] in gone:
                # Line by line: a heading is no part of the sentence behind it.
                for line in row["text"].splitlines():
                    own.update(line[one.start : one.end].strip() for one in sentences(line))
    own = {one for one in own if len(words(one)) >= _FEWEST_WORDS and len(one) >= _FEWEST_CHARS}
    wanted = Wanted(own)
    for trip in trips:
        for row in passages(trip):
            if row["document_id"] not in gone:
                own.difference_update(wanted.found_in(row["text"]))
    return own


def _scrub(trip: Trip, gone: frozenset[str]) -> None:
    """Take the documents out of one run's cells."""
    keys = list(trip.manifest("ingest")["inputs"].values())
    old = trip.run.stage("generate")
    away = [row["id"] for row in passages(trip) if row["document_id"] in gone]
    # All that was written about a shard of its passages: of some there may be ledger lines alone.
    mine = [
        drafts.cell.folder
        for part in cells_of(trip)
        if any(row["document_id"] in gone for row in tables.read(part))
        for drafts in passes_of(trip, part)
    ]
    for key in keys:
        _scrub_file(trip.run.cell("ingest", key), gone)
    if old.manifest:
        with TemporaryDirectory(prefix="katsuo-") as scratch:
            inside = replace(trip, run=replace(trip.run, folder=Path(scratch)))
            inside.run.stage("ingest").begin()
            assemble(inside, inside.run.stage("ingest"), keys, Counts(unit="passage"))
            _move_drafts(inside, old, gone, away)
    for folder in filter(Path.is_dir, mine):
        shutil.rmtree(folder)
    Decisions(folder=trip.run.folder).forget(gone)


def _clear(trip: Trip, gone: frozenset[str]) -> None:
    """Take the folders of one run's stages away, to be linked anew; those of passages last."""
    for verb in reversed(FOLDERS):
        if verb != "ingest" and trip.run.stage(verb).folder.is_dir():
            shutil.rmtree(trip.run.stage(verb).folder)
    stage = trip.run.stage("ingest")
    for path in stage.dropped_parts():
        path.unlink()
    for path in stage.parts():  # shard by shard: half a folder could not be read again
        rows = [row for row in tables.read(path) if row["document_id"] not in gone]
        tables.write(path, tables.CONTEXTS, rows)
    shutil.rmtree(stage.folder)
    trip.listen(Event(stage="forget", note=f"{trip.run.folder}: to be put together again"))


def _scrub_file(cell: Cell, gone: frozenset[str]) -> None:
    """Take the documents out of what was read from one file."""
    if not cell.done:
        return
    path = cell.folder / "rows.parquet"
    held = {row["document_id"] for row in tables.read(path)} & gone
    if not held:
        return
    kept = [row for row in tables.read(path) if row["document_id"] not in gone]
    # A ledger line does not say of which document it is, so all excerpts of the file go blank.
    lines = [{**row, "excerpt": ""} for row in tables.read(cell.folder / "dropped.parquet")]
    lines += [tables.dropped_row(forgotten_line(id_)) for id_ in sorted(held)]
    tables.write(path, tables.CONTEXTS, kept)
    tables.write(cell.folder / "dropped.parquet", tables.DROPPED, lines)
    facts = cell.facts
    write_json(
        cell.folder / "cell.json", {**facts, "n_documents": facts["n_documents"] - len(held)}
    )


def _move_drafts(trip: Trip, old: StageFolder, gone: frozenset[str], away: Sequence[str]) -> None:
    """Write the cells of the shards as they are now, from the drafts that were there before.

    Args:
        trip: With its shards as they are now.
        old: The stage as it was.
        gone: The documents that are forgotten.
        away: Their passages.
    """
    nobodys = set[str]().union(*(lineage.drafts_of(old.manifest, id_) for id_ in away))
    tasks = _Stream(
        (task, task.context_id)
        for task in tables.tasks(old.parts())
        if task.document_id not in gone and task.origin.format != RANKED
    )
    lines = _Stream(
        (line, line.item_id)
        for part in old.dropped_parts()
        for line in map(tables.dropped_of, tables.read(part))
        if line.item_id not in nobodys  # so many of one document would hide all behind them
    )
    schema = tables.OWN_TASKS if trip.recipe.generate.tasks else tables.TASKS
    for part in cells_of(trip):
        contexts = {row["id"] for row in tables.read(part)}
        named = set().union(*(lineage.drafts_of(old.manifest, id_) for id_ in contexts))
        found, left = tasks.within(contexts), lines.within(named)
        for drafts in passes_of(trip, part):
            made = [task for task in found if task.id in drafts.ids]
            dropped = [line for line in left if line.item_id in drafts.ids]
            # Fewer than were asked for: a passage that only now came within the limit.
            if len(made) + len(dropped) == len(drafts.ids) and not drafts.cell.done:
                fill_cell(drafts.cell, made, dropped, time.monotonic(), schema)


class _Stream:
    """Items in an order, to be taken group by group; what belongs to nobody is passed over."""

    def __init__(self, items: Iterable[tuple[Any, str]]) -> None:
        self._items = iter(items)
        self._passed: list[tuple[Any, str]] = []

    def within(self, names: set[str]) -> list[Any]:
        """The next items whose names are among `names`; those between stay for later groups."""
        found = [item for item, name in self._passed if name in names]
        self._passed = [pair for pair in self._passed if pair[1] not in names]
        for item, name in self._items:
            if name in names:
                found.append(item)
            else:
                self._passed.append((item, name))
                if len(self._passed) > _AHEAD:
                    break
        return found


_AHEAD: Final = 4096
"""How far a stream may be read beyond the group that is asked for."""


def _cell_of(path: Path, run: Run) -> Path:
    return run.home.joinpath(*path.relative_to(run.home).parts[:2])


def _held(folder: Path, proofs: Wanted, gone: frozenset[str]) -> list[Path]:
    """Files that hold a sentence of the document, or rows under its id, however short they are."""
    found = {path for path, _ in traces(folder, proofs)}
    return sorted(found.union(rows_about(folder, gone)))


def _beside(run: Run, proofs: Wanted, gone: frozenset[str]) -> tuple[str, ...]:
    """Other runs that hold something of the document."""
    others = (path for path in run.folder.parent.iterdir() if path.is_dir())
    return tuple(
        sorted(
            path.name
            for path in others
            if path not in (run.folder, run.home) and _held(path, proofs, gone)
        )
    )
