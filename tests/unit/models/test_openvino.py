from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from katsuo import engines
from katsuo.extracts import longest
from katsuo.mending import response_of
from katsuo.models import shelf
from katsuo.models.openvino import OpenVinoModel
from katsuo.models.schedule import SCHEDULE
from katsuo.models.tokens import Tokens
from katsuo.protocols import Completes, Completion, Hold, Request, Sampling
from katsuo.types import Pair

WINDOW = 96
PASSAGE = 'Say "é" (or 12,000)\n日本 \x07 é.'
GREEDY = Sampling(temperature=0, top_p=1, max_tokens=6)
WARM = Sampling(temperature=1.5, top_p=0.95, max_tokens=6)


@pytest.fixture
def model(tiny_llama: Path, tmp_path: Path) -> OpenVinoModel:
    form = shelf.gguf_form(shelf.find(str(tiny_llama)), "F16", forms=tmp_path / "forms")
    return OpenVinoModel.load(form, Tokens.load(tiny_llama), window=WINDOW)


def asked(number: int, sampling: Sampling = GREEDY) -> Request:
    return Request(
        id=f"request-{number}",
        prompt="abcdefgh"[: 1 + number % 8],
        sampling=sampling,
        seed=2**64 - 1 - number,
        chat=number % 2 == 1,
    )


def test_the_engine_keeps_the_promise_of_the_seam(model: OpenVinoModel) -> None:
    engine: Completes = model
    found = list(engine.complete([asked(0), asked(1, WARM)]))
    assert [completion.id for completion in found] == ["request-0", "request-1"]
    assert all(completion.failure == "" and 0 < completion.n_tokens <= 6 for completion in found)


def test_no_request_is_no_completion(model: OpenVinoModel) -> None:
    assert list(model.complete([])) == []


def test_the_same_requests_give_the_same_completions(model: OpenVinoModel) -> None:
    requests = [asked(number, WARM if number % 3 else GREEDY) for number in range(9)]
    first = list(model.complete(requests))
    list(model.complete([asked(5, WARM)]))
    assert list(model.complete(requests)) == first


def test_more_requests_than_fit_at_once_come_back_in_their_order(model: OpenVinoModel) -> None:
    short = replace(GREEDY, max_tokens=1)
    requests = [
        asked(n, short if n % 5 else replace(GREEDY, max_tokens=9))
        for n in range(SCHEDULE.in_flight + 9)
    ]
    found = list(model.complete(requests))
    assert [completion.id for completion in found] == [request.id for request in requests]


def test_a_seed_decides_what_is_drawn(model: OpenVinoModel) -> None:
    one, other = (replace(asked(0, WARM), seed=seed) for seed in (1, 2))
    texts = [completion.text for completion in model.complete([one, other, one])]
    assert texts[0] == texts[2] != texts[1]


def test_a_prompt_that_does_not_fit_is_a_value_and_the_others_are_served(
    model: OpenVinoModel,
) -> None:
    fits = replace(asked(0), id="fits", prompt="a" * (WINDOW - GREEDY.max_tokens))
    long = replace(fits, id="long", prompt=fits.prompt + "a")
    found = list(model.complete([long, fits]))
    assert found[0] == Completion(id="long", text="", finished=False, failure="prompt-too-long")
    assert (found[1].id, found[1].failure) == ("fits", "")


def test_a_stop_string_ends_the_completion_and_is_not_part_of_it(model: OpenVinoModel) -> None:
    asked_warm = replace(asked(0, replace(WARM, max_tokens=24)), seed=3)
    (whole,) = model.complete([asked_warm])
    stop = next(char for char in whole.text if whole.text.index(char) > 2 and char.isascii())
    (cut,) = model.complete([replace(asked_warm, stop=(stop,))])
    assert cut.text == whole.text[: whole.text.index(stop)]
    assert cut.finished


def test_a_completion_that_begins_with_a_stop_string_is_empty(model: OpenVinoModel) -> None:
    (whole,) = model.complete([asked(2)])
    (cut,) = model.complete([replace(asked(2), stop=(whole.text[:1],))])
    assert cut == Completion(id=cut.id, text="", finished=True)


