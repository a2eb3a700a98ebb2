# ruff: noqa: E402 -- what needs the train extra is imported behind the check for it

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("peft")

from safetensors.torch import load_file, save_file

from katsuo.errors import ModelError, RecipeError
from katsuo.models import batches, tunable, tune
from katsuo.models.tokens import Tokens
from katsuo.models.tune import LoraTuner
from katsuo.training import Step, TuneSettings
from katsuo.types import Pair

pytestmark = pytest.mark.train

PAIRS = [
    Pair(prompt=f"question {letter}", target=f"say {letter * 3}", chat=False) for letter in "abcd"
]
LORA = TuneSettings(
    rank=4,
    learning_rate=2e-2,
    batch_tokens=64,
    max_steps=6,
    precision="float32",
    checkpoint_seconds=0,
)
FULL = replace(LORA, method="full", learning_rate=2e-3, max_steps=60, checkpoint_seconds=1e9)


class KilledError(Exception):
    """The end of a process, as far as a run can tell."""


def killed_after(n_steps: int) -> Callable[[Step], None]:
    def on_step(step: Step) -> None:
        if step.step == n_steps:
            raise KilledError

    return on_step


def rows(folder: Path) -> list[dict[str, Any]]:
    lines = (folder / "losses.jsonl").read_text("utf-8").splitlines()
    return [{k: v for k, v in json.loads(line).items() if k != "seconds"} for line in lines]


def weights(folder: Path) -> dict[str, Any]:
    (path,) = folder.glob("*model.safetensors")
    return dict(load_file(path))


@pytest.fixture
def tuner(tiny_llama: Path) -> Callable[..., LoraTuner]:
    start = LoraTuner(
        base=tiny_llama, base_name="tiny", tokens=Tokens.load(tiny_llama), settings=LORA
    )
    return lambda **changes: replace(start, **changes)


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize(
    "settings", [FULL, replace(FULL, precision="bfloat16")], ids=["float32", "bfloat16"]
)
def test_full_tuning_learns_by_heart_and_leaves_a_model_folder(
    tuner: Callable[..., LoraTuner], tiny_llama: Path, tmp_path: Path, settings: TuneSettings
) -> None:
    into = tmp_path / "tuned"
    trainer = tuner(settings=settings, held_out={"all": PAIRS})
    report = trainer.tune(PAIRS, into)
    assert report.last_loss < 0.1 < 1.5 < report.first_loss
    assert {path.name for path in into.iterdir()} - {"generation_config.json"} == {
        "config.json",
        "losses.jsonl",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    }
    assert Tokens.load(into).target_ids("ab") == trainer.tokens.target_ids("ab")
    model = tune.load(into, precision="float32")
    examples = [batches.encode(pair, trainer.tokens) for pair in PAIRS]
    found = batches.losses(model, {"all": examples}, half=settings.precision == "bfloat16")
    assert found == pytest.approx(rows(into)[-1]["held_out"], rel=1e-3)


def test_a_fully_tuned_model_has_the_number_type_of_its_base(
    tuner: Callable[..., LoraTuner], tiny_llama: Path, tmp_path: Path
) -> None:
    config = json.loads((tiny_llama / "config.json").read_text("utf-8"))
    (tiny_llama / "config.json").write_text(json.dumps({**config, "dtype": "float16"}), "utf-8")
    tuner(settings=replace(FULL, max_steps=1)).tune(PAIRS, tmp_path)
    assert {weight.dtype for weight in weights(tmp_path).values()} == {torch.float16}


