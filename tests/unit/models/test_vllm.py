from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

from katsuo.errors import ModelError
from katsuo.models.schedule import SCHEDULE, Placement
from katsuo.models.tokens import Tokens
from katsuo.models.vllm import Library, VllmModel
from katsuo.protocols import Completes, Completion, Hold, Request, Sampling

WINDOW = 24
GREEDY = Sampling(temperature=0, top_p=1, max_tokens=6)
END = "<end>"


def tokens_of_bytes() -> Tokens:
    """A token for each byte, and the end."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({byte: i for i, byte in enumerate(alphabet)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(END, special=True)])
    return Tokens(tokenizer=tokenizer, end=END)


TOKENS = tokens_of_bytes()


class RefusedError(Exception):
    """Stands for vLLM's own error about one request."""


@dataclass
class FakeEngine:
    """vLLM's loop as far as it is used: a request ends after as many steps as its prompt has ids.

    It answers with its prompt in capitals and the end token, unless it is told otherwise.
    """

    settings: dict[str, Any]
    reasons: dict[str, str] = field(default_factory=dict)
    """How the request with a prompt ends, where it does not end by itself."""
    fails: Exception | None = None
    lost: str = ""
    """A prompt that never comes back."""
    params: list[dict[str, Any]] = field(default_factory=list)
    running: dict[str, tuple[int, list[int]]] = field(default_factory=dict)
    aborted: list[str] = field(default_factory=list)
    resets: int = 0
    closed: list[bool] = field(default_factory=list)
    steps: int = 0

    @property
    def engine_core(self) -> Any:  # noqa: ANN401 -- as the library has it
        closed = self.closed  # and not the engine, which must be free to go
        return SimpleNamespace(shutdown=lambda: closed.append(True))

    def has_unfinished_requests(self) -> bool:
        return bool(self.running)

    def reset_prefix_cache(self) -> bool:
        self.resets += 1
        return not self.running

    def add_request(self, number: str, prompt: list[int], params: dict[str, Any]) -> None:
        if TOKENS.text(prompt) == "refuse":
            raise RefusedError("no such thing")
        self.params.append(params)
        self.running[number] = (len(prompt), prompt)

    def abort_request(self, numbers: list[str]) -> None:
        self.aborted += numbers
        for number in numbers:
            del self.running[number]

    def step(self) -> list[Any]:
        self.steps += 1
        if self.fails:
            raise self.fails
        ended = []
        for number, (left, prompt) in list(self.running.items()):
            self.running[number] = (left - 1, prompt)
            if left > 1:
                continue
            del self.running[number]
            text = TOKENS.text(prompt)
            if text == self.lost:
                continue
            reason = self.reasons.get(text, "stop")
            ids = TOKENS.target_ids(text.upper(), end=reason == "stop")
            output = SimpleNamespace(finish_reason=reason, token_ids=tuple(ids))
            ended.append(SimpleNamespace(request_id=number, finished=True, outputs=[output]))
        return ended


def library(**told: Any) -> Library:  # noqa: ANN401
    """A stand-in for vLLM, whose engine is told `told`."""
    return Library(
        engine=lambda **settings: FakeEngine(settings, **told),
        params=lambda **how: how,
        prompt=list,
        held=lambda grammar: {"grammar": grammar},
        refusal=RefusedError,
        unusable=(RuntimeError,),
    )


def opened(**told: Any) -> VllmModel:  # noqa: ANN401
    return VllmModel.load(Path("model"), TOKENS, window=WINDOW, library=library(**told))


def asked(prompt: str, sampling: Sampling = GREEDY, *, stop: tuple[str, ...] = ()) -> Request:
    return Request(
        id=f"about {prompt}", prompt=prompt, sampling=sampling, seed=2**64 - 1, stop=stop
    )


def test_what_a_completion_must_be_is_told_as_a_grammar() -> None:
    model = opened()
    list(model.complete([replace(asked("a"), hold=Hold(only=("Yes", "No"))), asked("b")]))
    told = [params.get("structured_outputs") for params in model.engine.params]
    assert told == [{"grammar": 'root ::= "Yes" | "No"'}, None]


def test_every_request_comes_back_once_and_in_its_order() -> None:
    engine: Completes = opened()
    found = list(engine.complete([asked("abcd"), asked("a"), asked("ab")]))
    assert found == [
        Completion(id="about abcd", text="ABCD", finished=True, n_tokens=5),
        Completion(id="about a", text="A", finished=True, n_tokens=2),
        Completion(id="about ab", text="AB", finished=True, n_tokens=3),
    ]


@given(st.lists(st.text("abcdefgh", max_size=WINDOW + 4), max_size=12))
def test_whatever_is_asked_each_gets_its_own_answer(prompts: list[str]) -> None:
    found = list(opened().complete([asked(prompt) for prompt in prompts]))
    assert [completion.id for completion in found] == [f"about {prompt}" for prompt in prompts]
    for prompt, completion in zip(prompts, found, strict=True):
        reason = "prompt-empty" if not prompt else "prompt-too-long"
        fits = 0 < len(prompt) < WINDOW
        assert (completion.text, completion.failure) == (
            (prompt.upper(), "") if fits else ("", reason)
        )


def test_a_completion_is_handed_out_before_later_ones_are_there() -> None:
    model = opened()
    first = next(model.complete([asked("a"), asked("abcdefgh")]))
    assert first.text == "A"
    assert model.engine.steps == 1


