"""The pages, without a socket: what they show, take and refuse."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from katsuo.road import Trip, lineage
from katsuo.road.reviewing import trip_of
from katsuo.store import tables
from katsuo.store.decisions import Decisions
from katsuo.store.runs import Run
from katsuo.types import Span, Task

if TYPE_CHECKING:
    from tests.unit.review.conftest import Browser

WithFirst = Callable[[Callable[[Task], Task]], "Browser"]
HOSTILE = (
    "<script>alert(1)</script> <img src=x onerror=alert(2)> [x](javascript:alert(3)) "
    "\u202egnorw\u202c \u200f\u0627\u0644\u0645\u064a\u0646\u0627\u0621 \x00 {{ 7 * 7 }} "
    '"></textarea><b>bold</b>'
)


def drafts(run: Run) -> list[Task]:
    return list(tables.tasks(run.stage("generate").parts()))


def kept(run: Run) -> list[Task]:
    return list(tables.tasks(run.stage("curate").parts()))


def form(task: Task, **said: str) -> dict[str, str]:
    words = {"instruction": task.instruction, "response": task.response}
    return {"version": "0", "slotted": "no", **words, **said}


def test_the_list_tells_how_many_were_kept_and_dropped(browser: Browser, run: Run) -> None:
    found = browser.get("")
    n_kept, n_dropped = len(kept(run)), len(drafts(run)) - len(kept(run))
    assert found.status == 200
    assert f"{n_kept} tasks kept by the filters, {n_dropped} dropped" in found.text


@pytest.mark.parametrize(
    ("asked", "is_asked"),
    [
        pytest.param("fate=kept", lambda _, line: line is None, id="kept"),
        pytest.param("fate=dropped", lambda _, line: line is not None, id="dropped"),
        pytest.param("kind=exqa", lambda task, _: task.type == "exqa", id="type"),
        pytest.param(
            "reason=instruction-too-short",
            lambda _, line: line == "instruction-too-short",
            id="reason",
        ),
        pytest.param("mine=undecided", lambda *_: True, id="undecided"),
        pytest.param("mine=kept", lambda *_: False, id="decided"),
        pytest.param("least=2", lambda *_: False, id="score"),
    ],
)
def test_a_list_shows_what_is_asked(
    browser: Browser, run: Run, asked: str, is_asked: Callable[[Task, str | None], bool]
) -> None:
    reasons = {line.item_id: line.reason for line in lineage.dropped(run, stage="curate")}
    wanted = [task.id for task in drafts(run) if is_asked(task, reasons.get(task.id))]
    found = browser.get(f"?{asked}")
    assert f">{len(wanted)} row" in found.text
    shown = re.findall(r'<a class="text"[^>]*/task/(\w+)', found.text)
    assert shown == wanted[:50]


def test_a_document_is_asked_for_by_any_part_of_its_name(browser: Browser) -> None:
    assert "ORDER-03.md" not in browser.get("?document=order-04").text
    assert "order-03.md" in browser.get("?document=ORDER-03").text


def test_a_task_stands_beside_its_passage_with_the_evidence_marked(
    browser: Browser, run: Run
) -> None:
    task = next(one for one in kept(run) if one.evidence)
    span = task.evidence[0]
    found = browser.get(f"task/{task.id}")
    assert f"<mark>{task.context[span.start : span.end]}</mark>" in found.text
    assert "kept by the filters" in found.text


def test_a_dropped_task_tells_its_reason(browser: Browser, run: Run) -> None:
    line = next(lineage.dropped(run, stage="curate"))
    assert f"dropped · {line.by}: {line.reason}" in browser.get(f"task/{line.item_id}").text


def test_a_draft_that_was_no_task_is_shown_with_its_passage(browser: Browser, run: Run) -> None:
    line = next(lineage.dropped(run, stage="generate"))
    found = browser.get(f"task/{line.item_id}").text
    assert "could not be read as a task" in found
    assert "It is not known" not in found
    assert 'name="verdict"' not in found


def test_a_decision_is_written_and_leads_to_the_next_task(browser: Browser, run: Run) -> None:
    first, second = drafts(run)[:2]
    found = browser.post(f"task/{first.id}", {"version": "0", "verdict": "drop"})
    assert found.status == 303
    assert found.headers["location"] == f"/the-secret/task/{second.id}?said=dropped"
    assert Decisions(folder=run.folder).of(first).verdict == "drop"
    assert "dropped by you" in browser.get("").text


def test_the_next_task_is_one_of_those_that_were_asked_for(browser: Browser, run: Run) -> None:
    first, second = kept(run)[:2]
    found = browser.post(f"task/{first.id}?mine=undecided&fate=kept", form(first, verdict="keep"))
    assert f"task/{second.id}?fate=kept&mine=undecided&said=kept" in found.headers["location"]


def test_behind_the_last_task_stands_the_list(browser: Browser, run: Run) -> None:
    task = drafts(run)[-1]
    found = browser.post(f"task/{task.id}?kind={task.type}", form(task, verdict="keep"))
    assert found.headers["location"].endswith(f"/?kind={task.type}&said=last")
    assert "the last one of this list" in browser.get("?said=last").text


def test_a_second_tab_that_has_not_seen_a_decision_is_told(browser: Browser, run: Run) -> None:
    task = drafts(run)[0]
    browser.post(f"task/{task.id}", {"version": "0", "verdict": "drop"})
    found = browser.post(f"task/{task.id}", {"version": "0", "verdict": "keep"})
    assert found.status == 409
    assert "decided on in another tab" in found.text
    assert "dropped by you" in found.text
    assert Decisions(folder=run.folder).of(task).verdict == "drop"


def test_words_that_lost_against_another_tab_are_not_lost(browser: Browser, run: Run) -> None:
    task = kept(run)[0]
    browser.post(f"task/{task.id}", {"version": "0", "verdict": "keep"})
    words = form(task, instruction=f"{task.instruction} Say it in one word, please.")
    found = browser.post(f"task/{task.id}/edit", words)
    assert found.status == 409
    assert "Say it in one word, please." in found.text


def test_a_decision_can_be_taken_back(browser: Browser, run: Run) -> None:
    task = drafts(run)[0]
    browser.post(f"task/{task.id}", {"version": "0", "verdict": "drop"})
    found = browser.post(f"task/{task.id}", {"version": "1", "verdict": "open"})
    assert found.headers["location"].endswith(f"task/{task.id}?said=open")
    assert Decisions(folder=run.folder).standing() == {}


def test_words_that_the_filters_refuse_are_shown_with_every_reason(
    browser: Browser, run: Run
) -> None:
    task = next(one for one in kept(run) if one.type == "exqa")
    words = form(task, instruction="Moon?", response="green cheese")
    found = browser.post(f"task/{task.id}/edit", words)
    assert found.status == 422
    assert "instruction-too-short" in found.text
    assert "answer-not-in-context" in found.text
    assert "green cheese</textarea>" in found.text
    assert Decisions(folder=run.folder).standing() == {}


def test_words_that_the_filters_take_stand_in_the_place_of_the_drafts(
    browser: Browser, run: Run
) -> None:
    task = kept(run)[0]
    asked = task.instruction.replace(task.context.strip(), "[the passage]")
    words = form(task, instruction=f"{asked}\r\nSay it in one word, please.", slotted="yes")
    found = browser.post(f"task/{task.id}/edit", words)
    assert found.headers["location"].endswith(f"task/{task.id}?said=edited")
    (decision,) = Decisions(folder=run.folder).standing().values()
    assert decision.instruction is not None
    assert decision.instruction == f"{task.instruction}\nSay it in one word, please."


def test_the_drafts_own_words_are_no_edit(browser: Browser, run: Run) -> None:
    task = kept(run)[0]
    found = browser.post(f"task/{task.id}/edit", form(task))
    assert found.headers["location"].endswith("said=unchanged")
    assert Decisions(folder=run.folder).standing() == {}


def test_decisions_that_wait_are_told_with_the_command(browser: Browser, run: Run) -> None:
    assert "not applied yet" not in browser.get("").text
    browser.post(f"task/{drafts(run)[0].id}", {"version": "0", "verdict": "drop"})
    assert f"katsuo curate {run.folder}" in browser.get("").text


@pytest.mark.parametrize("path", ["task/0123456789abcdef", "nothing"])
def test_what_is_not_there_is_not_found(browser: Browser, path: str) -> None:
    assert browser.get(path).status == 404


def test_a_form_that_is_too_long_is_refused(browser: Browser, run: Run) -> None:
    task = drafts(run)[0]
    assert browser.post(f"task/{task.id}/edit", form(task, response="x" * 2**22)).status == 413


def test_what_may_be_edited_may_be_sent_in_any_script(browser: Browser, run: Run) -> None:
    task = drafts(run)[0]
    words = form(task, instruction="港" * 99_000, response="𠀀" * 99_000)
    assert browser.post(f"task/{task.id}/edit", words).status == 422  # the filters have heard it


def test_hostile_text_is_text_wherever_it_stands(with_first_task: WithFirst) -> None:
    browser = with_first_task(
        lambda task: replace(
            task, context=HOSTILE, instruction=HOSTILE + " Which?", response=HOSTILE,
            evidence=(Span(start=0, end=8),),
        )
    )  # fmt: skip
    for page in (browser.get("").text, browser.get("task/first").text):
        assert "<script>alert" not in page
        assert "<img" not in page
        assert "<b>bold" not in page
        assert 'href="javascript' not in page
        assert "\x00" not in page.partition("<textarea")[0]
        assert "{{ 7 * 7 }}" in page
        scripts = re.findall(r"<script[^>]*>", page)
        assert scripts == ['<script src="/the-secret/review.js" defer>']


def test_signs_that_turn_directions_are_named(with_first_task: WithFirst) -> None:
    browser = with_first_task(lambda task: replace(task, response=HOSTILE))
    found = browser.get("task/first").text
    shown = found.partition("<textarea")[0]
    assert "\u202e" not in shown
    assert '<span class="sign">RLO</span>' in shown
    assert 'class="text" dir="auto"' in shown


def test_a_line_of_a_megabyte_is_cut_and_says_so(with_first_task: WithFirst) -> None:
    long = "z" * 2**20
    browser = with_first_task(lambda task: replace(task, response=long, instruction=f"Why {long}"))
    found = browser.get("task/first")
    assert len(found.text) < 100_000
    assert "1,028,576 more characters are not shown" in found.text
    assert "Too long to be edited here" in found.text


def test_a_run_that_was_curated_anew_has_a_new_index(trip: Trip, browser: Browser) -> None:
    from katsuo.road import travel

    browser.post(f"task/{kept(trip.run)[0].id}", {"version": "0", "verdict": "drop"})
    travel(trip.recipe, trip.run, until="curate", listen=lambda _: None)
    assert "1 row" in browser.get("?reason=dropped-by-hand").text


def test_a_stage_that_is_being_made_is_said(trip: Trip, browser: Browser) -> None:
    (trip.run.stage("curate").folder / "manifest.json").unlink()
    found = browser.get("")
    assert found.status == 409
    assert "is being made anew" in found.text


def test_a_review_wants_a_run_that_was_curated(run: Run, tmp_path: Path) -> None:
    from katsuo.errors import RecipeError

    (run.stage("curate").folder / "manifest.json").unlink()
    with pytest.raises(RecipeError, match="katsuo curate"):
        trip_of(run.folder)
    with pytest.raises(RecipeError, match="is no run folder"):
        trip_of(tmp_path)
