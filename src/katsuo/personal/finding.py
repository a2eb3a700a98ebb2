"""Where in a text do personal details stand?

Numbers are told from other numbers by what they promise: a phone number by the numbering plan of
its country (phonenumbers), an account, a card or a person's number by its check digits
(python-stdnum), an address in a network by the standard library. Names are found only where
somebody listed them: no rule tells a name from another word.

    text ─propose (pattern)─▶ candidates ─check─▶ findings, the first kind's where two overlap
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module, metadata
from types import ModuleType
from typing import Any, Final

from katsuo.errors import ModelError, RecipeError
from katsuo.types import Span
from katsuo.words import ALONE

NAME: Final = "name"
"""The kind of a name that was listed."""
KINDS: Final = ("email", "iban", "card", "ip", "phone", "national_id")
"""What can be found without a list, the surest first."""
EXTRA: Final = "private"
"""The extra of this package that brings the libraries."""

_GAP: Final = r"[ \u00a0\u2009\u202f.\-\u2010\u2011]?"
"""What may stand between groups of signs."""
_CLINGING: Final = rf"[^\W{ALONE}\uac00-\ud7a3]"
"""A sign that goes on with the word beside it. Chinese, Thai and their like set no spaces, and
Korean sets none before a particle: there a detail ends where its own script does."""
_BEGIN: Final = rf"(?<!{_CLINGING})"
_END: Final = rf"(?!{_CLINGING})"
_EMAIL: Final = re.compile(
    rf"(?:{_BEGIN}(?<![.+%-])(?:{_CLINGING}|[.!#$%&'*+/=?^`{{|}}~-])*(?:{_CLINGING}|[+~-])"
    rf"|(?<![\w.+%-])[\w.!#$%&'*+/=?^`{{|}}~-]*[{ALONE}\uac00-\ud7a3])"
    r"(?:@|\s?[(\[{]\s?(?:at|@)\s?[)\]}]\s?)"
    r"(?:\w(?:[\w-]*\w)?(?:\.|\s?[(\[{]\s?(?:dot|\.)\s?[)\]}]\s?))+"
    rf"(?:(?:(?![\d_]){_CLINGING}){{2,24}}(?!{_CLINGING}|@)|[^\W\d_]{{2,24}}(?![\w@]))",
    re.IGNORECASE,
)
_IBAN: Final = re.compile(
    rf"{_BEGIN}[A-Z]{{2}}{_GAP}\d{{2}}(?:{_GAP}[A-Z0-9]){{11,30}}{_END}", re.IGNORECASE
)
_CARD: Final = re.compile(rf"{_BEGIN}(?<![.,-])[2-6](?:{_GAP}\d){{12,18}}{_END}(?!-)")
_IPV4: Final = re.compile(rf"{_BEGIN}(?<!\.)(?:\d{{1,3}}\.){{3}}\d{{1,3}}{_END}(?!\.\d)")
_IPV6: Final = re.compile(
    rf"{_BEGIN}(?<!:)[0-9a-f]{{0,4}}(?::[0-9a-f]{{0,4}}){{2,7}}{_END}(?!:)", re.IGNORECASE
)
_NUMBERED: Final = re.compile(r"(?:version|release|section|clause|chapter|v\.?|§)\s*$", re.I)
"""In front of four numbers with dots it says that they are no address."""
_CUE: Final = re.compile(
    r"\b(?:tel|phone|call|ring|dial|fax|facsimile|mobile|cell|whatsapp|reach|sms|hotline|m\u00f3vil|portable|handy)"
    r"\w*\D{0,24}$",
    re.IGNORECASE,
)
"""In front of a number it says that somebody can be rung up there."""
_DIGITS_IN_A_ROW: Final = re.compile(r"(?:\d[\s().\-/\u2010-\u2013\u00a0]{0,3}){7}")
"""A text without so many has no phone number, which spares the slow search."""
_CUE_CHARS: Final = 32
_FEWEST_PHONE_DIGITS: Final = 7
_FEWEST_IPV6_CHARS: Final = 6

_ALIKE: Final = ("'\u2019", "\u2010\u2011-")
"""Signs that are one in a name: apostrophes, hyphens."""

_NATIONAL: Final = {
    "us.ssn": r"\d{3}[- ]\d{2}[- ]\d{4}",
    "us.itin": r"9\d{2}[- ]\d{2}[- ]\d{4}",
    "gb.nhs": r"\d{3}[- ]\d{3}[- ]\d{4}",
    "fr.nir": r"[12][ .]?\d{2}[ .]?\d{2}[ .]?\d[\dAB][ .]?\d{3}[ .]?\d{3}[ .]?\d{2}",
    "es.dni": r"\d{2}\.?\d{3}\.?\d{3}[- ]?[A-Z]",
    "es.nie": r"[XYZ][- ]?\d{7}[- ]?[A-Z]",
    "it.codicefiscale": r"(?:[A-Z]{3} ?){2}\d\d[A-Z]\d\d ?[A-Z]\d{3} ?[A-Z]",
    "de.idnr": r"\d{2} \d{3} \d{3} \d{3}",
    "pl.pesel": r"\d{11}",
    "se.personnummer": r"\d{6}(?:\d\d)?[-+]\d{4}",
    "fi.hetu": r"\d{6}[-+A]\d{3}[0-9A-Y]",
    "in_.aadhaar": r"\d{4} \d{4} \d{4}",
    "br.cpf": r"\d{3}\.\d{3}\.\d{3}-\d{2}",
}
"""Module of python-stdnum -> how the number is written. Numbers of few check digits are looked for
only in the form in which people write them."""
_GB_NINO: Final = (
    r"(?!BG|GB|NK|KN|TN|NT|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z](?: ?\d{2}){3} ?[A-D]"
)
"""python-stdnum has no check for it: it has no check digit, but few words look like it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One personal detail in a text."""

    kind: str
    span: Span
    value: str
    """As it is written."""
    canonical: str
    """The same however it is written: by it two findings are one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finder:
    """Finds the details of some kinds; the same text gives the same findings.

    Raises:
        ModelError: If the libraries are not installed.
        RecipeError: If a kind or region is none.
    """

    kinds: tuple[str, ...] = KINDS
    regions: tuple[str, ...] = ("US", "GB")
    """Countries whose phone numbers are found without the country's code in front."""
    names: tuple[str, ...] = ()
    """Names to be found wherever they stand, in any letter case and Unicode form, with a straight
    or a curly apostrophe."""

    def __post_init__(self) -> None:
        for kind in self.kinds:
            if kind not in KINDS:
                raise RecipeError(
                    f"curate.private.kinds names {kind!r}; known are {', '.join(KINDS)}"
                )
        known = library("phonenumbers").SUPPORTED_REGIONS
        for region in self.regions:
            if region not in known:
                raise RecipeError(
                    f"curate.private.regions names {region!r}; write a country as two capital "
                    "letters, such as US"
                )
        if not all(name.strip() for name in self.names):
            raise RecipeError("curate.private.names holds an empty name; leave it out")
        library("stdnum")

    def find(self, text: str) -> list[Finding]:
        """What stands in `text`, from left to right.

        Of findings that overlap the longest stays; of equals the surer kind.
        """
        taken: list[Finding] = []
        for found in sorted(self._proposed(text), key=_chars, reverse=True):
            if not any(_overlap(found.span, other.span) for other in taken):
                taken.append(found)
        return sorted(taken, key=lambda found: found.span.start)

    def _proposed(self, text: str) -> Iterator[Finding]:
        """Candidates that hold, the surest kinds first."""
        if self.names:
            yield from _named(text, self.names)
        for kind in KINDS:
            if kind not in self.kinds:
                continue
            if kind == "phone":
                yield from _phones(text, self.regions)
            else:
                yield from _SEARCHES[kind](text)


