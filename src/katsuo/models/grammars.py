r"""What a completion must be, as the grammar that xgrammar reads (OpenVINO and vLLM have it).

    Hold(only=("Yes", "No"))          root ::= "Yes" | "No"
    Hold(within="Gate 3 opens")       root ::= e0 | e1 | e2
                                      e0 ::= "Gate" (" " e1)?
                                      e1 ::= "3" (" " e2)?
                                      e2 ::= "opens"
    Hold()                            root ::= [^ \t\r\n<] [^<]*

A rule of an extract names a piece and goes on with the next one, so a grammar is as long as its
passage, and every extract is read in one way.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from katsuo.extracts import pieces
from katsuo.protocols import Hold

_PLAIN: Final = r"root ::= [^ \t\r\n<] [^<]*"
_SHORT: Final = {'"': r"\"", "\\": r"\\", "\n": r"\n", "\r": r"\r", "\t": r"\t"}
MOST_PIECES: Final = 4096
"""Of a longer passage the extracts that begin further behind are left out."""


def ebnf(hold: Hold) -> str:
    """The grammar of `hold`."""
    if hold.is_plain:
        return _PLAIN
    rules = list(_extracts(hold.within))
    names = [rule.partition(" ")[0] for rule, begins in rules if begins]
    choices = [*map(_quoted, hold.only), *names]
    return "\n".join([f"root ::= {' | '.join(choices)}", *(rule for rule, _ in rules)])


def _extracts(text: str) -> Iterator[tuple[str, bool]]:
    """A rule for each piece of `text`, and whether an extract may begin there."""
    found = pieces(text)[:MOST_PIECES]
    # Signs at the very end close nothing: a rule must be able to end.
    while found and not found[-1].ends:
        found.pop()
    for number, piece in enumerate(found):
        said = _quoted(text[piece.span.start : piece.span.end])
        more = ""
        if number + 1 < len(found):
            between = text[piece.span.end : found[number + 1].span.start]
            more = f"{_quoted(between)} e{number + 1}" if between else f"e{number + 1}"
            more = f" ({more})?" if piece.ends else f" {more}"
        yield f"e{number} ::= {said}{more}", piece.begins


def _quoted(text: str) -> str:
    return '"' + "".join(_SHORT.get(sign) or _escaped(sign) for sign in text) + '"'


def _escaped(sign: str) -> str:
    return sign if sign.isprintable() else f"\\U{ord(sign):08x}"
