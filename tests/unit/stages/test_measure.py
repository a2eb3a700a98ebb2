from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import pytest

from katsuo import wire
from katsuo.models.fake import FakeModel
from katsuo.protocols import Completion, Question, Ranked, Request
from katsuo.scoring.choice import logistic
from katsuo.stages.measure import (
    AGREED,
    LIKELY,
    MEASURES,
    NEEDED,
    Reader,
    agreed,
    likely,
    needed,
    readings,
)
from katsuo.types import Origin, Task, TaskType

PASSAGE = "Ada Moss lit the lighthouse in 1871."
TASK = Task(
    id="t",
    document_id="d",
    context_id="c",
    context=PASSAGE,
    type=TaskType.EXQA,
    instruction=f"{PASSAGE}\n\nWho lit it?",
    response="Ada Moss",
    origin=Origin(generator="g", format="f", seed=0),
)
YES = replace(
    TASK, type=TaskType.YNQA, instruction=f"{PASSAGE}\n\nWas it lit? Yes or No.", response="Yes"
)


@dataclass
class Scripted:
    """Says `text`, and finds a choice likely as often as `likes` says; keeps what it was asked."""

    text: str = ""
    likes: dict[str, float] = field(default_factory=dict)
    heard: list[Question | Request] = field(default_factory=list)

    def complete(self, requests: Sequence[Request]) -> Iterator[Completion]:
        for request in requests:
            self.heard.append(request)
            yield Completion(id=request.id, text=self.text, finished=True)

    def rank(self, questions: Iterable[Question]) -> Iterator[Ranked]:
        for question in questions:
            self.heard.append(question)
            nats = tuple(self.likes.get(choice, -9.0) for choice in question.choices)
            yield Ranked(id=question.id, nats=nats, n_tokens=(1,) * len(nats))


def reader(model: Scripted, samples: int = 1) -> Reader:
    return Reader(ranks=model, completes=model, samples=samples)


def test_a_free_answer_is_written_again_and_compared_by_its_first_line() -> None:
    assert agreed([TASK], reader(Scripted(text=" Ada Moss.\nShe was born")))["t"] == 1.0
    assert agreed([TASK], reader(Scripted(text="Ada Reed")))["t"] == 0.5
    assert agreed([TASK], reader(Scripted(text="")))["t"] == 0.0


def test_samples_behind_the_first_are_drawn_warm_and_differ_in_seed() -> None:
    model = Scripted(text="Ada Moss")
    agreed([TASK], reader(model, samples=3))
    asked = [one for one in model.heard if isinstance(one, Request)]
    assert [one.sampling.temperature > 0 for one in asked] == [False, True, True]
    assert len({one.seed for one in asked}) == 3
    assert all(one.chat and one.prompt == TASK.instruction for one in asked)


@pytest.mark.parametrize(
    ("task", "choices", "likes", "score"),
    [
        pytest.param(YES, {"Yes", "No"}, {"Yes": math.log(3), "No": 0.0}, 0.75, id="named-labels"),
        pytest.param(
            replace(YES, labels=("Yes", "No", "Maybe")),
            {"Yes", "No", "Maybe"},
            {"Yes": 0.0, "No": 0.0, "Maybe": 0.0},
            1 / 3,
            id="own-labels",
        ),
        pytest.param(
            replace(
                YES,
                type=TaskType.MCQA,
                instruction=f"{PASSAGE}\n\nWho lit it?\nA. Tom\nB. Ada\nLetter:",
                response="B",
            ),
            {"A", "B"},
            {"A": 0.0, "B": -math.inf},
            0.0,
            id="letters",
        ),
    ],
)
def test_a_closed_answer_scores_its_share_of_the_choices(
    task: Task, choices: set[str], likes: dict[str, float], score: float
) -> None:
    model = Scripted(likes=likes)
    assert agreed([task], reader(model))["t"] == pytest.approx(score)
    (question,) = model.heard
    assert isinstance(question, Question)
    assert set(question.choices) == choices


