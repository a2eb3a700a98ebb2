"""Chance has a name."""

from __future__ import annotations

from katsuo import seeds


def test_a_seed_depends_on_its_names_alone() -> None:
    assert seeds.derive(1, "generate", "c1") == seeds.derive(1, "generate", "c1")
    assert len({seeds.derive(root, *names) for root in (1, 2) for names in (("a",), ("b",))}) == 4


def test_a_stream_is_the_same_on_every_machine() -> None:
    assert seeds.stream(7, "x").randrange(10**6) == seeds.stream(7, "x").randrange(10**6)
