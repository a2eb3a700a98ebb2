# ruff: noqa: E402 -- what needs the train extra is imported behind the check for it

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("peft")

import transformers
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers

from katsuo.errors import ModelError
from katsuo.models import hf
from katsuo.models.hf import HfModel
from katsuo.models.tune import quiet
from katsuo.protocols import Completes, Hold, Question, Ranks, Request, Sampling

pytestmark = pytest.mark.train

WORDS = ["<end>", "Instruct", "Answer", ":", *"abcdefghijklmnop"]
WINDOW = 48
GREEDY = Sampling(temperature=0, top_p=1, max_tokens=12)
WARM = Sampling(temperature=1.5, top_p=0.9, max_tokens=12)
SHAPE = {
    "vocab_size": len(WORDS),
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": WINDOW,
    "initializer_range": 0.3,
    "bos_token_id": 0,
    "eos_token_id": 0,
    "pad_token_id": 0,
}
FAMILIES = {
    "grouped-heads": transformers.LlamaConfig(**SHAPE),
    "biases": transformers.Qwen2Config(**SHAPE),
    "sliding-window": transformers.MistralConfig(**SHAPE, sliding_window=8),
    "capped-logits": transformers.Gemma2Config(
        **SHAPE, head_dim=8, sliding_window=8, final_logit_softcapping=3.0
    ),
    "learned-positions": transformers.GPT2Config(
        vocab_size=len(WORDS),
        n_embd=32,
        n_layer=2,
        n_head=4,
        n_positions=WINDOW,
        initializer_range=0.3,
        bos_token_id=0,
        eos_token_id=0,
    ),
}
QUESTIONS = [
    Question(id="short", prompt="a b c", choices=("d", "e f g", "h")),
    Question(id="long", prompt="a b c d e f g h i j k l m n", choices=("d", "e f g", "h i")),
    Question(id="two", prompt="p o", choices=("a b", "a b c"), chat=False),
    Question(id="one", prompt="p o n m l k j i h g", choices=("a b c d",), chat=False),
    Question(id="empty", prompt="p p", choices=("", "a")),
]


def written(config: Any, folder: Path) -> Path:  # noqa: ANN401 -- any family's
    with torch.random.fork_rng(devices=[]), quiet():
        torch.manual_seed(5)
        transformers.AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    tokenizer = Tokenizer(
        models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="<end>")
    )
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps({"eos_token": "<end>"}), "utf-8")
    return folder


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., HfModel]:
    """The tiny model of a family, loaded once."""
    kept: dict[tuple[str, str], HfModel] = {}

    def load(family: str = "grouped-heads", dtype: str = "float32") -> HfModel:
        if (family, dtype) not in kept:
            folder = written(FAMILIES[family], tmp_path_factory.mktemp(family))
            kept[family, dtype] = HfModel.load(folder, dtype=dtype)
        return kept[family, dtype]

    return load


@pytest.fixture(scope="module")
def model(opened: Callable[..., HfModel]) -> HfModel:
    return opened()


def plain_nats(model: HfModel, question: Question) -> tuple[float, ...]:
    """One pass per choice, as anybody would write it."""
    prompt = model.tokens.prompt_ids(question.prompt, chat=question.chat)
    found = []
    for choice in question.choices:
        target = model.tokens.target_ids(choice)
        with torch.no_grad():
            logits = model.model(input_ids=torch.tensor([prompt + target])).logits[0]
        nats = logits.log_softmax(-1)[range(len(prompt) - 1, len(prompt) + len(target) - 1), target]
        found.append(float(nats.sum()))
    return tuple(found)


def request(prompt: str, **changes: Any) -> Request:  # noqa: ANN401 -- any field
    return replace(Request(id=prompt, prompt=prompt, sampling=GREEDY, seed=7), **changes)


def texts(model: HfModel, requests: list[Request]) -> list[str]:
    return [completion.text for completion in model.complete(requests)]


def test_a_completion_is_what_it_is_held_to_beside_free_ones(model: HfModel) -> None:
    held = [
        request("abc", id=str(n), seed=n, sampling=WARM, hold=Hold(only=("a b", "p"), within="c d"))
        for n in range(12)
    ]
    free = request("abc", sampling=WARM)
    found = [said.text for said in model.complete([*held, free])]
    assert {text.replace(" ", "") for text in found[:-1]} <= {"ab", "p", "c", "d", "cd"}
    assert found[-1:] == texts(model, [free])


def test_plain_text_is_never_empty(model: HfModel) -> None:
    asked = [request("abc", seed=n, sampling=WARM, hold=Hold()) for n in range(12)]
    assert all(text and "<" not in text for text in texts(model, asked))


