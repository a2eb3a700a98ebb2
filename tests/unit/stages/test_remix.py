from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from katsuo import wire
from katsuo.errors import RecipeError
from katsuo.stages.remix import RemixSettings, remix
from katsuo.templates import Row, Source, Template
from katsuo.types import Dropped, Task, TaskType

YES_NO = Template(
    name="yes_no",
    type=TaskType.YNQA,
    choices=("No", "Yes"),
    instruction="{{context}}\n{{ question }}",
    response="{{ choices[label] }}",
)
SPAN = Template(
    name="span", type=TaskType.EXQA, instruction="{{context}}\nWhat?", response="{{ span }}"
)
SPAN_AGAIN = Template(
    name="span_again", type=TaskType.EXQA, instruction="What? {{context}}", response="{{ span }}"
)


def source(*templates: Template, name: str = "tiny/one", document: str | None = None) -> Source:
    return Source(
        name=name,
        data="tiny",
        splits=("train",),
        licence="CC0",
        context="passage",
        document=document,
        templates=templates,
    )


def row(passage: str = " A gull sat. ", **changes: object) -> Row:
    return {"passage": passage, "question": "Did it?", "label": 1, "span": "gull", **changes}


def rows(n: int) -> list[Row]:
    return [row(f"Gull {i} sat.", span=f"Gull {i}") for i in range(n)]


def remixed(
    *sources: tuple[Source, Iterable[Row]], settings: RemixSettings | None = None
) -> list[Task | Dropped]:
    return list(remix(sources, settings or RemixSettings(seed=1)))


def tasks(outcomes: Iterable[Task | Dropped]) -> list[Task]:
    return [outcome for outcome in outcomes if isinstance(outcome, Task)]


def test_a_row_becomes_a_task_that_comes_back_from_the_wire() -> None:
    (task,) = tasks(remixed((source(YES_NO), [row()])))
    assert (task.context, task.instruction, task.response) == (
        "A gull sat.",
        "A gull sat.\nDid it?",
        "Yes",
    )
    assert (task.origin.generator, task.origin.format) == ("tiny/one/yes_no", wire.BONITO_V1)
    draft = wire.Draft(instruction=task.instruction, response=task.response)
    text = wire.render(draft, task.context)
    assert isinstance(text, str)
    assert wire.parse(text, task.context) == draft


@pytest.mark.parametrize(
    ("template", "bad", "by", "reason"),
    [
        pytest.param(YES_NO, row("  "), "tiny/one", "context-empty", id="no-passage"),
        pytest.param(YES_NO, row("a" * 2401), "tiny/one", "context-too-long", id="long"),
        pytest.param(YES_NO, row(label=7), "tiny/one/yes_no", "render-failed", id="unrenderable"),
        pytest.param(SPAN, row(span=" "), "tiny/one/span", "response-empty", id="blank"),
        pytest.param(
            SPAN, row(span="gul"), "tiny/one/span", "answer-not-in-context", id="half-a-word"
        ),
        pytest.param(
            YES_NO,
            row(question="A gull sat. Did it?"),
            "tiny/one/yes_no",
            "context-repeated",
            id="passage-twice",
        ),
        pytest.param(
            YES_NO, row(question="<|pipe|>"), "tiny/one/yes_no", "marker-in-text", id="marker"
        ),
        pytest.param(
            YES_NO, row(question="{{context}}"), "tiny/one/yes_no", "not-invertible", id="slot"
        ),
        pytest.param(
            Template(
                name="late",
                type=TaskType.QA,
                instruction="{{context}}",
                response="x",
                when="label > 1",
            ),
            row(),
            "tiny/one",
            "no-template-fits",
            id="condition",
        ),
        pytest.param(
            Template(
                name="odd",
                type=TaskType.QA,
                instruction="{{context}}",
                response="x",
                when="label > span",
            ),
            row(),
            "tiny/one/odd",
            "render-failed",
            id="condition-fails",
        ),
        pytest.param(
            Template(
                name="sure",
                type=TaskType.YNQA,
                choices=("Yes", "No"),
                instruction="{{context}}",
                response="yes",
            ),
            row(),
            "tiny/one/sure",
            "response-not-in-choices",
            id="other-word",
        ),
        pytest.param(
            Template(
                name="twins",
                type=TaskType.MCQA,
                choices="[span, span]",
                instruction="{{context}}",
                response="{{ span }}",
            ),
            row(),
            "tiny/one/twins",
            "choices-repeated",
            id="same-option-twice",
        ),
    ],
)
def test_a_row_that_gives_no_task_leaves_its_reason(
    template: Template, bad: Row, by: str, reason: str
) -> None:
    (dropped,) = remixed((source(template), [bad]))
    assert isinstance(dropped, Dropped)
    assert (dropped.stage, dropped.by, dropped.reason) == ("remix", by, reason)


