"""What did a teaching run do? report.json and report.html of a generator.

generator/  katsuo.json  losses.jsonl   +   recipe.yaml  ──▶  report.json  report.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from katsuo.page.teaching import render_teaching
from katsuo.store.files import read_json, write_json, write_text
from katsuo.training import LOSSES

_TAKEN_OVER: Final = ("format", "base", "settings", "report", "pairs", "by_type", "licences")
"""What the report says as the card says it."""


def report(run: Path, machine: Mapping[str, Any] | None = None) -> None:
    """Write the report of the finished generator in the run folder `run`.

    Args:
        run: Has the recipe, and `generator/`.
        machine: What it was taught on; none where that is not known any more.
    """
    folder = run / "generator"
    card = read_json(folder / "katsuo.json")
    assert card is not None, "a report is of what is finished"
    rows = [json.loads(line) for line in (folder / LOSSES).read_text("utf-8").splitlines()]
    content = {
        "name": run.name,
        "version": card["katsuo"],
        "made_at": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC") if machine else "",
        **{name: card[name] for name in _TAKEN_OVER},
        "pairs_by_type": card.get("pairs_by_type"),
        "n_held_out": card["held_out"],
        "machine": machine,
        "losses": [[row["step"], row["loss"]] for row in rows if "loss" in row],
        "rates": [[row["step"], row["lr"]] for row in rows if "lr" in row],
        "held_out": [
            {"step": row["step"], "nats": row["held_out"]} for row in rows if "held_out" in row
        ],
        "recipe": (run / "recipe.yaml").read_text("utf-8"),
    }
    write_json(folder / "report.json", content)
    write_text(folder / "report.html", render_teaching(content))
