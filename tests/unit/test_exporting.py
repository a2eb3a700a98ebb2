from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from typer.testing import CliRunner

from katsuo.cli.main import app
from katsuo.errors import ModelError, RecipeError
from katsuo.exporting import Form, export_model
from katsuo.models import merged_form, shelf
from katsuo.models.tokens import Tokens
from katsuo.store.runs import Run

END = "<|im_end|>"
CHANGED = "model.layers.0.mlp.down_proj.weight"
"""The one weight that the adapter adds to."""


@pytest.fixture
def base(tiny: Path) -> Path:
    """The small model, with a card of its own."""
    (tiny / "README.md").write_text("The base's own card.\n", "utf-8")
    return tiny


@pytest.fixture
def run(tmp_path: Path, base: Path) -> Run:
    """A run whose arm `tasks` changes one weight of the base."""
    run = Run.at(tmp_path / "runs" / "harbour")
    stage = run.stage("adapt")
    stage.begin()
    adapter = stage.folder / "tasks"
    adapter.mkdir()
    settings = {"peft_type": "LORA", "r": 2, "lora_alpha": 6, "base_model_name_or_path": str(base)}
    put(adapter / "adapter_config.json", settings)
    chance = np.random.default_rng(8)
    stem = f"base_model.model.{CHANGED.removesuffix('.weight')}"
    n_out, n_in = load_file(base / "model.safetensors")[CHANGED].shape
    factors = {
        f"{stem}.lora_A.weight": chance.normal(0, 0.3, (2, n_in)).astype(np.float32),
        f"{stem}.lora_B.weight": chance.normal(0, 0.3, (n_out, 2)).astype(np.float32),
    }
    save_file(factors, adapter / "adapter_model.safetensors")
    facts = {"arm": "tasks", "seed": 5, "folder": "tasks", "pairs": 9, "steps": 3}
    found = {"name": str(base), "sha256": shelf.find(str(base)).sha256, "note": ""}
    stage.finish({"tunings": [{**facts, "trained_tokens": 1200}], "base": found})
    (run.folder / "recipe.yaml").write_text("name: harbour\n", "utf-8")
    return run


def put(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), "utf-8")


def change(path: Path, **changes: Any) -> None:  # noqa: ANN401 -- JSON
    put(path, json.loads(path.read_text("utf-8")) | changes)


def merged_by_hand(run: Run, base: Path) -> Any:  # noqa: ANN401 -- an array
    factors = load_file(run.stage("adapt").folder / "tasks" / "adapter_model.safetensors")
    stem = f"base_model.model.{CHANGED.removesuffix('.weight')}"
    delta = factors[f"{stem}.lora_B.weight"] @ factors[f"{stem}.lora_A.weight"]
    return load_file(base / "model.safetensors")[CHANGED].astype(np.float32) + 3 * delta


def report(run: Run, harm: Mapping[str, Any] | None) -> None:
    gain = {"value": 4.25, "low": -1.0, "high": 9.5}
    content = {"generator": "gen", "gains": {"tasks-zero_shot": gain}, "harm": harm}
    put(run.stage("report").folder / "report.json", content)


def test_the_folder_holds_the_base_with_the_adapter_merged_in(
    run: Run, base: Path, tmp_path: Path
) -> None:
    out = export_model(run, "tasks", "folder", tmp_path / "out")
    before, after = load_file(base / "model.safetensors"), load_file(out / "model.safetensors")
    assert before.keys() == after.keys()
    np.testing.assert_allclose(after[CHANGED], merged_by_hand(run, base), atol=2e-3)
    assert all(np.array_equal(after[name], before[name]) for name in before if name != CHANGED)


