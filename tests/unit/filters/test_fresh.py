"""Of twins, the better-scored one stays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from katsuo.errors import RecipeError
from katsuo.filters import fresh
from katsuo.filters.fresh import Fresh
from katsuo.protocols import Signature
from katsuo.types import KEEP, Verdict, drop

if TYPE_CHECKING:
    from numpy.typing import NDArray

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
        pytest.param({"min_cosine": 0}, r"min_cosine is 0; it must lie in \(0, 1\]", id="cosine"),
        pytest.param({"within": "page"}, "within is 'page'; it must be one of", id="within"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        Fresh(**settings)


class Compass:
    """Embeds a text as the direction, in degrees, that it was told; says which texts it saw."""

    def __init__(self, **degrees: float) -> None:
        self.degrees = degrees
        self.seen: list[str] = []

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.seen += texts
        angles = np.radians([self.degrees[text.partition(" ")[0]] for text in texts])
        return np.stack([np.cos(angles), np.sin(angles)], axis=-1).astype(np.float32)


COMPASS = Compass(Who=0, Which=20, What=40, Where=60)
"""Neighbours have a cosine of 0.94, the next but one of 0.77."""


def asked(id: str, question: str, response: str = "the pilot", *, score: float = 1.0,
          document: str = "order-1", type: str = "exqa") -> Signature:  # fmt: skip
    return Signature(
        id=id,
        type=type,
        score=score,
        text=f"{type}\n{question}\n{response}",
        document=document,
    )


def labelled(id: str, question: str, *labels: str) -> Signature:
    """As `signature_of` writes it: the first line names the passage where the answer is a label."""
    head = "fees" if labels else "ynqa 1f8e"
    return Signature(
        id=id,
        type=head.partition(" ")[0],
        score=1,
        text=f"{head}\n{question}\nyes",
        labels=labels,
        document="order-1",
    )


WHO, WHICH, WHAT, WHERE = (
    "Who steers the vessel?", "Which person holds the wheel?", "What man sails?", "Where is he?"
)  # fmt: skip


def meant(*rows: Signature, **settings: Any) -> dict[str, Verdict]:  # noqa: ANN401
    """Verdicts on the ids that are dropped, with an embedder."""
    part = Fresh(embedder="compass", embeds=COMPASS, **settings)
    return {name: verdict for name, verdict in part.select(rows) if not verdict.keep}


def test_questions_that_mean_the_same_are_twins_where_the_answer_is_the_same() -> None:
    assert meant(asked("a", WHO), asked("b", WHICH)) == {
        "b": Verdict(keep=False, reason="duplicate-in-meaning", score=0.9397, twin="a")
    }


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(asked("a", WHO), asked("b", WHAT), id="another-question"),
        pytest.param(asked("a", WHO), asked("b", WHICH, "the master"), id="another-answer"),
        pytest.param(asked("a", WHO), asked("b", WHICH, document="order-2"), id="another-document"),
        pytest.param(asked("a", WHO), asked("b", WHICH, type="qa"), id="another-type"),
        pytest.param(
            asked("a", "Who steered in 1990?"), asked("b", "Which person did so in 1991?"),
            id="another-figure",
        ),
        pytest.param(labelled("a", WHO), labelled("b", WHICH), id="labels"),
        pytest.param(
            labelled("a", WHO, "high", "low"), labelled("b", WHICH, "high", "low"),
            id="labels-of-ones-own",
        ),
    ],
)  # fmt: skip
def test_what_differs_otherwise_is_no_twin_in_meaning(one: Signature, other: Signature) -> None:
    assert meant(one, other) == {}


def test_case_and_punctuation_make_no_other_answer() -> None:
    assert meant(asked("a", WHO), asked("b", WHICH, "The Pilot.")).keys() == {"b"}


def test_twins_in_meaning_are_found_across_documents_where_asked_for() -> None:
    rows = asked("a", WHO), asked("b", WHICH, document="order-2")
    assert meant(*rows, within="set").keys() == {"b"}


def test_the_threshold_is_part_of_what_is_near() -> None:
    rows = asked("a", WHO), asked("b", WHICH)
    assert meant(*rows, min_cosine=0.9397).keys() == {"b"}
    assert meant(*rows, min_cosine=0.94) == {}


def test_the_better_scored_twin_in_meaning_stays() -> None:
    assert meant(asked("a", WHO, score=0.2), asked("b", WHICH, score=0.9))["a"].twin == "b"


def test_the_twin_that_is_named_is_the_nearest_of_the_kept() -> None:
    # `c` is dropped for `b`, so `d` is compared with `a` and `b` alone.
    rows = [asked("a", WHERE, score=0.9), asked("b", WHO, score=0.8), asked("c", WHICH, score=0.7)]
    found = meant(*rows, asked("d", WHAT, score=0.6))
    assert {name: verdict.twin for name, verdict in found.items()} == {"c": "b", "d": "a"}


def test_what_words_tell_is_not_embedded() -> None:
    compass = Compass(Who=0, Which=20, What=40)
    part = Fresh(embedder="compass", embeds=compass)
    rows = [
        asked("a", WHO), asked("b", WHO), asked("c", WHICH), asked("d", WHAT, "the master")
    ]  # fmt: skip
    list(part.select(rows))
    assert compass.seen == [WHO, WHICH]  # once each, and none whose answer nobody else gives


def test_without_an_embedder_meaning_is_not_asked_for() -> None:
    assert all(verdict.keep for _, verdict in Fresh().select([asked("a", WHO), asked("b", WHICH)]))


@given(st.lists(st.integers(0, 23), max_size=24), st.sampled_from([1, 2, 5, 1024]))
def test_twins_in_meaning_are_those_of_a_plain_loop(turns: list[int], block: int) -> None:
    angles = np.radians([15.0 * turn for turn in turns])
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=-1).reshape(-1, 2)
    kept: list[int] = []
    expected = []
    for mine in range(len(turns)):
        near = [twin for twin in kept if round(float(vectors[mine] @ vectors[twin]), 4) >= 0.9]
        if near:
            expected.append(mine)
        else:
            kept.append(mine)
    found = list(fresh.near(vectors.astype(np.float32), 0.9, block=block))
    assert [mine for mine, _, _ in found] == expected
    assert all(twin in kept and twin < mine for mine, twin, _ in found)
