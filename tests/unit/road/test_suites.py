from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from katsuo.road.suites import DEV_SHARE, part_of
from katsuo.types import Probe


def probes(documents: list[str]) -> list[Probe]:
    return [
        Probe(id=str(i), set="s", document_id=name, context="c", question="q", label="yes")
        for i, name in enumerate(documents)
    ]


@given(st.lists(st.integers(0, 30).map(str), max_size=200))
def test_the_parts_share_no_document_and_miss_no_probe(documents: list[str]) -> None:
    whole = probes(documents)
    dev, test = part_of(whole, "dev"), part_of(whole, "test")
    assert sorted([*dev, *test], key=lambda probe: int(probe.id)) == part_of(whole, "all") == whole
    assert not {probe.document_id for probe in dev} & {probe.document_id for probe in test}


@given(st.permutations([str(n) for n in range(40)]))
def test_the_split_follows_from_the_documents_not_from_their_order(names: list[str]) -> None:
    dev = {probe.document_id for probe in part_of(probes(names), "dev")}
    assert dev == {probe.document_id for probe in part_of(probes(sorted(names)), "dev")}


@pytest.mark.parametrize("size", [1, 3], ids=["one-probe-each", "three-each"])
def test_dev_has_its_share(size: int) -> None:
    whole = probes([str(n) for n in range(100) for _ in range(size)])
    n_dev = len(part_of(whole, "dev"))
    assert abs(n_dev / len(whole) - DEV_SHARE) < 0.02
    assert set(Counter(probe.document_id for probe in part_of(whole, "dev")).values()) == {size}
