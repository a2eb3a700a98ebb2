"""What leaves a run: curated tasks in the form of other trainers.

    3-curated ──held out? chosen? in which split?──▶ Row ──format──▶ train.jsonl  test.jsonl
                                                      └────────────▶ lineage.jsonl
    manifests, ledgers, recipe ─────────────────────────────────────▶ README.md, configs

Tasks are read twice and never held: first which there are, then what they say.
"""

from __future__ import annotations

import heapq
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

from katsuo import recipe as recipes
from katsuo import seeds
from katsuo.errors import RecipeError
from katsuo.export import hub
from katsuo.export.card import Making, Reached, Sheet, card
from katsuo.export.formats import Facts, Split
from katsuo.export.lines import line
from katsuo.export.places import Places
from katsuo.export.rows import Row, lineage
from katsuo.export.table import FORMATS
from katsuo.languages import language
from katsuo.road import holding
from katsuo.road.lineage import funnel
from katsuo.road.trip import Trip
from katsuo.sections import Recipe
from katsuo.stages.tuning import task_pairs
from katsuo.store import tables
from katsuo.store.files import new_folder, sha256, write_text
from katsuo.store.runs import Run
from katsuo.types import Flaw, Pair, Task

LINEAGE: Final = "lineage.jsonl"
_STAGES: Final = ("ingest", "generate", "curate")
_MARKER: Final = re.compile(r"<\|\w+\|>|</?s>|\[/?INST\]|<(?:start|end)_of_turn>|<｜")  # noqa: RUF001
"""What chat templates put around a turn."""
_READ_FOR_LANGUAGES: Final = 50
"""Passages that are read to tell the languages of an export."""
_UNTAUGHT: Final = {
    "smollm2-135m": "HuggingFaceTB/SmolLM2-135M-Instruct",
    "fake": "HuggingFaceTB/SmolLM2-135M-Instruct",
}
"""Bundled names -> what other programs call the model."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What an export wrote."""

    folder: Path
    counts: Mapping[str, int]
    """Data file -> its rows."""
    left_out: Mapping[str, int]
    """Reason -> rows."""
    n_marked: int
    """Rows that hold a chat template's marker."""


class _Part(NamedTuple):
    """One run to export: the run itself, or a domain of a study."""

    domain: str
    run: Run
    recipe: Recipe
    held_out: frozenset[str]


class _Choice(NamedTuple):
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

    def side(self, part: _Part, document_id: str, task_id: str) -> str:
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


@dataclass(slots=True)
class _Told:
    """What is counted while rows are written."""

    by_type: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    languages: Counter[str] = field(default_factory=Counter)
    documents: set[str] = field(default_factory=set)
    n_rows: int = 0
    n_marked: int = 0

    def count(self, row: Row) -> None:
        """Count a row that was written."""
        task = row.task
        if self.n_rows < _READ_FOR_LANGUAGES and (code := language(task.context)):
            self.languages[code] += 1
        self.n_rows += 1
        self.by_type[task.name or task.type.value] += 1
        self.documents.add(task.document_id)
        self.n_marked += bool(_MARKER.search(row.pair.prompt) or _MARKER.search(row.pair.target))


def export_tasks(run: Run, wanted: Wanted, into: Path) -> Exported:
    """Write the curated tasks of `run` into the new folder `into`, as `wanted`.

    The same run gives the same bytes. Memory grows with the number of passages, by some sixty
    bytes each, and not with what they or the tasks say.

    Raises:
        RecipeError: If the run has no finished stage curate, `into` holds something, or too little
            is left to write.
        DataError: If a ledger of the run and its manifest do not say the same.
    """
    if into.exists() and (not into.is_dir() or any(into.iterdir())):
        raise RecipeError(f"{into}: is there already; name a new folder with --out")
    parts = list(_parts(run, wanted.domain))
    form = FORMATS[wanted.format]
    choice = _chosen(parts, wanted, exam=form.exam)
    into.parent.mkdir(parents=True, exist_ok=True)
    if into.exists():
        into.rmdir()  # empty; a folder that is there counts as made by another process
    told = _Told()
    with new_folder(into) as folder:
        with _Writer(folder) as writer:
            for row, split in _rows(parts, choice, wanted.book, told):
                match form.shape(row, split):
                    case Flaw(reason=reason):
                        told.left_out[reason] += 1
                    case shaped:
                        writer.put(shaped.file, shaped.columns, row)
                        told.count(row)
        _check_enough(run, wanted, told, form.fewest)
        facts = Facts(name=_name(run), base=_base(parts[0].recipe), counts=writer.counts)
        for name, text in form.beside(facts).items():
            write_text(folder / name, text)
        write_text(folder / "README.md", card(_sheet(run, wanted, facts, told, parts), form))
    return Exported(
        folder=into, counts=facts.counts, left_out=dict(told.left_out), n_marked=told.n_marked
    )


def _parts(run: Run, domain: str | None) -> Iterator[_Part]:
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
        yield _Part(name, inner, recipe, held_out)


def _chosen(parts: list[_Part], wanted: Wanted, *, exam: bool) -> _Choice:
    """The documents of the test file, and the tasks that are drawn."""
    seed = parts[0].recipe.seed
    choice = _Choice(exam)
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


def _ids(parts: list[_Part]) -> Iterator[tuple[_Part, dict[str, Any]]]:
    for part in parts:
        for path in part.run.stage("curate").parts():
            for row in tables.read(path, ["id", "document_id"]):
                yield part, row