@pytest.mark.parametrize("family", FAMILIES)
def test_choices_read_together_get_the_nats_of_choices_read_alone(
    opened: Callable[..., HfModel], family: str
) -> None:
    ranks: Ranks = opened(family)
    for question, ranked in zip(QUESTIONS, ranks.rank(QUESTIONS), strict=True):
        assert ranked.id == question.id
        assert ranked.nats == pytest.approx(plain_nats(opened(family), question), abs=1e-4)
        assert ranked.n_tokens == tuple(len(choice.split()) + 1 for choice in question.choices)


def test_the_order_of_choices_changes_no_nats(model: HfModel) -> None:
    question = QUESTIONS[1]
    (ranked,) = model.rank([question])
    of = dict(zip(question.choices, ranked.nats, strict=True))
    turned = [replace(question, choices=order) for order in permutations(question.choices)]
    for asked, answer in zip(turned, model.rank(turned), strict=True):
        assert answer.nats == pytest.approx([of[choice] for choice in asked.choices], abs=1e-5)


SOME = st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=12).map(" ".join)


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(prompts=st.lists(SOME, min_size=1, max_size=6), choices=st.lists(SOME, min_size=1))
def test_neighbours_change_no_nats(
    opened: Callable[..., HfModel], prompts: list[str], choices: list[str]
) -> None:
    questions = [
        Question(id=str(i), prompt=prompt, choices=tuple(choices[: 1 + i % 4]), chat=False)
        for i, prompt in enumerate(prompts)
    ]
    together = list(opened().rank(questions))
    for question, ranked in zip(questions, together, strict=True):
        (alone,) = opened().rank([question])
        assert ranked.nats == pytest.approx(alone.nats, abs=1e-4)


