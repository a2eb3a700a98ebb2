"""The made pages stand alone: links lead somewhere, and reading them asks no other machine."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

import pytest

SITE: Final = os.environ.get("KATSUO_SITE", "")
"""The folder of pages that `make site` has made."""
PAGES: Final = sorted(Path(SITE).rglob("*.html")) if SITE else []
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not SITE, reason="KATSUO_SITE is not set: make site"),
]
LOADING: Final = {"script": "src", "img": "src", "iframe": "src", "link": "href", "source": "src"}
NOT_LOADED: Final = {"index", "search", "next", "prev", "canonical", "genindex"}
"""Kinds of `link` that name another page."""
FETCHED: Final = re.compile(r"""(?:@import\s+|url\()\s*["']?(?:https?:)?//""")


class Page(HTMLParser):
    """What a page links to, loads, and can be linked at."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.ids: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take note of one element."""
        said: Mapping[str, str] = {name: value or "" for name, value in attrs}
        self.ids |= {said[name] for name in ("id", "name") if said.get(name)}
        if tag == "a" and said.get("href"):
            self.links.append(said["href"])
        if said.get("rel") not in NOT_LOADED and said.get(LOADING.get(tag, "")):
            self.loads.append(said[LOADING[tag]])


@cache
def read(path: Path) -> Page:
    return Page(path.read_text("utf-8"))


def dead(page: Path) -> Iterator[str]:
    """The links of a page that lead nowhere on this site."""
    for link in [*read(page).links, *read(page).loads]:
        parts = urlsplit(link)
        if parts.scheme or parts.netloc:
            continue
        target = page if not parts.path else (page.parent / unquote(parts.path)).resolve()
        mark = unquote(parts.fragment) if target.suffix == ".html" else ""
        if not target.is_file() or (mark and mark not in read(target).ids):
            yield link


def named(path: Path) -> str:
    return str(path.relative_to(SITE))


def test_the_pages_are_there() -> None:
    found = {named(page) for page in PAGES}
    assert {"index.html", "README.html", "ARCHITECTURE.html", "docs/tutorial.html"} <= found
    assert any(name.startswith("docs/notes/") for name in found)
    assert any(name.startswith("benchmarks/results/") for name in found)


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_link_on_a_page_leads_somewhere(page: Path) -> None:
    assert list(dead(page)) == []


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_a_page_loads_nothing_from_elsewhere(page: Path) -> None:
    assert [each for each in read(page).loads if re.match(r"(?:https?:)?//", each)] == []
    assert FETCHED.search(page.read_text("utf-8")) is None


def test_no_style_or_script_fetches_anything() -> None:
    for file in [*Path(SITE).rglob("*.css"), *Path(SITE).rglob("*.js")]:
        text = file.read_text("utf-8")
        assert FETCHED.search(text) is None, file
        assert not re.search(r"""(?:fetch|importScripts)\(\s*["']https?://""", text), file
