from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import yaml

from katsuo.export.card import Making, Reached, Sheet, card
from katsuo.export.formats import Facts
from katsuo.export.table import FORMATS

STEP = Reached(stage="curate", unit="task", arrived=12, passed=9, dropped={"fresh: twin": 3})
SHEET = Sheet(
    run="harbour",
    command="katsuo export RUN --format trl --out FOLDER",
    format="trl",
    facts=Facts(name="harbour", base="owner/model", counts={"train.jsonl": 8, "test.jsonl": 1}),
    book="open",
    languages=["en"],
    by_type={"ynqa": 9},
    n_documents=4,
    left_out=Reached(stage="export", unit="row", arrived=10, passed=9, dropped={"not-drawn": 1}),
    n_marked=0,
    makings=[
        Making(
            domain="",
            funnel=[STEP],
            generator="fake@0",
            task_types=["ynqa"],
            filters=["fresh"],
            seed=3,
            recipe_sha256="ab" * 32,
        )
    ],
)


def front(text: str) -> dict[str, Any]:
    return dict(yaml.safe_load(text.split("---\n")[1]))


def test_the_card_tells_the_hub_what_it_asks() -> None:
    told = front(card(SHEET, FORMATS["trl"]))
    assert told["language"] == ["en"]
    assert (told["license"], told["license_name"]) == ("other", "own-documents")
    assert told["size_categories"] == ["n<1K"]
    files = told["configs"][0]["data_files"]
    assert {one["split"]: one["path"] for one in files} == {
        "train": "train.jsonl",
        "test": "test.jsonl",
    }


def test_the_card_shows_the_funnel_seed_and_limits() -> None:
    text = card(SHEET, FORMATS["trl"])
    assert "| curate (tasks) | 12 | 9 | 3 | fresh: twin 3 |" in text
    assert "| export (rows) | 10 | 9 | 1 | not-drawn 1 |" in text
    assert "| seed | 3 |" in text
    assert "no person did" in text
    assert "katsuo export RUN --format trl --out FOLDER" in text


@pytest.mark.parametrize(
    ("n_rows", "size"),
    [(999, "n<1K"), (1000, "1K<n<10K"), (99_999, "10K<n<100K"), (2_000_000, "1M<n<10M")],
)
def test_sizes_are_called_as_the_hub_calls_them(n_rows: int, size: str) -> None:
    sheet = replace(SHEET, facts=replace(SHEET.facts, counts={"train.jsonl": n_rows}))
    assert front(card(sheet, FORMATS["trl"]))["size_categories"] == [size]


@pytest.mark.parametrize("name", ["a|b `c` <script>", "---\nlicense: mit", "x\u2028\ud800\0: #"])
def test_no_name_gets_out_of_its_place(name: str) -> None:
    making = replace(SHEET.makings[0], generator=name, domain=name)
    text = card(replace(SHEET, run=name, makings=[making]), FORMATS["trl"])
    assert front(text)["license"] == "other"
    assert "<script>" not in text.split("---\n", 2)[2]
    assert "\nlicense: mit" not in text.split("---\n", 2)[2]


def test_files_with_columns_of_their_own_are_configs_of_their_own() -> None:
    facts = replace(SHEET.facts, counts={"choice.jsonl": 3, "extract.jsonl": 2})
    told = front(card(replace(SHEET, facts=facts), FORMATS["lm-eval"]))
    assert sorted(one["config_name"] for one in told["configs"]) == ["choice", "extract"]


def test_markers_in_the_data_are_warned_of() -> None:
    assert "3 rows hold a marker" in card(replace(SHEET, n_marked=3), FORMATS["trl"])
    assert "hold a marker" not in card(SHEET, FORMATS["trl"])
