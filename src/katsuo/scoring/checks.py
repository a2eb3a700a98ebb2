"""Did an answer do what the instruction asked, as far as a program can tell?

    {"n_words": {"max": 3}, "lacks": [","]} ──checked──▶ text ──has_passed(answer, text)──▶ bool

A check is a mapping from names in `CHECKS` to what each of them wants; all must
hold. White space around an answer never matters, and an empty answer passes
nothing. Letter case matters to `equals`, `lowercase` and `uppercase` alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from katsuo.errors import DataError

_NUMBER: Final = re.compile(r"[+-]?\d+(,\d{3})*(\.\d+)?")
_SENTENCE_END: Final = re.compile(r"""[.!?]+["')\]]*(?:\s+|$)""")
_FENCE: Final = re.compile(r"```(?:json)?\s*(.*?)\s*```", re.DOTALL)


def equals(answer: str, wanted: str) -> bool:
    """Whether the answer is `wanted`, letter case included; a full stop at the end is ignored."""
    return _unended(answer) == _unended(wanted)


def one_of(answer: str, wanted: Sequence[str]) -> bool:
    """Whether the answer is one of `wanted`; letter case and a full stop at the end are ignored."""
    return _unended(answer).casefold() in {_unended(text).casefold() for text in wanted}


def contains(answer: str, wanted: Sequence[str]) -> bool:
    """Whether every one of `wanted` stands in the answer, inside of a longer word too."""
    return all(text.casefold() in answer.casefold() for text in wanted)


def lacks(answer: str, unwanted: Sequence[str]) -> bool:
    """Whether none of `unwanted` stands in the answer, inside of a longer word neither."""
    return not any(text.casefold() in answer.casefold() for text in unwanted)


def starts_with(answer: str, wanted: str) -> bool:
    """Whether the answer begins with `wanted`."""
    return answer.strip().casefold().startswith(wanted.casefold())


def ends_with(answer: str, wanted: str) -> bool:
    """Whether the answer ends with `wanted`, with or without a full stop behind it."""
    ends = (answer.strip().casefold(), _unended(answer).casefold())
    return any(end.endswith(wanted.casefold()) for end in ends)


def n_words(answer: str, wanted: Mapping[str, int]) -> bool:
    """Whether the answer has that many words: runs without white space that hold a letter or digit.

    >>> n_words("Well - that is it.", {"min": 4, "max": 4})
    True
    """
    return _is_within(sum(_is_said(word) for word in answer.split()), wanted)


def n_lines(answer: str, wanted: Mapping[str, int]) -> bool:
    """Whether the answer has that many lines; blank ones do not count."""
    return _is_within(sum(bool(line.strip()) for line in answer.splitlines()), wanted)


def n_sentences(answer: str, wanted: Mapping[str, int]) -> bool:
    """Whether the answer has that many sentences; a stop behind an abbreviation ends one, too.

    >>> n_sentences("It rains. Why? Nobody knows", {"min": 3, "max": 3})
    True
    """
    return _is_within(sum(map(_is_said, _SENTENCE_END.split(answer))), wanted)


def lowercase(answer: str, wanted: bool) -> bool:  # noqa: FBT001 - every check has this shape
    """Whether the answer has letters, and none of them is a capital."""
    return wanted is answer.islower()


def uppercase(answer: str, wanted: bool) -> bool:  # noqa: FBT001 - every check has this shape
    """Whether the answer has letters, and all of them are capitals."""
    return wanted is answer.isupper()


def is_number(answer: str, wanted: bool) -> bool:  # noqa: FBT001 - every check has this shape
    """Whether the answer is one number in digits and nothing else, such as -3.5 or 1,200."""
    return wanted is bool(_NUMBER.fullmatch(_unended(answer)))


def json_keys(answer: str, wanted: Sequence[str]) -> bool:
    """Whether the answer is a JSON object with exactly these keys; a fence of ``` is ignored."""
    fenced = _FENCE.fullmatch(answer.strip())
    try:
        value = json.loads(fenced[1] if fenced else answer)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and value.keys() == set(wanted)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Form:
    """What the value of a check must look like."""

    says: str
    """In the words of an error."""
    fits: Callable[[object], bool]


def _is_texts(value: object) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(map(_is_text, value))


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_range(value: object) -> bool:
    if not isinstance(value, Mapping) or not value or not value.keys() <= {"min", "max"}:
        return False
    # Not isinstance: True is an int, and no count.
    return all(type(bound) is int and bound >= 0 for bound in value.values())


_TEXT: Final = _Form(says="a text", fits=_is_text)
_TEXTS: Final = _Form(says="a list of texts, such as ['a', 'b']", fits=_is_texts)
_RANGE: Final = _Form(says="{'min': n, 'max': n}, one of them or both", fits=_is_range)
_TRUE: Final = _Form(says="true", fits=lambda value: value is True)

CHECKS: Final[Mapping[str, tuple[_Form, Callable[[str, Any], bool]]]] = {
    "equals": (_TEXT, equals),
    "one_of": (_TEXTS, one_of),
    "contains": (_TEXTS, contains),
    "lacks": (_TEXTS, lacks),
    "starts_with": (_TEXT, starts_with),
    "ends_with": (_TEXT, ends_with),
    "n_words": (_RANGE, n_words),
    "n_lines": (_RANGE, n_lines),
    "n_sentences": (_RANGE, n_sentences),
    "lowercase": (_TRUE, lowercase),
    "uppercase": (_TRUE, uppercase),
    "is_number": (_TRUE, is_number),
    "json_keys": (_TEXTS, json_keys),
}
"""By name: what the value must look like, and whether an answer holds to it."""


def checked(raw: object, where: str) -> str:
    """The check `raw` as one line of JSON, the form in which a probe carries it.

    Fields without a value count as absent, since a table's columns have them all.

    Raises:
        DataError: If `raw` is no check; names `where`, the name and the value, and what would do.
    """
    if not isinstance(raw, Mapping):
        raise DataError(f"{where}: check is {str(raw)[:80]!r}; write a mapping, {_known()}")
    check = {name: _filled(value) for name, value in raw.items() if value is not None}
    if not check:
        raise DataError(f"{where}: check is empty; write at least one, {_known()}")
    for name, value in check.items():
        if name not in CHECKS:
            raise DataError(f"{where}: check {name!r} is unknown; {_known()}")
        form, _ = CHECKS[name]
        if not form.fits(value):
            raise DataError(f"{where}: check {name} is {str(value)[:80]!r}; it must be {form.says}")
    return json.dumps(check, ensure_ascii=False, sort_keys=True)


def has_passed(answer: str, check: str) -> bool:
    """Whether `answer` holds to all of `check`, a text that `checked` gave."""
    if not answer.strip():
        return False
    return all(CHECKS[name][1](answer, wanted) for name, wanted in json.loads(check).items())


def _known() -> str:
    return f"known are {', '.join(CHECKS)}"


def _filled(value: object) -> object:
    if isinstance(value, Mapping):
        return {name: inner for name, inner in value.items() if inner is not None}
    return value


def _unended(text: str) -> str:
    """`text` without white space around it and without a full stop at its end."""
    return text.strip().removesuffix(".").strip()


def _is_said(text: str) -> bool:
    return any(letter.isalnum() for letter in text)


def _is_within(n_found: int, wanted: Mapping[str, int]) -> bool:
    return wanted.get("min", 0) <= n_found <= wanted.get("max", n_found)
