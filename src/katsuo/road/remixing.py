"""Annotated datasets to tasks, on the disk: rows, ledger and card."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from katsuo import templates
from katsuo.errors import DataError, RecipeError
from katsuo.recipe import expand
from katsuo.road.cards import Tally
from katsuo.road.foreseeing import Preparing, foreseen
from katsuo.road.thinning import thin
from katsuo.road.trip import Event, Listener, key_of
from katsuo.sections import Execution, Remix
from katsuo.stages.decontaminate import Known
from katsuo.stages.remix import RemixSettings
from katsuo.stages.remix import remix as remixed
from katsuo.store import tables
from katsuo.store.files import read_json, sha256, write_json
from katsuo.templates import promptsource
from katsuo.templates.compiler import PERMISSIVE, Source
from katsuo.templates.tables import files_of, n_rows, place, with_rows
from katsuo.types import EXCERPT_CHARS, Dropped, Task, TaskType


@dataclass(frozen=True, slots=True, kw_only=True)
class _Places:
    """Where the sources lie."""

    folder: Path
    restricted: Path | None

    @classmethod
    def of(cls, asked: Remix) -> _Places:
        folder = expand([asked.folder], "remix.folder")[0]
        if asked.tier == PERMISSIVE:
            return cls(folder=folder, restricted=None)
        restricted = expand([asked.restricted_folder], "remix.restricted_folder")[0]
        return cls(folder=folder, restricted=restricted)

    def of_source(self, source: Source) -> Path:
        return place(source, self.folder, self.restricted)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Exam:
    """A file of evaluation texts."""

    name: str
    """As the recipe asks for it: the same wherever the data lie."""
    path: Path
    sha256: str


def remix(
    asked: Remix, seed: int, folder: Path, listen: Listener, execution: Execution | None = None
) -> dict[str, Any]:
    """Write `rows.parquet`, `dropped.parquet` and `card.json` into `folder`; the card.

    What was made of the same files by the same settings is not made again. Rows are written as
    they come: memory grows only by a number for each, by which exact twins are known. Where
    `execution` names workers, they look at rows ahead of their turn.
    """
    places = _Places.of(asked)
    sources, lines = _sources(asked)
    files = _files(sources, places)
    against = _against(asked)
    named = {one.name: one.sha256 for one in against}
    key = _key(asked, seed, sources, {**files, **named})
    # The key once had the evaluation files by their paths. Such work stays done and keeps its key,
    # under which a generator may have been taught.
    placed = {str(one.path): one.sha256 for one in against}
    card = _done(folder, {key, _key(asked, seed, sources, {**files, **placed})}, named)
    if card is not None:
        listen(Event(stage="remix", finished=True, note="done already"))
        return card
    known = Known(_texts(one.path for one in against))
    tally = Tally(sources)
    duty = Preparing(
        sources=sources,
        folder=places.folder,
        restricted=places.restricted,
        settings=_settings(asked, seed, sources, places),
    )
    rows = with_rows(sources, places.folder, seed, places.restricted)
    with (
        foreseen(duty, execution or Execution()) as ahead,
        tables.writing(folder / "rows.parquet", tables.TASKS) as keep,
        tables.writing(folder / "dropped.parquet", tables.DROPPED) as drop,
    ):
        for line in lines:
            tally.drop(line, drop)
        for item in remixed(rows, duty.settings, ahead):
            if isinstance(item, Dropped):
                tally.drop(item, drop)
            elif len(known) and known.says(item):
                tally.drop(_leaked(item), drop)
            else:
                tally.keep(item, keep)
    if tally.unread and not tally.counts.passed:
        raise DataError(next(iter(tally.unread.values())))
    if asked.fresh:
        thin(folder, tally)
    card = {"key": key, **tally.card, "tier": asked.tier, "files": files, "against": named}
    write_json(folder / "card.json", card)
    listen(Event(stage="remix", done=tally.counts.arrived, kept=tally.counts.passed, unit="task",
                 dropped=tally.counts.dropped.total(), finished=True))  # fmt: skip
    return card


def _done(folder: Path, keys: Set[str], named: Mapping[str, str]) -> dict[str, Any] | None:
    """The card of the same work, its evaluation files named as the recipe does; none without."""
    card = read_json(folder / "card.json")
    if card is None or card["key"] not in keys:
        return None
    if card.get("against") != named:
        card["against"] = named
        write_json(folder / "card.json", card)
    return card


def _settings(asked: Remix, seed: int, sources: Sequence[Source], places: _Places) -> RemixSettings:
    return RemixSettings(
        seed=seed,
        cap_per_source=asked.cap_per_source,
        cap_per_type=asked.cap_per_type,
        caps=_caps(asked, sources, places),
        turns=_turns(asked, sources),
        tasks_per_row=asked.tasks_per_row,
        unanswerable=asked.unanswerable,
        max_context_chars=asked.max_context_chars,
    )


def remix_key(asked: Remix, seed: int) -> str:
    """Names everything that decides the rows: settings, seed, templates and the files' bytes."""
    sources, _ = _sources(asked)
    files = _files(sources, _Places.of(asked))
    return _key(asked, seed, sources, files | {one.name: one.sha256 for one in _against(asked)})


