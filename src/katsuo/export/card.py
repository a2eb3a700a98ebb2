"""The dataset card: what is in the folder, how it came about, what it is not.

YAML front matter for the Hub and for `datasets.load_dataset(FOLDER)`, then Markdown for people.
"""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import yaml

from katsuo.export.formats import Facts, Format
from katsuo.export.lines import plain
from katsuo.version import VERSION

_SIZES: Final = (
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
)
"""As the Hub names sizes; beyond them `1M<n<10M`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """One stage of the funnel."""

    stage: str
    unit: str
    arrived: int
    passed: int
    dropped: Mapping[str, int]
    """Reason -> how many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Making:
    """How the rows of one run came about."""

    domain: str
    """Of a study; else empty."""
    funnel: Sequence[Reached]
    generator: str
    task_types: Sequence[str]
    filters: Sequence[str]
    seed: int
    recipe_sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """All that a card says."""

    run: str
    """Name of the run folder."""
    command: str
    """What wrote the folder, without its place."""
    format: str
    facts: Facts
    book: str
    languages: Sequence[str]
    """Codes of the passages' languages; empty where none is sure."""
    by_type: Mapping[str, int]
    n_documents: int
    left_out: Reached
    """What the export itself left out."""
    n_marked: int
    """Rows that hold a chat template's marker as plain text."""
    makings: Sequence[Making]


def card(sheet: Sheet, form: Format) -> str:
    """`README.md` of an export."""
    front = yaml.safe_dump(_front(sheet), sort_keys=False, allow_unicode=True)
    return f"---\n{front}---\n\n" + "\n".join(_body(sheet, form)) + "\n"


def _front(sheet: Sheet) -> dict[str, Any]:
    n_rows = sum(sheet.facts.counts.values())
    size = next((name for most, name in _SIZES if n_rows < most), "1M<n<10M")
    return {
        "pretty_name": _words(sheet.run),
        "language": list(sheet.languages) or ["und"],
        "license": "other",
        "license_name": "own-documents",
        "size_categories": [size],
        "task_categories": ["text-generation"],
        "tags": ["synthetic", "instruction-tuning", "katsuo", sheet.format],
        "configs": list(_configs(sheet.facts)),
    }


def _configs(facts: Facts) -> Iterator[dict[str, Any]]:
    """Which files are data: all others in the folder are not."""
    files = [{"split": _split_of(file), "path": file} for file in sorted(facts.counts)[::-1]]
    if len({one["split"] for one in files}) == len(files):
        yield {"config_name": "default", "data_files": files}
        return
    for one in files:  # files with columns of their own
        yield {"config_name": one["path"].partition(".")[0], "data_files": [one]}


def _split_of(file: str) -> str:
    return "train" if "train" in file else "test"


def _body(sheet: Sheet, form: Format) -> Iterator[str]:
    facts = sheet.facts
    yield f"# {_safe(sheet.run)}: tasks for {sheet.format}"
    yield ""
    yield (
        f"Instructions and responses that a program wrote about {sheet.n_documents:,} documents; "
        f"made by katsuo {VERSION}. {_BOOKS[sheet.book]}"
    )
    yield ""
    yield from _table(("file", "rows"), [(f"`{k}`", f"{v:,}") for k, v in facts.counts.items()])
    yield from _table(("task type", "rows"), [(k, f"{v:,}") for k, v in sheet.by_type.items()])
    yield "## Use"
    yield ""
    yield form.use(facts)
    yield ""
    yield (
        "`lineage.jsonl` says of every row where it comes from: document, place and evidence in "
        "characters of the document, generator, seed, scores. Its `file` and `row` (from 0) name "
        "the row."
    )
    yield ""
    yield "## How it came about"
    yield ""
    for making in sheet.makings:
        yield from _making(making)
    yield "What this export left out:"
    yield ""
    yield from _funnel([sheet.left_out])
    yield from _limits(sheet)


_BOOKS: Final = {
    "open": "Every instruction shows its passage.",
    "closed": "No instruction shows its passage: what is asked must be known by heart.",
    "both": "Every task stands here with its passage, and again without.",
}


def _making(making: Making) -> Iterator[str]:
    if making.domain:
        yield f"### {_safe(making.domain)}"
        yield ""
    yield from _funnel(making.funnel)
    rows = [
        ("generator", making.generator),
        ("task types", ", ".join(making.task_types)),
        ("filters", ", ".join(making.filters)),
        ("seed", str(making.seed)),
        ("recipe", f"sha256 {making.recipe_sha256}"),
    ]
    yield from _table(("", ""), [(name, _safe(said)) for name, said in rows])


def _funnel(steps: Sequence[Reached]) -> Iterator[str]:
    rows = []
    for step in steps:
        gone = ", ".join(f"{_safe(reason)} {n:,}" for reason, n in step.dropped.items())
        n_gone = sum(step.dropped.values())
        counted = (f"{step.arrived:,}", f"{step.passed:,}", f"{n_gone:,}")
        rows.append((f"{step.stage} ({step.unit}s)", *counted, gone))
    yield from _table(("stage", "arrived", "passed", "dropped", "reasons"), rows)


def _limits(sheet: Sheet) -> Iterator[str]:
    yield "## Limits"
    yield ""
    yield (
        "A small model wrote the tasks and programs checked them; no person did. Some responses "
        "are wrong. The licence is that of your documents, which stand here passage by passage; "
        "katsuo does not know it. A model tuned on these rows can repeat what it read. "
        "`lineage.jsonl` names documents as the recipe did, folders included; `--push-to-hub` does "
        "not send it."
    )
    if sheet.n_marked:
        yield ""
        yield (
            f"{sheet.n_marked:,} rows hold a marker of a chat template as plain text, such as "
            "`<|im_end|>`: it stood in a document. Many trainers take it for the end of a turn."
        )
    yield ""
    yield "## Again"
    yield ""
    yield "```sh"
    yield "katsuo curate RUN/recipe.yaml --run RUN"
    yield _safe(sheet.command)
    yield "```"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    for row in (head, ["---"] * len(head), *rows):
        yield f"| {' | '.join(row)} |"
    yield ""


def _safe(text: str) -> str:
    """`text` as words in Markdown: no table cell ends in it, and no HTML begins."""
    return html.escape(_words(text), quote=False).replace("|", "\\|").replace("`", "'")


def _words(text: str) -> str:
    """`text` in one line."""
    return " ".join(plain(text).replace("\0", " ").split())
