"""What does mending drafts cost, and what are the mended ones worth? Beside free decoding.

python benchmarks/quality/bench_decoding.py [--n 300] [--decodings free,mended,held] [--types ...]
python benchmarks/quality/bench_decoding.py --drafts runs/bench-generator/bundled --n 70
python benchmarks/quality/bench_decoding.py --quick     (invented passages and the fake generator)

KATSUO_DATA names the data; the passages are those of `bench_generator.py`, their documents held out
from teaching. Where a type has fewer than n passages, some are asked about more than once. What is
written lies under runs/bench-decoding/ and is not written twice. `free` and `mended` begin with the
same drafts, so these are written once, and their time counts for both. With `--drafts` they are
those that `bench_generator.py` wrote, and took the time that they took then.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final, get_args

sys.path.insert(0, str(Path(__file__).parents[1]))

from filing import file, share
from held_out import NEW_DOMAINS, Block, few, passages

from katsuo import engines, filters
from katsuo.errors import KatsuoError
from katsuo.extracts import extract
from katsuo.mending import HELD, SNAPPED, WAYS, Decoding
from katsuo.models.shelf import BASE_NAME, GENERATOR_NAME
from katsuo.protocols import Completes, Completion, Filter, Request
from katsuo.road.trip import key_of
from katsuo.scoring.agreement import Reading
from katsuo.scoring.generated import distinct, outside
from katsuo.sections import Generate, Recipe
from katsuo.stages.curate import judge
from katsuo.stages.generate import GenerateSettings, generate
from katsuo.stages.measure import Reader, readings
from katsuo.store import tables
from katsuo.store.files import new_folder, read_json, write_json
from katsuo.types import Dropped, Task, TaskType
from katsuo.wire import CONTEXT_SLOT, PIPE_MARK

N, PER_TYPE, PER_DOMAIN = 10, 60, 10
QUICK: Final = 3
DECODINGS: Final[tuple[Decoding, ...]] = get_args(Decoding)
WEIGHTS: Final = Generate().weights
NOT_MENDED: Final = "as written"


@dataclass
class Timed:
    """A model whose time is taken; what it was asked once it is not asked again."""

    model: Completes
    before: float = 0.0
    """Seconds that free drafts took when they were written elsewhere."""
    seconds: float = 0.0
    known: dict[tuple[Request, ...], tuple[list[Completion], float]] = field(default_factory=dict)

    def complete(self, requests: Sequence[Request]) -> Iterator[Completion]:
        """As the model does, or did."""
        key = tuple(requests)
        if key not in self.known:
            began = time.perf_counter()
            said = list(self.model.complete(requests))
            self.known[key] = said, time.perf_counter() - began
        said, seconds = self.known[key]
        self.seconds += seconds
        yield from said


@dataclass(frozen=True, slots=True)
class Replayed:
    """A model that has written its free drafts already."""

    model: Completes
    drafts: Mapping[str, Completion]
    """By the id of the draft."""

    def complete(self, requests: Sequence[Request]) -> Iterator[Completion]:
        """The draft as it was; of what is held, the model's own word now."""
        if any(request.hold for request in requests):
            yield from self.model.complete(requests)
        else:
            yield from (self.drafts[request.id] for request in requests)


