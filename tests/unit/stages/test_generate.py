from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from katsuo.budgets import Budget
from katsuo.models.fake import FakeModel
from katsuo.own import Example, OwnTask
from katsuo.protocols import Completion, Request, Sampling
from katsuo.stages.generate import FORMATS, GenerateSettings, draft_ids, generate
from katsuo.types import EXCERPT_CHARS, Context, Dropped, Span, Task, TaskType
from katsuo.wire import Wish

SETTINGS = GenerateSettings(
    generator="fake",
    format="bonito-v1",
    task_types=(TaskType.EXQA, TaskType.NLI),
    seed=3,
    per_context=2,
)
CONTEXTS = [
    Context(id=f"c{n}", document_id="d", text=f"Gate {n} opens at dawn.", start=0, end=22)
    for n in range(4)
]
ONE = replace(SETTINGS, task_types=(TaskType.YNQA,), per_context=1)


@dataclass
class Scripted:
    """A model that says the same to every request, and remembers what it was asked."""

    text: str
    finished: bool = True
    failure: str = ""
    heard: list[Request] = field(default_factory=list)

    def complete(self, requests: Sequence[Request]) -> Iterator[Completion]:
        self.heard.extend(requests)
        for request in requests:
            yield Completion(
                id=request.id, text=self.text, finished=self.finished, failure=self.failure
            )


def only(model: Scripted, settings: GenerateSettings = ONE) -> Task | Dropped:
    (item,) = generate(CONTEXTS[:1], model, settings)
    return item


def test_every_draft_is_a_task_or_a_ledger_line_in_the_order_of_the_contexts() -> None:
    items = list(generate(CONTEXTS, FakeModel(), SETTINGS))
    tasks = [item for item in items if isinstance(item, Task)]
    assert len(items) == len(CONTEXTS) * 2 * 2
    assert 0 < len(tasks) <= len(items)
    assert [task.context_id for task in tasks] == sorted(task.context_id for task in tasks)


@given(order=st.permutations(range(4)), cut=st.integers(0, 4))
def test_a_draft_is_the_same_in_any_shard(order: list[int], cut: int) -> None:
    whole = {repr(item) for item in generate(CONTEXTS, FakeModel(), SETTINGS)}
    shards = ([CONTEXTS[n] for n in part] for part in (order[:cut], order[cut:]))
    assert {repr(item) for s in shards for item in generate(s, FakeModel(), SETTINGS)} == whole


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"seed": 4}, id="seed"),
        pytest.param({"task_types": (TaskType.QA, TaskType.QG)}, id="types"),
    ],
)
def test_what_decides_a_draft_decides_its_seed(changes: dict[str, object]) -> None:
    one, other = Scripted("x"), Scripted("x")
    list(generate(CONTEXTS, one, SETTINGS))
    list(generate(CONTEXTS, other, replace(SETTINGS, **changes)))  # type: ignore[arg-type]  # a table
    seeds = [{request.seed for request in model.heard} for model in (one, other)]
    assert len(seeds[0]) == len(CONTEXTS) * 4
    assert not seeds[0] & seeds[1]


def test_a_task_says_where_it_comes_from() -> None:
    model = Scripted("{{context}}\nIs it dawn?\n<|pipe|>\nyes")
    task = only(model)
    assert isinstance(task, Task)
    assert task.instruction == "Gate 0 opens at dawn.\nIs it dawn?"
    assert (task.response, task.type, task.context_id) == ("yes", TaskType.YNQA, "c0")
    assert (task.context, task.document_id) == (CONTEXTS[0].text, "d")
    assert task.id == model.heard[0].id
    assert task.origin.seed == model.heard[0].seed
    assert (task.origin.generator, task.origin.format) == ("fake", "bonito-v1")


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        pytest.param(Scripted("no marker"), "pipe-missing", id="flawed"),
        pytest.param(Scripted("no mar", finished=False), "cut-off-pipe-missing", id="cut-before"),
        pytest.param(Scripted("q <|pipe|> ye", finished=False), "cut-off-response", id="cut-in"),
        pytest.param(Scripted("", failure="prompt-too-long"), "prompt-too-long", id="unserved"),
    ],
)
def test_a_draft_that_is_no_task_says_why(model: Scripted, reason: str) -> None:
    line = only(model)
    assert isinstance(line, Dropped)
    assert (line.reason, line.stage, line.by) == (reason, "generate", "wire")
    assert line.item_id == model.heard[0].id
    assert line.excerpt == f"ynqa: {model.text}"


