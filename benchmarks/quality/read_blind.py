"""What do two people find who read tasks and do not know who wrote them?

python benchmarks/quality/read_blind.py draw [--seed 1] [CONTESTANT ...]
python benchmarks/quality/read_blind.py judge READER1.jsonl READER2.jsonl

`draw` takes tasks at random from the last run of `bench_generator.py`: by default of its first
contestant and of the prompted base. `tasks.jsonl` is for the readers; `key.json` says who wrote
what and is not for them. A reader writes a line for every task:

    {"id": "...", "verdict": "valid", "note": ""}       valid, wrong answer, unanswerable, trivial

`judge` adds what they found to the filed result, and must be asked again when that is filed anew.
Beside it goes `blind_<result>`: every verdict with its reason, which `bench_judged.py` reads.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).parents[1]))

from appraisal import factor, score
from filing import RESULTS
from generator_page import write

from katsuo.errors import DataError, KatsuoError
from katsuo.scoring.generated import shares
from katsuo.scoring.intervals import Resampling
from katsuo.scoring.predictions import Table
from katsuo.scoring.raters import accord
from katsuo.scoring.ratios import ratio
from katsuo.seeds import stream
from katsuo.store import tables
from katsuo.store.files import read_json, write_json, write_text
from katsuo.types import Task, TaskType, digest

VALID: Final = "valid"
VERDICTS: Final = (VALID, "wrong answer", "unanswerable", "trivial")
PER_TYPE: Final = 10
ALL: Final = "all types"
BASE: Final = "prompted"


def main(argv: Sequence[str] | None = None) -> int:
    """Draw tasks, or count verdicts."""
    asked = _arguments(argv)
    try:
        asked.verb(asked)
    except KatsuoError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=Path, default=Path("runs/bench-generator"))
    verbs = parser.add_subparsers(required=True)
    drawing = verbs.add_parser("draw")
    drawing.add_argument("contestants", nargs="*")
    drawing.add_argument("--seed", type=int, default=1)
    drawing.add_argument("--per-type", type=int, default=PER_TYPE)
    drawing.set_defaults(verb=draw)
    judging = verbs.add_parser("judge")
    judging.add_argument("readers", nargs=2, type=Path, metavar="READER.jsonl")
    judging.add_argument("--result", type=Path, help="the JSON file to add to; the last one filed")
    judging.set_defaults(verb=judge)
    return parser.parse_args(argv)


def draw(asked: argparse.Namespace) -> None:
    """Write the tasks in an order of chance, and apart from them the key."""
    folders = read_json(asked.runs / "latest.json")
    if folders is None:
        raise DataError(f"{asked.runs}/latest.json: no such file; run bench_generator.py first")
    names = asked.contestants or [next(iter(folders)), BASE]
    if unknown := [name for name in names if name not in folders]:
        raise DataError(f"no contestant is called {unknown[0]}; there are {', '.join(folders)}")
    key: dict[str, dict[str, str]] = {}
    lines: dict[str, str] = {}
    for name in names:
        paths = [asked.runs / folder / "rows.parquet" for folder in _listed(folders, name)]
        for task in _drawn(list(tables.tasks(paths)), name, asked):
            id_ = digest("blind", str(asked.seed), name, task.id)
            lines[id_] = json.dumps(_shown(id_, task), ensure_ascii=False)
            key[id_] = {"contestant": name, "type": task.type, "document_id": task.document_id}
    # In the order of their ids, which are as good as chance and tell nothing.
    into = asked.runs / "blind"
    write_text(into / "tasks.jsonl", "".join(f"{lines[id_]}\n" for id_ in sorted(lines)))
    write_json(into / "key.json", {"seed": asked.seed, "tasks": dict(sorted(key.items()))})
    drawn = Counter(held["contestant"] for held in key.values())
    said = ", ".join(f"{name} {n}" for name, n in drawn.items())
    print(f"{into / 'tasks.jsonl'}: {len(lines)} tasks ({said}); keep key.json from the readers")


def _listed(folders: Mapping[str, Any], name: str) -> Sequence[str]:
    listed: Sequence[str] = folders[name]
    return listed


def _drawn(tasks: Sequence[Task], name: str, asked: argparse.Namespace) -> list[Task]:
    """So many tasks of every type, or all there are."""
    chosen: list[Task] = []
    for kind in TaskType:
        own = sorted((task for task in tasks if task.type is kind), key=lambda task: task.id)
        chance = stream(asked.seed, "blind", name, kind)
        chosen += chance.sample(own, min(asked.per_type, len(own)))
    return chosen


def _shown(id_: str, task: Task) -> dict[str, str]:
    return {
        "id": id_,
        "type": task.type.full_name,
        "context": task.context,
        "instruction": task.instruction,
        "response": task.response,
    }


def judge(asked: argparse.Namespace) -> None:
    """Add to the result what the readers found, and write its page anew."""
    key = read_json(asked.runs / "blind" / "key.json")
    if key is None:
        raise DataError(f"{asked.runs}/blind/key.json: no such file; draw the tasks first")
    tasks: Any = key["tasks"]
    said = [_verdicts(path, tasks) for path in asked.readers]
    first, second = ({id_: verdict for id_, (verdict, _) in one.items()} for one in said)
    path = asked.result or _last_result()
    content: Any = read_json(path)
    if content is None or "prompted" not in content.get("figures", {}):
        raise DataError(f"{path}: no result of bench_generator.py")
    blind = found(tasks, first, second, content["figures"]["prompted"])
    figures = {**content["figures"], "blind": {"seed": key["seed"], **blind}}
    write(path.with_suffix(""), {**content, "figures": figures})
    read = {
        id_: {"contestant": held["contestant"], "type": held["type"],
              "verdicts": [one[id_][0] for one in said], "notes": [one[id_][1] for one in said]}
        for id_, held in tasks.items()
    }  # fmt: skip
    write_json(path.with_name(f"blind_{path.name}"), {"seed": key["seed"], "tasks": read})
    print(f"{path}: {json.dumps(blind['accord'])}")


def _last_result() -> Path:
    filed = sorted(RESULTS.glob("generator_cpu*.json"), key=lambda path: path.stat().st_mtime)
    if not filed:
        raise DataError(f"{RESULTS}: no generator_cpu*.json; run bench_generator.py first")
    return filed[-1]


def _verdicts(path: Path, tasks: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Id -> verdict and its reason, for every task of the key once."""
    if not path.is_file():
        raise DataError(f"{path}: no such file; a reader writes a line for every task")
    said: dict[str, tuple[str, str]] = {}
    for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
        if line.strip():
            id_, verdict, note = _verdict(line, f"{path}:{number}", tasks)
            if id_ in said:
                raise DataError(f"{path}:{number}: {id_} is there twice; keep one verdict")
            said[id_] = (verdict, note)
    if missing := [id_ for id_ in tasks if id_ not in said]:
        raise DataError(f"{path}: {len(missing)} tasks have no verdict, such as {missing[0]}")
    return said