def test_the_folder_can_be_named_as_a_model(run: Run, base: Path, tmp_path: Path) -> None:
    out = export_model(run, "tasks", "folder", tmp_path / "out")
    assert shelf.find(str(out)).adapter is None
    assert Tokens.load(out).turn("Hi") == Tokens.load(base).turn("Hi")
    assert "The base's own card" not in (out / "README.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("half", "kind"),
    [pytest.param(True, np.float16, id="half"), pytest.param(False, np.float32, id="full")],
)
def test_the_folder_is_as_wide_as_its_base(
    run: Run, base: Path, tmp_path: Path, *, half: bool, kind: type
) -> None:
    if not half:
        weights = load_file(base / "model.safetensors")
        wide = {name: values.astype(np.float32) for name, values in weights.items()}
        save_file(wide, base / "model.safetensors", {"format": "pt"})
        manifest = run.stage("adapt").folder / "manifest.json"
        change(manifest, base={"name": str(base), "sha256": shelf.weights_sha256(base), "note": ""})
    out = export_model(run, "tasks", "folder", tmp_path / "out")
    assert {values.dtype for values in load_file(out / "model.safetensors").values()} == {
        np.dtype(kind)
    }


def test_a_large_model_lies_in_several_files_that_an_index_names(
    run: Run, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(merged_form, "_SHARD_BYTES", 20_000)
    out = export_model(run, "tasks", "folder", tmp_path / "out")
    index = json.loads((out / "model.safetensors.index.json").read_text("utf-8"))
    places = index["weight_map"]
    assert places.keys() == load_file(base / "model.safetensors").keys()
    assert len(set(places.values())) > 1
    assert all(name in load_file(out / file) for name, file in places.items())


def test_the_gguf_file_holds_the_merged_weights(run: Run, base: Path, tmp_path: Path) -> None:
    file = export_model(run, "tasks", "gguf", tmp_path / "out")
    assert file == tmp_path / "out" / "harbour-tasks.F16.gguf"
    tensors = {tensor.name: tensor.data for tensor in gguf.GGUFReader(file).tensors}
    np.testing.assert_allclose(
        tensors["blk.0.ffn_down.weight"], merged_by_hand(run, base), atol=2e-3
    )


def test_the_gguf_file_states_what_a_program_needs_to_hold_a_conversation(
    run: Run, base: Path, tmp_path: Path
) -> None:
    file = export_model(run, "tasks", "gguf", tmp_path / "out")
    stated = {name: field.contents() for name, field in gguf.GGUFReader(file).fields.items()}
    tokens = stated["tokenizer.ggml.tokens"]
    assert stated["tokenizer.chat_template"] == Tokens.load(base).chat_template
    assert tokens[stated["tokenizer.ggml.eos_token_id"]] == END
    assert tokens[stated["tokenizer.ggml.bos_token_id"]] == "<|im_start|>"
    assert stated["tokenizer.ggml.add_bos_token"] is False
    kinds = dict(zip(tokens, stated["tokenizer.ggml.token_type"], strict=True))
    assert [kinds[token] for token in (END, "<note>", "th")] == [3, 4, 1]


def split_at(pattern: str) -> dict[str, Any]:
    stated = {"pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}
    return {"type": "Split", **stated}


@pytest.mark.parametrize(
    ("splitter", "name"),
    [
        pytest.param(split_at(r"\p{L}+| ?\p{N}+"), "gpt-2", id="runs-of-digits"),
        pytest.param({"type": "Digits", "individual_digits": True}, "smollm", id="every-digit"),
        pytest.param(split_at(r"(?i:'s|'t)|\p{N}"), "qwen2", id="every-digit-any-case"),
        pytest.param(split_at(r"(?i:'s|'t)|\p{N}{1,3}"), "llama-bpe", id="three-digits"),
    ],
)
def test_the_gguf_file_names_how_text_is_split(
    run: Run, base: Path, tmp_path: Path, splitter: dict[str, Any], name: str
) -> None:
    path = base / "tokenizer.json"
    steps = [splitter, json.loads(path.read_text("utf-8"))["pre_tokenizer"]]
    change(path, pre_tokenizer={"type": "Sequence", "pretokenizers": steps})
    file = export_model(run, "tasks", "gguf", tmp_path / "out")
    assert gguf.GGUFReader(file).fields["tokenizer.ggml.pre"].contents() == name


def test_ollama_is_told_the_template_and_where_an_answer_ends(
    run: Run, base: Path, tmp_path: Path
) -> None:
    export_model(run, "tasks", "gguf", tmp_path / "out", weights="Q8_0")
    told = (tmp_path / "out" / "Modelfile").read_text("utf-8")
    assert told.startswith("FROM ./harbour-tasks.Q8_0.gguf\n")
    assert Tokens.load(base).turn("{{ .Prompt }}") in told
    assert f'PARAMETER stop "{END}"' in told


@pytest.mark.parametrize("form", ["gguf", "folder"])
def test_an_empty_folder_is_filled(run: Run, tmp_path: Path, form: Form) -> None:
    (tmp_path / "out").mkdir()
    made = export_model(run, "tasks", form, tmp_path / "out")
    assert made.exists()
    assert (tmp_path / "out" / "README.md").is_file()


@pytest.mark.parametrize("form", ["gguf", "folder"])
def test_nothing_else_is_left_behind(run: Run, tmp_path: Path, form: Form) -> None:
    export_model(run, "tasks", form, tmp_path / "exports" / "out")
    assert [path.name for path in (tmp_path / "exports").iterdir()] == ["out"]
    names = {path.name for path in (tmp_path / "exports" / "out").iterdir()}
    assert names == (
        {"harbour-tasks.F16.gguf", "Modelfile", "README.md"}
        if form == "gguf"
        else {
            "model.safetensors", "config.json", "tokenizer.json", "tokenizer_config.json",
            "README.md",
        }
    )  # fmt: skip


def test_weights_of_a_folder_are_not_for_choosing(run: Run, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"--weights Q8_0 is for --model gguf"):
        export_model(run, "tasks", "folder", tmp_path / "out", weights="Q8_0")
    assert not (tmp_path / "out").exists()


@pytest.fixture
def whole(run: Run, base: Path) -> Path:
    """The folder of the arm `tasks`, now one that learned every weight."""
    folder = run.stage("adapt").folder / "tasks"
    for path in folder.iterdir():
        path.unlink()
    for path in base.iterdir():
        if path.suffix == ".json":
            (folder / path.name).write_bytes(path.read_bytes())
    weights = load_file(base / "model.safetensors")
    save_file({name: values + np.float16(1) for name, values in weights.items()},
              folder / "model.safetensors", {"format": "pt"})  # fmt: skip
    (folder / "losses.jsonl").write_text("{}\n", "utf-8")
    return folder


def test_an_arm_that_learned_every_weight_is_taken_out_as_it_is(
    run: Run, whole: Path, tmp_path: Path
) -> None:
    out = export_model(run, "tasks", "folder", tmp_path / "out")
    names = {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}
    assert {path.name for path in out.iterdir()} == {*names, "README.md"}
    assert all((out / name).read_bytes() == (whole / name).read_bytes() for name in names)
    card = (out / "README.md").read_text("utf-8")
    assert "every weight tuned" in card
    assert f"| whole model | sha256 `{shelf.weights_sha256(whole)}`" in card


def test_an_arm_that_learned_every_weight_becomes_one_file(
    run: Run, whole: Path, tmp_path: Path
) -> None:
    file = export_model(run, "tasks", "gguf", tmp_path / "out")
    tensors = {tensor.name: tensor.data for tensor in gguf.GGUFReader(file).tensors}
    expected = load_file(whole / "model.safetensors")[CHANGED]
    np.testing.assert_allclose(tensors["blk.0.ffn_down.weight"], expected)


def test_a_folder_that_holds_something_is_not_touched(run: Run, tmp_path: Path) -> None:
    put(tmp_path / "out" / "mine.json", 1)
    with pytest.raises(RecipeError, match="is there already; name a new folder"):
        export_model(run, "tasks", "gguf", tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine.json"]


def lose_the_adapter_s_mate(run: Run, base: Path) -> None:
    weights = load_file(base / "model.safetensors")
    del weights[CHANGED]
    save_file(weights, base / "model.safetensors", {"format": "pt"})
    change(
        run.stage("adapt").folder / "manifest.json",
        base={"name": str(base), "sha256": shelf.weights_sha256(base), "note": ""},
    )


def exchange_the_base(_run: Run, base: Path) -> None:
    weights = load_file(base / "model.safetensors")
    save_file({name: values + 1 for name, values in weights.items()}, base / "model.safetensors")


def forget_the_tuning(run: Run, _base: Path) -> None:
    (run.stage("adapt").folder / "manifest.json").unlink()


def be_of_an_older_katsuo(run: Run, _base: Path) -> None:
    path = run.stage("adapt").folder / "manifest.json"
    manifest = json.loads(path.read_text("utf-8"))
    del manifest["tunings"]
    put(path, manifest)


def split_by_words(_run: Run, base: Path) -> None:
    change(base / "tokenizer.json", pre_tokenizer={"type": "Metaspace"})


@pytest.mark.parametrize(
    ("spoil", "error", "said"),
    [
        pytest.param(lose_the_adapter_s_mate, ModelError, "unknown to", id="weights-missing"),
        pytest.param(exchange_the_base, RecipeError, "is not the model", id="another-base"),
        pytest.param(forget_the_tuning, RecipeError, "no finished stage adapt", id="not-adapted"),
        pytest.param(be_of_an_older_katsuo, RecipeError, "older katsuo", id="older-run"),
        pytest.param(split_by_words, ModelError, "--model folder", id="no-byte-level-bpe"),
    ],
)
def test_what_cannot_be_exported_says_why_and_leaves_nothing(
    run: Run, base: Path, tmp_path: Path, spoil: Callable[[Run, Path], None],
    error: type[Exception], said: str,
) -> None:  # fmt: skip
    spoil(run, base)
    with pytest.raises(error, match=said):
        export_model(run, "tasks", "gguf", tmp_path / "exports" / "out")
    assert not list((tmp_path / "exports").glob("*"))
    assert not list((tmp_path / "exports").glob(".*"))


def test_an_arm_that_the_run_has_not_is_answered_with_those_it_has(
    run: Run, tmp_path: Path
) -> None:
    with pytest.raises(RecipeError, match="no arm 'tapt'; it has tasks"):
        export_model(run, "tapt", "gguf", tmp_path / "out")


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        pytest.param(None, "Check for harm: not made", id="not-made"),
        pytest.param({"tasks": {"rejected": False}}, "Check for harm: passed", id="passed"),
        pytest.param({"tasks": {"rejected": True}}, "Check for harm: REJECTED", id="rejected"),
    ],
)
def test_the_card_states_the_gain_and_the_check_for_harm(
    run: Run, tmp_path: Path, harm: Mapping[str, Any] | None, said: str
) -> None:
    report(run, harm)
    export_model(run, "tasks", "gguf", tmp_path / "out")
    card = (tmp_path / "out" / "README.md").read_text("utf-8")
    assert "+4.2 F1 points (-1.0 to +9.5" in card
    assert said in card


@pytest.mark.parametrize(
    ("form", "file"), [("gguf", "harbour-tasks.F16.gguf"), ("folder", "model*.safetensors")]
)
def test_the_card_states_file_base_and_tuning(
    run: Run, base: Path, tmp_path: Path, form: Form, file: str
) -> None:
    export_model(run, "tasks", form, tmp_path / "out")
    card = (tmp_path / "out" / "README.md").read_text("utf-8")
    assert f"`{file}`" in card
    assert shelf.find(str(base)).sha256 in card
    assert "9 pairs, 3 steps, 1,200 tokens" in card
    assert "nothing is proven about it" in card


def test_the_command_says_where_the_model_lies(run: Run, tmp_path: Path) -> None:
    words = ["export", str(run.folder), "--model", "gguf", "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0
    assert result.stdout.strip().endswith("harbour-tasks.F16.gguf")
