"""Who writes tasks, what came of it, and at which cost?

    contestant, block of passages ──▶ runs/bench-generator/<contestant>/<block>-<key>/
                                       rows.parquet  dropped.parquet  cell.json  readings-<key>.json

A folder is whole or absent and its key says everything that decides it, so an interrupted run
goes on where it was. CPU time is that of writing alone: opening the engine does not count.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from held_out import Block, Passages, invented

from katsuo import engines
from katsuo.errors import RecipeError
from katsuo.models.schedule import SCHEDULE
from katsuo.protocols import Completes
from katsuo.road.trip import key_of
from katsuo.scoring.agreement import Reading
from katsuo.sections import Generate
from katsuo.stages.generate import FORMATS, GenerateSettings, draft_id, generate
from katsuo.stages.measure import Reader, readings
from katsuo.store import tables
from katsuo.store.files import new_folder, read_json, write_json
from katsuo.types import Context, Dropped, Task, TaskType, digest
from katsuo.wire import KATSUO_V1

STEERED: Final = "steered"
WEIGHTS: Final = Generate().weights
_NAME: Final = re.compile(r"[\w.-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestant:
    """A generator, and how it is asked."""

    name: str
    generator: str
    """A bundled name, or a model or adapter folder."""
    format: str = "auto"
    steered: bool = False

    @classmethod
    def of(cls, text: str) -> Contestant:
        """The contestant that `NAME=generator[:format][:steered]` says.

        Raises:
            RecipeError: If it says none.
        """
        name, _, said = text.partition("=")
        parts = said.split(":")
        steered = parts[-1] == STEERED
        parts = parts[:-1] if steered else parts
        form = parts.pop() if parts[-1] in FORMATS else "auto"
        generator = ":".join(parts)
        if not _NAME.fullmatch(name) or not generator:
            raise RecipeError(
                f"contestant {text!r}: write NAME=generator[:format][:steered], such as "
                f"mine=runs/generator/generator:{KATSUO_V1}:steered; the formats are "
                f"{', '.join(FORMATS)}"
            )
        return cls(name=name, generator=generator, format=form, steered=steered)

    def entered(self, seed: int) -> Entry:
        """Its model found, and what is asked of it settled.

        Raises:
            KatsuoError: If there is no such model, or it cannot be asked so.
        """
        named = engines.find(self.generator)
        form = engines.wire_format(named, self.format)
        if self.steered and form != KATSUO_V1:
            raise RecipeError(
                f"contestant {self.name}: steered, and asked in {form}, which cannot say it; "
                f"write {self.name}={self.generator}:{KATSUO_V1}:steered, or leave steered out"
            )
        settings = GenerateSettings(
            generator=f"{named.name}@{named.identity[:16]}",
            format=form,
            task_types=(),
            seed=seed,
            steered=self.steered,
        )
        return Entry(contestant=self, named=named, settings=settings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What was asked for once, and the task that came of it."""

    block: str
    context: Context
    type: TaskType
    task: Task | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """All drafts of one block."""

    folder: Path
    drafts: tuple[Draft, ...]
    reasons: Counter[str]
    """Why drafts became no tasks."""
    cpu_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A contestant whose model lies on this disk."""

    contestant: Contestant
    named: engines.Named
    settings: GenerateSettings

    @property
    def engine(self) -> str:
        """What runs it."""
        return engines.engine_of(self.named, "auto")

    @property
    def stated(self) -> dict[str, Any]:
        """Everything but the passages that decides its drafts."""
        return {
            "generator": self.named.name,
            "identity": self.named.identity,
            "format": self.settings.format,
            "steered": self.settings.steered,
            "engine": f"{self.engine} {engines.engine_version(self.engine)}".strip(),
            "weights": WEIGHTS,
            "sampling": asdict(self.settings.sampling),
            "seed": self.settings.seed,
        }

    def written(self, passages: Passages, runs: Path) -> list[Written]:
        """The drafts of every block: found done, or written now."""
        home = runs / self.contestant.name
        with TemporaryDirectory(prefix="katsuo-") as forms:
            return [self._of(block, home, Path(forms)) for block in passages.blocks]

    def _of(self, block: Block, home: Path, forms: Path) -> Written:
        asked = [[context.id for context in block.contexts], block.types]
        key = key_of("bench-generator", self.stated, asked)
        folder = home / f"{block.name.replace(' ', '-')}-{key}"
        settings = replace(self.settings, task_types=block.types)
        if not folder.is_dir():
            self._write(block, settings, folder, forms)
        by_id = {task.id: task for task in tables.tasks([folder / "rows.parquet"])}
        drafts = [
            Draft(
                block=block.name,
                context=context,
                type=kind,
                task=by_id.get(draft_id(settings.generator, settings.format, context.id, kind, 0)),
            )
            for context in block.contexts
            for kind in block.types
        ]
        dropped = map(tables.dropped_of, tables.read(folder / "dropped.parquet"))
        facts = read_json(folder / "cell.json")
        assert facts is not None, f"{folder} appeared without its facts"
        return Written(
            folder=folder,
            drafts=tuple(drafts),
            reasons=Counter(line.reason for line in dropped),
            cpu_seconds=float(str(facts["cpu_seconds"])),
        )

    def _write(self, block: Block, settings: GenerateSettings, folder: Path, forms: Path) -> None:
        schedule = replace(SCHEDULE, sharing=settings.format == KATSUO_V1)
        model = engines.open_completes(
            self.named, self.engine, WEIGHTS, forms=forms, schedule=schedule
        )
        _warm_up(model, settings)
        began, cpu = time.perf_counter(), time.process_time()
        made = list(generate(block.contexts, model, settings))
        cpu_seconds = time.process_time() - cpu
        seconds = time.perf_counter() - began
        print(f"{folder.parent.name} {block.name}: {len(made)} drafts, {seconds:.0f} s", flush=True)
        lines = [item for item in made if isinstance(item, Dropped)]
        tasks = [item for item in made if isinstance(item, Task)]
        with new_folder(folder) as unfinished:
            tables.write(unfinished / "rows.parquet", tables.TASKS, map(tables.task_row, tasks))
            tables.write(
                unfinished / "dropped.parquet", tables.DROPPED, map(tables.dropped_row, lines)
            )
            spent = {"cpu_seconds": round(cpu_seconds, 3), "seconds": round(seconds, 3)}
            write_json(unfinished / "cell.json", {**self.stated, "drafts": len(made), **spent})


def _warm_up(model: Completes, settings: GenerateSettings) -> None:
    """One short draft about a passage that no block has: engines do some work but once."""
    short = replace(settings, sampling=replace(settings.sampling, max_tokens=8))
    passage = invented("warm-up", "A kettle that hums is soon hot, and the cook knows it well.")
    for _ in generate([passage], model, replace(short, task_types=(TaskType.EXQA,))):
        pass


class Desk:
    """Where tasks are read again; the reader is opened when one has not been read yet."""

    def __init__(self, reader: str, most: int) -> None:
        """Read at most `most` tasks of a type in each block, by the model called `reader`."""
        self.named, self.most = engines.find(reader), most
        self._reader: Reader | None = None

    @property
    def stated(self) -> dict[str, Any]:
        """Everything but the tasks that decides the readings."""
        writes, ranks = self._engines
        versions = [engines.engine_version(writes), engines.engine_version(ranks)]
        how = [writes, ranks, *versions, WEIGHTS]
        return {"reader": self.named.name, "identity": self.named.identity, "how": how}

    def read(self, written: Written) -> list[Reading]:
        """The readings of a block: found done, or read now."""
        chosen = list(self._chosen(written.drafts))
        key = key_of("readings", self.stated, [task.id for task in chosen])
        path = written.folder / f"readings-{key}.json"
        held = read_json(path)
        if held is None:
            found = readings(chosen, self._opened()) if chosen else []
            held = {"readings": [reading.row for reading in found]}
            write_json(path, held)
        return [Reading.of(row) for row in _rows(held)]

    def _chosen(self, drafts: Iterable[Draft]) -> Iterator[Task]:
        """As good as chance, and for ever the same: by the digest of the passage."""
        by_type: dict[TaskType, list[Task]] = {}
        for draft in drafts:
            if draft.task is not None:
                by_type.setdefault(draft.type, []).append(draft.task)
        for tasks in by_type.values():
            yield from sorted(tasks, key=lambda task: digest("read", task.context_id))[: self.most]

    @property
    def _engines(self) -> tuple[str, str]:
        fake = self.named.is_fake
        return engines.engine_of(self.named, "auto"), engines.FAKE if fake else "hf"

    def _opened(self) -> Reader:
        if self._reader is None:
            self._reader = Reader(
                ranks=engines.open_ranks(self.named),
                completes=engines.open_completes(self.named, self._engines[0], WEIGHTS),
            )
        return self._reader


def _rows(held: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    rows: Sequence[Mapping[str, Any]] = held["readings"]
    return rows