def _verdict(line: str, where: str, tasks: Mapping[str, Any]) -> tuple[str, str, str]:
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        raise DataError(f"{where}: no JSON: {error}") from error
    held = row if isinstance(row, dict) else {}
    id_, verdict = str(held.get("id")), str(held.get("verdict"))
    if id_ not in tasks:
        raise DataError(f"{where}: id {id_!r} is none of the tasks that were drawn")
    if verdict not in VERDICTS:
        raise DataError(f"{where}: verdict {verdict!r}; it must be one of {', '.join(VERDICTS)}")
    return id_, verdict, str(held.get("note", ""))


def found(
    tasks: Mapping[str, Mapping[str, str]],
    first: Mapping[str, str],
    second: Mapping[str, str],
    prompted: Sequence[str],
) -> dict[str, Any]:
    """Validity by contestant and type, every verdict, and how far the readers agree."""
    how = Resampling()
    both = {id_: (first[id_], second[id_]) for id_ in tasks}
    names = list(dict.fromkeys(held["contestant"] for held in tasks.values()))
    names.sort(key=lambda name: (name in prompted, name))
    wholes = {name: _table(tasks, both, name, ALL) for name in names}
    taught = [name for name in names if name not in prompted]
    one, other = (list(verdicts) for verdicts in zip(*both.values(), strict=True))
    return {
        "accord": asdict(accord(one, other, VERDICTS)),
        "accord_valid": asdict(accord(_valid(one), _valid(other), (VALID, "not"))),
        "valid": {
            name: {
                kind: score(table, how)
                for kind in (ALL, *TaskType)
                if (table := _table(tasks, both, name, kind)) is not None
            }
            for name in names
        },
        "verdicts": {name: _counts(tasks, both, name) for name in names},
        "ratios": {
            name: {
                base: factor(ratio(mine, over, how))
                for base in prompted
                if (mine := wholes[name]) is not None and (over := wholes.get(base)) is not None
            }
            for name in taught
        },
    }


def _valid(verdicts: Sequence[str]) -> list[str]:
    return [verdict if verdict == VALID else "not" for verdict in verdicts]


def _table(
    tasks: Mapping[str, Mapping[str, str]],
    both: Mapping[str, tuple[str, str]],
    name: str,
    kind: str,
) -> Table | None:
    """The share of both readers' verdicts that say valid."""
    own = [
        (held["document_id"], both[id_].count(VALID), len(both[id_]))
        for id_, held in tasks.items()
        if held["contestant"] == name and kind in (ALL, held["type"])
    ]
    return shares(VALID, f"blind, {name}, {kind}", own)


def _counts(
    tasks: Mapping[str, Mapping[str, str]], both: Mapping[str, tuple[str, str]], name: str
) -> dict[str, int]:
    said = Counter(
        verdict
        for id_, held in tasks.items()
        if held["contestant"] == name
        for verdict in both[id_]
    )
    return {verdict: said[verdict] for verdict in VERDICTS}


if __name__ == "__main__":
    sys.exit(main())
