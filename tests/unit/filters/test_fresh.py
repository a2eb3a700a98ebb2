"""Of twins, the better-scored one stays."""

from __future__ import annotations

from typing import Any

import pytest

from katsuo.errors import RecipeError
from katsuo.filters.fresh import Fresh
from katsuo.protocols import Signature
from katsuo.types import KEEP, drop

LONG = "Which of the two parties has to give notice in writing, and how many days before the end"
SAID = "The tenant has to give notice in writing at least thirty days before the lease ends"


def row(id: str, question: str, response: str = "yes", *, type: str = "ynqa", score: float = 1.0
        ) -> Signature:  # fmt: skip
    return Signature(id=id, type=type, score=score, text=f"{type}\n{question}\n{response}")


def dropped(*rows: Signature) -> dict[str, str]:
    """Ids that are dropped, with the reason."""
    return {name: verdict.reason for name, verdict in Fresh().select(rows) if not verdict.keep}


@pytest.mark.parametrize(
    ("one", "other", "reason"),
    [
        pytest.param(row("a", LONG), row("b", LONG), "duplicate-exact", id="same"),
        pytest.param(
            row("a", LONG), row("b", f"  {LONG.upper()} "), "duplicate-exact", id="case-and-space"
        ),
        pytest.param(row("a", LONG), row("b", f"{LONG}?"), "duplicate-near", id="punctuation"),
        pytest.param(row("a", LONG), row("b", f"{LONG} then"), "duplicate-near", id="one-word"),
        pytest.param(
            row("a", LONG, SAID), row("b", LONG, f"{SAID} indeed"), "duplicate-near", id="response"
        ),
        pytest.param(row("a", LONG), row("b", LONG, "no"), None, id="other-answer"),
        pytest.param(
            row("a", LONG, "30 June 2024"), row("b", LONG, "30 June 2025"), None, id="other-year"
        ),
        pytest.param(
            row("a", LONG), row("b", LONG, type="te"), None, id="other-type"
        ),
        pytest.param(
            row("a", "Is the rent due monthly?"), row("b", "Is the rent due yearly?"), None,
            id="one-word-of-a-short-question",
        ),
        pytest.param(
            row("a", LONG, type="ynqa first"), row("b", LONG, type="ynqa second"), None,
            id="other-first-line",
        ),
        pytest.param(row("a", "Why?", "+"), row("b", "Why?", "-"), None, id="signs"),
        pytest.param(
            row("a", "这份合同的租期从五月一日开始算起一共有多少年呢"),
            row("b", "这份合同的租期从五月一日开始算起一共有多少年"),
            "duplicate-near", id="no-spaces",
        ),
    ],
)  # fmt: skip
def test_twins_share_type_question_and_answer(
    one: Signature, other: Signature, reason: str | None
) -> None:
    assert dropped(one, other) == ({} if reason is None else {"b": reason})


@pytest.mark.parametrize("min_overlap", [0.51, 0.6, 0.7, 0.8, 0.9, 1.0])
def test_twins_just_alike_enough_are_found_at_any_setting(min_overlap: float) -> None:
    words = [f"w{i}" for i in range(100)]
    # Of single words, 100 against the first n: an overlap of n in 100.
    n_shared = round(min_overlap * 100)
    rows = [row("a", " ".join(words)), row("b", " ".join(words[:n_shared]))]
    fresh = Fresh(min_overlap=min_overlap, shingle_words=1)
    reasons = [verdict.reason for _, verdict in fresh.select(rows)]
    assert reasons == ["", "duplicate-exact" if n_shared == 100 else "duplicate-near"]


def test_the_better_scored_twin_stays() -> None:
    assert dropped(row("a", LONG, score=0.2), row("b", LONG, score=0.9)) == {"a": "duplicate-exact"}


def test_every_id_gets_a_verdict_best_first() -> None:
    rows = [row("c", LONG, score=0.5), row("b", "Who pays?"), row("a", LONG, score=0.6)]
    assert list(Fresh().select(rows)) == [
        ("b", KEEP),
        ("a", KEEP),
        ("c", drop("duplicate-exact")),
    ]


def test_a_text_of_one_line_is_compared_as_it_is() -> None:
    one, other = (Signature(id=name, type="qa", score=1, text=LONG) for name in "ab")
    assert dropped(one, other) == {"b": "duplicate-exact"}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        pytest.param({"min_overlap": 0.5}, r"min_overlap is 0.5; it must lie in \(0.5", id="share"),
        pytest.param({"shingle_words": 0}, "shingle_words is 0; it must be >= 1", id="words"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        Fresh(**settings)
