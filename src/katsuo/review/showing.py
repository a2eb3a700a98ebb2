"""How is a text shown so that it can neither act nor mislead?

Every text is escaped. Signs that would turn the direction of what stands around them, or that
nobody sees, are named in their place. What is longer than a person reads is cut, and says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup, escape

from katsuo.page.passages import pieces, slotted, writable

MOST_CHARS: Final = 20_000
"""Of one text on the page."""
_SIGNS: Final = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]"
)
"""Controls, and the marks that turn directions."""
_NAMES: Final = {
    "\u200e": "LRM", "\u200f": "RLM", "\u061c": "ALM", "\u202a": "LRE", "\u202b": "RLE",
    "\u202c": "PDF", "\u202d": "LRO", "\u202e": "RLO", "\u2066": "LRI", "\u2067": "RLI",
    "\u2068": "FSI", "\u2069": "PDI", "\ufeff": "BOM",
}  # fmt: skip
_SLOT: Final = Markup('<span class="slot">the passage</span>')


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A text as markup, and what is left out of it."""

    markup: Markup
    n_hidden: int = 0
    """Characters behind those that are shown."""


def signs(text: str) -> Markup:
    """`text` escaped, its unseen signs named."""
    text = writable(text)
    parts, at = [], 0
    for found in _SIGNS.finditer(text):
        parts += [escape(text[at : found.start()]), _named(found[0])]
        at = found.end()
    return Markup("").join([*parts, escape(text[at:])])


def marked(text: str, spans: Iterable[tuple[int, int]]) -> Shown:
    """A passage with its evidence marked."""
    shown = text[:MOST_CHARS]
    parts = [
        Markup("<mark>{}</mark>").format(signs(piece.text)) if piece.marked else signs(piece.text)
        for piece in pieces(shown, spans)
    ]
    return Shown(markup=Markup("").join(parts), n_hidden=len(text) - len(shown))


def asking(instruction: str, passage: str) -> Shown:
    """An instruction, with a slot where it repeats the passage."""
    parts: list[Markup] = []
    left = MOST_CHARS
    hidden = 0
    for piece in slotted(instruction, passage):
        if piece.marked:
            parts.append(_SLOT)
            continue
        parts.append(signs(piece.text[:left]))
        hidden += max(0, len(piece.text) - left)
        left = max(0, left - len(piece.text))
    return Shown(markup=Markup("").join(parts), n_hidden=hidden)


def plain(text: str) -> Shown:
    """Any other text."""
    return marked(text, ())


def _named(sign: str) -> Markup:
    name = _NAMES.get(sign, f"U+{ord(sign):04X}")
    return Markup('<span class="sign">{}</span>').format(name)
