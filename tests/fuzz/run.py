"""Fuzz one target: `python -m tests.fuzz.run wire --seconds 60 --into .fuzz`.

New inputs that reach new code are kept under `.fuzz/corpus`, what crashes under `.fuzz/crashes`;
the exit code of a crash is not 0. `all` takes every target in turn, each its share of the time.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["katsuo"]):
    from tests.fuzz.targets import TARGETS


def main() -> None:
    """Fuzz what the command line names."""
    asked = argparse.ArgumentParser()
    asked.add_argument("name", choices=[*TARGETS, "all"])
    asked.add_argument("--seconds", type=int, default=60)
    asked.add_argument("--into", type=Path, default=Path(".fuzz"))
    options = asked.parse_args()
    if options.name == "all":
        sys.exit(_every(options.seconds, options.into))
    _one(options.name, options.seconds, options.into)


def _every(seconds: int, into: Path) -> int:
    """Every target in a process of its own; 1 if any of them crashed."""
    shares = sum(target.share for target in TARGETS.values())
    crashed = []
    for name, target in TARGETS.items():
        lasts = max(1, seconds * target.share // shares)
        words = [
            sys.executable,
            "-m",
            "tests.fuzz.run",
            name,
            "--seconds",
            str(lasts),
            "--into",
            str(into),
        ]
        if subprocess.run(words, check=False).returncode:
            crashed.append(name)
    print(f"fuzzed {', '.join(TARGETS)}; crashed: {', '.join(crashed) or 'none'}")
    return bool(crashed)


def _one(name: str, seconds: int, into: Path) -> None:
    corpus, crashes = into / "corpus" / name, into / "crashes"
    corpus.mkdir(parents=True, exist_ok=True)
    crashes.mkdir(parents=True, exist_ok=True)
    for seed in TARGETS[name].seeds():
        (corpus / hashlib.sha256(seed).hexdigest()[:16]).write_bytes(seed)
    words = into / f"{name}.words"
    listed = TARGETS[name].words or ("text",)  # an empty file is none to the library
    words.write_text("".join(f'"{word}"\n' for word in listed), "utf-8")
    options = [
        f"-dict={words}",
        f"-max_total_time={seconds}",
        "-timeout=60",
        "-rss_limit_mb=2048",
        "-max_len=65536",
        f"-artifact_prefix={crashes}/{name}-",
        "-print_final_stats=1",
    ]
    atheris.Setup([sys.argv[0], *options, str(corpus)], TARGETS[name].call)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
