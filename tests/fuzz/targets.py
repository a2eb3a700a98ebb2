"""What is fuzzed: functions of bytes that must never raise, and bytes to begin with.

    bytes ──target──▶ nothing, or an assertion that fails

A target knows no fuzzer: `run.py` drives it with atheris, `test_targets.py` with its seeds and
hypothesis.
"""

from __future__ import annotations

import json
import tempfile
import unicodedata
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from katsuo import prompted, readers, recipe, school, wire
from katsuo.errors import DataError, RecipeError
from katsuo.export.formats import Facts
from katsuo.export.lines import line, plain
from katsuo.export.rows import Place, Row, lineage
from katsuo.export.table import FORMATS
from katsuo.readers.apart import Apart
from katsuo.readers.limits import Limits
from katsuo.sections import Recipe
from katsuo.store import tables
from katsuo.types import Document, Dropped, Flaw, Origin, Pair, Task, TaskType
from tests.fuzz import files

_SCRATCH: Final = tempfile.TemporaryDirectory(prefix="katsuo-fuzz-")
_TYPES: Final = tuple(TaskType)
_HERE: Final = ("txt", "md", "html", "csv", "jsonl")
_APART: Final = ("docx", "pptx", "epub", "pdf", "parquet")
_MARKS: Final = (*wire.MARKS, *wire.WISH_MARKS, wire.CONTEXT_SLOT, "Question:", "Answer:")
_KEYS: Final = (
    *Recipe.model_fields,
    "extends",
    "<<",
    "*a",
    "&a",
    "!!",
    "null",
    ".inf",
    "$HOME",
    "like",
)
_READER: Final = Apart(Limits(seconds=2, memory_mib=256))


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One thing to fuzz."""

    call: Callable[[bytes], None]
    seeds: Callable[[], list[bytes]]
    share: int = 1
    """Of the time, beside the shares of the others."""
    words: tuple[str, ...] = ()
    """Worth trying in an input."""


def _written(name: str, data: bytes) -> Path:
    path = Path(_SCRATCH.name) / name
    path.write_bytes(data)
    return path


def _texts(data: bytes, n: int) -> list[str]:
    """`n` texts, cut at NULs; broken UTF-8 gives lone surrogates."""
    parts = data.decode("utf-8", "surrogateescape").split("\0", n - 1)
    return parts + [""] * (n - len(parts))


def fuzz_wire(data: bytes) -> None:
    """What is rendered is parsed back; what is parsed is a draft or a flaw."""
    text, context, instruction, response = _texts(data, 4)
    kind = _TYPES[len(data) % len(_TYPES)]
    for parsed in (wire.parse(text, context), prompted.parse(text, context, kind)):
        assert isinstance(parsed, Flaw) or (parsed.instruction.strip() and parsed.response.strip())
    draft = wire.Draft(instruction=instruction, response=response)
    rendered = wire.render(draft, context)
    assert isinstance(rendered, Flaw) or wire.parse(rendered, context) == draft
    wire.prompt(context, kind)
    try:
        wish = wire.Wish(type=kind, labels=((instruction, response),), voice=text)
    except RecipeError:
        return
    asked = wire.katsuo_prompt(context, wish)
    marks = sum(context.strip().count(mark) for mark in (*wire.MARKS, *wire.WISH_MARKS))
    assert sum(asked.count(mark) for mark in (*wire.MARKS, *wire.WISH_MARKS)) <= marks + 5


def fuzz_recipe(data: bytes) -> None:
    """A recipe loads, or one line says why not."""
    path = _written("recipe.yaml", data)
    for load in (recipe.load, recipe.own_tasks, school.load):
        try:
            load(path)
        except RecipeError as error:
            assert str(error)  # noqa: PT017 -- a target knows no pytest
    with suppress(RecipeError):
        recipe.apply({}, data.decode("utf-8", "surrogateescape"))


def _check_items(items: list[Document | Dropped]) -> None:
    assert items, "a file gives a document or a line"
    for item in items:
        if isinstance(item, Dropped):
            assert item.reason
            assert not set(item.excerpt) & set("\0\n\r\x1b")
            json.dumps(item.excerpt).encode("ascii")
        else:
            assert item.text.strip()
            assert unicodedata.is_normalized("NFC", item.text)
            item.text.encode("utf-8")
            assert not set(item.text) & set("\0\r\x1b\u202e\ufeff")


def fuzz_readers(data: bytes) -> None:
    """Files that are read here, whatever they hold, give texts or a line."""
    form = _HERE[data[0] % len(_HERE)] if data else "txt"
    path = _written(f"a.{form}", data[1:])
    try:
        _check_items(list(readers.read(path, text_column="text")))
    except RecipeError as error:
        assert "text" in str(error)  # noqa: PT017


def fuzz_apart(data: bytes) -> None:
    """Files that libraries take apart give texts or a line, and the next file is read."""
    form = _APART[data[0] % len(_APART)] if data else "pdf"
    path = _written(f"a.{form}", data[1:])
    try:
        found = list(_READER.read(path, text_column="text"))
    except RecipeError as error:
        assert "text" in str(error)  # noqa: PT017
        return
    _check_items(found)


def fuzz_exports(data: bytes) -> None:
    """Every trainer's row is one line that says what the task says."""
    instruction, response, context, source, label = _texts(data, 5)
    kind = _TYPES[len(data) % len(_TYPES)]
    task = Task(
        id="t",
        document_id="d",
        context_id="c",
        context=context,
        type=kind,
        instruction=instruction,
        response=response,
        labels=(label, response),
        origin=Origin(generator=source, format="f", seed=1),
    )
    row = Row(
        task=task,
        pair=Pair(prompt=instruction, target=response),
        book="open",
        place=Place(source=source, start=0, end=len(context), heading=label),
    )
    for form in FORMATS.values():
        shaped = form.shape(row, "train")
        if isinstance(shaped, Flaw):
            continue
        _check_line(shaped.columns)
        facts = Facts(name="n", base=source, counts={shaped.file: 1})
        form.use(facts)
        for text in form.beside(facts).values():
            plain(text).encode("utf-8")
    _check_line(lineage(row))


def _check_line(columns: Mapping[str, Any]) -> None:
    written = line(columns)
    assert len(written.splitlines()) == 1
    json.loads(written.encode("utf-8"))


def fuzz_rows(data: bytes) -> None:
    """Evaluation sets: rows, or one line that names the place."""
    path = _written("rows.jsonl", data)
    try:
        for row in tables.rows_of(path):
            assert isinstance(row, dict)
    except DataError as error:
        assert "rows.jsonl" in str(error)  # noqa: PT017


TARGETS: Final[Mapping[str, Target]] = {
    "wire": Target(call=fuzz_wire, seeds=files.wire_seeds, words=_MARKS),
    "recipe": Target(call=fuzz_recipe, seeds=files.recipe_seeds, share=2, words=_KEYS),
    "readers": Target(call=fuzz_readers, seeds=lambda: files.reader_seeds(_HERE), share=2),
    "apart": Target(call=fuzz_apart, seeds=lambda: files.reader_seeds(_APART), share=3),
    "exports": Target(call=fuzz_exports, seeds=files.export_seeds),
    "rows": Target(call=fuzz_rows, seeds=files.row_seeds),
}
"""By name, as `run.py` takes it."""
