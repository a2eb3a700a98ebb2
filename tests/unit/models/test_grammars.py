from __future__ import annotations

import pytest

from katsuo.models.grammars import ebnf
from katsuo.protocols import Hold


@pytest.mark.parametrize(
    ("hold", "rules"),
    [
        pytest.param(Hold(only=("Yes", 'say "no"')), [r'root ::= "Yes" | "say \"no\""'], id="only"),
        pytest.param(Hold(), [r"root ::= [^ \t\r\n<] [^<]*"], id="plain"),
        pytest.param(
            Hold(only=("-",), within="Gate (3)\nopens."),
            [
                'root ::= "-" | e0 | e2 | e4',
                'e0 ::= "Gate" (" " e1)?',
                'e1 ::= "(" e2',
                'e2 ::= "3" (e3)?',
                r'e3 ::= ")" "\n" e4',
                'e4 ::= "opens"',
            ],
            id="within",
        ),
        pytest.param(Hold(within="a\x07b"), ['root ::= e0 | e2', 'e0 ::= "a" (e1)?',
            r'e1 ::= "\U00000007" e2', 'e2 ::= "b"'], id="control"),
    ],
)  # fmt: skip
def test_a_hold_is_a_grammar(hold: Hold, rules: list[str]) -> None:
    assert ebnf(hold).splitlines() == rules