def test_the_same_task_is_made_once() -> None:
    first, second = remixed((source(YES_NO), [row(), row(id="other")]))
    assert isinstance(first, Task)
    assert isinstance(second, Dropped)
    assert second.reason == "duplicate"


def test_the_same_seed_gives_the_same_tasks_and_another_seed_others() -> None:
    made = [
        remixed((source(YES_NO, SPAN, SPAN_AGAIN), rows(30)), settings=RemixSettings(seed=seed))
        for seed in (1, 1, 2)
    ]
    assert made[0] == made[1] != made[2]


def test_what_a_row_gives_does_not_depend_on_the_other_rows() -> None:
    whole = remixed((source(YES_NO, SPAN, SPAN_AGAIN), rows(20)))
    backwards = remixed((source(YES_NO, SPAN, SPAN_AGAIN), rows(20)[::-1]))
    assert whole == backwards[::-1]


def test_several_tasks_of_one_row_are_of_different_types_first() -> None:
    settings = RemixSettings(seed=1, tasks_per_row=2)
    made = tasks(remixed((source(SPAN, SPAN_AGAIN, YES_NO), rows(20)), settings=settings))
    assert Counter(task.type for task in made) == {TaskType.EXQA: 20, TaskType.YNQA: 20}


def test_sources_share_the_cap_of_a_type_evenly() -> None:
    settings = RemixSettings(seed=1, cap_per_type=10)
    one, two = source(SPAN, name="one"), source(SPAN_AGAIN, name="two")
    made = tasks(remixed((one, rows(50)), (two, rows(50)), settings=settings))
    assert Counter(task.origin.generator for task in made) == {"one/span": 5, "two/span_again": 5}


def test_a_cap_of_one_type_stands_in_place_of_the_common_cap() -> None:
    settings = RemixSettings(seed=1, cap_per_type=3, caps={TaskType.EXQA: 0})
    made = tasks(remixed((source(SPAN, YES_NO), rows(20)), settings=settings))
    assert Counter(task.type for task in made) == {TaskType.YNQA: 3}


def test_a_row_that_only_fits_full_types_says_so() -> None:
    settings = RemixSettings(seed=1, caps={TaskType.EXQA: 0})
    never = Template(
        name="never", type=TaskType.QA, instruction="{{context}}", response="x", when="label > 1"
    )
    (dropped,) = remixed((source(SPAN, never), [row()]), settings=settings)
    assert isinstance(dropped, Dropped)
    assert dropped.reason == "type-cap-full"


def test_a_full_source_is_read_no_further() -> None:
    def endless() -> Iterator[Row]:
        yield from rows(5)
        raise AssertionError("read on")

    settings = RemixSettings(seed=1, cap_per_source=5)
    assert len(tasks(remixed((source(YES_NO), endless()), settings=settings))) == 5


def test_tasks_of_one_passage_share_a_document_across_sources() -> None:
    made = tasks(remixed((source(SPAN, name="a"), [row()]), (source(YES_NO, name="b"), [row()])))
    assert len({task.document_id for task in made}) == 1


def test_a_document_expression_keeps_passages_together() -> None:
    grouped = source(YES_NO, document="title")
    made = tasks(remixed((grouped, [row("One.", title="t"), row("Two.", title="t")])))
    assert len({task.document_id for task in made}) == 1
    assert len({task.context_id for task in made}) == 2


def test_a_source_without_a_column_is_left_out_and_the_others_go_on() -> None:
    outcomes = remixed((source(SPAN, name="bad"), [{"passage": "x"}]), (source(SPAN), rows(3)))
    assert len(tasks(outcomes)) == 3
    (line,) = (outcome for outcome in outcomes if isinstance(outcome, Dropped))
    assert (line.item_id, line.reason) == ("bad", "source-unreadable")
    assert "template span: no column span in the data" in line.excerpt


@pytest.mark.parametrize(
    "name", ["cap_per_source", "cap_per_type", "tasks_per_row", "max_context_chars"]
)
def test_a_setting_below_one_is_refused(name: str) -> None:
    changes: dict[str, Any] = {name: 0}
    with pytest.raises(RecipeError, match=rf"remix\.{name} is 0; it must be >= 1"):
        RemixSettings(**changes)


def test_a_negative_cap_is_refused() -> None:
    with pytest.raises(RecipeError, match=r"remix\.caps\.exqa is -1"):
        RemixSettings(caps={TaskType.EXQA: -1})


