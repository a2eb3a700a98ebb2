"""Personal details of documents do not reach what is learned, and the ledger adds up."""

from __future__ import annotations

from pathlib import Path

import pytest

from katsuo import recipe as recipes
from katsuo.road import Event, travel
from katsuo.store import tables
from katsuo.store.runs import Run

MAIL = "anna.keller@firma-keller.de"
TEXT = "\n\n".join(
    f"The harbour office keeps berth {number} free for boats of members who ask in time. "
    f"Write to {MAIL} about berth {number} before the month of May begins."
    for number in range(8)
)


def travelled(recipe: Path, folder: Path, *changes: str) -> tuple[Run, list[Event]]:
    """A run up to curate on the text above."""
    (folder / "harbour.txt").write_text(TEXT, "utf-8")
    heard: list[Event] = []
    run = Run.at(folder / "run")
    chosen = recipes.load(recipe, (f"ingest.paths=[{folder / 'harbour.txt'}]", *changes))
    travel(chosen, run, until="curate", listen=heard.append)
    return run, heard


def test_curated_rows_hold_surrogates_and_drafts_are_as_they_were(
    fake_recipe: Path, tmp_path: Path
) -> None:
    run, heard = travelled(fake_recipe, tmp_path, "curate=[private, well_formed]")
    rows = list(tables.tasks(run.stage("curate").parts()))
    assert any(row.surrogates for row in rows)
    assert not any(MAIL in row.context + row.instruction + row.response for row in rows)
    assert any(MAIL in row.context for row in tables.tasks(run.stage("generate").parts()))
    assert any("tapt learns the passages as they are" in event.note for event in heard)


@pytest.mark.parametrize("mode", ["surrogate", "drop"])
def test_what_arrived_was_kept_or_dropped(mode: str, fake_recipe: Path, tmp_path: Path) -> None:
    run, _ = travelled(fake_recipe, tmp_path, f"curate=[{{private: {{mode: {mode}}}}}, fresh]")
    drafts = sum(1 for _ in tables.tasks(run.stage("generate").parts()))
    counts = run.stage("curate").manifest["counts"]
    assert counts["arrived"] == drafts == counts["passed"] + sum(counts["dropped"].values())
    assert ("holds-email" in counts["dropped"]) == (mode == "drop")
    for part in run.stage("curate").dropped_parts():
        lines = map(tables.dropped_of, tables.read(part))
        assert not any(MAIL in line.excerpt for line in lines if line.by == "private")
