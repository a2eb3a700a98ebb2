"""Tests of the style sheet: text can be read in light, in dark and on paper."""

from __future__ import annotations

import re
from importlib import resources

import pytest

STYLE = resources.files("katsuo.page").joinpath("style.css").read_text("utf-8")
THEMES = dict(zip(("light", "dark", "print"), re.findall(r":root \{([^}]*)\}", STYLE), strict=True))
NOT_FOR_TEXT = {"ground", "card", "line", "track", "mark", "mark-ink", "drop"}
AA = 4.5
"""The contrast that WCAG 2 asks of text."""


@pytest.mark.parametrize("theme", THEMES)
def test_every_colour_of_text_has_contrast_on_every_ground(theme: str) -> None:
    colours = dict(re.findall(r"--([\w-]+): (#\w{6})", THEMES[theme]))
    pairs = [(ink, ground) for ink in set(colours) - NOT_FOR_TEXT for ground in ("card", "ground")]
    low = [pair for pair in pairs if contrast(colours[pair[0]], colours[pair[1]]) < AA]
    assert low == []
    assert contrast(colours["mark-ink"], colours["mark"]) >= AA


def test_every_theme_sets_every_colour() -> None:
    names = [set(re.findall(r"--([\w-]+):", block)) for block in THEMES.values()]
    assert names[0] == names[1] == names[2]


def test_the_style_sheet_asks_nothing_of_the_network_and_cannot_end_its_element() -> None:
    assert not re.search(r"url\(|@import|</", STYLE)


def contrast(one: str, other: str) -> float:
    """The contrast ratio of WCAG 2, from 1 to 21."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
