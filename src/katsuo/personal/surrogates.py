"""What may stand in the place of a personal detail?

Something of its kind, shape and length: a letter becomes a letter of the same case, a digit a
digit, every other sign stays. So all offsets into a text hold on, in it and in the document. The
country of a number and the last part of a domain stay; check digits of accounts and cards are
right again, those of a person's number need not be.

    kind, canonical form, seed, document ─▶ signs of chance ─laid into the value─▶ surrogate

The same detail of a document has the same surrogate however it is written; in another document it
has another. A surrogate is drawn, not looked up: by chance it may be somebody's.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any, Final

from katsuo import seeds
from katsuo.personal.finding import NAME, Finding, plain

_VOWELS: Final = "aeiou"
_CONSONANTS: Final = "bdfgklmnprstvz"
_KEPT_PHONE_DIGITS: Final = 3
"""Digits of a national number that may stay, a third of it at most: they say where it rings."""
_TRIES: Final = 200
"""Draws until one is another value and of the same kind."""
_SPELT: Final = re.compile(r"(\s?[(\[{]\s?(?:at|dot|@|\.)\s?[)\]}]\s?)", re.IGNORECASE)
"""`@` and dots of an address, written out to hide it."""


def surrogate(finding: Finding, seed: int, document_id: str) -> str:
    """What stands in place of `finding` in all texts of a document; never what stood there."""
    draw = _DRAWS[finding.kind]
    found = finding.value
    for number in range(_TRIES):
        names = ("private", document_id, finding.kind, finding.canonical, str(number))
        found = draw(finding, seeds.stream(seed, *names))
        if plain(found) != plain(finding.value) and _is_sound(finding, found):
            return found
    assert plain(found) != plain(finding.value), f"{finding.kind}: no other value of that shape"
    return found


def _is_sound(finding: Finding, drawn: str) -> bool:
    """Whether a phone number that is drawn may exist; other kinds are sound as they are drawn."""
    if finding.kind != "phone":
        return True
    library: Any = import_module("phonenumbers")
    code, national = finding.canonical.split()
    digits = plain(drawn)
    at = plain(finding.value).find(national)
    number = library.PhoneNumber(
        country_code=int(code), national_number=int(digits[at : at + len(national)] or "0")
    )
    return at < 0 or bool(library.is_valid_number(number))


def _laid(value: str, signs: Iterator[str]) -> str:
    """`value` with its letters and digits replaced, one by one, in its letter case."""
    return "".join(_like(sign, next(signs)) if sign.isalnum() else sign for sign in value)


def _like(sign: str, drawn: str) -> str:
    return drawn.upper() if sign.isupper() else drawn


def _said(value: str, chance: random.Random) -> Iterator[str]:
    """For each letter and digit of `value` another; the letters can be said."""
    vowel = chance.random() < 0.5
    for sign in value:
        if sign.isdigit():
            yield str(chance.randrange(10))
        elif sign.isalnum():
            yield chance.choice(_VOWELS if vowel else _CONSONANTS)
            vowel = not vowel


def _name(finding: Finding, chance: random.Random) -> str:
    return _laid(finding.value, _said(finding.value, chance))


def _email(finding: Finding, chance: random.Random) -> str:
    pieces = _SPELT.split(finding.value)
    written = "".join(pieces[::2])
    n_kept = len(re.split(r"[.@\W]", pieces[-1])[-1])
    head, tail = (written[:-n_kept], written[-n_kept:]) if n_kept else (written, "")
    signs = iter([*_said(head, chance), *tail])
    pieces[::2] = [_laid(piece, signs) for piece in pieces[::2]]
    return "".join(pieces)


def _phone(finding: Finding, chance: random.Random) -> str:
    national = finding.canonical.split()[1]
    at = plain(finding.value).find(national)
    # A number with letters in it, such as 1-800-FLOWERS, does not hold what they stand for.
    n_kept = at + min(_KEPT_PHONE_DIGITS, len(national) // 3) if at >= 0 else 0
    drawn = (
        sign if number < n_kept or sign.isalpha() else str(chance.randrange(10))
        for number, sign in enumerate(plain(finding.value))
    )
    return _laid(finding.value, drawn)


def _iban(finding: Finding, chance: random.Random) -> str:
    country, account = finding.canonical[:2], finding.canonical[4:]
    drawn = country + "00" + "".join(_shaped(account, chance))
    check = import_module("stdnum.iban").calc_check_digits(drawn.upper())
    return _laid(finding.value, iter(country + check + drawn[4:]))


def _card(finding: Finding, chance: random.Random) -> str:
    drawn = finding.canonical[0] + "".join(_shaped(finding.canonical[1:-1], chance))
    return _laid(finding.value, iter(drawn + import_module("stdnum.luhn").calc_check_digit(drawn)))


def _ip(finding: Finding, chance: random.Random) -> str:
    if ":" in finding.value:
        hexadecimal = (
            chance.choice("123456789") if sign.isdigit() else chance.choice("abcdef")
            for sign in plain(finding.value)
        )  # fmt: skip
        return _laid(finding.value, hexadecimal)
    return ".".join(str(chance.randint(*_OCTETS[len(octet)])) for octet in finding.value.split("."))


_OCTETS: Final = {1: (1, 9), 2: (10, 99), 3: (100, 255)}
"""Digits of an octet -> its values."""


def _national_id(finding: Finding, chance: random.Random) -> str:
    return _laid(finding.value, _shaped(plain(finding.value), chance))


def _shaped(text: str, chance: random.Random) -> Iterator[str]:
    """For each digit of `text` a digit, for each letter a letter."""
    for sign in text:
        letters = _VOWELS + _CONSONANTS
        yield str(chance.randrange(10)) if sign.isdigit() else chance.choice(letters)


_DRAWS: Final[dict[str, Callable[[Finding, random.Random], str]]] = {
    NAME: _name,
    "email": _email,
    "phone": _phone,
    "iban": _iban,
    "card": _card,
    "ip": _ip,
    "national_id": _national_id,
}
