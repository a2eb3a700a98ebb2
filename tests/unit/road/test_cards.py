from __future__ import annotations

from pathlib import Path

from katsuo.road.cards import summary

CARD = {
    "counts": {"arrived": 12, "passed": 9, "dropped": {"duplicate": 1, "context-too-long": 2}},
    "by_type": {"nli": 2, "qg": 7},
    "by_source": {"snli": 2, "squad": 7},
    "by_licence": {"CC BY-SA 4.0": 9},
    "by_template": {f"squad/{n}": 1 for n in range(90)},
    "left_out": {"ropes": "no such file"},
    "tier": "permissive",
}


def test_a_summary_says_how_many_of_what_and_where_the_rest_stands() -> None:
    said = summary(CARD, Path("runs/g/remix/card.json")).splitlines()
    assert said[0] == "9 rows, 3 dropped"
    assert said.index("        7  qg") < said.index("        2  nli")
    assert "        7  squad" in said
    assert "        2  context-too-long" in said
    assert "  left out  ropes: no such file" in said
    assert said[-2:] == [
        "licences    1, of 2 sources (permissive)",
        "card        runs/g/remix/card.json",
    ]
