"""Tests of source against set: the right gain stands in the right cell."""

from __future__ import annotations

from typing import Any

from katsuo.page.matrix import matrix

F1 = {"f1": {"value": 40.0}}


def gain(value: float, low: float, high: float) -> dict[str, float]:
    return {"value": value, "low": low, "high": high, "n": 50}


def report(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 -- any part of a report
    sets = {"leases": F1, "privacy": F1}
    return {
        "arms": {"zero_shot": sets, "tasks@leases": sets, "tasks@policies": sets},
        "gains": {
            "tasks@leases-zero_shot": {
                **gain(5.0, 1.0, 9.0),
                "by_set": {"leases": gain(10.0, 5.0, 15.0), "privacy": gain(0.4, -3.0, 4.0)},
            },
            "tasks@policies-zero_shot": {
                **gain(1.0, -1.0, 3.0),
                "by_set": {"leases": gain(-4.1, -7.0, -1.0)},
            },
        },
        "recipe": {"domains": {"policies": {"evaluate": {"sets": ["data/privacy.parquet"]}}}},
        **changes,
    }


def test_every_source_is_a_row_and_every_set_a_column() -> None:
    made = matrix(report())
    assert made is not None
    assert made.sets == ("leases", "privacy")
    assert [row[0] for row in made.rows] == ["leases", "policies"]
    numbers = [[cell.number for cell in (*cells, mean)] for _, cells, mean in made.rows]
    assert numbers == [
        ["+10.0", "+0.4", "+5.0"],
        ["\N{MINUS SIGN}4.1", "\N{EM DASH}", "+1.0"],
    ]


def test_colour_grows_with_the_change_and_only_shown_changes_are_strong() -> None:
    made = matrix(report())
    assert made is not None
    (_, (own, other), mean), (_, (loss, none), _) = made.rows
    assert [cell.shade for cell in (own, other, mean, loss, none)] == [
        "rise-5", "rise-1", "rise-3", "fall-3", "",
    ]  # fmt: skip
    assert [cell.is_shown for cell in (own, other, loss)] == [True, False, True]


def test_a_cell_is_own_by_the_sets_name_or_by_the_recipe() -> None:
    made = matrix(report())
    assert made is not None
    assert [[cell.is_own for cell in cells] for _, cells, _ in made.rows] == [
        [True, False],
        [False, True],
    ]


def test_without_sources_there_is_no_matrix() -> None:
    assert matrix(report(arms={"zero_shot": {}, "tasks": {}})) is None


def test_no_change_at_all_has_no_colour() -> None:
    nothing = {**gain(0.0, 0.0, 0.0), "by_set": {"leases": gain(0.0, 0.0, 0.0)}}
    made = matrix(report(gains={"tasks@leases-zero_shot": nothing}))
    assert made is not None
    assert made.rows[0][2].shade == ""
