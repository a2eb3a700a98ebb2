"""A surrogate is of the kind, the shape and the length of what it replaces."""

from __future__ import annotations

import pytest

from katsuo.personal.finding import Finder
from katsuo.personal.surrogates import surrogate

VALUES = {
    "email": "Anna.Keller7@firma-keller.de",
    "email-spelt-out": "anna [at] firma [dot] de",
    "phone": "+44 (0)20 7946-0958",
    "phone-extension": "(212) 701-6157 x22",
    "iban": "DE89 3704 0044 0532 0130 00",
    "card": "4111 1111 1111 1111",
    "ipv4": "45.121.210.4",
    "ipv6": "2001:DB8::1f",
    "national": "536-90-4399",
}


def put(text: str, seed: int = 0, document_id: str = "d") -> str:
    """The surrogate of the one detail in `text`."""
    (found,) = Finder().find(text)
    return surrogate(found, seed, document_id)


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_shape_and_length_stay_and_the_value_goes(value: str) -> None:
    made = put(value)
    assert made != value
    assert [sign for sign in made if not sign.isalnum()] == [
        sign for sign in value if not sign.isalnum()
    ]
    assert [sign.isupper() for sign in made] == [sign.isupper() for sign in value]
    assert [sign.isdigit() for sign in made] == [sign.isdigit() for sign in value]


@pytest.mark.parametrize(
    "value", [each for name, each in VALUES.items() if name != "national"],
    ids=[name for name in VALUES if name != "national"],
)  # fmt: skip
def test_a_surrogate_would_itself_be_found_as_that_kind(value: str) -> None:
    (before,), (after,) = Finder().find(value), Finder().find(put(value))
    assert (after.kind, after.span) == (before.kind, before.span)


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_it_depends_on_the_seed_and_the_document_alone(value: str) -> None:
    assert put(value) == put(value)
    assert len({put(value), put(value, seed=1), put(value, document_id="e")}) == 3


def test_forms_of_one_number_have_forms_of_one_surrogate() -> None:
    bare = {"".join(filter(str.isdigit, put(form)))[-10:] for form in
            ("+44 20 7946 0958", "020 7946 0958", "02079460958")}  # fmt: skip
    assert len(bare) == 1


def test_country_and_last_part_of_a_domain_stay() -> None:
    assert put("+44 20 7946 0958").startswith("+44 20 7")
    assert put("DE89 3704 0044 0532 0130 00").startswith("DE")
    assert put("anna@firma.museum").endswith(".museum")
    assert put("anna (at) firma (dot) de").endswith(" (dot) de")