def drafts_in(folder: Path) -> dict[str, Completion]:
    """The drafts of a block of `bench_generator.py`; of those that were no tasks, the beginning."""
    found = {}
    for task in tables.tasks([folder / "rows.parquet"]):
        asked = task.instruction.replace(task.context.strip(), CONTEXT_SLOT)
        text = f"{asked}\n{PIPE_MARK}\n{task.response}"
        found[task.id] = Completion(id=task.id, text=text, finished=True)
    for line in map(tables.dropped_of, tables.read(folder / "dropped.parquet")):
        text = line.excerpt.partition(": ")[2]
        ended = not line.reason.startswith("cut-off")
        found[line.item_id] = Completion(id=line.item_id, text=text, finished=ended)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """All drafts of one way to decode about one block."""

    decoding: str
    block: str
    tasks: Sequence[Task]
    reasons: Counter[str]
    seconds: float

    @property
    def n_drafts(self) -> int:
        """Tasks, and drafts that are none."""
        return len(self.tasks) + self.reasons.total()


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Where drafts are written: found done, or written now."""

    settings: GenerateSettings
    stated: Mapping[str, Any]
    decodings: Sequence[Decoding]
    model: Timed
    runs: Path
    drafts: Path | None = None
    """Where `bench_generator.py` has its drafts of the same passages, if they are to be taken."""

    def written(self, block: Block, n: int) -> list[Written]:
        """`n` drafts of a block for every way to decode."""
        contexts = block.contexts[:n]
        settings = replace(
            self.settings,
            task_types=block.types,
            per_context=1 if self.drafts else math.ceil(n / len(contexts)),
        )
        key = key_of("bench-decoding", self.stated, [one.id for one in contexts], n)
        folder = self.runs / f"{block.name.replace(' ', '-')}-{key}"
        if not folder.is_dir():
            with new_folder(folder) as unfinished:
                desk, settings = self.on(block, settings)
                for decoding in self.decodings:
                    desk.write(replace(settings, decoding=decoding), contexts, unfinished)
        return [_read(folder, decoding, block.name) for decoding in self.decodings]

    def on(self, block: Block, settings: GenerateSettings) -> tuple[Desk, GenerateSettings]:
        """This desk with the drafts of a block laid ready, and settings that name their writer."""
        if self.drafts is None:
            return self, settings
        (folder,) = self.drafts.glob(f"{block.name.replace(' ', '-')}-*")
        task = next(iter(tables.tasks([folder / "rows.parquet"])))
        facts = read_json(folder / "cell.json") or {}
        took = float(str(facts["seconds"]))
        model = Timed(Replayed(self.model.model, drafts_in(folder)), before=took)
        named = replace(settings, generator=task.origin.generator)
        return replace(self, model=model), named

    def write(self, settings: GenerateSettings, contexts: Sequence[Any], folder: Path) -> None:
        """Write the drafts of one way to decode into `folder`."""
        self.model.seconds, began = self.model.before, time.perf_counter()
        made = list(generate(contexts, self.model, settings))
        tasks = [item for item in made if isinstance(item, Task)]
        lines = [item for item in made if isinstance(item, Dropped)]
        name = settings.decoding
        tables.write(folder / f"{name}.parquet", tables.TASKS, map(tables.task_row, tasks))
        tables.write(
            folder / f"{name}-dropped.parquet", tables.DROPPED, map(tables.dropped_row, lines)
        )
        write_json(folder / f"{name}.json", {"seconds": round(self.model.seconds, 3)})
        spent = time.perf_counter() - began
        print(f"{folder.name} {name}: {len(made)} drafts, {spent:.0f} s", flush=True)


def _read(folder: Path, decoding: str, block: str) -> Written:
    facts = read_json(folder / f"{decoding}.json")
    assert facts is not None, f"{folder} appeared without its facts"
    dropped = map(tables.dropped_of, tables.read(folder / f"{decoding}-dropped.parquet"))
    return Written(
        decoding=decoding,
        block=block,
        tasks=list(tables.tasks([folder / f"{decoding}.parquet"])),
        reasons=Counter(line.reason for line in dropped),
        seconds=float(str(facts["seconds"])),
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and file the result."""
    asked = _arguments(argv)
    try:
        _bench(asked)
    except KatsuoError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--n", type=int, default=N, help="drafts of each type")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--types", default=",".join(TaskType), help="names, commas between them")
    parser.add_argument("--decodings", default=",".join(DECODINGS))
    parser.add_argument("--quick", action="store_true", help="invented passages, and fakes")
    parser.add_argument("--generator", default=GENERATOR_NAME)
    parser.add_argument("--drafts", type=Path, help="a folder of bench_generator.py to mend")
    parser.add_argument("--runs", type=Path, default=Path("runs/bench-decoding"))
    return parser.parse_args(argv)


def _bench(asked: argparse.Namespace) -> None:
    n = QUICK if asked.quick else asked.n
    kept = asked.drafts.parent if asked.drafts else asked.runs
    per_type = PER_TYPE if asked.drafts else max(n, PER_TYPE)
    held = few(n) if asked.quick else passages(asked.seed, per_type, PER_DOMAIN, kept)
    held = held.of_types([TaskType.named(name) for name in asked.types.split(",")])
    desk = _desk(asked)
    written = [
        one
        for block in held.blocks
        if asked.drafts or block.name != NEW_DOMAINS
        for one in desk.written(block, n)
    ]
    blocks = {one.block: one.n_drafts for one in written}
    figures: dict[str, Any] = {"drafts": blocks, "seed": asked.seed, **dict(_figures(written))}
    figures |= _agreement(written, engines.FAKE if asked.quick else BASE_NAME)
    if asked.quick:
        print(figures)
        return
    file("decoding", figures, READING)


def _desk(asked: argparse.Namespace) -> Desk:
    named = engines.find(engines.FAKE if asked.quick else asked.generator)
    engine = engines.engine_of(named, "auto")
    settings = GenerateSettings(
        generator=named.name,
        format=engines.wire_format(named, "auto"),
        task_types=(),
        seed=asked.seed,
    )
    stated = {
        "identity": named.identity,
        "engine": f"{engine} {engines.engine_version(engine)}",
        "sampling": asdict(settings.sampling),
        "seed": asked.seed,
        "decodings": asked.decodings,
        "drafts": str(asked.drafts),
    }
    return Desk(
        settings=settings,
        stated=stated,
        decodings=[one for one in DECODINGS if one in asked.decodings.split(",")],
        model=Timed(engines.open_completes(named, engine, WEIGHTS)),
        runs=asked.runs,
        drafts=asked.drafts,
    )