def test_an_excerpt_is_short() -> None:
    line = only(Scripted("x" * 2 * EXCERPT_CHARS))
    assert isinstance(line, Dropped)
    assert len(line.excerpt) == EXCERPT_CHARS


@pytest.mark.parametrize(
    ("format", "text", "chat"),
    [
        pytest.param("bonito-v1", "Q? <|pipe|> yes", False, id="taught"),
        pytest.param("katsuo-v1", "Q? <|pipe|> yes", False, id="ours"),
        pytest.param("prompted-v1", "Question: Q?\nAnswer: yes", True, id="prompted"),
        pytest.param("prompted-3shot-v1", "Question: Q?\nAnswer: yes", True, id="examples"),
    ],
)
def test_a_format_asks_and_reads_in_its_own_way(format: str, text: str, chat: bool) -> None:
    sampling = Sampling(temperature=0.9, max_tokens=7)
    model = Scripted(text)
    task = only(model, replace(ONE, format=format, sampling=sampling))
    assert isinstance(task, Task)
    assert (task.response, task.origin.format) == ("yes", format)
    asked = model.heard[0]
    assert asked.prompt == FORMATS[format].prompt(CONTEXTS[0].text, Wish(type=TaskType.YNQA))
    assert (asked.chat, asked.sampling) == (chat, sampling)
    assert len(asked.shots) == (3 if format == "prompted-3shot-v1" else 0)


def test_a_model_that_mixes_up_its_answers_is_a_bug() -> None:
    class Mixed(Scripted):
        def complete(self, requests: Sequence[Request]) -> Iterator[Completion]:
            yield from reversed(list(super().complete(requests)))

    with pytest.raises(AssertionError, match="asked for"):
        list(generate(CONTEXTS, Mixed("x"), SETTINGS))


def test_a_steered_draft_must_answer_what_it_was_told() -> None:
    settings = replace(ONE, format="katsuo-v1", steered=True)
    model = Scripted("Is it? <|pipe|> neither")
    line = only(model, settings)
    assert isinstance(line, Dropped)
    assert line.reason == "answer-not-the-told"
    told = model.heard[0].prompt.split("<|answer|>\n")[1].split("\n")[0]
    task = only(Scripted(f"Is it? <|pipe|> {told}"), settings)
    assert isinstance(task, Task)
    assert task.response == told


LONG = (
    "Ada Moss lit the lamp in 1871. Tom Reed kept it for forty years. The keeper of the quay "
    "sleeps at noon. Nobody may fish from the wall. Boats of ten metres pay twice. "
    "A bell is rung at dawn. Gulls are not to be fed here. The master keeps all the keys."
)
PASSAGE = Context(id="long", document_id="d", text=LONG, start=100, end=100 + len(LONG))
FIRST = {"long": [Span(start=0, end=len("Ada Moss"))]}


def test_a_budget_asks_more_of_what_says_more() -> None:
    model = Scripted("x")
    settings = replace(ONE, budget=Budget(per_100_words=6))
    list(generate([*CONTEXTS[:1], PASSAGE], model, settings))
    assert [LONG in request.prompt for request in model.heard] == [False, True, True, True]


def test_a_second_pass_asks_about_the_stretches_that_are_left() -> None:
    model = Scripted("{{context}} Is it so? <|pipe|> yes")
    settings = replace(ONE, per_context=2)
    tasks = list(generate([PASSAGE], model, settings, FIRST))
    assert all(isinstance(task, Task) for task in tasks)
    windows = [task.context for task in tasks if isinstance(task, Task)]
    assert len(windows) == 2
    assert all(window in LONG and window != LONG for window in windows)
    assert windows[0].startswith("Ada Moss")  # the covered neighbour stands in front of the gap
    for task in tasks:
        assert isinstance(task, Task)
        assert task.context_id == "long"
        assert task.instruction.startswith(task.context)


