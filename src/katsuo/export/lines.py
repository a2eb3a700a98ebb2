"""JSON Lines that every reader cuts at the same places.

Python, JavaScript and some editors take more signs than a line feed for the end of a line; inside a
JSON string such a sign is written as an escape. Half a surrogate pair is no Unicode text: most
readers refuse the whole file for one, so U+FFFD stands in its place.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

_ENDS_A_LINE: Final = re.compile("[\x85\u2028\u2029]")
_HALF_A_PAIR: Final = re.compile("[\ud800-\udfff]")


def line(row: Mapping[str, Any]) -> str:
    r"""`row` as one line of JSON, its line feed included.

    >>> line({"text": "one\u2028two"})
    '{"text": "one\\u2028two"}\n'
    """
    text = json.dumps(row, ensure_ascii=False, allow_nan=False)
    whole = _HALF_A_PAIR.sub("\ufffd", text)
    return _ENDS_A_LINE.sub(lambda found: f"\\u{ord(found[0]):04x}", whole) + "\n"


def plain(text: str) -> str:
    r"""`text` without halves of surrogate pairs.

    >>> plain("a\ud800b") == "a\ufffdb"
    True
    """
    return _HALF_A_PAIR.sub("\ufffd", text)
