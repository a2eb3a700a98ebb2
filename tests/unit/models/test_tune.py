# ruff: noqa: E402 -- what needs the train extra is imported behind the check for it

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
peft = pytest.importorskip("peft")

from safetensors.torch import load_file
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM

from katsuo.errors import DataError, RecipeError
from katsuo.models import batches, tune
from katsuo.models.tokens import Tokens
from katsuo.models.tune import LoraTuner
from katsuo.protocols import Tunes
from katsuo.training import Pause, Step, TuneSettings
from katsuo.types import Pair

pytestmark = pytest.mark.train

LETTERS = "abcdefghijklmnop"
PAIRS = [
    Pair(prompt="a b c", target="d", chat=False),
    Pair(prompt="b c", target="e f", chat=False),
    Pair(prompt="c a", target="g", chat=False),
    Pair(prompt="a a b", target="h", chat=False),
]
SETTINGS = TuneSettings(
    rank=4,
    alpha=16,
    learning_rate=2e-2,
    batch_tokens=12,
    max_steps=6,
    precision="float32",
    checkpoint_seconds=0,
)


class KilledError(Exception):
    """The end of a process, as far as a run can tell."""


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("base")
    config = LlamaConfig(
        vocab_size=24,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=64,
        tie_word_embeddings=True,
        initializer_range=0.4,  # the frozen embeddings must be able to tell words apart
    )
    with torch.random.fork_rng(devices=[]), tune.quiet():
        torch.manual_seed(5)
        LlamaForCausalLM(config).save_pretrained(folder)
    return folder


@pytest.fixture
def tuner(base: Path) -> Callable[..., LoraTuner]:
    words = ["<end>", "Instruct", "Answer", ":", *LETTERS]
    tokenizer = Tokenizer(
        models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="<end>")
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokens = Tokens(tokenizer=tokenizer, end="<end>")

    def make(**changes: Any) -> LoraTuner:  # noqa: ANN401 -- any field
        start = LoraTuner(base=base, base_name="tiny-model", tokens=tokens, settings=SETTINGS)
        return replace(start, **changes)

    return make


def rows(folder: Path) -> list[dict[str, Any]]:
    lines = (folder / "losses.jsonl").read_text("utf-8").splitlines()
    return [{k: v for k, v in json.loads(line).items() if k != "seconds"} for line in lines]


def weights(folder: Path) -> dict[str, Any]:
    return dict(load_file(folder / "adapter_model.safetensors"))


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def killed_after(n_steps: int) -> Callable[[Step], None]:
    def on_step(step: Step) -> None:
        if step.step == n_steps:
            raise KilledError

    return on_step


def test_four_pairs_can_be_learned_by_heart(
    tuner: Callable[..., LoraTuner], tmp_path: Path
) -> None:
    trainer: Tunes = tuner(settings=replace(SETTINGS, max_steps=150, checkpoint_seconds=1e9))
    report = trainer.tune(PAIRS, tmp_path)
    assert report.first_loss > 1.5
    assert report.last_loss < 0.05
    assert report.steps == 150
    assert report.target_tokens < report.trained_tokens


def test_an_adapter_folder_is_what_peft_reads(
    tuner: Callable[..., LoraTuner], base: Path, tmp_path: Path
) -> None:
    trainer = tuner(held_out={"all": PAIRS})
    trainer.tune(PAIRS, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "adapter_config.json",
        "adapter_model.safetensors",
        "losses.jsonl",
    ]
    config = json.loads((tmp_path / "adapter_config.json").read_text("utf-8"))
    assert config["base_model_name_or_path"] == "tiny-model"
    with tune.quiet():
        model = peft.PeftModel.from_pretrained(tune.load(base, precision="float32"), tmp_path)
    examples = [batches.encode(pair, trainer.tokens) for pair in PAIRS]
    assert batches.losses(model, {"all": examples}) == pytest.approx(rows(tmp_path)[-1]["held_out"])


def test_the_base_stays_as_it_was(
    tuner: Callable[..., LoraTuner], base: Path, tmp_path: Path
) -> None:
    before = (base / "model.safetensors").read_bytes()
    tuner().tune(PAIRS, tmp_path)
    assert (base / "model.safetensors").read_bytes() == before
    assert all(".lora_" in name for name in weights(tmp_path))