def test_a_completion_is_what_it_is_held_to_each_its_own(model: OpenVinoModel) -> None:
    warm = replace(WARM, max_tokens=40)
    holds = [
        Hold(only=("Yes", "naïve")),
        Hold(within=PASSAGE),
        Hold(only=("not stated",), within=PASSAGE),
        Hold(),
    ]
    requests = [replace(asked(n, warm), hold=holds[n % 4]) for n in range(16)]
    for request, said in zip(requests, model.complete(requests), strict=True):
        assert request.hold is not None
        assert response_of(request.hold, said.text, finished=said.finished), said
        if said.finished and not request.hold.is_plain:
            held = said.text in request.hold.only or longest(said.text, PASSAGE) == said.text
            assert held, said.text


def test_a_name_in_a_recipe_becomes_this_engine(
    tiny_llama: Path, tiny_adapter: Path, tmp_path: Path
) -> None:
    assert tiny_llama.is_dir()
    named = engines.find(str(tiny_adapter))
    engine = engines.engine_of(named, "auto")
    assert engine == "openvino"
    assert engines.engine_version(engine)
    opened = engines.open_completes(named, engine, "Q8_0", forms=tmp_path / "forms")
    (completion,) = opened.complete([asked(1)])
    assert completion.n_tokens > 0
    assert len(list((tmp_path / "forms").glob("*.Q8_0.gguf"))) == 1
    assert engines.tokenizer_of(named) is not None
    task, passage = (
        Pair(prompt="ab", target="c", chat=False),
        Pair(prompt="", target="c", chat=False),
    )
    assert engines.pair_sizes(named, [task, passage]) == {task: (2, 2), passage: (0, 1)}


@pytest.fixture
def sharing(tiny_llama: Path, tmp_path: Path) -> OpenVinoModel:
    form = shelf.gguf_form(shelf.find(str(tiny_llama)), "F16", forms=tmp_path / "forms")
    schedule = replace(SCHEDULE, sharing=True)
    return OpenVinoModel.load(form, Tokens.load(tiny_llama), window=160, schedule=schedule)


def passages(n_passages: int, n_tasks: int) -> list[Request]:
    """Prompts of 80 first tokens in common for the tasks of a passage."""
    return [
        replace(
            asked(0, WARM),
            id=f"{passage}-{task}",
            prompt="abcdefgh"[passage] * 80 + "hgfedcba"[: 1 + task],
            seed=passage * 10 + task,
        )
        for passage in range(n_passages)
        for task in range(n_tasks)
    ]


def test_tasks_about_one_passage_share_its_reading_and_all_come_back(
    sharing: OpenVinoModel,
) -> None:
    requests = passages(5, 4)
    found = list(sharing.complete(requests))
    assert [completion.id for completion in found] == [request.id for request in requests]
    assert all(completion.failure == "" for completion in found)


def test_a_shared_reading_leaves_no_trace_in_later_calls(sharing: OpenVinoModel) -> None:
    requests = passages(3, 3)
    first = list(sharing.complete(requests))
    built = sharing.pipeline
    list(sharing.complete([replace(one, prompt=one.prompt[::-1]) for one in requests]))
    assert sharing.pipeline is built  # other beginnings find nothing in its cache
    assert list(sharing.complete(requests)) == first
    assert sharing.pipeline is not built


def test_siblings_of_a_prompt_that_does_not_fit_are_served(sharing: OpenVinoModel) -> None:
    first, *others = passages(1, 3)
    long = replace(first, prompt=first.prompt + "a" * 90)
    found = list(sharing.complete([long, *others]))
    assert [completion.failure for completion in found] == ["prompt-too-long", "", ""]


@pytest.mark.model
def test_the_bundled_base_answers_a_question() -> None:
    if not (shelf.home() / "models" / shelf.BASE_NAME).is_dir():
        pytest.skip("the bundled base is not in the cache; katsuo models pull smollm2-135m")
    found = shelf.find(shelf.BASE_NAME)
    engine = OpenVinoModel.load(
        shelf.gguf_form(found, "F16"), Tokens.load(found.folder), window=2048
    )
    question = replace(asked(0), prompt="What is the capital of France?", chat=True)
    long = replace(question, sampling=replace(GREEDY, max_tokens=24))
    first, again = engine.complete([long, long])
    assert "Paris" in first.text
    assert first.text == again.text
    assert first.finished
