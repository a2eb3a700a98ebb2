"""Workers look at rows ahead; the tasks are those of one process."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from katsuo.road.foreseeing import Ahead, Preparing
from katsuo.road.remixing import remix
from katsuo.sections import Execution, Remix
from katsuo.stages.remix import RemixSettings
from katsuo.stages.remix import remix as remixed
from katsuo.templates import load_sources
from katsuo.templates.tables import with_rows
from katsuo.types import Dropped, Task

NAMES = ["squad", "rotten_tomatoes"]
WHO = ("Anna Berg", "Otto Lind", "Maria Roth", "Karl Holm", "Vera Stern")
DID = ("built the mill", "sold the farm", "wrote the letter", "left the town", "found the well")


def squad(n_rows: int) -> list[dict[str, Any]]:
    chance = random.Random(1)
    rows = []
    for number in range(n_rows):
        people = chance.sample(WHO, 3)
        deeds = [
            f"{one} {did} in {1800 + number}."
            for one, did in zip(people, chance.sample(DID, 3), strict=True)
        ]
        did = deeds[0].removeprefix(f"{people[0]} ").rstrip(".")
        answers = {"text": [people[0]], "answer_start": [0]}
        rows.append(
            {"id": f"{number}", "title": "", "context": " ".join(deeds),
             "question": f"Who {did}?", "answers": answers}
        )  # fmt: skip
    return rows


def films(n_rows: int) -> list[dict[str, Any]]:
    # Every tenth one was there before.
    return [
        {"text": f"a film about well number {i % (n_rows * 9 // 10)} .", "label": i % 2}
        for i in range(n_rows)
    ]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Rows for several stretches of one source and of another."""
    for name, rows, splits in (
        ("squad", squad(700), ("train", "validation")),
        ("rotten_tomatoes", films(900), ("train", "test")),
    ):
        (tmp_path / "sources" / name).mkdir(parents=True)
        for number, split in enumerate(splits):
            path = tmp_path / "sources" / name / f"{split}.parquet"
            pq.write_table(pa.Table.from_pylist(rows[number :: len(splits)]), path)
    return tmp_path / "sources"


def asked(folder: Path, **more: Any) -> Remix:  # noqa: ANN401 -- settings
    return Remix(folder=str(folder), sources=NAMES, tasks_per_row=2, **more)


CAPPED: dict[str, Any] = {"caps": {"exqa": 90, "sentiment": 300}, "turns": {"squad": 3}}


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2, 4])
@pytest.mark.parametrize("more", [pytest.param({}, id="all"), pytest.param(CAPPED, id="caps")])
def test_any_number_of_processes_ends_in_the_same_bytes(
    folder: Path, tmp_path: Path, workers: int, more: dict[str, Any]
) -> None:
    made: list[Sequence[bytes]] = []
    for name, where in (
        ("alone", Execution()),
        ("together", Execution(executor="processes", workers=workers)),
    ):
        remix(asked(folder, **more), 7, tmp_path / name, lambda _: None, where)
        files = sorted((tmp_path / name).iterdir())
        made.append([path.read_bytes() for path in files])
        assert [path.name for path in files] == ["card.json", "dropped.parquet", "rows.parquet"]
    assert made[0] == made[1]


class Looking:
    """A worker of this process, which remembers for which types it looked at rows."""

    def __init__(self, duty: Preparing) -> None:
        self.ahead = Ahead(duty=duty)
        self.kinds: list[int] = []
        work = duty.open(lambda _: None)

        def look() -> Any:  # noqa: ANN401 -- a generator
            for stretch in self.ahead.stretches():
                self.kinds.append(len(stretch.open_types))
                yield work(stretch)

        self.ahead.made = look()


def both(
    folder: Path, settings: RemixSettings, names: Sequence[str] = NAMES
) -> tuple[list[Task | Dropped], Looking]:
    """What comes with a worker, checked against what comes without; and the worker."""
    sources = load_sources(list(names))
    duty = Preparing(sources=sources, folder=folder, restricted=None, settings=settings)
    looking = Looking(duty)
    alone = list(remixed(with_rows(sources, folder, settings.seed), settings))
    found = list(remixed(with_rows(sources, folder, settings.seed), settings, looking.ahead))
    assert found == alone
    return found, looking


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param(RemixSettings(seed=7, tasks_per_row=3), id="all"),
        pytest.param(RemixSettings(seed=7, cap_per_source=150), id="a-cap-by-source"),
        pytest.param(RemixSettings(seed=7, cap_per_type=60, tasks_per_row=2), id="a-cap-by-type"),
        pytest.param(RemixSettings(seed=7, unanswerable=1, turns={"squad": 5}), id="moved"),
    ],
)
def test_what_is_foreseen_changes_no_task_and_no_line(
    folder: Path, settings: RemixSettings
) -> None:
    found, looking = both(folder, settings)
    assert sum(isinstance(one, Task) for one in found) > 100
    assert not looking.ahead.held


def test_workers_are_told_of_types_that_filled_up(folder: Path) -> None:
    _, looking = both(folder, RemixSettings(seed=7, cap_per_type=60))
    assert looking.kinds[-1] < max(looking.kinds)


def test_two_sources_of_one_name_are_two(folder: Path) -> None:
    rows = [
        {"label": i % 14, "title": f"Mill {i}", "content": f"Mill {i} stands by the river {i}."}
        for i in range(300)
    ]
    (folder / "dbpedia_14").mkdir()
    for split in ("train", "test"):
        pq.write_table(pa.Table.from_pylist(rows), folder / "dbpedia_14" / f"{split}.parquet")
    assert [source.name for source in load_sources(["dbpedia_14"])] == ["dbpedia_14"] * 2
    both(folder, RemixSettings(seed=7, tasks_per_row=2), ["dbpedia_14"])


def test_a_source_that_is_full_is_looked_at_no_further(folder: Path) -> None:
    _, looking = both(folder, RemixSettings(seed=7, cap_per_source=20))
    assert len(looking.kinds) == len(NAMES)


def test_a_source_that_cannot_be_read_is_the_drivers_to_say(folder: Path) -> None:
    (folder / "squad" / "train.parquet").write_bytes(b"no table")
    found, _ = both(folder, RemixSettings(seed=7))
    lines = [one for one in found if isinstance(one, Dropped)]
    assert [line.item_id for line in lines if line.reason == "source-unreadable"] == ["squad"]
