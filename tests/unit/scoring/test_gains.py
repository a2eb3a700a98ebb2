from __future__ import annotations

import pytest

from katsuo.scoring import holm
from katsuo.scoring.gains import ArmGain, usual_pairs
from katsuo.scoring.intervals import Resampling
from katsuo.scoring.predictions import Prediction
from katsuo.scoring.probes import Kind, SetSpec
from katsuo.scoring.scores import score

HOW = Resampling(draws=200)
LABELS = ("yes", "no")
N = 20


def spec(name: str, kind: Kind = Kind.YES_NO) -> SetSpec:
    labels = LABELS if kind is Kind.YES_NO else ()
    return SetSpec(name=name, source=name, kind=kind, labels=labels, roles=labels, n_probes=N)


def ranked(arm: str, name: str, n_right: int, *, liking: float = 0.0) -> list[Prediction]:
    """Twenty closed probes; with `liking` the model says yes whatever it knows."""
    rows = []
    for i in range(N):
        gold = LABELS[i % 2]
        known = gold if i < n_right else LABELS[1 - i % 2]
        nats = tuple((-1.0 if label == known else -2.0) for label in LABELS)
        nats = (nats[0] + liking, nats[1])
        rows.append(
            Prediction(
                arm=arm,
                set=name,
                probe_id=str(i),
                document_id=str(i),
                prompt_id="p",
                seed=0,
                prompt="?",
                choices=LABELS,
                nats=nats,
                n_tokens=(1, 1),
                prediction=LABELS[nats.index(max(nats))],
                gold=(gold,),
            )
        )
    return rows


def written(arm: str, name: str, n_right: int) -> list[Prediction]:
    """Twenty span probes; wrong answers share a word with the right one."""
    return [
        Prediction(
            arm=arm,
            set=name,
            probe_id=str(i),
            document_id=str(i),
            prompt_id="p",
            seed=0,
            prompt="?",
            choices=(),
            nats=(),
            n_tokens=(),
            prediction="red cat" if i < n_right else "red dog",
            gold=("red cat",),
        )
        for i in range(N)
    ]


def over_best(*parts: list[Prediction]) -> list[ArmGain]:
    rows = [row for part in parts for row in part]
    specs = {row.set: spec(row.set, Kind.YES_NO if row.choices else Kind.SPAN) for row in rows}
    return list(score(rows, specs, HOW).gains_over_best)


def test_the_baseline_is_ranked_by_its_best_rule_and_the_arm_by_sum() -> None:
    # As it was the model likes to say yes; the calibrated rule sees through that.
    (gain,) = over_best(ranked("zero_shot", "one", N, liking=5.0), ranked("tasks", "one", N - 4))
    (one,) = gain.sets
    assert (gain.arm, gain.over, one.rule) == ("tasks", "zero_shot", "calibrated")
    assert one.gain.value == pytest.approx(-20.0)
    assert one.gain.low < -20 < one.gain.high
    assert one.to_json()["rule"] == "calibrated"


def test_of_equal_rules_the_papers_is_named() -> None:
    (gain,) = over_best(ranked("zero_shot", "one", N // 2), ranked("tasks", "one", N))
    assert gain.sets[0].rule == "macro_f1"


def test_exact_match_is_no_rule_of_ranking() -> None:
    (gain,) = over_best(written("zero_shot", "one", 5), written("tasks", "one", 15))
    assert gain.sets[0].rule == "squad_f1"


def test_each_set_has_its_own_best_rule_and_the_mean_is_over_them() -> None:
    (gain,) = over_best(
        ranked("zero_shot", "one", N, liking=5.0),
        ranked("zero_shot", "two", N // 2),
        ranked("tasks", "one", N),
        ranked("tasks", "two", N),
    )
    assert [one.rule for one in gain.sets] == ["calibrated", "macro_f1"]
    assert gain.mean.value == pytest.approx((0.0 + 50.0) / 2)


def test_every_arm_but_the_baseline_is_compared_with_its_best() -> None:
    rows = [ranked(arm, "one", n) for arm, n in (("zero_shot", 9), ("tapt", 8), ("tasks", 16))]
    assert [gain.arm for gain in over_best(*rows)] == ["tapt", "tasks"]


def test_p_values_of_a_comparison_are_corrected_together(monkeypatch: pytest.MonkeyPatch) -> None:
    def doubled(p_values: list[float]) -> list[float]:
        return [2 * p for p in p_values]

    monkeypatch.setattr(holm, "corrected", doubled)
    rows = [
        *ranked("zero_shot", "one", 10),
        *ranked("zero_shot", "two", 10),
        *ranked("tasks", "one", N),
        *ranked("tasks", "two", 11),
    ]
    (gain,) = score(rows, {"one": spec("one"), "two": spec("two")}, HOW).gains
    assert [one.gain.p_holm for one in gain.sets] == [2 * one.gain.p for one in gain.sets]
    assert gain.mean.p_holm is None


ARMS = [
    "zero_shot", "few_shot", "tapt", "tasks_elsewhere", "remix_only", "tasks",
    "tasks_50", "tasks_100", "tasks_400", "tasks_1600", "tasks@a", "tasks@b", "tasks@c", "tasks@d",
]  # fmt: skip


def test_of_fourteen_arms_a_bounded_number_of_pairs_is_compared() -> None:
    pairs = usual_pairs(ARMS)
    assert len(pairs) == len(set(pairs)) == 13 + 12 + 11
    assert {
        ("tasks", "zero_shot"), ("tapt", "zero_shot"), ("tasks", "tapt"),
        ("tasks", "tasks_elsewhere"), ("tasks", "tasks_50"), ("tasks@d", "zero_shot"),
    } <= set(pairs)  # fmt: skip
    assert ("zero_shot", "tapt") not in pairs


@pytest.mark.parametrize(
    ("arms", "pairs"),
    [
        pytest.param([], [], id="no-arm"),
        pytest.param(["mine"], [], id="one-arm"),
        pytest.param(["mine", "yours"], [("yours", "mine")], id="unknown-arms"),
        pytest.param(
            ["tasks", "zero_shot"], [("tasks", "zero_shot")], id="the-order-of-arms-is-no-matter"
        ),
    ],
)
def test_pairs_go_from_the_arm_to_what_it_is_compared_with(
    arms: list[str], pairs: list[tuple[str, str]]
) -> None:
    assert usual_pairs(arms) == pairs
