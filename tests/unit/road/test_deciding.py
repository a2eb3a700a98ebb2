"""What a person decided is what curation does, and the ledger says so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from katsuo import filters
from katsuo import recipe as recipes
from katsuo.errors import RecipeError
from katsuo.protocols import Filter
from katsuo.road import lineage, travel
from katsuo.road.deciding import Decided, faults, ruled
from katsuo.road.forgetting import forget
from katsuo.road.judging import Alone, Told
from katsuo.road.reviewing import trip_of
from katsuo.store import tables
from katsuo.store.decisions import DROP, FILE, KEEP, Decision, Decisions, undecided
from katsuo.store.runs import Run
from katsuo.types import Dropped, Origin, Task, TaskType

CONTEXT = "The ferry leaves the northern pier at nine and carries forty bicycles on each crossing."


def task(id_: str = "t", response: str = "forty bicycles") -> Task:
    return Task(
        id=id_,
        document_id="d",
        context_id="c",
        context=CONTEXT,
        type=TaskType.EXQA,
        instruction=f"{CONTEXT}\n\nHow many bicycles does the ferry carry on each crossing?",
        response=response,
        origin=Origin(generator="g", format="f", seed=0),
    )


def built(name: str, **settings: object) -> tuple[str, Filter]:
    part = filters.build(name, settings)
    assert isinstance(part, Filter)
    return name, part


GROUNDED = [built("grounded")]
LEAKS = [
    built("unleaked", texts=("How many bicycles does the ferry carry on each crossing?",)),
    *GROUNDED,
]


def test_a_drop_is_a_line_by_review() -> None:
    found = ruled(task(), replace(undecided(task()), verdict=DROP), GROUNDED)
    assert isinstance(found, Dropped)
    assert (found.by, found.reason, found.item_id) == ("review", "dropped-by-hand", "t")


def test_a_keep_overrides_the_filters_and_is_marked() -> None:
    invented = task(response="sixty horses")
    found = ruled(invented, replace(undecided(invented), verdict=KEEP), GROUNDED)
    assert found == replace(invented, review="kept")


def test_a_keep_does_not_let_a_question_of_the_exam_pass() -> None:
    found = ruled(task(), replace(undecided(task()), verdict=KEEP), LEAKS)
    assert isinstance(found, Dropped)
    assert found.by == "unleaked"


def test_other_words_are_judged_and_their_evidence_is_found_anew() -> None:
    asks = f"{CONTEXT}\n\nWhen does the ferry leave?"
    words = replace(undecided(task()), instruction=asks, response="at nine")
    found = ruled(task(), words, GROUNDED)
    assert isinstance(found, Task)
    assert (found.review, found.response) == ("edited", "at nine")
    assert [CONTEXT[span.start : span.end] for span in found.evidence] == ["at nine"]


def test_other_words_that_the_filters_refuse_leave_the_filters_reason() -> None:
    asks = task().instruction
    words = replace(undecided(task()), instruction=asks, response="at midnight")
    found = ruled(task(), words, GROUNDED)
    assert isinstance(found, Dropped)
    assert (found.by, found.reason) == ("grounded", "answer-not-in-context")


def test_every_fault_of_other_words_is_told() -> None:
    wrong = replace(task(response="at midnight"), instruction="When?")
    told = faults(wrong, [built("well_formed", languages="any"), *GROUNDED])
    assert told == [
        ("well_formed", "instruction-too-short"),
        ("grounded", "answer-not-in-context"),
    ]


@given(st.lists(st.sampled_from(["", "keep", "drop", "edit", "another draft"]), max_size=12))
def test_every_draft_stays_or_goes_in_its_order(said: list[str]) -> None:
    drafts = [task(str(number)) for number in range(len(said))]
    decided = Decided(by_task={d.id: _said(d, how) for d, how in zip(drafts, said, strict=True)})
    alone = Alone.of([Told.of(name, part, []) for name, part in GROUNDED], {})
    kept, lines = decided.judged(drafts, alone, lambda some: (list(some), []))
    order = [draft.id for draft in drafts]
    assert [one.id for one in kept] == [id_ for id_ in order if id_ in {one.id for one in kept}]
    assert sorted([one.id for one in kept] + [line.item_id for line in lines]) == sorted(order)
    assert [line.item_id for line in lines] == [
        draft.id for draft, how in zip(drafts, said, strict=True) if how == "drop"
    ]


def _said(draft: Task, how: str) -> Decision:
    blank = undecided(draft)
    if how == "edit":
        return replace(blank, instruction=draft.instruction, response="at nine")
    if how == "another draft":
        return replace(blank, verdict=DROP, draft="0" * 16)
    return replace(blank, verdict=how)


Curates = Callable[[], Run]


@pytest.fixture
def curates(fake_recipe: Path, tmp_path: Path) -> Curates:
    """Curate the fake run, as the command does."""

    def curate() -> Run:
        run = Run.at(tmp_path / "runs" / "one")
        recipe = recipes.load(
            fake_recipe, ["curate=[{well_formed: {min_instruction_words: 33}}, grounded, fresh]"]
        )
        travel(recipe, run, until="curate", listen=lambda _: None)
        return run

    return curate


def kept(run: Run) -> dict[str, Task]:
    return {one.id: one for one in tables.tasks(run.stage("curate").parts())}


def decide(run: Run, draft: Task, **said: Any) -> None:  # noqa: ANN401 -- fields of a decision
    decisions = Decisions(folder=run.folder)
    assert decisions.put(replace(decisions.of(draft), **said))


def test_a_run_that_nobody_reviewed_has_the_key_it_had(curates: Curates) -> None:
    before = curates().stage("curate").manifest
    again = curates()
    assert again.stage("curate").manifest == before
    decide(again, next(iter(kept(again).values())), verdict="")
    assert curates().stage("curate").manifest == before


def test_what_was_decided_is_in_the_ledger_and_in_the_rows(curates: Curates) -> None:
    run = curates()
    first, second = list(kept(run).values())[:2]
    line = next(lineage.dropped(run, stage="curate"))
    gone = next(
        one for one in tables.tasks(run.stage("generate").parts()) if one.id == line.item_id
    )
    before = run.stage("curate").manifest["key"]
    decide(run, first, verdict=DROP)
    decide(run, gone, verdict=KEEP)
    decide(run, second, instruction=second.instruction + " Say it.", response=second.response)
    curates()
    assert run.stage("curate").manifest["key"] != before
    assert [line.item_id for line in lineage.dropped(run, by="review")] == [first.id]
    now = kept(run)
    assert (now[gone.id].review, now[second.id].review) == ("kept", "edited")
    assert now[second.id].instruction.endswith(" Say it.")
    assert lineage.funnel(run)[-1].dropped["review"] == {"dropped-by-hand": 1}


def test_a_keep_of_words_that_are_no_more_holds_no_selector_back(
    fake_recipe: Path, tmp_path: Path
) -> None:
    run = Run.at(tmp_path / "runs" / "one")

    def curated() -> set[str]:
        recipe = recipes.load(fake_recipe, ["curate=[fresh]", "generate.per_context=6"])
        travel(recipe, run, until="curate", listen=lambda _: None)
        return set(kept(run))

    before = curated()
    drafts = list(tables.tasks(run.stage("generate").parts()))
    gone = [draft for draft in drafts if draft.id not in before]
    assert gone
    for draft in gone:
        decide(run, replace(draft, response=f"not {draft.response}"), verdict=KEEP)
    assert curated() == before
    for draft in gone:
        decide(run, draft, verdict=KEEP)
    assert {draft.id for draft in gone} <= curated()


def test_a_decision_that_is_taken_back_leaves_the_files_as_they_were(curates: Curates) -> None:
    run = curates()
    before = run.stage("curate").manifest["outputs"]
    first = next(iter(kept(run).values()))
    decide(run, first, verdict=DROP)
    curates()
    assert run.stage("curate").manifest["outputs"] != before
    decide(run, first, verdict="")
    curates()
    assert run.stage("curate").manifest["outputs"] == before


def test_tasks_stay_decided_where_the_file_of_decisions_is_not(
    curates: Curates, fake_recipe: Path
) -> None:
    run = curates()
    decide(run, next(iter(kept(run).values())), verdict=DROP)
    before = curates().stage("curate").manifest
    Decisions(folder=run.folder).path.rename(run.folder.parent / FILE)  # as a fetched run is
    assert curates().stage("curate").manifest == before
    with pytest.raises(RecipeError, match=r"decisions by hand.*review\.sqlite"):
        trip_of(run.folder)
    other = recipes.load(fake_recipe, ["curate=[well_formed]"])
    with pytest.raises(RecipeError, match=r"decisions by hand.*review\.sqlite"):
        travel(other, run, until="curate", listen=lambda _: None)
    assert run.stage("curate").manifest == before
    (run.folder.parent / FILE).rename(run.folder / FILE)
    travel(other, run, until="curate", listen=lambda _: None)
    assert len(list(lineage.dropped(run, by="review"))) == 1


def test_forgetting_a_document_takes_its_decisions_alone(curates: Curates) -> None:
    run = curates()
    by_document = {one.document_id: one for one in kept(run).values()}
    one, other = list(by_document.values())[:2]
    decide(run, one, instruction=one.context, response=one.context)
    decide(run, other, verdict=KEEP)
    told = forget(run.folder, one.document_id, lambda _: None)
    assert list(Decisions(folder=run.folder).standing()) == [other.id]
    assert not [path for path in told.deleted if path.endswith("review.sqlite")]