def _rows(
    parts: list[_Part], choice: _Choice, book: str, told: _Told
) -> Iterator[tuple[Row, Split]]:
    """The rows of every split in turn, in the order of the run; what has no split is counted."""
    places = [Places(part.run.stage("ingest").parts()) for part in parts]
    for split in choice.splits:
        for part, of_part in zip(parts, places, strict=True):
            for task in tables.tasks(part.run.stage("curate").parts()):
                side = choice.side(part, task.document_id, task.id)
                if side == split:
                    yield from ((row, split) for row in _forms(task, part, of_part, book, told))
                elif side not in choice.splits and split == choice.splits[0]:
                    told.left_out[side] += 2 if book == "both" else 1


def _forms(task: Task, part: _Part, places: Places, book: str, told: _Told) -> Iterator[Row]:
    """A task with its passage, without it, or both; what says nothing new is counted."""
    asked: set[str] = set()
    place = places.of(task.context_id)
    for shape in ("open", "closed") if book == "both" else (book,):
        (pair,) = task_pairs([task], shape)
        reason = _why_not(pair, asked)
        if reason:
            told.left_out[reason] += 1
            continue
        asked.add(pair.prompt)
        yield Row(task=task, pair=pair, book=shape, place=place, domain=part.domain)


def _why_not(pair: Pair, asked: set[str]) -> str:
    if not pair.prompt.strip():
        return "prompt-empty"
    if not pair.target.strip():
        return "response-empty"
    return "same-without-passage" if pair.prompt in asked else ""


class _Writer:
    """Data files that open when their first row comes, and the lineage beside them."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._stack = folder, ExitStack()
        self._puts: dict[str, Callable[[Mapping[str, Any]], object]] = {}
        self.counts: dict[str, int] = {}
        """Data file -> its rows."""

    def __enter__(self) -> _Writer:
        self._lineage = self._lines(LINEAGE)
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.__exit__(*error)  # type: ignore[arg-type]  # as they come

    def put(self, file: str, columns: Mapping[str, Any], row: Row) -> None:
        """Write a row into `file`, and where it comes from."""
        if file not in self._puts:
            self._puts[file] = self._rows(file) if file.endswith("parquet") else self._lines(file)
        at = self.counts.setdefault(file, 0)
        self._puts[file](columns)
        self._lineage({"file": file, "row": at, **lineage(row)})
        self.counts[file] += 1

    def _lines(self, file: str) -> Callable[[Mapping[str, Any]], object]:
        opened = self._stack.enter_context(
            (self._folder / file).open("w", encoding="utf-8", newline="")
        )
        return lambda columns: opened.write(line(columns))

    def _rows(self, file: str) -> Callable[[Mapping[str, Any]], object]:
        return self._stack.enter_context(tables.writing(self._folder / file, hub.SCHEMA))


def _check_enough(run: Run, wanted: Wanted, told: _Told, fewest: int) -> None:
    if told.n_rows >= fewest:
        return
    gone = ", ".join(f"{reason} {n}" for reason, n in sorted(told.left_out.items()))
    raise RecipeError(
        f"{run.folder}: {told.n_rows} rows are left for --format {wanted.format}, which needs "
        f"{fewest} or more; {f'left out: {gone}' if gone else '3-curated/dropped says why'}"
    )


def _sheet(run: Run, wanted: Wanted, facts: Facts, told: _Told, parts: list[_Part]) -> Sheet:
    """What the card says."""
    n_gone = told.left_out.total()
    return Sheet(
        run=run.folder.name,
        command=_command(wanted),
        format=wanted.format,
        facts=facts,
        book=wanted.book,
        languages=[code for code, _ in told.languages.most_common()],
        by_type=dict(sorted(told.by_type.items())),
        n_documents=len(told.documents),
        left_out=Reached(
            stage="export",
            unit="row",
            arrived=told.n_rows + n_gone,
            passed=told.n_rows,
            dropped=dict(sorted(told.left_out.items())),
        ),
        n_marked=told.n_marked,
        makings=[_making(part) for part in parts],
    )


def _command(wanted: Wanted) -> str:
    """The command that writes the same rows again."""
    words = [f"--format {wanted.format}"]
    if wanted.book != "open":
        words.append(f"--book {wanted.book}")
    if wanted.split:
        words.append(f"--split {wanted.split:g}")
    if wanted.limit is not None:
        words.append(f"--limit {wanted.limit}")
    if wanted.domain:
        words.append(f"--domain {wanted.domain}")
    return f"katsuo export RUN {' '.join(words)} --out FOLDER"


def _making(part: _Part) -> Making:
    made = part.run.stage("generate").manifest
    steps = [step for step in funnel(part.run) if step.stage in _STAGES]
    return Making(
        domain=part.domain,
        funnel=[
            Reached(
                stage=step.stage,
                unit=step.unit,
                arrived=step.arrived,
                passed=step.passed,
                dropped={
                    f"{by}: {reason}": n
                    for by, reasons in step.dropped.items()
                    for reason, n in reasons.items()
                },
            )
            for step in steps
        ],
        generator=f"{made['model']['name']}@{made['model']['identity'][:16]}",
        task_types=[*part.recipe.generate.task_types, *part.recipe.generate.tasks],
        filters=[_filter(name, chosen) for name, chosen in part.recipe.filters],
        seed=part.recipe.seed,
        recipe_sha256=sha256(part.run.folder / "recipe.yaml"),
    )


def _filter(name: str, chosen: Mapping[str, Any]) -> str:
    said = ", ".join(f"{key} {value}" for key, value in chosen.items())
    return f"{name} ({said})" if said else name


def _name(run: Run) -> str:
    """The run's name as trainers take names: letters, digits and underscores."""
    return re.sub(r"[^a-z0-9]+", "_", run.folder.name.lower()).strip("_") or "katsuo"


def _base(recipe: Recipe) -> str:
    return _UNTAUGHT.get(recipe.adapt.base, recipe.adapt.base)
