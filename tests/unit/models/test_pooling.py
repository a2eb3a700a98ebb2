"""How a folder says that tokens become one vector."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from katsuo.errors import ModelError
from katsuo.models.pooling import pooling_of

KIND = "sentence_transformers.models."


def encoder(folder: Path, *steps: str, **modes: bool) -> Path:
    """A folder with these steps, whose pooling has these modes."""
    listed = [
        {"idx": i, "name": str(i), "path": f"{i}_{step}" if i else "", "type": f"{KIND}{step}"}
        for i, step in enumerate(steps)
    ]
    (folder / "modules.json").write_text(json.dumps(listed), "utf-8")
    (folder / "1_Pooling").mkdir()
    config: dict[str, Any] = {"word_embedding_dimension": 384, **modes}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(config), "utf-8")
    return folder


STEPS = ("Transformer", "Pooling", "Normalize")
MEAN = {"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False}
CLS = {"pooling_mode_mean_tokens": False, "pooling_mode_cls_token": True}


@pytest.mark.parametrize(
    ("modes", "expected"),
    [pytest.param(MEAN, "mean", id="mean"), pytest.param(CLS, "cls", id="cls")],
)
def test_an_encoder_says_how_its_tokens_are_put_together(
    tmp_path: Path, modes: dict[str, bool], expected: str
) -> None:
    assert pooling_of(encoder(tmp_path, *STEPS, **modes)) == expected


def test_a_model_that_says_nothing_has_the_mean(tmp_path: Path) -> None:
    assert pooling_of(tmp_path) == "mean"


@pytest.mark.parametrize(
    ("steps", "modes", "said"),
    [
        pytest.param((*STEPS[:2], "Dense"), MEAN, "modules.json: has the step Dense", id="a-layer"),
        pytest.param(
            STEPS, {"pooling_mode_max_tokens": True}, "asks for pooling_mode_max", id="max"
        ),
        pytest.param(
            STEPS,
            {**MEAN, "pooling_mode_cls_token": True},
            "mean_tokens, pooling_mode_cls",
            id="both",
        ),
        pytest.param(STEPS, {}, "asks for no pooling", id="none"),
    ],
)
def test_what_is_not_known_is_refused(
    tmp_path: Path, steps: tuple[str, ...], modes: dict[str, bool], said: str
) -> None:
    with pytest.raises(ModelError, match=said):
        pooling_of(encoder(tmp_path, *steps, **modes))


@pytest.mark.parametrize("text", ["{", "3", '["Pooling"]', '[{"type": "x.Pooling"}]'])
def test_a_damaged_list_of_steps_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "modules.json").write_text(text, "utf-8")
    with pytest.raises(ModelError, match="cannot be read as a list of steps"):
        pooling_of(tmp_path)
