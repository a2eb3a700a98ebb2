"""How `make site` makes pages of the repository's Markdown: links stay as they are written.

The source is the repository itself, so that a link that works between files works between pages.
"""

from __future__ import annotations

project = "katsuo"
author = "The katsuo developers"
html_title = "katsuo"
extensions = ["myst_parser"]
root_doc = "docs/index"
include_patterns = [
    "*.md",
    "docs/**.md",
    "benchmarks/**.md",
    "examples/harbour/README.md",
]
exclude_patterns = [
    ".*",
    "benchmarks/quality",
    "build",
    "dist",
    "gpu-pack",
    "recipes",
    "runs",
    "site",
    "src",
    "tests",
]
myst_heading_anchors = 4
"""Headings can be linked as on code hosts, and a link to one that is not there is an error."""
nitpicky = True
smartquotes = False
html_theme = "furo"
html_additional_pages = {"index": "first.html"}
"""The address of the folder leads to the first page."""
templates_path = ["."]
html_copy_source = False
html_use_index = False
html_show_copyright = False
html_show_sphinx = False
html_theme_options = {
    "footer_icons": [],
    "light_css_variables": {"content-padding": "2em"},
}
