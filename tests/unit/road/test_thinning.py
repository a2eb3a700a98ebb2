from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from katsuo import filters
from katsuo.protocols import Selector
from katsuo.road.cards import Tally
from katsuo.road.thinning import thin
from katsuo.stages.curate import signature_of
from katsuo.store import tables
from katsuo.types import Origin, Task, TaskType, digest

TYPES = (TaskType.EXQA, TaskType.QG, TaskType.SENTIMENT, TaskType.NLI)


@st.composite
def tasks(draw: st.DrawFn) -> Task:
    kind = draw(st.sampled_from(TYPES))
    passage = draw(st.sampled_from(["A gull sat on the quay.", "The pilot waited for the tide."]))
    asked = draw(st.sampled_from(["Who sat there?", "who sat there?", "What did the pilot do?"]))
    response = draw(st.sampled_from(["a gull", "A  gull", "it waited"]))
    return Task(
        id="",
        document_id="d",
        context_id="c",
        context=passage,
        type=kind,
        instruction=f"{passage}\n{asked}",
        response=response,
        origin=Origin(generator="tiny/one", format="bonito-v1", seed=0),
    )


def thinned(found: list[Task]) -> tuple[list[str], dict[str, str], Tally]:
    """Ids that stay, ids that went with their reason, and the counts."""
    tally = Tally([])
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        with tables.writing(folder / "rows.parquet", tables.TASKS) as put:
            for task in found:
                tally.keep(task, put)
        tables.write(folder / "dropped.parquet", tables.DROPPED, [])
        thin(folder, tally)
        kept = [task.id for task in tables.tasks([folder / "rows.parquet"])]
        lines = map(tables.dropped_of, tables.read(folder / "dropped.parquet"))
        return kept, {line.item_id: line.reason for line in lines}, tally


@given(drawn=st.lists(tasks(), max_size=30))
@settings(max_examples=30, deadline=None)
def test_pile_by_pile_the_twins_are_those_of_the_whole_set(drawn: list[Task]) -> None:
    found = [replace(task, id=digest(str(n))) for n, task in enumerate(drawn)]
    part = filters.build("fresh", {})
    assert isinstance(part, Selector)
    verdicts = dict(part.select(map(signature_of, found)))
    kept, dropped, tally = thinned(found)
    assert kept == [task.id for task in found if verdicts[task.id].keep]
    assert dropped == {id_: one.reason for id_, one in verdicts.items() if not one.keep}
    assert (tally.counts.passed, tally.counts.arrived) == (len(kept), len(found))
    assert sum(tally.card["by_type"].values()) == len(kept)