def test_an_adapter_is_tuned_further_in_its_own_shape(
    tuner: Callable[..., LoraTuner], tmp_path: Path
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    held_out = {"all": PAIRS}
    tuner(held_out=held_out).tune(PAIRS, first)
    settings = replace(LORA, rank=2, alpha=99.0, max_steps=1, learning_rate=1e-9)
    tuner(settings=settings, held_out=held_out, start=first).tune(PAIRS, second)
    assert rows(second)[-1]["held_out"] == pytest.approx(rows(first)[-1]["held_out"], rel=1e-4)
    configs = [(folder / "adapter_config.json").read_bytes() for folder in (first, second)]
    assert configs[0] == configs[1]
    assert not same(weights(first), weights(second))


def test_a_checkpoint_is_resumed_only_with_the_adapter_it_began_with(
    tuner: Callable[..., LoraTuner], tmp_path: Path
) -> None:
    for seed in (1, 2):
        tuner(settings=replace(LORA, seed=seed)).tune(PAIRS, tmp_path / f"{seed}")
    steps: list[int] = []

    def on_step(step: Step) -> None:
        steps.append(step.step)
        killed_after(2)(step)

    for start in (None, tmp_path / "1", tmp_path / "2"):
        with pytest.raises(KilledError):
            tuner(start=start, on_step=on_step).tune(PAIRS, tmp_path / "run")
    assert steps == [1, 2, 1, 2, 1, 2]
    tuner(start=tmp_path / "2", on_step=on_step).tune(PAIRS, tmp_path / "run")
    assert steps[6:] == [3, 4, 5, 6]


def _strange(folder: Path, change: str) -> Path:
    folder.mkdir()
    if change != "nothing":
        kind = "IA3" if change == "kind" else "LORA"
        config = {
            "peft_type": kind,
            "r": 4,
            "target_modules": ["q_proj"],
            "base_model_name_or_path": "",
        }
        (folder / "adapter_config.json").write_text(json.dumps(config), "utf-8")
        save_file({"strange.lora_A.weight": torch.zeros(2)}, folder / "adapter_model.safetensors")
    return folder


@pytest.mark.parametrize(
    ("change", "settings", "error", "says"),
    [
        pytest.param("nothing", LORA, ModelError, "no adapter_config.json", id="no-adapter"),
        pytest.param("kind", LORA, ModelError, "peft_type is 'IA3'", id="no-lora"),
        pytest.param("weights", LORA, ModelError, "do not share", id="of-another-base"),
        pytest.param(
            "weights",
            replace(LORA, method="full"),
            RecipeError,
            "merge it into its base first",
            id="every-weight-has-no-start",
        ),
    ],
)
def test_a_start_that_does_not_fit_is_refused(
    tuner: Callable[..., LoraTuner],
    tmp_path: Path,
    change: str,
    settings: TuneSettings,
    error: type[Exception],
    says: str,
) -> None:
    with pytest.raises(error, match=says):
        tuner(start=_strange(tmp_path / "start", change), settings=settings).tune(PAIRS, tmp_path)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_four_bits_without_a_gpu_are_refused_in_one_line(tuner: Callable[..., LoraTuner]) -> None:
    with pytest.raises(
        ModelError, match="method is qlora; it needs a CUDA device and bitsandbytes"
    ):
        tuner(settings=replace(LORA, method="qlora"))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize(
    "settings",
    [
        pytest.param(replace(LORA, precision="bfloat16"), id="lora"),
        pytest.param(replace(FULL, precision="bfloat16"), id="full"),
        pytest.param(replace(LORA, precision="bfloat16", method="qlora"), id="qlora"),
    ],
)
def test_a_gpu_learns_and_resumes(tiny_llama: Path, tmp_path: Path, settings: TuneSettings) -> None:
    if settings.method == "qlora":
        pytest.importorskip("bitsandbytes")
    settings = replace(settings, max_steps=60, checkpoint_seconds=0)
    start = LoraTuner(
        base=tiny_llama, base_name="tiny", tokens=Tokens.load(tiny_llama), settings=settings
    )
    with pytest.raises(KilledError):
        replace(start, on_step=killed_after(30)).tune(PAIRS, tmp_path)
    report = start.tune(PAIRS, tmp_path)
    assert report.last_loss < report.first_loss / 2


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_run_goes_on_on_another_device_and_learns_alike(
    tuner: Callable[..., LoraTuner], tmp_path: Path
) -> None:
    on_cpu = tuner(settings=replace(LORA, device="cpu"))
    on_cpu.tune(PAIRS, tmp_path / "cpu")
    on_gpu = tuner(settings=replace(LORA, device="cuda"), on_step=killed_after(3))
    with pytest.raises(KilledError):
        on_gpu.tune(PAIRS, tmp_path / "moved")
    on_cpu.tune(PAIRS, tmp_path / "moved")
    for ours, theirs in zip(rows(tmp_path / "moved"), rows(tmp_path / "cpu"), strict=True):
        assert ours == pytest.approx(theirs, rel=1e-2)


def test_layers_are_compiled_or_the_decoder_where_it_names_none() -> None:
    from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

    sizes = {"hidden_size": 8, "intermediate_size": 8, "num_attention_heads": 2, "vocab_size": 16}
    llama = LlamaForCausalLM(LlamaConfig(num_hidden_layers=3, **sizes))
    assert tunable.layers_of(llama) == list(llama.model.layers)
    gpt2 = GPT2LMHeadModel(GPT2Config(n_embd=8, n_layer=2, n_head=2, vocab_size=16))
    assert tunable.layers_of(gpt2) == [gpt2.transformer]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # the compiler warns of its own insides
def test_compiled_layers_learn_as_others_do(
    tuner: Callable[..., LoraTuner], tmp_path: Path
) -> None:
    losses = []
    for compiled in (False, True):
        into = tmp_path / str(compiled)
        tuner(settings=replace(LORA, compile=compiled, share_passages=True)).tune(PAIRS, into)
        losses.append([row["loss"] for row in rows(into) if "loss" in row])
    assert losses[1] == pytest.approx(losses[0], rel=1e-3)
    assert losses[0][-1] < losses[0][0]
