from __future__ import annotations

import json
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from katsuo import engines
from katsuo.errors import ModelError, RecipeError
from katsuo.models import automatic
from katsuo.models.endpoint import Endpoint
from katsuo.models.fake import FakeModel, FakeTuner
from katsuo.protocols import Question
from katsuo.sections import Generate
from katsuo.training import TuneSettings
from katsuo.types import Pair

has_train = find_spec("torch") is not None


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model folder as far as finding needs it."""
    made = tmp_path / "model"
    made.mkdir()
    config = {"architectures": ["LlamaForCausalLM"], "max_position_embeddings": 64}
    (made / "config.json").write_text(json.dumps(config), "utf-8")
    (made / "model.safetensors").write_bytes(b"weights")
    return made


def adapter_on(base: Path, folder: Path) -> Path:
    FakeTuner().tune([Pair(prompt="a", target="b")], folder)
    config = {"base_model_name_or_path": str(base), "peft_type": "LORA", "r": 4, "lora_alpha": 8}
    (folder / "adapter_config.json").write_text(json.dumps(config), "utf-8")
    return folder


def test_the_fake_needs_no_weights() -> None:
    named = engines.find("fake")
    assert named.is_fake
    assert (named.sha256, named.identity, named.format) == ("fake", "fake", "bonito-v1")
    assert engines.engine_of(named, "openvino") == "fake"
    assert engines.open_completes(named, "fake", "F16") == FakeModel()
    assert engines.tokenizer_of(named) is None


def test_a_folder_is_found_by_its_weights(folder: Path) -> None:
    named = engines.find(str(folder))
    assert not named.is_fake
    assert named.identity.startswith(f"{named.sha256}:")
    (folder / "model.safetensors").write_bytes(b"others")
    assert engines.find(str(folder)).identity != named.identity


def test_an_adapter_changes_the_identity_and_not_the_weights(folder: Path, tmp_path: Path) -> None:
    base = engines.find(str(folder))
    tuned = engines.with_adapter(base, adapter_on(folder, tmp_path / "adapter"))
    assert tuned.sha256 == base.sha256
    assert tuned.identity.startswith(f"{base.identity}+")


def test_a_fake_with_an_adapter_ranks_otherwise(tmp_path: Path) -> None:
    base = engines.find("fake")
    tuned = engines.with_adapter(base, adapter_on(tmp_path, tmp_path / "adapter"))
    question = Question(id="q", prompt="p", choices=("yes", "no"))
    before, after = (list(engines.open_ranks(named).rank([question])) for named in (base, tuned))
    assert before != after


@pytest.mark.parametrize(
    ("taught", "wanted", "format"),
    [
        pytest.param("bonito-v1", "auto", "bonito-v1", id="taught"),
        pytest.param("", "auto", "prompted-v1", id="taught-none"),
        pytest.param("bonito-v1", "prompted-v1", "prompted-v1", id="asked-for"),
    ],
)
def test_a_generator_is_spoken_to_as_it_was_taught(taught: str, wanted: str, format: str) -> None:
    named = replace(engines.find("fake"), format=taught)
    assert engines.wire_format(named, wanted) == format


@pytest.mark.parametrize(
    ("architectures", "engine"),
    [
        pytest.param(["LlamaForCausalLM"], "openvino", id="llama"),
        pytest.param(["Qwen3ForCausalLM"], "openvino", id="qwen3"),
        pytest.param(["MistralForCausalLM"], "hf", id="mistral"),
        pytest.param(None, "hf", id="unnamed"),
    ],
)
def test_auto_is_the_engine_that_can_read_the_model(
    folder: Path, architectures: list[str] | None, engine: str
) -> None:
    if engine == "hf" and not has_train:
        pytest.skip("the transformers engine needs the train extra")
    (folder / "config.json").write_text(json.dumps({"architectures": architectures}), "utf-8")
    assert engines.engine_of(engines.find(str(folder)), "auto") == engine


@pytest.mark.parametrize("wanted", ["fake", "llama"])
def test_an_engine_that_cannot_serve_the_model_is_refused(folder: Path, wanted: str) -> None:
    with pytest.raises(RecipeError, match=f"engine is '{wanted}'.*auto, openvino, hf, vllm"):
        engines.engine_of(engines.find(str(folder)), wanted)


@pytest.mark.parametrize("engine", ["openvino", "fake"])
def test_the_version_of_an_engine_is_its_library(engine: str) -> None:
    assert bool(engines.engine_version(engine)) == (engine != "fake")


@pytest.mark.skipif(bool(automatic.vllm_version()), reason="vLLM is here")
def test_without_vllm_its_extra_is_in_the_message(folder: Path) -> None:
    named = engines.find(str(folder))
    with pytest.raises(ModelError, match=r"pip install 'katsuo\[vllm\]'"):
        engines.engine_of(named, "vllm", drafts=True)


@pytest.mark.skipif(automatic.on_gpu(), reason="there is a CUDA device")
def test_a_measured_model_is_served_as_auto_says_where_vllm_writes_the_drafts(folder: Path) -> None:
    assert engines.engine_of(engines.find(str(folder)), "vllm") == "openvino"


def test_a_recipe_that_leaves_vllm_alone_states_nothing_of_it() -> None:
    assert "vllm" not in Generate(vllm={"memory_fraction": 0.9}).stated  # type: ignore[arg-type]
    assert Generate(vllm={"dtype": "float16"}).stated["vllm"]["dtype"] == "float16"  # type: ignore[arg-type]


SERVER = Endpoint(url="http://127.0.0.1:8080/v1", model="m", key_env="TEST_KEY")


def test_a_servers_model_is_named_by_its_address_and_prompted() -> None:
    named = engines.at_endpoint(SERVER)
    assert (named.name, named.is_fake) == ("m", False)
    assert SERVER.url in named.note
    assert engines.wire_format(named, "auto") == "prompted-v1"
    assert engines.engine_of(named, "auto") == "endpoint"
    assert engines.engine_version("endpoint") == ""


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        pytest.param({"url": "http://127.0.0.1:8081/v1"}, False, id="address"),
        pytest.param({"model": "n"}, False, id="model"),
        pytest.param({"key_env": "OTHER", "concurrency": 1, "timeout": 9.0}, True, id="manner"),
        pytest.param({"per_minute": 9.0, "patience": 1.0}, True, id="patience"),
    ],
)
def test_where_a_servers_model_is_decides_its_answers_and_how_it_is_asked_does_not(
    changes: dict[str, Any], same: bool
) -> None:
    other = engines.at_endpoint(replace(SERVER, **changes))
    assert (other.identity == engines.at_endpoint(SERVER).identity) is same


def test_a_servers_model_is_opened_without_a_word_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_KEY", "a-secret-key")
    opened = engines.open_completes(engines.at_endpoint(SERVER), "endpoint", "F16")
    assert "a-secret-key" not in repr(opened)


def test_a_recipe_without_a_server_states_what_it_stated_before_there_were_any() -> None:
    before = {"generator", "engine", "format", "weights", "task_types", "per_context"}
    assert set(Generate().stated) == before | {"temperature", "top_p", "max_tokens"}
    changed = Generate(key_env="OTHER", concurrency=2, timeout=3, requests_per_minute=9, patience=1)
    assert changed.stated == Generate().stated


def test_a_recipe_with_a_server_states_its_address_alone() -> None:
    asked = Generate(endpoint=f"{SERVER.url}/", generator="m", key_env="OTHER", concurrency=2)
    assert asked.stated == {**Generate(generator="m").stated, "endpoint": SERVER.url}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        pytest.param({"endpoint": "127.0.0.1:8080"}, "no address", id="no-scheme"),
        pytest.param({"endpoint": "ftp://host/v1"}, "no address", id="another-scheme"),
        pytest.param({"endpoint": SERVER.url, "engine": "hf"}, "leave auto", id="engine"),
        pytest.param({"endpoint": "http://u:hush@host/v1"}, "put the key into", id="password"),
        pytest.param({"endpoint": "http://host/v1?key=hush"}, "put the key into", id="query"),
        pytest.param({"key_env": "sk-hush"}, "write the name", id="a-key-for-its-name"),
    ],
)
def test_a_server_that_a_recipe_must_not_name_is_refused_and_no_secret_repeated(
    changes: dict[str, Any], said: str
) -> None:
    with pytest.raises((RecipeError, ValueError), match=said) as error:
        Generate(**changes)
    assert "hush" not in str(error.value)


def test_the_fake_counts_words_and_trains_as_long_as_it_is_told(tmp_path: Path) -> None:
    named = engines.find("fake")
    pair = Pair(prompt="one two", target="three")
    assert engines.pair_sizes(named, [pair]) == {pair: (2, 1)}
    tuner = engines.open_tuner(named, TuneSettings(max_steps=3))
    assert tuner.tune([Pair(prompt="a", target="b")], tmp_path / "adapter").steps == 3


def test_tuning_goes_on_from_an_adapter_and_names_the_whole_model_below(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch")
    adapter = adapter_on(folder, tmp_path / "adapter")
    monkeypatch.setattr(engines, "open_tokens", lambda _: None)
    tuner: Any = engines.open_tuner(engines.find(str(adapter)), TuneSettings())
    assert (tuner.base, tuner.start, tuner.base_name) == (folder, adapter, str(folder))


def test_the_fake_embeds_without_weights() -> None:
    named = engines.find("fake")
    assert engines.open_embeds(named) == FakeModel()
    assert engines.embedder_identity(named) == "fake"


@pytest.mark.skipif(not has_train, reason="needs the train extra")
def test_an_embedder_is_its_weights_and_its_pooling(folder: Path) -> None:
    named = engines.find(str(folder))
    before = engines.embedder_identity(named)
    assert before.startswith(f"{named.identity} mean ")
    steps = [{"type": "sentence_transformers.models.Pooling", "path": "1_Pooling"}]
    (folder / "modules.json").write_text(json.dumps(steps), "utf-8")
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text('{"pooling_mode_cls_token": true}', "utf-8")
    assert engines.embedder_identity(named) != before


def test_an_adapter_is_no_embedder(folder: Path, tmp_path: Path) -> None:
    named = engines.find(str(adapter_on(folder, tmp_path / "adapter")))
    with pytest.raises(ModelError, match="is an adapter, which cannot embed; name its base"):
        engines.embedder_identity(named)


@pytest.mark.skipif(has_train, reason="the train extra is here")
def test_without_the_train_extra_its_name_is_in_the_message() -> None:
    with pytest.raises(ModelError, match=r"adapting a model needs .*pip install 'katsuo\[train\]'"):
        engines.need_train("adapting a model")


@pytest.mark.parametrize(
    ("brought", "kept"),
    [
        pytest.param(None, None, id="none"),
        pytest.param("{{ messages }}", True, id="the-bases"),
        pytest.param("{{ bos_token }}", False, id="another"),
    ],
)
def test_a_template_that_an_adapter_brings_is_compared_with_its_bases(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    brought: str | None,
    kept: bool | None,
) -> None:
    adapter = adapter_on(folder, tmp_path / "adapter")
    if brought is not None:
        (adapter / "chat_template.jinja").write_text(brought, "utf-8")
    base = SimpleNamespace(chat_template="{{ messages }}")
    monkeypatch.setattr(engines, "open_tokens", lambda _: base)
    assert engines.template_kept(engines.find(str(adapter))) is kept
