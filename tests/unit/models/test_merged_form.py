from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from katsuo.models import shelf
from katsuo.models.merged_form import listing, merged_form
from katsuo.models.merging import merged

CHANGED = "model.layers.0.self_attn.k_proj.weight"


def test_an_adapter_is_merged_once_into_a_folder_of_its_own(
    tiny_llama: Path, tiny_adapter: Path, tmp_path: Path
) -> None:
    model = shelf.find(str(tiny_adapter))
    folder = merged_form(model, forms=tmp_path / "forms")
    stored = load_file(folder / "model.safetensors")
    exact = dict(merged(tiny_llama, tiny_adapter))
    assert stored.keys() == exact.keys()
    np.testing.assert_array_equal(stored[CHANGED], exact[CHANGED].astype(np.float16))
    assert shelf.find(str(folder)).adapter is None
    before = (folder / "model.safetensors").stat().st_mtime_ns
    assert merged_form(model, forms=tmp_path / "forms") == folder
    assert (folder / "model.safetensors").stat().st_mtime_ns == before
    other = merged_form(replace(model, adapter_sha256="other"), forms=tmp_path / "forms")
    assert other != folder


def test_a_model_without_an_adapter_stays_where_it_is(tiny_llama: Path, tmp_path: Path) -> None:
    assert merged_form(shelf.find(str(tiny_llama)), forms=tmp_path / "forms") == tiny_llama
    assert not (tmp_path / "forms").exists()


def test_the_cache_lists_what_was_merged(
    tiny_llama: Path, tiny_adapter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert tiny_llama.is_dir()
    monkeypatch.setenv("KATSUO_HOME", str(tmp_path / "home"))
    assert list(listing()) == []
    form = merged_form(shelf.find(str(tiny_adapter)))
    assert [(name, place) for name, place, _ in listing()] == [(form.name, str(form))]
