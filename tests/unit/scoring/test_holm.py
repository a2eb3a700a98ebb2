from __future__ import annotations

import importlib.util

import pytest

from katsuo.scoring import holm


@pytest.mark.parametrize("p_values", [pytest.param([], id="none"), pytest.param([0.04], id="one")])
def test_with_fewer_than_two_sets_there_is_nothing_to_correct(p_values: list[float]) -> None:
    assert holm.corrected(p_values) == p_values


def test_each_p_value_is_corrected_for_those_that_are_not_smaller() -> None:
    pytest.importorskip("statsmodels", reason="Holm's correction is statsmodels'")
    # 4 x 0.01, 3 x 0.02, then 2 x 0.03, which may not be below the one before; 1 x 0.5
    assert holm.corrected([0.02, 0.5, 0.01, 0.03]) == pytest.approx([0.06, 0.5, 0.04, 0.06])


def test_without_the_library_there_is_no_correction(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert holm.corrected([0.02, 0.5]) is None
