"""Personal details are found however they are written; other numbers are left alone."""

from __future__ import annotations

import re

import pytest

from katsuo.errors import ModelError, RecipeError
from katsuo.personal import finding
from katsuo.personal.finding import KINDS, Finder


def found(text: str, finder: Finder | None = None) -> list[tuple[str, str]]:
    """Kind and value of all that is found."""
    return [(each.kind, each.value) for each in (finder or Finder()).find(text)]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        pytest.param("email", "a.keller+post@firma-keller.co.uk", id="email"),
        pytest.param("email", "keller (at) firma (dot) de", id="email-spelt-out"),
        pytest.param("email", "ÄRGER@MÜNCHEN.DE", id="email-of-other-letters"),
        pytest.param("phone", "+44 20 7946 0958", id="phone-with-country"),
        pytest.param("phone", "(212) 701-6157", id="phone-of-a-region"),
        pytest.param("phone", "020 7946 0958", id="phone-of-another-region"),
        pytest.param("iban", "DE89 3704 0044 0532 0130 00", id="iban-in-groups"),
        pytest.param("iban", "de89370400440532013000", id="iban-in-small-letters"),
        pytest.param("card", "4111-1111-1111-1111", id="card"),
        pytest.param("ip", "45.121.210.42", id="ipv4"),
        pytest.param("ip", "2001:db8::1f", id="ipv6"),
        pytest.param("national_id", "536-90-4399", id="us-ssn"),
        pytest.param("national_id", "AB 12 34 56 C", id="gb-nino"),
        pytest.param("national_id", "54362315K", id="es-dni"),
    ],
)
def test_a_detail_is_found_whole(kind: str, value: str) -> None:
    assert (kind, value) in found(f"See {value}, please.")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("Invoice 993412 of 2021-05-04 is due.", id="invoice"),
        pytest.param("Version 10.2.31.4 mends it.", id="version"),
        pytest.param("See 1.1.1.4 and §45.12.10.4.", id="section"),
        pytest.param("IBAN GB29 NWBK 6016 1331 9268 18", id="iban-of-wrong-check-digits"),
        pytest.param("card 4111 1111 1111 1112", id="card-of-wrong-check-digit"),
        pytest.param("It rose to $300,200,100 by 12:30:45.", id="amount-and-time"),
        pytest.param("@home and a@b are no addresses.", id="no-domain"),
        pytest.param("std::dec and a::b", id="names-of-a-language"),
    ],
)
def test_what_only_looks_like_a_detail_is_left_alone(text: str) -> None:
    assert found(text) == []


def test_a_number_that_no_plan_has_is_found_where_it_is_announced() -> None:
    number = "(834)558-8892"
    assert found(f"Gives {number} as a result.") == []
    assert found(f"Phone: {number}") == [("phone", number)]


def test_names_are_found_where_they_are_listed_and_in_any_letter_case() -> None:
    finder = Finder(names=("Anna Keller", "Ann"))
    assert found("ANNA  KELLER met Ann at the annual fair; Bob came.", finder) == [
        ("name", "ANNA  KELLER"), ("name", "Ann"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        pytest.param("王小明", "如需帮助请联系王小明先生。", "王小明", id="chinese"),
        pytest.param("田中花子", "担当は田中花子です。", "田中花子", id="japanese"),
        pytest.param("สมชาย", "ติดต่อคุณสมชายได้ทุกวัน", "สมชาย", id="thai"),
        pytest.param("김민수", "김민수는 내일 온다.", "김민수", id="korean-particle"),
        pytest.param("José", "Ask Jose\u0301 today.", "Jose\u0301", id="decomposed"),
        pytest.param("Jose\u0301", "Ask José today.", "José", id="composed"),
        pytest.param("O'Brien", "Ask O\u2019Brien today.", "O\u2019Brien", id="curly-apostrophe"),
        pytest.param("Jean-Luc", "Ask Jean\u2011Luc today.", "Jean\u2011Luc", id="hyphen"),
    ],
)
def test_names_are_found_in_every_script_and_spelling(name: str, text: str, value: str) -> None:
    assert found(text, Finder(names=(name,))) == [("name", value)]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("email", "john.smith@example.com"),
        ("iban", "DE89370400440532013000"),
        ("card", "4111111111111111"),
        ("ip", "45.121.210.42"),
        ("ip", "2001:db8::1f"),
        ("national_id", "536-90-4399"),
        ("phone", "+44 20 7946 0958"),
    ],
)
@pytest.mark.parametrize(
    "around",
    [
        "请写信至{}联系我们的办公室以便我们能够尽快为您处理所有相关的问题和请求谢谢。",
        "連絡先は{}です。",
        "ติดต่อ{}ได้ทุกวัน",
        "문의는 {}으로 보내십시오.",
    ],
    ids=["chinese", "japanese", "thai", "korean"],
)
def test_a_detail_is_found_where_no_spaces_are_set(kind: str, value: str, around: str) -> None:
    assert (kind, value) in found(around.format(value))


def test_kinds_that_are_not_asked_for_are_not_found() -> None:
    text = "a@firm.de, +44 20 7946 0958"
    assert found(text, Finder(kinds=("phone",))) == [("phone", "+44 20 7946 0958")]


def test_of_two_that_overlap_the_longest_stays() -> None:
    assert found("Call 305 505 2277 x359.") == [("phone", "305 505 2277 x359")]


def test_a_phone_number_is_the_same_however_it_is_written() -> None:
    text = "+44 20 7946 0958, (020) 7946-0958, 02079460958"
    assert {each.canonical for each in Finder().find(text)} == {"44 2079460958"}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kinds": ("emial",)}, f"kinds names 'emial'; known are {', '.join(KINDS)}"),
        ({"regions": ("UK",)}, "regions names 'UK'; write a country as two capital letters"),
        ({"names": (" ",)}, "names holds an empty name"),
    ],
    ids=["kind", "region", "name"],
)
def test_a_setting_that_is_none_is_refused(
    settings: dict[str, tuple[str, ...]], message: str
) -> None:
    with pytest.raises(RecipeError, match=re.escape(message)):
        Finder(**settings)


def test_a_missing_library_is_named_with_the_extra_that_brings_it() -> None:
    with pytest.raises(ModelError, match=re.escape("pip install 'katsuo[private]'")):
        finding.library("no_such_library")
