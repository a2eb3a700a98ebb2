from __future__ import annotations

from katsuo.scoring.roles import role_of


def test_roles() -> None:
    assert [role_of(word) for word in ("TRUE", "Refuted", "neutral", "Perhaps")] == [
        "yes",
        "no",
        "open",
        "perhaps",
    ]
