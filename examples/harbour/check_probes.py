"""Check the held-out probes of the Brannesk Harbour example against its documents.

Run ``python examples/harbour/check_probes.py`` from the root of the repository. The program prints
one line of counts per probe file. At the first fault it names the probe and ends with status 1.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import docx
import pypdfium2

HERE = Path(__file__).resolve().parent
ROWS_PER_FILE = 48
CONTEXT_WORDS = range(40, 96)
ANSWER_WORDS = range(1, 7)
LABELS = {
    "harbour_yesno.jsonl": ("yes", "no"),
    "harbour_spans.jsonl": (),
    "harbour_claims.jsonl": ("entailment", "neutral", "contradiction"),
}
LAST_KEYS = {
    "harbour_yesno.jsonl": ["question", "label"],
    "harbour_spans.jsonl": ["question", "answers"],
    "harbour_claims.jsonl": ["hypothesis", "label"],
}

Row = dict[str, Any]


class ProbeError(Exception):
    """A probe, or a file of probes, that breaks a rule."""


class TextCollector(HTMLParser):
    """Collect the text between the tags of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []

    def handle_data(self, data: str) -> None:
        """Keep one piece of text."""
        self.pieces.append(data)


def normalise(text: str) -> str:
    """Write every run of white space as one space."""
    return " ".join(text.split())


def html_text(path: Path) -> str:
    """Return the text of an HTML file."""
    collector = TextCollector()
    collector.feed(path.read_text(encoding="utf-8"))
    collector.close()
    return " ".join(collector.pieces)


def pdf_text(path: Path) -> str:
    """Return the text of all pages of a PDF file."""
    with pypdfium2.PdfDocument(path) as document:
        return "\n".join(page.get_textpage().get_text_range() for page in document)


@cache
def document_text(name: str) -> str:
    """Return the text of one document, with its white space normalised."""
    path = HERE / "documents" / name
    if path.suffix == ".docx":
        return normalise("\n".join(p.text for p in docx.Document(str(path)).paragraphs))
    if path.suffix == ".pdf":
        return normalise(pdf_text(path))
    if path.suffix == ".html":
        return normalise(html_text(path))
    return normalise(path.read_text(encoding="utf-8"))


def check_context(row: Row) -> None:
    """Check that the context is a passage of the named document and of the agreed length."""
    if not (HERE / "documents" / row["source_document"]).is_file():
        raise ProbeError(f"{row['id']}: there is no document {row['source_document']}")
    if len(row["context"].split()) not in CONTEXT_WORDS:
        raise ProbeError(f"{row['id']}: the context is too short or too long")
    if normalise(row["context"]) not in document_text(row["source_document"]):
        raise ProbeError(f"{row['id']}: the context is not in {row['source_document']}")


def check_spans(row: Row) -> None:
    """Check that every answer stands in the context at the offset given for it."""
    texts, starts = row["answers"]["text"], row["answers"]["answer_start"]
    if len(texts) != len(starts) or not 1 <= len(texts) <= 3 or len(set(texts)) != len(texts):
        raise ProbeError(f"{row['id']}: there must be 1 to 3 distinct answers, each with an offset")
    for text, start in zip(texts, starts, strict=True):
        if start < 0 or row["context"][start : start + len(text)] != text:
            raise ProbeError(f"{row['id']}: {text!r} does not stand at offset {start}")
        if len(text.split()) not in ANSWER_WORDS:
            raise ProbeError(f"{row['id']}: {text!r} is not 1 to 6 words long")


def check_file(name: str, seen: set[str]) -> str:
    """Check one file of probes and return a line of counts."""
    lines = (HERE / "probes" / name).read_text(encoding="utf-8").splitlines()
    rows: list[Row] = [json.loads(line) for line in lines]
    labels = LABELS[name]
    for row in rows:
        if list(row) != ["id", "source_document", "context", *LAST_KEYS[name]]:
            raise ProbeError(f"{row.get('id', name)}: wrong keys {list(row)}")
        if row["id"] in seen:
            raise ProbeError(f"{row['id']}: the id is used twice")
        seen.add(row["id"])
        check_context(row)
        if not labels:
            check_spans(row)
        elif row["label"] not in labels:
            raise ProbeError(f"{row['id']}: unknown label {row['label']!r}")
    if len(rows) != ROWS_PER_FILE:
        raise ProbeError(f"{name}: {len(rows)} rows instead of {ROWS_PER_FILE}")
    counts = Counter(row["label"] for row in rows) if labels else Counter[str]()
    if len(set(counts.values())) > 1 or len(counts) != len(labels):
        raise ProbeError(f"{name}: the labels are not balanced: {dict(counts)}")
    documents = len({row["source_document"] for row in rows})
    balance = "".join(f", {counts[label]} {label}" for label in labels)
    return f"{name}: {len(rows)} rows from {documents} documents{balance}"


def main() -> None:
    """Check all files of probes."""
    seen: set[str] = set()
    for name in LABELS:
        print(check_file(name, seen))
    print(f"All {len(seen)} probes are sound.")


if __name__ == "__main__":
    try:
        main()
    except ProbeError as error:
        sys.exit(str(error))