def test_long_trees_get_the_same_nats_from_fused_attention(
    model: HfModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    written_out = [ranked.nats for ranked in model.rank(QUESTIONS)]
    monkeypatch.setattr(hf, "LONG_TOKENS", 2)
    for ranked, nats in zip(model.rank(QUESTIONS), written_out, strict=True):
        assert ranked.nats == pytest.approx(nats, abs=1e-4)


def test_bfloat16_ranks_nearly_as_float32(opened: Callable[..., HfModel]) -> None:
    narrow = opened("grouped-heads", "bfloat16")
    for ranked, exact in zip(narrow.rank(QUESTIONS), opened().rank(QUESTIONS), strict=True):
        assert ranked.nats == pytest.approx(exact.nats, abs=0.2)


@pytest.mark.parametrize(
    "question",
    [
        pytest.param(
            Question(id="q", prompt="a " * WINDOW, choices=("b",), chat=False), id="prompt-too-long"
        ),
        pytest.param(
            Question(id="q", prompt="a", choices=("b", "b " * 47), chat=False), id="choice-too-long"
        ),
        pytest.param(Question(id="q", prompt="", choices=("b",), chat=False), id="empty-prompt"),
        pytest.param(Question(id="q", prompt="a", choices=()), id="no-choices"),
    ],
)
def test_a_question_that_cannot_be_ranked_is_a_value_between_others(
    model: HfModel, question: Question
) -> None:
    first, bad, last = model.rank([QUESTIONS[0], question, QUESTIONS[0]])
    assert (bad.id, bad.nats, bad.n_tokens) == ("q", (), ())
    assert first == last
    assert len(first.nats) == 3


def test_a_question_that_just_fits_is_ranked(model: HfModel) -> None:
    question = Question(id="q", prompt="a", choices=("b", "b " * 46), chat=False)
    (ranked,) = model.rank([question])
    assert ranked.n_tokens == (2, 47)
    assert ranked.nats == pytest.approx(plain_nats(model, question), abs=1e-4)


@pytest.mark.parametrize("family", FAMILIES)
def test_greedy_drafts_are_those_of_transformers(
    opened: Callable[..., HfModel], family: str
) -> None:
    completes: Completes = opened(family)
    hugging = opened(family).model
    requests = [request("a b c d e f g h i j"), request("k"), request("n o p a", chat=True)]
    for asked, completion in zip(requests, completes.complete(requests), strict=True):
        ids = opened(family).tokens.prompt_ids(asked.prompt, chat=asked.chat)
        with quiet():
            row = hugging.generate(
                torch.tensor([ids]),
                attention_mask=torch.ones(1, len(ids), dtype=torch.long),
                max_new_tokens=12,
                do_sample=False,
            )[0]
        drawn = row[len(ids) :].tolist()
        assert completion.id == asked.id
        assert completion.text == opened(family).tokens.text(drawn)
        assert completion.n_tokens == len(drawn)
        assert completion.finished == (drawn[-1] == 0)


def test_sampled_drafts_do_not_depend_on_their_neighbours(model: HfModel) -> None:
    prompts = ["a b c d e f g h i j", "k", "n o p a", "b b", "c a b d e", "l", "m n"]
    requests = [
        request(prompt, sampling=WARM, seed=2**63 + number) for number, prompt in enumerate(prompts)
    ]
    together = texts(model, requests)
    assert texts(model, requests[::-1]) == together[::-1]
    assert [texts(model, [one])[0] for one in requests] == together
    assert texts(model, [replace(one, seed=one.seed + 9) for one in requests]) != together


def test_more_requests_than_one_batch_come_back_in_their_order(model: HfModel) -> None:
    requests = [
        request("a " * (1 + 7 * i % 20), id=str(i), sampling=replace(WARM, max_tokens=2), seed=i)
        for i in range(hf.CPU_WIDTHS.drafts + 5)
    ]
    assert [done.id for done in model.complete(requests)] == [one.id for one in requests]


def test_a_stop_string_ends_a_draft_and_is_no_part_of_it(model: HfModel) -> None:
    drafts = model.complete([request("a b c", sampling=WARM, seed=seed) for seed in range(40)])
    seed, whole = next(
        (seed, draft) for seed, draft in enumerate(drafts) if len(set(draft.text.split()[:5])) > 3
    )
    words = whole.text.split()
    stop = (words[4], f"{words[1]} {words[2]}")
    (cut,) = model.complete([request("a b c", sampling=WARM, seed=seed, stop=stop)])
    text = " ".join(words)
    assert cut.text == text[: min(text.find(one) for one in stop)]
    assert cut.finished
    assert cut.n_tokens < whole.n_tokens


@pytest.mark.parametrize(
    ("n_words", "failure", "n_tokens"),
    [
        pytest.param(WINDOW - 1, "", 1, id="room-for-one"),
        pytest.param(WINDOW, "prompt-too-long", 0, id="room-for-none"),
        pytest.param(WINDOW + 5, "prompt-too-long", 0, id="longer-than-the-window"),
        pytest.param(0, "prompt-empty", 0, id="nothing-to-continue"),
    ],
)
def test_a_prompt_that_leaves_no_room_is_a_failure_between_others(
    model: HfModel, n_words: int, failure: str, n_tokens: int
) -> None:
    asked = request("a " * n_words, id="edge")
    first, edge, last = model.complete([request("k"), asked, request("k")])
    assert (edge.id, edge.failure, edge.n_tokens) == ("edge", failure, n_tokens)
    assert first == last
    assert not first.failure
    assert edge.finished is False or edge.text == ""


def test_nothing_asked_is_nothing_done(model: HfModel) -> None:
    assert list(model.complete([])) == []
    assert list(model.rank([])) == []
    assert model.perplexity([]) == (0, 0)


@pytest.mark.parametrize("pieces", [1024, 5])
def test_the_perplexity_of_texts_counts_every_token_that_is_predicted(
    model: HfModel, monkeypatch: pytest.MonkeyPatch, pieces: int
) -> None:
    monkeypatch.setattr(hf, "PIECE_TOKENS", pieces)
    passages = ["a b c d e f g h i j k", "p", "", "n o p a b"]
    expected = 0.0
    for passage in passages:
        ids = model.tokens.prompt_ids(passage, chat=False)
        for start in range(0, len(ids) - 1, pieces - 1):
            piece = torch.tensor([ids[start : start + pieces]])
            with torch.no_grad():
                nats = model.model(input_ids=piece).logits[0, :-1].log_softmax(-1)
            expected -= float(nats.gather(-1, piece[0, 1:, None]).sum())
    nats_of_all, n_tokens = model.perplexity(passages)
    assert n_tokens == 10 + 4
    assert nats_of_all == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("family", "reach"),
    [("grouped-heads", float("inf")), ("biases", float("inf")), ("sliding-window", 8)],
)
def test_a_tree_reaches_as_far_as_attention_does(
    opened: Callable[..., HfModel], family: str, reach: float
) -> None:
    assert hf.reach_of(opened(family).model) == reach


def test_a_model_that_does_not_say_how_much_it_can_read_is_refused(tmp_path: Path) -> None:
    config = transformers.BloomConfig(vocab_size=8, hidden_size=8, n_layer=1, n_head=2)
    with pytest.raises(ModelError, match="max_position_embeddings is None"):
        HfModel.load(written(config, tmp_path))