def test_a_second_pass_has_ids_and_seeds_of_its_own() -> None:
    settings = replace(SETTINGS, per_context=2)
    one, other = Scripted("x"), Scripted("x")
    list(generate([PASSAGE], one, settings))
    list(generate([PASSAGE], other, settings, FIRST))
    first, second = ({request.id for request in model.heard} for model in (one, other))
    assert not first & second
    assert second == draft_ids([PASSAGE], settings, FIRST)
    assert not {r.seed for r in one.heard} & {r.seed for r in other.heard}


def test_where_nothing_is_left_a_second_pass_asks_nothing() -> None:
    model = Scripted("x")
    whole = {"long": [Span(start=0, end=len(LONG))]}
    assert list(generate([PASSAGE], model, SETTINGS, whole)) == []
    assert model.heard == []


def test_types_begin_at_different_gaps() -> None:
    model = Scripted("x")
    settings = replace(SETTINGS, per_context=1)
    list(generate([PASSAGE], model, settings, FIRST))
    one, other = (request.prompt.split("<|context|>")[1] for request in model.heard)
    assert one != other


def test_a_steered_second_pass_tells_a_name_of_the_gap_and_shows_the_whole_passage() -> None:
    model = Scripted("x")
    settings = replace(ONE, format="katsuo-v1", steered=True, task_types=(TaskType.EXQA,))
    whole = {"long": [Span(start=0, end=30), Span(start=LONG.index("The keeper"), end=len(LONG))]}
    list(generate([PASSAGE], model, settings, whole))
    (request,) = model.heard
    assert "<|answer|>\nTom Reed\n" in request.prompt
    assert LONG in request.prompt


@pytest.mark.parametrize("steered", [True, False])
def test_a_generator_hears_the_voices_that_somebody_named(*, steered: bool) -> None:
    model = Scripted("x")
    settings = replace(
        SETTINGS, format="katsuo-v1", steered=steered, voices=("exam", "chat"), per_context=8
    )
    list(generate(CONTEXTS, model, settings))
    said = [request.prompt.split("<|voice|>\n")[1].split("\n")[0] for request in model.heard]
    assert set(said) == {"exam", "chat"}
    assert 16 < said.count("exam") < 48


CLAIM = OwnTask(
    name="stand",
    like=TaskType.NLI,
    answer="label",
    labels={"stimmt": "", "stimmt nicht": ""},
    means={"stimmt": "yes", "stimmt nicht": "no"},
    wordings=("{{ context }} {{ question }} {{ labels }}",),
    examples=(Example(passage="A gate.", instruction="It is red.", response="stimmt nicht"),),
)
OWN = replace(ONE, task_types=(), own=(CLAIM,))


@pytest.mark.parametrize(
    ("format", "text", "n_shots"),
    [
        pytest.param("bonito-v1", "It is dawn. <|pipe|> Yes", 0, id="taught"),
        pytest.param("prompted-v1", "Statement: It is dawn.\nAnswer: Yes", 1, id="prompted"),
        pytest.param("prompted-3shot-v1", "Statement: It is dawn.\nAnswer: Yes", 1, id="examples"),
    ],
)
def test_a_type_of_the_users_own_is_asked_for_as_what_it_is_like(
    format: str, text: str, n_shots: int
) -> None:
    model = Scripted(text)
    task = only(model, replace(OWN, format=format))
    assert isinstance(task, Task)
    assert (task.name, task.type, task.response) == ("stand", TaskType.NLI, "stimmt")
    assert task.labels == ("stimmt", "stimmt nicht")
    assert task.instruction.endswith("It is dawn. stimmt, stimmt nicht")
    assert len(model.heard[0].shots) == n_shots
    if n_shots:
        asked, answered = model.heard[0].shots[0]
        assert "A gate." in asked
        assert answered == "Statement: It is red.\nAnswer: Refuted"


def test_a_steered_draft_of_the_users_own_must_answer_what_it_was_told() -> None:
    line = only(Scripted("It is dawn. <|pipe|> Maybe"), replace(OWN, format="katsuo-v1"))
    assert isinstance(line, Dropped)
    assert line.reason == "answer-not-the-told"
    assert line.excerpt.startswith("stand: ")
