"""The review page in headless Chromium: the whole journey by keys, hostile texts, accessibility.

`make test-browser` brings what it needs; elsewhere it is skipped.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, TypeAlias

import pytest

from katsuo import recipe as recipes
from katsuo.road import travel
from katsuo.store import tables
from katsuo.store.decisions import Decisions
from katsuo.store.runs import Run

sync_api = pytest.importorskip("playwright.sync_api", reason="make test-browser brings playwright")
pytest.importorskip("uvicorn", reason="needs the review extra")
CHROMIUM: Final = shutil.which("chromium") or shutil.which("chromium-browser")
AXE: Final = Path(__file__).parents[2] / ".browser" / "node_modules" / "axe-core" / "axe.min.js"
SHOTS: Final = os.environ.get("KATSUO_SHOTS")
"""A folder for pictures, where somebody wants to look at them."""
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium"),
]

HOSTILE: Final = (
    "<script>window.hit = 1</script><img src=x onerror='window.hit = 2'> "
    "<a href='javascript:window.hit=3'>x</a> [x](javascript:window.hit=4) "
    '"></textarea><script>window.hit = 5</script> \u202eevil\u202c \u0634\u0631\u0637 \u200f '
)
LONG: Final = "z" * 2**20
SIZES: Final[dict[str, Any]] = {
    "desktop": {"viewport": {"width": 1280, "height": 900}},
    "phone": {"viewport": {"width": 390, "height": 844}},
    "dark": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark"},
}


Page: TypeAlias = Any
Chromium: TypeAlias = Any
"""Of playwright, which may not be there."""


@dataclass(frozen=True, kw_only=True)
class Served:
    """A run that is being reviewed."""

    run: Run
    address: str


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "katsuo.cli", *words]


@pytest.fixture
def run(fake_recipe: Path, tmp_path: Path) -> Run:
    """A curated run whose first draft is hostile, and whose second has a line of a megabyte."""
    found = Run.at(tmp_path / "runs" / "one")
    strict = "curate=[{well_formed: {min_instruction_words: 33}}, grounded]"
    travel(recipes.load(fake_recipe, [strict]), found, until="curate", listen=lambda _: None)
    part = found.stage("generate").parts()[0]
    first, second, *rest = map(tables.task_of, tables.read(part))
    bad = replace(first, id="hostile0", context=HOSTILE, instruction=HOSTILE, response=HOSTILE)
    long = replace(second, id="longline", response=LONG, instruction=f"What is {LONG}?")
    tables.write(part, tables.TASKS, map(tables.task_row, [bad, long, *rest]))
    return found


@pytest.fixture
def served(run: Run) -> Iterator[Served]:
    """The page, served as the command serves it, and stopped as a person stops it."""
    server = subprocess.Popen(
        command("review", str(run.folder)), stdout=subprocess.PIPE, text=True, bufsize=1
    )
    assert server.stdout is not None
    address = re.search(r"http://\S+", server.stdout.readline())
    assert address is not None
    yield Served(run=run, address=address[0])
    server.send_signal(signal.SIGINT)
    said, _ = server.communicate(timeout=30)
    assert server.returncode == 0
    assert "katsuo curate" in said


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def tab(chromium: Chromium, served: Served) -> Iterator[Page]:
    """A tab with the list, in which any fault on the page fails the test."""
    context = chromium.new_context(**SIZES["desktop"])
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("dialog", lambda dialog: faults.append(dialog.message))
    page.on("request", lambda asked: faults.extend(_strangers(asked.url, served)))
    page.goto(served.address)
    yield page
    context.close()
    assert faults == []


def _strangers(url: str, served: Served) -> list[str]:
    return [] if url.startswith((served.address, "data:")) else [url]


def press(page: Page, key: str) -> None:
    """Press a key that leads to another page."""
    with page.expect_navigation():
        page.keyboard.press(key)


def decided(served: Served) -> list[str]:
    found = Decisions(folder=served.run.folder).standing().values()
    return sorted(one.verdict or "edit" for one in found)


def test_the_whole_journey_is_made_with_keys(tab: Page, served: Served) -> None:
    tab.goto(f"{served.address}?fate=kept&kind=exqa")
    press(tab, "b")
    press(tab, "k")
    tab.get_by_role("status").get_by_text("Kept.").wait_for()
    press(tab, "d")
    press(tab, "n")
    press(tab, "p")
    first_words = tab.input_value("#instruction")

    tab.keyboard.press("e")
    tab.wait_for_function("document.activeElement.id === 'instruction'")
    tab.keyboard.press("Tab")
    tab.keyboard.press("Control+a")
    tab.keyboard.type("green cheese")
    press(tab, "Control+Enter")
    assert "answer-not-in-context" in tab.inner_text("#faults")
    assert tab.evaluate("document.activeElement.id") == "faults"
    assert decided(served) == ["drop", "keep"]

    words = tab.inner_text("[aria-labelledby=passage] .text").split()
    tab.fill("#response", words[-2])
    tab.focus("#response")
    press(tab, "Control+Enter")
    assert "edited by you" in tab.inner_text("main")
    assert decided(served) == ["drop", "edit", "keep"]
    press(tab, "u")
    assert tab.input_value("#instruction") == first_words


def test_what_was_decided_with_keys_is_applied_and_shown(tab: Page, served: Served) -> None:
    tab.goto(f"{served.address}?fate=kept&kind=exqa")
    press(tab, "b")
    press(tab, "k")
    press(tab, "d")
    press(tab, "l")
    assert "You decided on 2" in tab.inner_text("header")

    done = subprocess.run(
        command("curate", str(served.run.folder), "--json"),
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "dropped-by-hand" in json.dumps(json.loads(done.stdout))
    tab.goto(f"{served.address}?reason=dropped-by-hand")
    assert "1 row" in tab.inner_text("main")
    assert "not applied" not in tab.inner_text("header")


def test_two_tabs_share_decisions_and_neither_is_lost(tab: Page, served: Served) -> None:
    tab.goto(f"{served.address}?fate=kept")
    press(tab, "b")
    other = tab.context.new_page()
    other.goto(tab.url)
    press(tab, "d")
    press(other, "k")
    other.get_by_role("alert").get_by_text("decided on in another tab").wait_for()
    assert decided(served) == ["drop"]
    press(other, "k")
    assert decided(served) == ["keep"]


@pytest.mark.parametrize("size", SIZES)
def test_nothing_of_a_hostile_text_acts_or_widens_the_page(
    chromium: Chromium, served: Served, size: str
) -> None:
    context = chromium.new_context(**SIZES[size])
    page = context.new_page()
    for path in ("", "task/hostile0", "task/longline"):
        page.goto(f"{served.address}{path}")
        if path == "task/hostile0":
            page.click("summary")
            _shot(page, f"hostile-{size}")
        assert page.evaluate("window.hit") is None
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert page.locator("a[href^='javascript']").count() == 0
    assert "more characters are not shown" in page.inner_text("main")
    context.close()


@pytest.mark.parametrize("size", SIZES)
def test_axe_finds_no_serious_fault(chromium: Chromium, served: Served, size: str) -> None:
    if not AXE.is_file():
        pytest.skip("make test-browser brings axe-core")
    context = chromium.new_context(**SIZES[size])
    page = context.new_page()
    page.goto(f"{served.address}?fate=kept&kind=exqa")
    _shot(page, f"list-{size}")
    found = {"list": _axe(page)}
    press(page, "b")
    _shot(page, f"task-{size}")
    found["task"] = _axe(page)
    page.keyboard.press("e")
    page.fill("#response", "green cheese")
    with page.expect_navigation():
        page.click("text=Take these words")
    _shot(page, f"refused-{size}")
    found["refused"] = _axe(page)
    context.close()
    assert found == {"list": [], "task": [], "refused": []}


def test_keys_can_be_switched_off(tab: Page, served: Served) -> None:
    tab.goto(f"{served.address}?fate=kept")
    press(tab, "b")
    tab.click("#keys")
    tab.keyboard.press("d")
    tab.wait_for_timeout(200)
    assert decided(served) == []
    tab.reload()
    assert tab.inner_text("#keys") == "Keys are off"


def test_everything_works_by_tabulator_and_without_our_script(
    chromium: Chromium, served: Served
) -> None:
    context = chromium.new_context(**SIZES["desktop"], java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{served.address}?fate=kept")
    page.get_by_role("link", name="Begin here").press("Enter")
    page.get_by_role("button", name="Drop").press("Enter")
    page.wait_for_url("**said=dropped")
    assert decided(served) == ["drop"]
    context.close()


def _axe(page: Page) -> list[str]:
    """The serious faults that axe-core finds, as `rule: element`."""
    page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate("axe.run()")
    return [
        f"{fault['id']}: {fault['nodes'][0]['html'][:120]}"
        for fault in found["violations"]
        if fault["impact"] in ("serious", "critical")
    ]


def _shot(page: Page, name: str) -> None:
    if SHOTS:
        Path(SHOTS).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=str(Path(SHOTS) / f"{name}.png"))