@pytest.mark.parametrize(
    "kind", [TaskType.QG, TaskType.SUMMARIZATION, TaskType.TEXT_GEN, TaskType.SENT_COMP], ids=str
)
def test_what_nobody_writes_twice_is_not_measured(kind: TaskType) -> None:
    assert agreed([replace(TASK, type=kind)], reader(Scripted())) == {}


def test_a_passage_is_needed_as_far_as_it_makes_the_response_likelier() -> None:
    class Aware(Scripted):
        def rank(self, questions: Iterable[Question]) -> Iterator[Ranked]:
            for question in questions:
                nats = -1.0 if PASSAGE in question.prompt else -1.0 - math.log(4)
                yield Ranked(id=question.id, nats=(nats,), n_tokens=(1,))

    assert needed([TASK], reader(Aware()))["t"] == pytest.approx(0.8)
    assert needed([TASK], reader(Scripted()))["t"] == 0.5


def test_a_task_that_shows_no_passage_is_not_measured() -> None:
    assert needed([replace(TASK, instruction="Who lit it?")], reader(Scripted())) == {}


@pytest.mark.parametrize(("nats", "score"), [(math.inf, 1.0), (-math.inf, 0.0), (math.nan, 0.0)])
def test_odd_differences_are_scores_too(nats: float, score: float) -> None:
    assert logistic(nats) == pytest.approx(score)


@pytest.mark.parametrize("form", [wire.BONITO_V1, wire.KATSUO_V1])
def test_a_response_is_as_likely_as_its_tokens_are_on_average_where_a_generator_begins_it(
    form: str,
) -> None:
    class Wordy(Scripted):
        def rank(self, questions: Iterable[Question]) -> Iterator[Ranked]:
            for question in questions:
                self.heard.append(question)
                yield Ranked(id=question.id, nats=(math.log(1 / 8),), n_tokens=(3,))

    model = Wordy()
    scores = likely([TASK], Reader(ranks=model, completes=model, form=form))
    assert scores == {"t": pytest.approx(0.5)}
    (question,) = model.heard
    assert isinstance(question, Question)
    assert (question.choices, question.chat) == (("Ada Moss",), False)
    assert question.prompt.endswith(f"{wire.CONTEXT_SLOT}\n\nWho lit it?\n{wire.PIPE_MARK}\n")
    assert question.prompt.count(PASSAGE) == 1


@pytest.mark.parametrize(
    "task",
    [
        pytest.param(replace(TASK, response="<|pipe|>"), id="marker"),
        pytest.param(replace(TASK, name="notice_topic", labels=("tides",)), id="own-task-type"),
    ],
)
def test_what_no_generator_drew_is_not_measured(task: Task) -> None:
    model = FakeModel()
    assert likely([task], Reader(ranks=model, completes=model, form=wire.BONITO_V1)) == {}


@pytest.mark.parametrize("name", [AGREED, NEEDED, LIKELY])
def test_scores_lie_between_nothing_and_one(name: str) -> None:
    fake = FakeModel()
    tasks = [replace(one, id=f"{n}-{one.type}") for n in range(20) for one in (TASK, YES)]
    scores = MEASURES[name](tasks, Reader(ranks=fake, completes=fake))
    assert scores.keys() == {task.id for task in tasks}
    assert all(0 <= score <= 1 for score in scores.values())


def test_a_reading_of_a_closed_task_says_which_choice_is_likeliest() -> None:
    model = Scripted(likes={"Yes": -2.0, "No": -1.0})
    (found,) = readings([YES], reader(model))
    assert (found.expected, found.said, found.agrees) == ("Yes", "No", False)
    assert dict(zip(found.choices, found.nats, strict=True)) == {"Yes": -2.0, "No": -1.0}


def test_a_reading_of_a_free_task_is_the_first_line_in_the_readers_words() -> None:
    (found,) = readings([TASK], reader(Scripted(text="Ada Moss\nAnd so on"), samples=3))
    assert (found.said, found.choices, found.agrees) == ("Ada Moss", (), True)
    (silent,) = readings([TASK], reader(Scripted(text=" ")))
    assert (silent.said, silent.agrees) == (None, False)


def test_what_nobody_writes_twice_has_no_reading() -> None:
    assert readings([replace(TASK, type=TaskType.SUMMARIZATION)], reader(Scripted())) == []
