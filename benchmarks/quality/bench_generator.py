"""What are a generator's tasks worth, beside those of the base that is merely prompted?

python benchmarks/quality/bench_generator.py [NAME=generator[:format][:steered] ...]
python benchmarks/quality/bench_generator.py --quick       (three invented passages a type, fakes)

KATSUO_DATA names the data. Without a name the bundled generator competes; the prompted base,
without and with worked examples, always does. Drafts and readings lie under runs/bench-generator/
and are not made twice: an interrupted run goes on, and a further contestant costs but its own time.
Afterwards `read_blind.py` draws tasks for two readers who do not know their origin.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).parents[1]))

from appraisal import Appraised, appraised, compared, reasons
from contestants import Contestant, Desk, Entry, Written
from filing import RESULTS, head, stem_of
from generator_page import write
from held_out import Passages, few, passages

from katsuo.engines import FAKE
from katsuo.errors import KatsuoError, RecipeError
from katsuo.models.shelf import BASE_NAME, GENERATOR_NAME
from katsuo.prompted import PROMPTED_3SHOT_V1, PROMPTED_V1
from katsuo.school import Teach
from katsuo.scoring.intervals import Resampling
from katsuo.store.files import write_json
from katsuo.types import TaskType
from katsuo.wire import KATSUO_V1

THEME: Final = "generator"
PER_TYPE, PER_DOMAIN, READ_PER_TYPE = 60, 10, 40
QUICK: Final = 3
PROMPTED: Final = {"prompted": PROMPTED_V1, "prompted-3shot": PROMPTED_3SHOT_V1}
"""Names of the prompted base, with how it is asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a contestant did."""

    entry: Entry
    written: list[Written]
    slices: dict[str, Appraised]


def main(argv: Sequence[str] | None = None) -> int:
    """Measure all contestants and file the result."""
    asked = _arguments(argv)
    try:
        _bench(asked)
    except KatsuoError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("contestants", nargs="*", metavar="NAME=generator[:format][:steered]")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--per-type", type=int, default=PER_TYPE)
    parser.add_argument("--per-domain", type=int, default=PER_DOMAIN)
    parser.add_argument("--types", default=",".join(TaskType), help="names, commas between them")
    parser.add_argument("--read-per-type", type=int, default=READ_PER_TYPE)
    parser.add_argument("--quick", action="store_true", help="invented passages, and fakes")
    parser.add_argument("--runs", type=Path, default=Path("runs/bench-generator"))
    parser.add_argument("--results", type=Path, default=RESULTS)
    return parser.parse_args(argv)


def _bench(asked: argparse.Namespace) -> None:
    if asked.quick and asked.results == RESULTS:
        asked.results = asked.runs  # invented figures are no result
    entries = [one.entered(asked.seed) for one in _contestants(asked)]
    held = (
        few(QUICK)
        if asked.quick
        else passages(asked.seed, asked.per_type, asked.per_domain, asked.runs)
    )
    held = held.of_types([TaskType.named(name) for name in asked.types.split(",")])
    written = {one.contestant.name: one.written(held, asked.runs) for one in entries}
    _note(asked.runs, written)
    desk = Desk(FAKE if asked.quick else BASE_NAME, asked.read_per_type)
    results = {}
    for entry in entries:
        name = entry.contestant.name
        read = [desk.read(block) for block in written[name]]
        print(f"{name}: {sum(map(len, read))} tasks read", flush=True)
        slices = appraised(written[name], read, held)
        results[name] = Result(entry=entry, written=written[name], slices=slices)
    stated = head()
    stem = asked.results / stem_of(THEME, stated)
    write(stem, {**stated, "figures": _figures(asked, held, desk, results)})
    print(stem.with_suffix(".md").read_text("utf-8"))


def _contestants(asked: argparse.Namespace) -> list[Contestant]:
    """Those of the command line, and the prompted base in both ways."""
    base, given = (FAKE, ()) if asked.quick else (BASE_NAME, asked.contestants)
    usual = (
        [f"taught={FAKE}", f"steered={FAKE}:{KATSUO_V1}:steered"]
        if asked.quick
        else [f"bundled={GENERATOR_NAME}"]
    )
    found = [Contestant.of(text) for text in given or usual]
    found += [Contestant.of(f"{name}={base}:{form}") for name, form in PROMPTED.items()]
    names = [one.name for one in found]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise RecipeError(
            f"contestant {twice[0]} is there twice; every one needs a name of its own, and "
            f"{' and '.join(PROMPTED)} are the base's"
        )
    return found


def _note(runs: Path, written: dict[str, list[Written]]) -> None:
    """Where the drafts of this run lie, for those who read them."""
    folders = {
        name: [str(block.folder.relative_to(runs)) for block in blocks]
        for name, blocks in written.items()
    }
    write_json(runs / "latest.json", folders)


def _figures(
    asked: argparse.Namespace, held: Passages, desk: Desk, results: dict[str, Result]
) -> dict[str, Any]:
    how = Resampling(draws=100) if asked.quick else Resampling()
    taught = [name for name in results if name not in PROMPTED]
    return {
        "seed": asked.seed,
        "passages": {block.name: len(block.contexts) for block in held.blocks},
        "held_out_fraction": Teach().held_out_fraction,
        "level": how.level,
        "draws": how.draws,
        "reader": desk.stated,
        "read_per_type": asked.read_per_type,
        "prompted": list(PROMPTED),
        "contestants": {
            name: {
                **result.entry.stated,
                "no_tasks": reasons(result.written),
                "slices": {part: one.facts(how) for part, one in result.slices.items()},
            }
            for name, result in results.items()
        },
        "compared": {
            name: {
                base: compared(results[name].slices, results[base].slices, how) for base in PROMPTED
            }
            for name in taught
        },
    }


if __name__ == "__main__":
    sys.exit(main())
