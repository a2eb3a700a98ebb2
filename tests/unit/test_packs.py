from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from katsuo import packs, school
from katsuo.errors import DataError, RecipeError
from katsuo.packs import NEEDED, pack, wheel_command
from katsuo.road.trip import Event
from katsuo.store.parcels import files_in, join
from katsuo.store.runs import Run

ROOT = Path(__file__).parents[2]


def ignore(_: Event) -> None:
    """Hears nothing."""


@pytest.fixture
def run(tiny_lesson: Path, tmp_path: Path) -> Path:
    """A teaching run whose tasks are remixed, and nothing more."""
    made = Run.at(tmp_path / "runs" / "lesson")
    school.make_ready(school.load(tiny_lesson), made, listen=ignore, remixed=False)
    return made.folder


def test_a_pack_holds_the_base_the_rows_the_recipe_and_wheels_in_small_pieces(
    run: Path, tmp_path: Path
) -> None:
    (tmp_path / "wheels").mkdir()
    (tmp_path / "wheels" / "any-1-py3-none-any.whl").write_bytes(b"0" * (3 << 20))
    (run / "generator" / "checkpoint").mkdir(parents=True)
    (run / "generator" / "checkpoint" / "state.safetensors").write_bytes(b"so far")
    made = pack(run, "tiny", tmp_path / "pack", wheels=tmp_path / "wheels", mib=1)
    assert len(made.pieces) > 3
    assert all(path.stat().st_size <= 2**20 for path in made.pieces)
    join(tmp_path / "pack", tmp_path / "there")
    assert files_in(tmp_path / "there").keys() == {
        "recipe.yaml",
        "run/remix/rows.parquet",
        "run/remix/card.json",
        "run/generator/checkpoint/state.safetensors",
        "wheels/any-1-py3-none-any.whl",
        *(f"tiny/{name}" for name in ("config.json", "tokenizer.json", "tokenizer_config.json")),
        "tiny/model.safetensors",
    }


def test_the_fake_needs_no_base_there(run: Path, tmp_path: Path) -> None:
    pack(run, "fake", tmp_path / "pack")
    join(tmp_path / "pack", tmp_path / "there")
    assert not any("tiny" in name for name in files_in(tmp_path / "there"))


def test_the_script_is_whole_and_says_how_it_is_called(run: Path, tmp_path: Path) -> None:
    pack(run, "fake", tmp_path / "pack")
    script = tmp_path / "pack" / "go.sh"
    assert "@" not in script.read_text("utf-8").replace('"$@"', "").replace("[@]", "")
    done = subprocess.run(
        ["bash", str(script)], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 2
    assert "bash go.sh CHECKOUT RETURNED [MINUTES]" in done.stderr


@pytest.mark.parametrize("place", ["absolute", "../tiny"])
def test_a_base_that_is_called_otherwise_there_is_refused(
    run: Path, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    with pytest.raises(RecipeError, match="is called the same there"):
        pack(run, str(tiny) if place == "absolute" else place, tmp_path / "pack")


def test_an_empty_folder_of_wheels_is_refused(run: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no wheels in it; katsuo parcel wheels prints"):
        pack(run, "fake", tmp_path / "pack", wheels=run)


def test_rows_by_templates_that_do_not_travel_are_refused(
    tiny_lesson: Path, tmp_path: Path
) -> None:
    lesson = school.load(tiny_lesson, ["remix.promptsource=prompts", "remix.types=types.yaml"])
    with pytest.raises(RecipeError, match=r"remix\.promptsource is prompts; .* do not travel"):
        school.make_ready(lesson, Run.at(tmp_path / "run"), listen=ignore, remixed=False)


def test_rows_that_lie_there_are_packed_without_their_sources(
    run: Path, tiny_lesson: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KATSUO_DATA")
    school.make_ready(school.load(tiny_lesson), Run.at(run), listen=ignore, remixed=True)
    changed = school.load(tiny_lesson, ["seed=9"])
    with pytest.raises(DataError, match="made by other settings"):
        school.make_ready(changed, Run.at(run), listen=ignore, remixed=True)


def test_wheels_are_asked_for_in_the_versions_of_this_installation() -> None:
    said = wheel_command("3.12", ["typer", "numpy"])
    assert said.startswith("python3 -m pip download --no-deps --only-binary=:all:")
    assert "--python-version 3.12 --implementation cp --platform manylinux_2_28_x86_64" in said
    assert [word.partition("==")[0] for word in said.split()[-2:]] == ["typer", "numpy"]
    with pytest.raises(RecipeError, match="no-such-package: is not installed here"):
        wheel_command("3.12", ["no-such-package"])


@pytest.mark.train
@pytest.mark.skipif(find_spec("peft") is None, reason="without the train extra it does not work")
def test_what_teaching_needs_is_installed_where_it_works() -> None:
    assert len(wheel_command("3.12", []).split("==")) == len(NEEDED)


@pytest.mark.train
def test_teaching_elsewhere_gives_the_generator_that_teaching_here_gives(
    run: Path, tiny_lesson: Path, tmp_path: Path
) -> None:
    pytest.importorskip("peft")
    pack(run, "tiny", tmp_path / "pack")
    there = tmp_path / "there"
    shutil.copytree(tmp_path / "pack", there / "pack")
    returned = there / "returned"
    said = rehearsed(there, returned, "0")
    assert "paused" in said
    join(returned, tmp_path / "paused")
    assert files_in(tmp_path / "paused").keys() == {"checkpoint/state.safetensors"}
    assert "report:" in rehearsed(there, returned)
    join(returned, tmp_path / "taught")
    school.go(school.load(tiny_lesson), Run.at(run), until="teach", listen=ignore)
    here, elsewhere = run / "generator", tmp_path / "taught"
    for name in ("adapter_model.safetensors", "dropped.parquet"):
        assert (here / name).read_bytes() == (elsewhere / name).read_bytes()
    for name, key in (
        ("adapter_config.json", "base_model_name_or_path"),
        ("katsuo.json", "key"),
        ("katsuo.json", "held_out_nats"),
    ):
        ours, theirs = (
            json.loads((folder / name).read_text("utf-8")) for folder in (here, elsewhere)
        )
        assert ours[key] == theirs[key]
    assert (tmp_path / "taught" / "report.html").is_file()


def rehearsed(there: Path, returned: Path, *minutes: str) -> str:
    """Call go.sh as on a machine with no data, no cache and no variables of ours."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    done = subprocess.run(
        ["bash", str(there / "pack" / "go.sh"), str(ROOT), str(returned), *minutes],
        env={**kept, "HOME": str(there), "PYTHON": sys.executable, "OMP_NUM_THREADS": "1"},
        cwd=there,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_sizes_are_those_that_the_commands_take() -> None:
    assert (packs.GOING_MIB, packs.COMING_MIB) == (48, 15)