def versions() -> dict[str, str]:
    """The libraries that decide what is found, with their versions."""
    return {name: metadata.version(name) for name in ("phonenumbers", "python-stdnum")}


def library(name: str) -> ModuleType:
    """The library called `name`, loaded when it is first needed."""
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        raise ModelError(
            f"the filter private needs the package {error.name}, which is not installed; "
            f"pip install 'katsuo[{EXTRA}]' brings it"
        ) from error


def _found(kind: str, text: str, start: int, end: int, canonical: str = "") -> Finding:
    value = text[start:end]
    return Finding(
        kind=kind, span=Span(start=start, end=end), value=value, canonical=canonical or plain(value)
    )


def plain(text: str) -> str:
    """`text` without letter case and without all that is neither letter nor digit.

    >>> plain("+44 (0)20-7946 0958")
    '4402079460958'
    """
    return "".join(sign for sign in text.casefold() if sign.isalnum())


def _chars(found: Finding) -> int:
    return found.span.end - found.span.start


def _overlap(one: Span, other: Span) -> bool:
    return one.start < other.end and other.start < one.end


def _named(text: str, names: Sequence[str]) -> Iterator[Finding]:
    for match in _names_pattern(tuple(names)).finditer(text):
        canonical = plain(unicodedata.normalize("NFC", match[0]))
        yield _found(NAME, text, match.start(), match.end(), canonical)


