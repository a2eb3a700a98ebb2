"""A real document is forgotten: ten of its sentences are everywhere before and nowhere after.

The search here is written apart from the one that `katsuo forget` proves its work by.
"""

from __future__ import annotations

import html
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml

from katsuo.scoring.coverage import sentences
from katsuo.store import tables
from katsuo.types import Task

pytestmark = pytest.mark.slow

GONE = ("rfc1951_deflate.txt", "usds_techfar_handbook.docx")


def katsuo(*words: str) -> None:
    command = [sys.executable, "-m", "katsuo.cli", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def plain(text: str) -> str:
    return " ".join(text.split()).casefold()


def texts_of(path: Path) -> Iterator[str]:
    if path.suffix == ".parquet":
        for row in pq.read_table(path).to_pylist():
            yield json.dumps(row, ensure_ascii=False, default=str)
    elif path.suffix == ".sqlite":
        with closing(sqlite3.connect(path)) as database:
            yield "\n".join(database.iterdump())
    else:
        text = path.read_bytes().decode("utf-8", "ignore")
        yield text
        yield html.unescape(text)


def found_in(folder: Path, wanted: list[str]) -> dict[str, set[Path]]:
    """Sentence -> the files below `folder` that hold it."""
    held: dict[str, set[Path]] = {one: set() for one in wanted}
    for path in (path for path in folder.rglob("*") if path.is_file()):
        for text in texts_of(path):
            said = plain(text.replace("\\n", " ").replace('\\"', '"'))
            for one in wanted:
                if plain(one) in said:
                    held[one].add(path)
    return held


def curated(run: Path) -> dict[str, Task]:
    parts = sorted((run / "3-curated").glob("part-*.parquet"))
    return {task.id: task for task in tables.tasks(parts)}


def sources(run: Path) -> dict[str, str]:
    """Document id -> the name of its file."""
    return {
        row["document_id"]: Path(row["source"]).name
        for part in sorted((run / "1-contexts").glob("part-*.parquet"))
        for row in tables.read(part)
    }


def plant(run: Path, wanted: list[str]) -> None:
    """Files that no stage made, as people have them."""
    with closing(sqlite3.connect(run / "notes.sqlite")) as database:
        database.execute("CREATE TABLE notes (said TEXT)")
        database.execute("INSERT INTO notes VALUES (?)", (wanted[0],))
        database.commit()
    (run / "export.jsonl").write_text(json.dumps({"text": wanted[1]}) + "\n", "utf-8")
    (run / "seen.log").write_text(wanted[2] + "\n", "utf-8")


@pytest.mark.parametrize("name", GONE)
def test_ten_sentences_of_a_real_document_are_gone(name: str, tmp_path: Path) -> None:
    if not (data := os.environ.get("KATSUO_DATA")):
        pytest.skip("KATSUO_DATA names no data folder")
    runs, run = tmp_path / "runs", tmp_path / "runs" / "one"
    recipe = {
        "ingest": {"paths": [f"{data}/documents"]},
        "generate": {"generator": "fake", "task_types": ["exqa", "ynqa"]},
        "adapt": {"base": "fake", "arms": ["tasks", "tapt"]},
        "evaluate": {"held_out": 0.2, "harm": {"check": False}},
    }
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe), "utf-8")
    katsuo("run", str(path), "--run", str(run))
    before, named = curated(run), sources(run)
    own = {id_: task for id_, task in before.items() if named[task.document_id] == name}
    passages = list(dict.fromkeys(task.context for task in own.values()))
    long = [p[s.start : s.end].strip() for p in passages for s in sentences(p)]
    wanted = [one for one in dict.fromkeys(long) if '"' not in one and len(one.split()) > 9][:10]
    assert len(wanted) == 10
    plant(run, wanted)
    held = found_in(runs, wanted)
    assert all(held.values())

    katsuo("forget", str(run), name, "--yes")
    assert not any(found_in(runs, wanted).values())
    left = {id_: task for id_, task in before.items() if id_ not in own}
    katsuo("run", str(path), "--run", str(run))
    assert not any(found_in(runs, wanted).values())
    again = curated(run)
    assert left.keys() <= again.keys()
    assert all(again[id_] == task for id_, task in left.items())
    assert name not in sources(run).values()
    kinds = {path.suffix for paths in held.values() for path in paths}
    assert kinds >= {".parquet", ".sqlite", ".jsonl", ".log"}
