"""What is a word, in any script?

Scripts without spaces between words (Thai to Khmer, kana, Chinese characters) have one word a
character.
"""

from __future__ import annotations

import re
from typing import Final

ALONE: Final = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
"""Characters that are words of their own, as what stands between the brackets of a pattern."""

STANDS_ALONE: Final = re.compile(rf"[{ALONE}]")
WORD: Final = re.compile(rf"[{ALONE}]|[^\W{ALONE}]+")


def words(text: str) -> list[str]:
    """The words of `text` in lower case, without punctuation.

    >>> words("Widow's Mole, 11")
    ['widow', 's', 'mole', '11']
    """
    return WORD.findall(text.casefold())