@cache
def _names_pattern(names: tuple[str, ...]) -> re.Pattern[str]:
    forms = {unicodedata.normalize(form, name) for name in names for form in ("NFC", "NFD")}
    longest_first = sorted(forms, key=lambda name: (-len(name), name))
    loose = (r"\s+".join(map(_loose, name.split())) for name in longest_first)
    return anywhere(f"(?i:{name})" for name in loose)


def anywhere(patterns: Iterable[str]) -> re.Pattern[str]:
    """Any of `patterns` where it is no piece of a longer word."""
    return re.compile(rf"{_BEGIN}(?:{'|'.join(patterns)}){_END}")


def _loose(word: str) -> str:
    """A pattern of `word` with its apostrophes and hyphens in every usual form."""
    return "".join(
        next((f"[{alike}]" for alike in _ALIKE if sign in alike), re.escape(sign)) for sign in word
    )


def _emails(text: str) -> Iterator[Finding]:
    if "@" not in text and not re.search(r"[(\[{]\s?at\s?[)\]}]", text, re.IGNORECASE):
        return
    for match in _EMAIL.finditer(text):
        canonical = re.sub(r"\s?[(\[{]\s?(?:at|@)\s?[)\]}]\s?", "@", match[0], flags=re.IGNORECASE)
        canonical = re.sub(r"\s?[(\[{]\s?(?:dot|\.)\s?[)\]}]\s?", ".", canonical, flags=re.I)
        yield _found("email", text, match.start(), match.end(), plain(canonical))


def _ibans(text: str) -> Iterator[Finding]:
    check = library("stdnum.iban").is_valid
    for match in _IBAN.finditer(text):
        # What follows may look like more of it: "… 0130 00 and", so the end is moved to the left.
        for end in _ends(text, match.start(), match.end()):
            if check(plain(text[match.start() : end]), check_country=False):
                yield _found("iban", text, match.start(), end)
                break


def _ends(text: str, start: int, end: int) -> Iterator[int]:
    """Where a number that begins at `start` may end: at `end`, or at an earlier gap."""
    yield end
    yield from (at for at in range(end - 1, start, -1) if not text[at].isalnum())


def _cards(text: str) -> Iterator[Finding]:
    check = library("stdnum.luhn").is_valid
    for match in _CARD.finditer(text):
        digits = plain(match[0])
        if check(digits) and len(set(digits)) > 1:
            yield _found("card", text, match.start(), match.end())


def _national(text: str) -> Iterator[Finding]:
    for module, written in _NATIONAL.items():
        check = None
        for match in _exact(written).finditer(text):
            check = check or library(f"stdnum.{module}").is_valid
            if check(match[0]):
                yield _found("national_id", text, match.start(), match.end())
    for match in _exact(_GB_NINO).finditer(text):
        yield _found("national_id", text, match.start(), match.end())


@cache
def _exact(written: str) -> re.Pattern[str]:
    return re.compile(rf"{_BEGIN}(?<![.,-])(?:{written}){_END}(?!-|[.,]\d)")


def _ips(text: str) -> Iterator[Finding]:
    for pattern in (_IPV4, _IPV6):
        for match in pattern.finditer(text):
            if not _is_address(match[0]) or _NUMBERED.search(text[: match.start()][-12:]):
                continue
            yield _found("ip", text, match.start(), match.end(), match[0].casefold())


def _is_address(text: str) -> bool:
    if ":" in text and (len(text) < _FEWEST_IPV6_CHARS or not any(map(str.isdigit, text))):
        return False
    if "." in text and len(text) == len("1.2.3.4"):  # the number of a section
        return False
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _phones(text: str, regions: Iterable[str]) -> Iterator[Finding]:
    if not _DIGITS_IN_A_ROW.search(text):
        return
    phones: Any = library("phonenumbers")
    possible = []
    for region in regions:
        for match in phones.PhoneNumberMatcher(text, region, phones.Leniency.POSSIBLE):
            number = match.number
            canonical = f"{number.country_code} {number.national_number}"
            found = _found("phone", text, match.start, match.end, canonical)
            if phones.is_valid_number(number):
                yield found
            elif _is_called(text, found):
                possible.append(found)
    # Behind all that are sure, lest one country's guess goes before another's number.
    yield from possible


def _is_called(text: str, found: Finding) -> bool:
    """Whether what may be a phone number is written or announced as one."""
    if len(plain(found.value)) < _FEWEST_PHONE_DIGITS:
        return False
    before = text[: found.span.start].rpartition("\n")[2][-_CUE_CHARS:]
    return found.value.startswith(("+", "00", "(+")) or bool(_CUE.search(before))


_SEARCHES: Final[dict[str, Callable[[str], Iterator[Finding]]]] = {
    "email": _emails,
    "iban": _ibans,
    "card": _cards,
    "national_id": _national,
    "ip": _ips,
}