def test_a_call_that_nobody_reads_to_its_end_leaves_the_engine_empty() -> None:
    model = opened()
    found = model.complete([asked("a"), asked("abcdefgh"), asked("abcd")])
    next(found)
    found.close()  # type: ignore[attr-defined]  # a generator
    assert model.engine.aborted == ["1", "2"]
    assert [completion.text for completion in model.complete([asked("b")])] == ["B"]


def test_a_request_is_put_in_the_engines_own_words() -> None:
    model = opened()
    warm = Sampling(temperature=0.7, top_p=0.9, max_tokens=5)
    list(model.complete([asked("ab", warm, stop=("\n", "B")), asked("ab")]))
    ends = {"ignore_eos": True, "stop_token_ids": [TOKENS.end_id]}
    assert model.engine.params == [
        {
            **ends,
            "temperature": 0.7,
            "top_p": 0.9,
            "max_tokens": 5,
            "seed": 2**63 - 1,
            "stop": ["\n", "B"],
            "detokenize": True,
            "skip_special_tokens": False,
        },
        {**ends, "temperature": 0, "top_p": 1, "max_tokens": 6, "detokenize": False},
    ]


def test_a_stop_string_is_no_part_of_the_completion() -> None:
    (cut,) = opened().complete([asked("abcdef", stop=("E", "CD"))])
    assert (cut.text, cut.finished) == ("AB", True)


@pytest.mark.parametrize(
    ("reason", "completion"),
    [
        pytest.param("length", {"text": "AB", "finished": False, "n_tokens": 2}, id="limit"),
        pytest.param("abort", {"failure": "engine-abort"}, id="aborted"),
        pytest.param("error", {"failure": "engine-error"}, id="failed"),
    ],
)
def test_a_request_that_does_not_end_by_itself_says_so(
    reason: str, completion: dict[str, Any]
) -> None:
    found = list(opened(reasons={"ab": reason}).complete([asked("ab"), asked("abc")]))
    blank = Completion(id="about ab", text="", finished=False)
    assert found[0] == replace(blank, **completion)
    assert found[1].text == "ABC"


@pytest.mark.parametrize(
    ("prompt", "failure"),
    [
        pytest.param("", "prompt-empty", id="empty"),
        pytest.param("a" * WINDOW, "prompt-too-long", id="long"),
        pytest.param("refuse", "engine-refused", id="refused"),
        pytest.param("lost", "engine-lost", id="lost"),
    ],
)
def test_a_request_that_cannot_be_served_is_a_value_and_the_others_are_served(
    prompt: str, failure: str
) -> None:
    found = list(opened(lost="lost").complete([asked(prompt), asked("ab")]))
    assert found[0] == Completion(id=f"about {prompt}", text="", finished=False, failure=failure)
    assert found[1].text == "AB"


def test_a_prompt_that_leaves_room_for_one_token_is_asked() -> None:
    (found,) = opened().complete([asked("a" * (WINDOW - 1))])
    assert found.failure == ""


def test_an_engine_that_breaks_down_ends_the_stage_in_one_line() -> None:
    model = opened(fails=RuntimeError("out of memory\nand a long trace"))
    with pytest.raises(
        ModelError, match="vLLM broke down: out of memory; what is finished is kept"
    ):
        list(model.complete([asked("ab")]))


def test_a_model_that_vllm_cannot_serve_is_said_in_one_line() -> None:
    def engine(**_: Any) -> Any:  # noqa: ANN401
        raise RuntimeError("no room for the cache\nand a long trace")

    with pytest.raises(ModelError, match="cannot serve model: no room for the cache; where memory"):
        VllmModel.load(Path("model"), TOKENS, window=9, library=replace(library(), engine=engine))


def test_the_engine_lies_as_it_is_told() -> None:
    placement = Placement(tensor_parallel=2, memory_fraction=0.5, dtype="float16")
    schedule = replace(SCHEDULE, sharing=True, placement=placement)
    model = VllmModel.load(
        Path("model"), TOKENS, window=10**6, schedule=schedule, library=library()
    )
    settings = model.engine.settings
    assert settings["model"] == "model"
    assert (settings["tensor_parallel_size"], settings["gpu_memory_utilization"]) == (2, 0.5)
    assert (settings["dtype"], settings["enable_prefix_caching"]) == ("float16", True)
    assert settings["max_model_len"] == model.window == SCHEDULE.kv_tokens
    assert settings["trust_remote_code"] is False


@pytest.mark.parametrize("sharing", [True, False])
def test_what_an_earlier_call_read_is_forgotten(*, sharing: bool) -> None:
    schedule = replace(SCHEDULE, sharing=sharing)
    model = VllmModel.load(
        Path("model"), TOKENS, window=WINDOW, schedule=schedule, library=library()
    )
    for _ in range(2):
        list(model.complete([asked("ab")]))
    assert model.engine.resets == (2 if sharing else 0)


def test_a_model_that_is_let_go_gives_its_memory_back() -> None:
    model = opened()
    closed = model.engine.closed
    assert closed == []
    del model
    gc.collect()
    assert closed == [True]


def test_no_request_is_no_completion() -> None:
    make: Callable[[], VllmModel] = opened
    assert list(make().complete([])) == []
