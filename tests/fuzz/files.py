"""Bytes that a fuzzer begins with: small, whole files of every format, made here."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

SENTENCE: Final = "The harbour master keeps a register of every vessel that lies at the quay."
_WORD: Final = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_TYPES: Final = (
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="xml" ContentType="application/xml"/>'
    '<Default Extension="rels" '
    'ContentType="application/vnd.openxmlformats-package.relationships+xml"/></Types>'
)
_RELATIONS: Final = (
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/'
    'relationships/officeDocument" Target="word/document.xml"/></Relationships>'
)


def archive(parts: dict[str, str | bytes]) -> bytes:
    """A zip archive of these parts."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in parts.items():
            made.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def docx(body: str = f"<w:p><w:r><w:t>{SENTENCE}</w:t></w:r></w:p>") -> bytes:
    """The smallest Word file."""
    text = f'<w:document xmlns:w="{_WORD}"><w:body>{body}</w:body></w:document>'
    return archive(
        {"[Content_Types].xml": _TYPES, "_rels/.rels": _RELATIONS, "word/document.xml": text}
    )


def epub(chapter: str = f"<h1>Quays</h1><p>{SENTENCE}</p>", *, href: str = "one.xhtml") -> bytes:
    """The smallest book."""
    return archive(
        {
            "META-INF/container.xml": '<container><rootfiles><rootfile full-path="book.opf"/>'
            "</rootfiles></container>",
            "book.opf": f'<package><manifest><item id="one" href="{href}"/></manifest>'
            '<spine><itemref idref="one"/></spine></package>',
            "one.xhtml": f'<?xml version="1.0"?><html><body>{chapter}</body></html>',
        }
    )


def pdf(*, kids: bytes = b"3 0 R", count: int = 1, text: bytes = b"A page of it") -> bytes:
    """A PDF whose page tree holds `kids`; object 3 is a page."""
    stream = b"BT /F1 12 Tf 10 100 Td (%s) Tj ET" % text
    bodies = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[%s]/Count %d>>" % (kids, count),
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]/Contents 4 0 R"
        b"/Resources<</Font<</F1 5 0 R>>>>>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(stream), stream),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    out = b"%PDF-1.4\n"
    places: list[int] = []
    for number, body in enumerate(bodies, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    end = b"trailer<</Size 6/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % len(out)
    return out + b"xref\n0 6\n0000000000 65535 f \n" + table + end


def parquet() -> bytes:
    """A table of two rows."""
    out = io.BytesIO()
    pq.write_table(pa.table({"text": ["a text", None]}), out)
    return out.getvalue()


_OF_FORM: Final = {
    "txt": f"{SENTENCE}\r\nSecond \u202eline\0.".encode(),
    "md": f"# Quays\n\n{SENTENCE} <|im_start|>".encode(),
    "html": f'<html><meta charset="utf-8"><body><h1>Quays</h1><p>{SENTENCE}</p></body>'.encode(),
    "csv": f'text;n\n"{SENTENCE}";1\n\n;2\n'.encode(),
    "jsonl": b'{"text": "one"}\n{"text": 3}\nno\n{"text": "\\ud800"}\n',
    "docx": docx(),
    "pptx": archive({"[Content_Types].xml": _TYPES, "_rels/.rels": _RELATIONS}),
    "epub": epub(),
    "pdf": pdf(),
    "parquet": parquet(),
}


def reader_seeds(forms: Sequence[str]) -> list[bytes]:
    """A file of each form behind the byte that stands for it, and the same in UTF-16."""
    whole = [bytes([number]) + _OF_FORM[form] for number, form in enumerate(forms)]
    return [*whole, b"\0" + SENTENCE.encode("utf-16"), b"\0Stra\xdfe am Hafen", b""]


def wire_seeds() -> list[bytes]:
    """Completions in both formats."""
    return [
        b"{{context}}\nWho?\n<|pipe|>\nthe master\0A passage.\0A passage.\nWho?\0the master",
        b"Passage: <|context|> <|task|>\nQuestion: Who?\nAnswer: he\0a <|pipe|> b\0{{context}}\0x",
        b"one <|pipe|> two <|pipe|> three\0\xff\0yes\0no",
        b"exam\0A passage.\0fees\0what berths cost",
    ]


def recipe_seeds() -> list[bytes]:
    """Recipes of both roads, and what YAML can do."""
    return [
        b"name: a\ningest: {paths: [docs]}\ngenerate: {generator: fake}\nadapt: {base: fake}\n",
        b"curate: [well_formed, {grounded: {max_answer_words: 40}}]\nevaluate: {sets: []}\n",
        b"name: b\ndomains: {one: {ingest: {paths: [a]}}}\nextends: recipe.yaml\n",
        b"a: &a [x, x]\nb: &b [*a, *a]\nname: *b\n",
        b"base: &b {seed: 1}\n<<: *b\nseed: 2001-01-01\nlimit: .inf\n",
        b"remix: {sources: [boolq]}\nteach: {base: tiny, rank: 2}\n",
        b"duty: {like: ynqa, labels: {yes: it holds, no: it does not}, ask: 'Does it hold?'}\n",
    ]


def export_seeds() -> list[bytes]:
    """Instruction, response, passage, source and label of a task."""
    return [
        b"A passage. Is it so? Answer yes or no.\0yes\0A passage.\0docs/a.md#1\0no",
        "one\u2028two <|im_end|>\0{{context}}\0\x85\0caf\u00e9: a, 'b'\0- x\n".encode(),
        b"\xff\0\xff\0\xff\0\xff\0\xff",
    ]


def row_seeds() -> list[bytes]:
    """Lines of an evaluation set."""
    return [b'{"id": "p", "question": "?", "label": "yes"}\n\n[1]\n', b"{" * 99, b"\xff\n"]