def test_a_new_adapter_changes_nothing_and_only_it_learns(base: Path) -> None:
    model = tune.adaptable(base, SETTINGS)
    learned = {name for name, weight in model.named_parameters() if weight.requires_grad}
    assert all(".lora_" in name for name in learned)
    assert len(learned) == 2 * 7 * 2  # two layers, seven projections, A and B
    ids = torch.tensor([[4, 5, 6]])
    plain = tune.load(base, precision="float32")
    with torch.no_grad():
        torch.testing.assert_close(model(input_ids=ids).logits, plain(input_ids=ids).logits)


def test_the_loss_is_the_mean_over_target_tokens_alone(
    tuner: Callable[..., LoraTuner], base: Path
) -> None:
    model = tune.load(base, precision="float32")
    examples = [batches.encode(pair, tuner().tokens) for pair in PAIRS]
    nats = []
    for example in examples:
        with torch.no_grad():
            logits = model(input_ids=torch.tensor([example.ids])).logits[0].log_softmax(-1)
        targets = range(example.n_prompt, len(example.ids))
        nats += [-float(logits[place - 1, example.ids[place]]) for place in targets]
    loss = float(batches.loss(model, batches.collate(examples)).detach())
    assert loss == pytest.approx(sum(nats) / len(nats), rel=1e-5)


@pytest.mark.parametrize("n_steps", [1, 4, 6])
def test_a_killed_run_ends_as_an_unbroken_one(
    tuner: Callable[..., LoraTuner], tmp_path: Path, n_steps: int
) -> None:
    settings = replace(SETTINGS, dropout=0.2)
    unbroken, broken = tmp_path / "unbroken", tmp_path / "broken"
    report = tuner(settings=settings).tune(PAIRS, unbroken)
    with pytest.raises(KilledError):
        tuner(settings=settings, on_step=killed_after(n_steps)).tune(PAIRS, broken)
    assert not (broken / "adapter_model.safetensors").exists()
    steps: list[int] = []
    resumed = tuner(settings=settings, on_step=lambda step: steps.append(step.step))
    assert replace(resumed.tune(PAIRS, broken), seconds=report.seconds) == report
    assert steps == list(range(n_steps + 1, 7))
    assert rows(broken) == rows(unbroken)
    assert same(weights(broken), weights(unbroken))


def test_a_pause_saves_however_seldom_checkpoints_are_and_changes_nothing(
    tuner: Callable[..., LoraTuner], tmp_path: Path
) -> None:
    settings = replace(SETTINGS, checkpoint_seconds=9999)
    unbroken, broken = tmp_path / "unbroken", tmp_path / "broken"
    tuner(settings=settings).tune(PAIRS, unbroken)

    def pausing(step: Step) -> None:
        if step.step in (2, 4):
            raise Pause

    for _ in range(2):
        with pytest.raises(Pause):
            tuner(settings=settings, on_step=pausing).tune(PAIRS, broken)
    steps: list[int] = []
    tuner(settings=settings, on_step=lambda step: steps.append(step.step)).tune(PAIRS, broken)
    assert steps == [5, 6]
    assert rows(broken) == rows(unbroken)
    assert same(weights(broken), weights(unbroken))


@pytest.mark.parametrize(
    ("settings", "pairs"),
    [
        pytest.param(replace(SETTINGS, learning_rate=1e-3), PAIRS, id="other-settings"),
        pytest.param(SETTINGS, PAIRS[:3], id="other-pairs"),
    ],
)
def test_a_checkpoint_of_another_run_is_not_resumed(
    tuner: Callable[..., LoraTuner], tmp_path: Path, settings: TuneSettings, pairs: list[Pair]
) -> None:
    with pytest.raises(KilledError):
        tuner(on_step=killed_after(2)).tune(PAIRS, tmp_path)
    steps: list[int] = []
    tuner(settings=settings, on_step=lambda step: steps.append(step.step)).tune(pairs, tmp_path)
    assert steps == [1, 2, 3, 4, 5, 6]


def test_a_checkpoint_cut_short_is_as_good_as_none(
    tuner: Callable[..., LoraTuner], tmp_path: Path
) -> None:
    with pytest.raises(KilledError):
        tuner(on_step=killed_after(2)).tune(PAIRS, tmp_path)
    checkpoint = tmp_path / "checkpoint" / "state.safetensors"
    checkpoint.write_bytes(checkpoint.read_bytes()[:-40])
    assert tuner().tune(PAIRS, tmp_path).steps == 6