def _figures(written: Sequence[Written]) -> Iterator[tuple[str, Any]]:
    """Way by way: what parses, what is kept, how fast, how alike; then type by type."""
    for decoding in dict.fromkeys(one.decoding for one in written):
        own = [one for one in written if one.decoding == decoding]
        tasks = [task for one in own for task in one.tasks]
        n, seconds = sum(one.n_drafts for one in own), sum(one.seconds for one in own)
        kept = _kept(tasks)
        yield f"{decoding}: drafts that are tasks", share(len(tasks), n)
        yield f"{decoding}: drafts that the default filters for one task keep", share(kept, n)
        yield f"{decoding}: extracts that stand in the passage verbatim", _verbatim(tasks)
        yield f"{decoding}: drafts/s", round(n / seconds, 3) if seconds else "-"
        yield f"{decoding}: kept/s", round(kept / seconds, 3) if seconds else "-"
        yield f"{decoding}: distinct-2 of questions, of responses", _diversity(tasks)
        yield f"{decoding}: no tasks, by reason", dict(sum((one.reasons for one in own), Counter()))
        for one in own:
            yield f"{decoding}, {one.block}", _by_type(one)


def _by_type(one: Written) -> str:
    ways = Counter(way for task in one.tasks for way in WAYS if way in task.scores)
    return (
        f"{len(one.tasks)} of {one.n_drafts} are tasks, {_kept(one.tasks)} kept, "
        f"{ways[SNAPPED]} snapped, {ways[HELD]} held, {one.seconds:.1f} s"
    )


def _kept(tasks: Sequence[Task]) -> int:
    """How many the default filters keep that look at one task."""
    built = [(name, filters.build(name, chosen)) for name, chosen in Recipe().filters]
    kept, _ = judge(tasks, [(name, part) for name, part in built if isinstance(part, Filter)])
    return len(kept)


def _verbatim(tasks: Iterable[Task]) -> dict[str, float]:
    extracts = [task for task in tasks if task.type.extractive]
    found = sum(extract(task.response, task.context) == task.response for task in extracts)
    return share(found, len(extracts))


def _diversity(tasks: Sequence[Task]) -> str:
    asked = distinct((outside(task.instruction, task.context) for task in tasks), 2)
    said = distinct((task.response for task in tasks), 2)
    return ", ".join("-" if one is None else f"{one:.3f}" for one in (asked, said))


def _agreement(written: Sequence[Written], reader: str) -> dict[str, Any]:
    """How often a reader gives the same answer: of extracts, and of others that were mended."""
    mended = {task.id for one in written for task in one.tasks if _way(task) != NOT_MENDED}
    tasks = {
        (task.id, task.instruction, task.response): task
        for one in written
        for task in one.tasks
        if task.type.extractive or task.id in mended
    }
    found = dict(zip(tasks, _readings(list(tasks.values()), reader), strict=True))
    figures: dict[str, Any] = {}
    for decoding in dict.fromkeys(one.decoding for one in written):
        told: dict[str, list[bool]] = {}
        for task in (t for one in written if one.decoding == decoding for t in one.tasks):
            reading = found.get((task.id, task.instruction, task.response))
            if reading is not None:
                told.setdefault(_sort(task), []).append(reading.agrees)
        for name, agrees in sorted(told.items()):
            figures[f"{decoding}: reader agrees, {name}"] = share(sum(agrees), len(agrees))
    return figures


def _sort(task: Task) -> str:
    """Tasks of this sort are told about together."""
    if not task.type.extractive:
        return f"other types, {_way(task)}"
    place = "verbatim" if extract(task.response, task.context) == task.response else "not verbatim"
    return f"extracts, {_way(task)}, {place}"


def _way(task: Task) -> str:
    return next((way for way in WAYS if way in task.scores), NOT_MENDED)


def _readings(tasks: Sequence[Task], name: str) -> list[Reading | None]:
    """The reading of each of `tasks`; none where nobody could answer alike."""
    named = engines.find(name)
    engine = engines.engine_of(named, "auto")
    ranks = engines.open_ranks(named)
    completes = engines.open_completes(named, engine, WEIGHTS)
    # Ways to decode share ids: a task is called by its place here.
    placed = [replace(task, id=str(place)) for place, task in enumerate(tasks)]
    found = readings(placed, Reader(ranks=ranks, completes=completes))
    by_id = {reading.task_id: reading for reading in found}
    return [by_id.get(str(place)) for place in range(len(tasks))]


READING: Final = (
    "A draft is a task where it parses. `mended` leaves drafts that are what their type promises "
    "as they are; `held` writes every response anew under a grammar. Time is the engine's alone, "
    "and that of the free drafts counts for `mended` too. Shares have Wilson's 95 % intervals. A "
    "reader (SmolLM2-135M-Instruct) agrees where it chooses the same label, or its answer has "
    "token F1 of 0.5 or more; read are all extracts, and of other types what was mended, before "
    "and after."
)

if __name__ == "__main__":
    sys.exit(main())