def taken(asked: Remix, seed: int, folder: Path) -> dict[str, Any]:
    """The card of the rows that lie in `folder`, where their sources do not.

    Settings, seed and templates must be those that the rows were made by; which files they were
    made of is believed to the card.

    Raises:
        DataError: If there are no rows, or they were made by others.
    """
    card: dict[str, Any] | None = read_json(folder / "card.json")
    if card is None or not (folder / "rows.parquet").is_file():
        raise DataError(
            f"{folder}: no rows.parquet with its card.json; katsuo remix makes them where the "
            "sources are"
        )
    files = {**card["files"], **card["against"]}
    if _key(asked, seed, _sources(asked)[0], files) != card["key"]:
        raise DataError(
            f"{folder}/card.json: its rows were made by other settings or templates, or by another "
            "katsuo; remix again where the sources are, and bring both files"
        )
    return card


def _sources(asked: Remix) -> tuple[list[Source], list[Dropped]]:
    """The sources of a recipe, and the templates of its own that became none."""
    if asked.promptsource is None or asked.types is None:
        found = templates.load_sources(asked.sources)
        every = asked.tier == "all"
        if not every and (barred := [one.name for one in found if one.tier != PERMISSIVE]):
            if asked.sources is not None:
                raise RecipeError(
                    f"remix.sources has {', '.join(barred)}, whose licences allow no published "
                    "model; say remix.tier: all if it is for research, or leave them out"
                )
            found = [one for one in found if one.tier == PERMISSIVE]
        return found, []
    folder = expand([asked.promptsource], "remix.promptsource")[0]
    table = expand([asked.types], "remix.types")[0]
    sources, left = promptsource.read_folder(folder, table)
    lines = [
        Dropped(
            item_id=one.source, stage="remix", by="promptsource", reason=one.reason,
            excerpt=one.template,
        )
        for one in left
    ]  # fmt: skip
    if asked.sources is None:
        return sources, lines
    return [source for source in sources if source.name in asked.sources], lines


def _key(asked: Remix, seed: int, sources: Sequence[Source], files: Mapping[str, str]) -> str:
    words = [repr(source) for source in sources]
    return key_of("remix", files, words, asked.model_dump(mode="json"), seed)


def _files(sources: Sequence[Source], places: _Places) -> dict[str, str]:
    """Split -> sha256 of its file, for every split that is there."""
    return {
        f"{source.data}/{path.name}": sha256(path)
        for source in sources
        for split in source.splits
        for path in files_of(places.of_source(source), split)
    }


def _caps(asked: Remix, sources: Sequence[Source], places: _Places) -> Mapping[TaskType, int]:
    """Most tasks of each type: the recipe's, or its total shared out by what the sources hold."""
    if asked.total is None:
        return asked.caps
    held: Counter[TaskType] = Counter()
    for source in sources:
        kinds = {template.type for template in source.templates}
        rows = n_rows(places.of_source(source), source.splits)
        # A row gives one task, so a source of many types gives less of each.
        held.update(dict.fromkeys(kinds, rows * asked.tasks_per_row // len(kinds)))
    weights = {kind: n ** (1 / asked.temperature) for kind, n in held.items() if n}
    whole = sum(weights.values())
    return {kind: round(asked.total * weights.get(kind, 0.0) / whole) for kind in TaskType}


def _turns(asked: Remix, sources: Sequence[Source]) -> Mapping[str, int]:
    known = {source.data for source in sources}
    if unknown := [name for name in asked.turns if name not in known]:
        raise RecipeError(
            f"remix.turns has {', '.join(unknown)}, and no source is called so; the sources are "
            f"{', '.join(sorted(known))}"
        )
    return asked.turns


def _against(asked: Remix) -> list[_Exam]:
    """Every file of evaluation texts, those of a folder by name."""
    found: list[tuple[str, Path]] = []
    for name, path in zip(asked.against, expand(asked.against, "remix.against"), strict=True):
        inside = sorted(path.glob("*.parquet")) if path.is_dir() else []
        found += [(f"{name.rstrip('/')}/{one.name}", one) for one in inside]
        if not path.is_dir():
            found.append((name, path))
    if missing := [path for _, path in found if not path.is_file()]:
        raise DataError(f"{missing[0]}: no such file; remix.against names it")
    return [_Exam(name=name, path=path, sha256=sha256(path)) for name, path in found]


def _texts(paths: Iterable[Path]) -> Iterator[str]:
    """Every text column of the files, row by row."""
    for path in paths:
        for row in tables.rows_of(path):
            yield from (value for value in row.values() if isinstance(value, str))


def _leaked(task: Task) -> Dropped:
    return Dropped(
        item_id=task.id, stage="remix", by="decontaminate", reason="evaluation-text",
        excerpt=task.instruction[:EXCERPT_CHARS],
    )  # fmt: skip
