"""What leaves a run: curated tasks in the form of other trainers.

    3-curated ──held out? chosen? in which split?──▶ Row ──format──▶ train.jsonl  test.jsonl
                                                      └────────────▶ lineage.jsonl
    manifests, ledgers, recipe ─────────────────────────────────────▶ README.md, configs

Tasks are read twice and never held: first which there are, then what they say.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from katsuo.errors import RecipeError
from katsuo.export.card import card
from katsuo.export.formats import Facts, Format
from katsuo.export.table import FORMATS
from katsuo.outgoing.choosing import Wanted, chosen, parts_of
from katsuo.outgoing.telling import sheet
from katsuo.outgoing.writing import Told, Writer, rows
from katsuo.sections import Recipe
from katsuo.store.files import check_vacant, make_room, new_folder, write_text
from katsuo.store.runs import Run
from katsuo.types import Flaw

__all__ = ["Exported", "Wanted", "export_tasks"]

_UNTAUGHT: Final = {
    "smollm2-135m": "HuggingFaceTB/SmolLM2-135M-Instruct",
    "fake": "HuggingFaceTB/SmolLM2-135M-Instruct",
}
"""Bundled names -> what other programs call the model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What an export wrote."""

    folder: Path
    counts: Mapping[str, int]
    """Data file -> its rows."""
    left_out: Mapping[str, int]
    """Reason -> rows."""
    n_marked: int
    """Rows that hold a chat template's marker."""


def export_tasks(run: Run, wanted: Wanted, into: Path) -> Exported:
    """Write the curated tasks of `run` into the new folder `into`, as `wanted`.

    The same run gives the same bytes. Memory grows with the number of passages, by a few hundred
    bytes each, and not with what they or the tasks say.

    Raises:
        RecipeError: If the run has no finished stage curate, `into` holds something, or too little
            is left to write.
        DataError: If a ledger of the run and its manifest do not say the same.
    """
    check_vacant(into)
    parts = list(parts_of(run, wanted.domain))
    form = FORMATS[wanted.format]
    choice = chosen(parts, wanted, exam=form.exam)
    make_room(into)
    told = Told()
    with new_folder(into) as folder:
        with Writer(folder) as writer:
            for row, split in rows(parts, choice, wanted.book, told):
                match form.shape(row, split):
                    case Flaw(reason=reason):
                        told.left_out[reason] += 1
                    case shaped:
                        writer.put(shaped.file, shaped.columns, row)
                        told.count(row)
        _check_enough(run, wanted, told, form, writer.counts)
        facts = Facts(name=_name(run), base=_base(parts[0].recipe), counts=writer.counts)
        for name, text in form.beside(facts).items():
            write_text(folder / name, text)
        write_text(folder / "README.md", card(sheet(run, wanted, facts, told, parts), form))
    return Exported(
        folder=into, counts=facts.counts, left_out=dict(told.left_out), n_marked=told.n_marked
    )


def _check_enough(
    run: Run, wanted: Wanted, told: Told, form: Format, counts: Mapping[str, int]
) -> None:
    """Check that there is enough to ask about, or to learn from: a test file alone teaches none."""
    n_rows = sum(n for file, n in counts.items() if form.exam or "train" in file)
    if n_rows >= form.fewest:
        return
    n_tests = sum(counts.values()) - n_rows
    where = f" to learn from, beside {n_tests} in the test file," if n_tests else ""
    mend = "; take a smaller --split or a larger --limit" if n_tests else ""
    gone = ", ".join(f"{reason} {n}" for reason, n in sorted(told.left_out.items()))
    raise RecipeError(
        f"{run.folder}: {n_rows} rows are left{where} for --format {wanted.format}, which needs "
        f"{form.fewest} or more{mend}; "
        f"{f'left out: {gone}' if gone else '3-curated/dropped says why'}"
    )


def _name(run: Run) -> str:
    """The run's name as trainers take names: letters, digits and underscores."""
    return re.sub(r"[^a-z0-9]+", "_", run.folder.name.lower()).strip("_") or "katsuo"


def _base(recipe: Recipe) -> str:
    return _UNTAUGHT.get(recipe.adapt.base, recipe.adapt.base)