def test_what_a_template_says_of_its_tasks_stands_in_them() -> None:
    unanswerable = Template(
        name="unknown",
        type=TaskType.EXQA,
        voice="clerk",
        answerable=False,
        instruction="{{context}}\nWho? Say so if it is not told.",
        response="not told",
    )
    (kept,) = tasks(remixed((source(unanswerable), rows(1))))
    assert (kept.voice, kept.answerable, kept.labels) == ("clerk", False, ())
    (kept,) = tasks(remixed((source(YES_NO), rows(1))))
    assert (kept.voice, kept.answerable, kept.labels) == ("", True, ("No", "Yes"))


def test_options_of_a_multiple_choice_are_no_labels() -> None:
    options = Template(
        name="options",
        type=TaskType.MCQA,
        choices=("gull", "crab"),
        instruction="{{context}}\nGull or crab?",
        response="gull",
    )
    assert tasks(remixed((source(options), rows(1))))[0].labels == ()


def test_a_task_with_the_book_closed_has_no_passage_in_it() -> None:
    closed = Template(
        name="closed",
        type=TaskType.QA,
        book="closed",
        instruction="From memory: {{ question }}",
        response="{{ span }}",
    )
    (kept,) = tasks(remixed((source(closed), rows(1))))
    assert kept.context not in kept.instruction
    leaking = Template(
        name="leaking",
        type=TaskType.QA,
        book="closed",
        instruction="From memory: {{ passage }}",
        response="{{ span }}",
    )
    (line,) = remixed((source(leaking), rows(1)))
    assert isinstance(line, Dropped)
    assert line.reason == "context-repeated"


ASKED = Template(
    name="asked",
    type=TaskType.EXQA,
    unanswerable="not stated",
    instruction="{{context}}\nWhere is gull {{ span }}? Copy it or write: not stated.",
    response="{{ span }}",
)
JUDGED = Template(
    name="judged",
    type=TaskType.NLI,
    choices=("supported", "open"),
    unanswerable="open",
    instruction="{{context}}\nIs it said that gull {{ span }} sat?",
    response="supported",
)


def test_some_questions_meet_a_passage_of_another_row_that_does_not_answer() -> None:
    made = tasks(remixed((source(ASKED), rows(300))))
    moved = [task for task in made if not task.answerable]
    assert 0.2 < len(moved) / len(made) < 0.45
    for task in moved:
        asked = task.instruction.split("Where is gull ")[1].split("?")[0]
        assert task.response == "not stated"
        assert task.instruction.startswith(task.context)
        assert asked not in task.context


def test_a_passage_that_stands_in_keeps_its_own_document() -> None:
    made = tasks(remixed((source(ASKED), rows(60))))
    documents = {task.context: task.document_id for task in made if task.answerable}
    for task in made:
        assert documents.get(task.context, task.document_id) == task.document_id


def test_a_claim_about_another_passage_is_open_and_still_a_sound_task() -> None:
    made = tasks(remixed((source(JUDGED), rows(90))))
    assert {task.response for task in made} == {"supported", "open"}
    assert all(task.answerable for task in made)


@pytest.mark.parametrize(("share", "responses"), [(0.0, {"supported"}), (1.0, {"open"})])
def test_the_share_of_other_passages_can_be_set(share: float, responses: set[str]) -> None:
    settings = RemixSettings(seed=1, unanswerable=share)
    made = tasks(remixed((source(JUDGED), rows(30)), settings=settings))
    assert {task.response for task in made[1:]} == responses  # the first row has none before it


def test_a_share_out_of_range_is_refused() -> None:
    with pytest.raises(RecipeError, match=r"remix\.unanswerable is 1\.5"):
        RemixSettings(unanswerable=1.5)


def test_types_are_drawn_as_often_however_many_templates_each_has() -> None:
    many = [
        Template(
            name=f"span_{n}",
            type=TaskType.EXQA,
            instruction="{{context}} " + f"What {n}?",
            response="{{ span }}",
        )
        for n in range(9)
    ]
    made = Counter(task.type for task in tasks(remixed((source(YES_NO, *many), rows(400)))))
    assert 150 < made[TaskType.YNQA] < 250


def test_a_source_may_give_more_rows_when_its_turn_comes() -> None:
    one, many = source(YES_NO, name="one"), source(SPAN, name="many")
    many = replace(many, data="plenty")
    settings = RemixSettings(seed=1, turns={"plenty": 3})
    made = tasks(remixed((one, rows(8)), (many, rows(8)), settings=settings))
    assert [task.type for task in made[:4]] == [TaskType.YNQA, *[TaskType.EXQA] * 3]
    assert len(made) == 16


def test_a_turn_of_no_rows_is_refused() -> None:
    with pytest.raises(RecipeError, match=r"remix\.turns\.plenty is 0"):
        RemixSettings(turns={"plenty": 0})
