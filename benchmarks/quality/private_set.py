"""Sentences with personal details of every kind in many written forms, and sentences with none.

Values are Faker's, of many countries; how they are written, and the sentences around them, are
ours. Phone numbers are built twice: as Faker has them, whose area codes may not exist, and from
area codes that do. Nothing here asks the libraries that the finder is made of.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

LOCALES: Final = (
    "en_US", "en_GB", "de_DE", "fr_FR", "es_ES", "it_IT", "nl_NL", "pl_PL", "sv_SE", "pt_BR",
)  # fmt: skip
AROUND: Final[dict[str, tuple[str, ...]]] = {
    "email": (
        "Please send the signed copy to {}.",
        "Contact: {} (weekdays only)",
        "The notice shall be given by e-mail to <{}> with a copy to counsel.",
        "{} wrote on Monday that the delivery was late.",
        "Questions? Mail us at {}, and we answer within a day.",
        "name;mail;city\nKeller;{};Basel",
        "mailto:{} is the address of the office.",
        "She had given two addresses, {} and the one of her employer.",
    ),
    "phone": (
        "Call {} between nine and five.",
        "Tel.: {}",
        "The tenant can be reached at {} or by post.",
        "Fax and phone: {}; ask for the duty officer.",
        "My number is {}, please ring back.",
        "name,phone\nKeller,{}\n",
        "In an emergency dial {}. Do not wait.",
        "The ward ({}) is open until eight.",
    ),
    "iban": (
        "Please transfer the rent to {} by the third of the month.",
        "IBAN: {}",
        "The account {} was opened in 2014.",
        "Payment goes to {}, reference 2231.",
        "account|{}|open",
        "The deposit (account no. {}) bears interest.",
    ),
    "card": (
        "The card {} was charged twice.",
        "Card number: {}, valid thru 09/29",
        "I paid with {} and never got a receipt.",
        "He read it out over the phone: {}.",
        "card={};cvv=***",
        "Refunds go back to the card ending the number {}.",
    ),
    "national_id": (
        "The patient, number {}, was seen on 4 May.",
        "ID: {}",
        "Her national number is {} and must not be shared.",
        "Form 12 shows {} in box 3.",
        "person;{};resident",
        "Insured under {}, since 2003.",
    ),
    "ip": (
        "The login came from {} at 03:12.",
        "Blocked: {}",
        "{} - - [12/May/2024:10:01:44] GET /index.html",
        "Our logs show the address {}, which belongs to the visitor.",
        "The printer answers at {}.",
        "We store your address (such as {}) for seven days.",
    ),
}
"""Kind -> sentences around a value."""

NOTHING: Final = (
    "Invoice {n6} of {date} is due within 30 days.",
    "The book, ISBN {isbn}, has {n3} pages.",
    "See doi:10.{n4}/j.{n6}.{n4}.{n2} for the full text.",
    "The court held in case {n2}-{n4} that the clause is void.",
    "Revenue rose from ${n3},{n3},{n3} to ${n3},{n3},{n3}.",
    "The trial enrolled {n4} patients; {n3} ({n2}.{n1}%) completed it (P = 0.0{n2}).",
    "Version {n1}.{n2}.{n1}.{n1} mends the fault of version {n1}.{n1}.{n1}.{n2}.",
    "It happened on {date} at {n2}:{n2}:{n2}.",
    "Order {n4}-{n7}-{n7} was shipped by sea.",
    "Section {n1}.{n1}.{n1}.{n1} of the manual says so.",
    "ClinicalTrials.gov NCT{n8}; registered {date}.",
    "Coordinates {n2}.{n6}, {n2}.{n6}.",
    "Pages {n4}-{n4}, volume {n3}, {n4}.",
    "The part {n3}-{n5}-{n2} replaces {n3}-{n5}-{n2}.",
    "Timestamp {n10} was written by the sensor.",
    "The ratio 1:{n4}:{n4} was used at 12:{n2}.",
    "Meet me @ the harbour at {n1}; bring {n2} ropes.",
    "The years 1990-2010 and 1987 1988 1989 were wet.",
    "Serial {n4} {n4} {n4} {n4}, batch {n8}.",
    "Sample sizes were {n3}, {n3}, {n3} and {n3}; total {n4}.",
    "Article {n2} 20{n2} {n4} {n3} applies.",
    "The bridge cost {n3} {n3} {n3} crowns.",
    "MAC unit 00{n4}, SKU {n12}, EAN {n13}.",
    "Code AB{n2} CDEF {n4} is no account.",
)


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """A sentence, and where the detail stands; `kind` is empty where there is none."""

    kind: str
    form: str
    text: str
    start: int = 0
    end: int = 0


def labelled(n_each: int, n_without: int, seed: int) -> list[Labelled]:
    """`n_each` sentences of each kind, their forms in turn, and `n_without` without any."""
    from faker import Faker

    fakers = []
    for locale in LOCALES:
        fakers.append((locale, Faker(locale)))
        fakers[-1][1].seed_instance(seed)
    chance = random.Random(seed)
    made: list[Labelled] = []
    for kind, forms in FORMS.items():
        names = list(forms)
        for number in range(n_each):
            form = names[number % len(names)]
            value = forms[form](chance, fakers)
            before, after = chance.choice(AROUND[kind]).split("{}")
            made.append(
                Labelled(
                    kind=kind,
                    form=form,
                    text=before + value + after,
                    start=len(before),
                    end=len(before) + len(value),
                )
            )
    made += [
        Labelled(kind="", form="none", text=_filled(NOTHING[number % len(NOTHING)], chance))
        for number in range(n_without)
    ]
    return made


def _filled(sentence: str, chance: random.Random) -> str:
    while "{" in sentence:
        before, _, rest = sentence.partition("{")
        slot, _, after = rest.partition("}")
        sentence = before + _slot(slot, chance) + after
    return sentence


def _slot(slot: str, chance: random.Random) -> str:
    if slot == "date":
        return chance.choice(("{d:02}.{m:02}.{y}", "{y}-{m:02}-{d:02}", "{m}/{d}/{y}")).format(
            d=chance.randint(1, 28), m=chance.randint(1, 12), y=chance.randint(1950, 2024)
        )
    if slot == "isbn":
        return "978-" + "-".join(_digits(chance, n) for n in (1, 4, 4, 1))
    return _digits(chance, int(slot[1:]))


def _digits(chance: random.Random, n: int) -> str:
    return str(chance.randint(1, 9)) + "".join(str(chance.randint(0, 9)) for _ in range(n - 1))


Make = Callable[[random.Random, list[tuple[str, Any]]], str]


def _any(fakers: list[tuple[str, Any]], chance: random.Random) -> Any:  # noqa: ANN401 -- a Faker
    return chance.choice(fakers)[1]


def _email(change: Callable[[str], str]) -> Make:
    return lambda chance, fakers: change(_any(fakers, chance).email())


def _own_domain(chance: random.Random, fakers: list[tuple[str, Any]]) -> str:
    faker = _any(fakers, chance)
    local = f"{faker.user_name()}+{chance.choice(['post', 'orders', '2024'])}"
    return f"{local}@{faker.domain_word()}.{chance.choice(['co.uk', 'museum', 'gov.pl', 'io'])}"


def _spoken(email: str) -> str:
    return email.replace("@", " (at) ").replace(".", " (dot) ")


_AREAS: Final[dict[str, tuple[tuple[str, int], ...]]] = {
    "US": (("212", 7), ("415", 7), ("312", 7), ("617", 7), ("206", 7), ("305", 7)),
    "GB": (("20", 8), ("161", 7), ("121", 7), ("7700", 6), ("7911", 6), ("131", 7)),
    "DE": (("30", 8), ("89", 8), ("171", 7), ("40", 8)),
    "FR": (("1", 8), ("6", 8), ("4", 8)),
    "IT": (("06", 8), ("347", 7), ("02", 8)),
    "ES": (("91", 7), ("93", 7), ("61", 7)),
}
"""Country -> area codes that exist, and how many digits follow."""
_CODES: Final = {"US": "1", "GB": "44", "DE": "49", "FR": "33", "IT": "39", "ES": "34"}


def _number(chance: random.Random, country: str) -> tuple[str, str]:
    area, n = chance.choice(_AREAS[country])
    return area, _digits(chance, n).replace("1", "2", 1)


def _abroad(chance: random.Random, _: object) -> str:
    country = chance.choice(list(_AREAS))
    area, rest = _number(chance, country)
    code, half = _CODES[country], len(rest) // 2
    return chance.choice(
        (
            f"+{code} {area} {rest[:half]} {rest[half:]}",
            f"+{code}{area}{rest}",
            f"+{code}-{area}-{rest[:half]}-{rest[half:]}",
            f"+{code} ({area}) {rest}",
            f"00{code} {area} {rest}",
            f"(+{code}) {area} {rest[:half]}.{rest[half:]}",
        )
    )


def _american(chance: random.Random, _: object) -> str:
    area, rest = _number(chance, "US")
    return chance.choice(
        (
            f"({area}) {rest[:3]}-{rest[3:]}",
            f"{area}-{rest[:3]}-{rest[3:]}",
            f"{area}.{rest[:3]}.{rest[3:]}",
            f"1-{area}-{rest[:3]}-{rest[3:]}",
            f"{area} {rest[:3]} {rest[3:]}",
            f"{area}{rest}",
        )
    )


def _british(chance: random.Random, _: object) -> str:
    area, rest = _number(chance, "GB")
    half = len(rest) - 4
    return chance.choice(
        (
            f"0{area} {rest[:half]} {rest[half:]}",
            f"(0{area}) {rest}",
            f"0{area}{rest}",
            f"0{area}-{rest}",
        )
    )


def _extension(chance: random.Random, _: object) -> str:
    return f"{_american(chance, _)} {chance.choice(['ext. ', 'x', 'ext '])}{_digits(chance, 3)}"


def _as_faker_has_it(place: int) -> Make:
    return lambda _chance, fakers: fakers[place][1].phone_number()


def _grouped(text: str, gap: str) -> str:
    return gap.join(text[at : at + 4] for at in range(0, len(text), 4))


def _iban(change: Callable[[str], str]) -> Make:
    places = ("en_GB", "de_DE", "fr_FR", "es_ES", "it_IT", "nl_NL", "pl_PL")

    def make(chance: random.Random, fakers: list[tuple[str, Any]]) -> str:
        return change(dict(fakers)[chance.choice(places)].iban())

    return make


def _card(change: Callable[[str], str]) -> Make:
    types = ("visa16", "mastercard", "amex", "discover")
    return lambda chance, fakers: change(
        fakers[0][1].credit_card_number(card_type=chance.choice(types))
    )


def _amex(chance: random.Random, fakers: list[tuple[str, Any]]) -> str:
    number = fakers[0][1].credit_card_number(card_type="amex")
    return f"{number[:4]} {number[4:10]} {number[10:]}"


def _ssn(locale: str) -> Make:
    return lambda _chance, fakers: dict(fakers)[locale].ssn()


def _nhs(chance: random.Random, _: object) -> str:
    while True:
        head = _digits(chance, 9)
        check = 11 - sum(int(d) * w for d, w in zip(head, range(10, 1, -1), strict=True)) % 11
        if check != 10:
            digits = head + str(check % 11)
            return f"{digits[:3]} {digits[3:6]} {digits[6:]}"


def _nino(chance: random.Random, _: object) -> str:
    prefix, digits = chance.choice(("AB", "JK", "PW", "SC")), _digits(chance, 6)
    letter = chance.choice("ABCD")
    return chance.choice(
        (
            f"{prefix}{digits}{letter}",
            f"{prefix} {digits[:2]} {digits[2:4]} {digits[4:]} {letter}",
        )
    )


def _as_is(text: str) -> str:
    return text


FORMS: Final[dict[str, dict[str, Make]]] = {
    "email": {
        "plain": _email(_as_is),
        "capitals": _email(str.upper),
        "own domain, tag": _own_domain,
        "(at) (dot)": _email(_spoken),
        "[at]": _email(lambda email: email.replace("@", " [at] ")),
    },
    "phone": {
        "abroad": _abroad,
        "American": _american,
        "British": _british,
        "extension": _extension,
        "Faker en_US": _as_faker_has_it(0),
        "Faker en_GB": _as_faker_has_it(1),
        "Faker de_DE": _as_faker_has_it(2),
    },
    "iban": {
        "in one": _iban(_as_is),
        "groups": _iban(lambda number: _grouped(number, " ")),
        "hyphens": _iban(lambda number: _grouped(number, "-")),
        "small letters": _iban(str.lower),
    },
    "card": {
        "in one": _card(_as_is),
        "groups": _card(lambda number: _grouped(number, " ")),
        "hyphens": _card(lambda number: _grouped(number, "-")),
        "Amex groups": _amex,
    },
    "national_id": {
        "US": _ssn("en_US"),
        "UK NINO": _nino,
        "UK NHS": _nhs,
        "FR": _ssn("fr_FR"),
        "ES": _ssn("es_ES"),
        "IT": _ssn("it_IT"),
        "PL": _ssn("pl_PL"),
        "SE": _ssn("sv_SE"),
        "BR": lambda _chance, fakers: dict(fakers)["pt_BR"].cpf(),
        "NL": _ssn("nl_NL"),
    },
    "ip": {
        "IPv4": lambda chance, fakers: _any(fakers, chance).ipv4(),
        "IPv6": lambda chance, fakers: _any(fakers, chance).ipv6(),
        "IPv6 short": lambda chance, _: f"2001:db8:{_digits(chance, 3)}::{_digits(chance, 2)}",
    },
}
"""Kind -> form -> how a value of it is made."""
