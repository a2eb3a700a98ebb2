from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import cache

import pytest

from katsuo import wire, wishes
from katsuo.templates import load_sources
from katsuo.types import Context, Origin, Task, TaskType

TEXT = "Ada Moss lit the lighthouse in 1871. Tom Reed kept it for 40 years after her."
CONTEXT = Context(
    id="c", document_id="d", text=TEXT, start=0, end=len(TEXT), page=None, heading=None
)
TASK = Task(
    id="t",
    document_id="d",
    context_id="c",
    context=TEXT,
    type=TaskType.EXQA,
    instruction=f"{TEXT} Who lit it?",
    response="Ada Moss",
    origin=Origin(generator="g", format=wire.KATSUO_V1, seed=0),
)


def labelled(response: str, labels: tuple[str, ...] = ("Yes", "No")) -> Task:
    return replace(TASK, type=TaskType.YNQA, labels=labels, response=response)


@pytest.mark.parametrize(
    ("task", "said"),
    [
        pytest.param(TASK, True, id="span"),
        pytest.param(labelled("No"), True, id="label"),
        pytest.param(labelled("Perhaps"), False, id="none-of-the-labels"),
        pytest.param(replace(TASK, response="a: b"), False, id="unsayable"),
        pytest.param(replace(TASK, response="long " * 20), False, id="long"),
        pytest.param(replace(TASK, type=TaskType.SUMMARIZATION), False, id="to-be-written"),
    ],
)
def test_about_half_of_the_short_answers_are_told(task: Task, said: object) -> None:
    told = [wishes.learned(replace(task, id=str(n)), seed=1).answer for n in range(200)]
    assert set(told) <= {"", task.response}
    assert (70 < sum(map(bool, told)) < 130) is said


WRITTEN = [kind for kind in wishes.MANNERS if kind is not TaskType.SENTIMENT]


@pytest.mark.parametrize("kind", WRITTEN, ids=str)
def test_a_steered_generator_hears_every_label_about_as_often(kind: TaskType) -> None:
    drawn = [wishes.drawn(CONTEXT, kind, seed, {}) for seed in range(1200)]
    for labels in wishes.MANNERS[kind]:
        answers = Counter(
            wish.answer for wish in drawn if tuple(label for label, _ in wish.labels) == labels
        )
        assert set(answers) == set(labels)
        assert max(answers.values()) < 1.8 * min(answers.values())


def test_half_of_the_extractive_drafts_ask_for_a_name_or_a_figure_of_the_passage() -> None:
    answers = [wishes.drawn(CONTEXT, TaskType.EXQA, seed, {}).answer for seed in range(400)]
    assert set(answers) == {"", "Ada Moss", "1871", "Tom Reed", "40"}
    assert 150 < answers.count("") < 250


def test_a_type_that_writes_freely_is_told_no_answer() -> None:
    wish = wishes.drawn(CONTEXT, TaskType.SUMMARIZATION, 3, {})
    assert (wish.answer, wish.labels) == ("", ())
    assert wish.voice in {"", *wishes.VOICES}


@cache
def taught() -> list[tuple[TaskType, str, tuple[str, ...] | str | None]]:
    """Type, voice and labels of every bundled template; a name stands for labels of each row."""
    return [
        (template.type, template.voice, template.choices)
        for source in load_sources()
        for template in source.templates
    ]


@pytest.mark.parametrize("kind", list(TaskType), ids=str)
def test_only_such_labels_are_told_in_a_voice_as_were_taught_in_it(kind: TaskType) -> None:
    for seed in range(300):
        wish = wishes.drawn(CONTEXT, kind, seed, {})
        labels = {label for label, _ in wish.labels}
        offered = [
            choices for one, voice, choices in taught() if one == kind and wish.voice in {"", voice}
        ]
        assert any(isinstance(some, str) or labels <= set(some or ()) for some in offered)


@pytest.mark.parametrize("kind", [TaskType.YNQA, TaskType.NLI, TaskType.EXQA], ids=str)
def test_a_voice_that_somebody_named_is_told_whatever_the_labels(kind: TaskType) -> None:
    told = [wishes.drawn(CONTEXT, kind, seed, {}, ("search",)) for seed in range(20)]
    assert {wish.voice for wish in told} == {"search"}


def test_labels_of_ones_own_are_told_without_a_voice_unless_one_is_named() -> None:
    kind = TaskType.TOPIC_CLASS
    assert {wishes.drawn(CONTEXT, kind, seed, TOPICS).voice for seed in range(20)} == {""}
    assert wishes.drawn(CONTEXT, kind, 1, TOPICS, ("quiz",)).voice == "quiz"


TOPICS = {TaskType.TOPIC_CLASS: (("fees", "what berths cost"), ("safety", ""))}


@pytest.mark.parametrize("kind", [TaskType.SENTIMENT, TaskType.TOPIC_CLASS], ids=str)
def test_what_the_passage_has_settled_is_asked_and_not_told(kind: TaskType) -> None:
    wish = wishes.drawn(CONTEXT, kind, 3, TOPICS)
    assert wish.answer == ""
    assert bool(wish.labels)


@pytest.mark.parametrize("steered", [True, False])
def test_labels_of_ones_own_are_told_with_their_descriptions(*, steered: bool) -> None:
    kind = TaskType.TOPIC_CLASS
    wish = wishes.drawn(CONTEXT, kind, 3, TOPICS) if steered else wishes.asked(kind, 3, TOPICS)
    assert wish.labels == TOPICS[kind]
    assert "fees: what berths cost\nsafety\n" in wire.katsuo_prompt(TEXT, wish)


NO = (("Yes", ""), ("No", ""))


@pytest.mark.parametrize(
    ("wish", "response", "reason"),
    [
        (wire.Wish(type=TaskType.YNQA, answer="No"), "No", ""),
        (wire.Wish(type=TaskType.YNQA, answer="No"), "Yes", "answer-not-the-told"),
        (wire.Wish(type=TaskType.YNQA), "Yes", ""),
        (wire.Wish(type=TaskType.YNQA, labels=NO), "Yes", ""),
        (wire.Wish(type=TaskType.YNQA, labels=NO), "yes", "label-not-the-told"),
        # Another span of the passage answers another question as well.
        (wire.Wish(type=TaskType.EXQA, answer="40"), "1871", ""),
    ],
)
def test_a_draft_answers_what_was_asked_for(wish: wire.Wish, response: str, reason: str) -> None:
    assert wishes.unmet(wish, response) == reason