def test_the_same_run_gives_the_same_adapter_whatever_chance_was_used_before(
    tuner: Callable[..., LoraTuner], tmp_path: Path
) -> None:
    tuner().tune(PAIRS, tmp_path / "one")
    state = torch.random.get_rng_state()
    torch.rand(3)
    tuner().tune(PAIRS, tmp_path / "two")
    torch.random.set_rng_state(state)
    tuner(settings=replace(SETTINGS, seed=1)).tune(PAIRS, tmp_path / "three")
    assert torch.equal(torch.random.get_rng_state(), state)
    one, two, three = (weights(tmp_path / name) for name in ("one", "two", "three"))
    assert same(one, two)
    assert not same(one, three)
    configs = {(tmp_path / name / "adapter_config.json").read_bytes() for name in ("one", "two")}
    assert len(configs) == 1


def test_held_out_losses_are_told_by_key_as_often_as_asked(
    tuner: Callable[..., LoraTuner], tmp_path: Path
) -> None:
    held_out = {"exqa": PAIRS[:1], "nli": PAIRS[1:], "none": []}
    tuner(held_out=held_out, settings=replace(SETTINGS, held_out_steps=4)).tune(PAIRS, tmp_path)
    told = [row for row in rows(tmp_path) if "held_out" in row]
    assert [row["step"] for row in told] == [4, 6]
    assert told[1]["held_out"].keys() == {"exqa", "nli"}
    assert len(rows(tmp_path)) == 8


def test_bfloat16_learns_too_and_keeps_its_adapter_in_float32(
    tuner: Callable[..., LoraTuner], tmp_path: Path
) -> None:
    settings = replace(SETTINGS, precision="bfloat16", max_steps=60, checkpoint_seconds=1e9)
    report = tuner(settings=settings).tune(PAIRS, tmp_path)
    assert report.last_loss < report.first_loss / 2
    assert {weight.dtype for weight in weights(tmp_path).values()} == {torch.float32}


def test_next_word_prediction_learns_every_token_but_the_first(
    tuner: Callable[..., LoraTuner], tmp_path: Path
) -> None:
    pairs = [Pair(prompt="", target="a b c d e", chat=False)]
    report = tuner(settings=replace(SETTINGS, max_steps=2)).tune(pairs, tmp_path)
    assert (report.target_tokens, report.trained_tokens, report.epochs) == (8, 10, 2.0)


@pytest.mark.parametrize(
    ("pairs", "error", "says"),
    [
        pytest.param([], DataError, "no pair to tune on", id="no-pairs"),
        pytest.param(
            [Pair(prompt="a " * 1100, target="b", chat=False)],
            RecipeError,
            "adapt.max_tokens is 1024 and pair 0 has 1102 tokens",
            id="too-long-is-never-cut",
        ),
        pytest.param(
            [Pair(prompt="", target="a", chat=False)],
            DataError,
            "pair 0 has no target token",
            id="nothing-to-learn",
        ),
    ],
)
def test_pairs_that_cannot_be_learned_whole_are_refused_before_any_work(
    tuner: Callable[..., LoraTuner],
    tmp_path: Path,
    pairs: list[Pair],
    error: type[Exception],
    says: str,
) -> None:
    with pytest.raises(error, match=says):
        tuner().tune(pairs, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_several_passes_add_up_to_the_step_in_one(
    tuner: Callable[..., LoraTuner], tmp_path: Path
) -> None:
    for name, micro_tokens in (("one", None), ("several", 5)):
        settings = replace(SETTINGS, micro_tokens=micro_tokens)
        tuner(settings=settings).tune(PAIRS, tmp_path / name)
    one, several = rows(tmp_path / "one"), rows(tmp_path / "several")
    for ours, theirs in zip(several, one, strict=True):
        assert ours == pytest.approx(theirs, rel=1e-4)
    learned = weights(tmp_path / "several")
    for name, weight in weights(tmp_path / "one").items():
        torch.testing.assert_close(learned[name], weight, rtol=1e-3, atol=1e-4)
