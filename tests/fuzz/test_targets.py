"""Targets hold for their seeds and for what hypothesis makes, without a fuzzer."""

from __future__ import annotations

import random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.fuzz.targets import TARGETS

HERE = [name for name in TARGETS if name != "apart"]
PIECES = st.sampled_from(sorted({word for target in TARGETS.values() for word in target.words}))
BYTES = st.one_of(
    st.binary(max_size=200),
    st.lists(st.one_of(PIECES, st.text(max_size=9))).map(
        lambda parts: "".join(parts).encode("utf-8", "surrogatepass")
    ),
)


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_holds_for_its_seeds_and_for_each_of_them_damaged(name: str) -> None:
    target = TARGETS[name]
    chance = random.Random(0)
    for seed in target.seeds():
        target.call(seed)
        if seed:
            cut = chance.randrange(len(seed))
            target.call(seed[:cut])
            target.call(seed[:cut] + bytes([chance.randrange(256)]) + seed[cut + 1 :])


@pytest.mark.parametrize("name", HERE)
@settings(max_examples=60)
@given(BYTES)
@example(b"generate[w: 1")
@example(b"name: \xed\xb3\xbf")
def test_a_target_holds_for_whatever_comes(name: str, data: bytes) -> None:
    TARGETS[name].call(data)
