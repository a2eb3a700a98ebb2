"""`katsuo doctor`: what this installation can do, and the command that mends what it cannot."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Annotated, Final

import typer
import yaml

_LEAST_FREE_GIB: Final = 4
_TRAIN: Final = ("torch", "transformers", "peft", "accelerate")
_SERVED: Final = {"drafts": True, "short answers": False}
"""What engines write, and whether it is drafts."""


def add(app: typer.Typer) -> None:
    """Add this command to `app`."""
    app.command("doctor", epilog="Example: katsuo doctor")(doctor)


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say what is missing, and the command that mends it; exit code 2 when something is."""
    checks = list(_checks())
    if as_json:
        print(json.dumps([dict(zip(("what", "ok", "said"), c, strict=True)) for c in checks]))
    else:
        for what, ok, said in checks:
            print(f"{'ok     ' if ok else 'missing'} {what}: {said}")
    if not all(ok for _, ok, _ in checks):
        raise typer.Exit(2)


def _checks() -> Iterator[tuple[str, bool, str]]:
    yield "Python", sys.version_info >= (3, 11), sys.version.split()[0]
    yield _package("openvino-genai", "generates on the CPU", "pip install katsuo")
    mend = "pip install py3langid; without it well_formed wants languages: any"
    yield _package("py3langid", "well_formed tells languages by it", mend)
    missing = [name for name in _TRAIN if not _installed(name)]
    said = (
        "adapts and ranks" if not missing else f"{', '.join(missing)}: pip install 'katsuo[train]'"
    )
    yield "train extra", not missing, said
    yield from _engines()
    yield from _models()
    yield _disk()


def _engines() -> Iterator[tuple[str, bool, str]]:
    """Which engine `auto` is here, for the bundled models, and why."""
    from katsuo.models.automatic import BUNDLED_KIND, Machine, choice

    machine = Machine.here()
    for written, drafts in _SERVED.items():
        taken = choice(BUNDLED_KIND, machine, drafts=drafts)
        yield f"engine for {written}", True, f"{taken.engine}: {taken.why}"


def _package(name: str, use: str, mend: str) -> tuple[str, bool, str]:
    if not _installed(name):
        return name, False, mend
    return name, True, f"{metadata.version(name)}, {use}"


def _installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def _models() -> Iterator[tuple[str, bool, str]]:
    from katsuo.models import shelf

    base = shelf.home() / "models" / shelf.BASE_NAME
    mend = f"katsuo models pull {shelf.BASE_NAME}"
    yield shelf.BASE_NAME, base.is_dir(), str(base) if base.is_dir() else mend
    for name in shelf.GENERATORS:
        adapter = shelf.bundled_adapter(name)
        there = (adapter / "adapter_model.safetensors").is_file()
        yield name, there, _writer(adapter) if there else "not in this build of katsuo"


def _writer(adapter: Path) -> str:
    """Where a generator lies, and which languages it writes, as its model card states them."""
    _, stated, _ = (adapter / "README.md").read_text("utf-8").split("---\n", 2)
    codes = yaml.safe_load(stated)["language"]
    return f"{adapter}; writes {', '.join(codes)} only, as far as is known"


def _disk() -> tuple[str, bool, str]:
    free = shutil.disk_usage(Path.cwd()).free / 2**30
    return "disk", free >= _LEAST_FREE_GIB, f"{free:.0f} GiB free here; a run takes about 1 GiB"
