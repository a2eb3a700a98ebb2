"""Only the person at this machine reaches the page, and pages run nothing but our script."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.unit.review.conftest import Browser


def test_the_address_with_the_token_opens(browser: Browser) -> None:
    assert browser.get("").status == 200
    assert browser.get("", host="localhost:8123").status == 200


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        pytest.param("/", {}, id="no-token"),
        pytest.param("/the-secre/", {}, id="half-a-token"),
        pytest.param("/style.css", {}, id="no-token-for-a-file"),
        pytest.param("", {"host": "evil.example"}, id="another-name-of-this-machine"),
        pytest.param("", {"host": "127.0.0.1"}, id="another-port"),
        pytest.param("", {"host": "127.0.0.1:8123@evil.example"}, id="a-name-behind-ours"),
        pytest.param("", {"origin": "http://evil.example"}, id="another-origin"),
        pytest.param("", {"sec_fetch_site": "cross-site"}, id="a-link-on-another-page"),
    ],
)
def test_anybody_else_is_refused(browser: Browser, path: str, headers: dict[str, str]) -> None:
    found = browser.get(path, **headers)
    assert (found.status, found.headers["cache-control"]) == (403, "no-store")


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:80", ""])
def test_a_form_of_another_page_is_refused(browser: Browser, origin: str) -> None:
    assert browser.post("task/x", {"verdict": "drop"}, origin=origin).status == 403


def test_every_answer_forbids_scripts_that_are_not_ours(browser: Browser) -> None:
    for path in ("", "nothing", "review.js", "/"):
        policy = browser.get(path).headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
