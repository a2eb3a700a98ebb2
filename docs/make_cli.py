"""Write docs/cli.md: what does every command say about itself?

The page holds the `--help` of every command, so it can be neither wrong nor
incomplete; a test fails when the file is not what `page` gives.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import typer
from typer.testing import CliRunner

from katsuo.cli.main import app

PAGE: Final = Path(__file__).parent / "cli.md"
PLAIN: Final = {"COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb"}
"""The same page whatever the terminal."""
HEAD: Final = """\
# The command line

Made by `make docs` from the commands themselves; do not edit.

Exit codes: 0 done; 2 something that you can mend, said in one line (`doctor`: something is
missing); 3 done, but an adapted model lost more than the recipe tolerates; 130 interrupted, and the
same command goes on. Anything else is a bug and shows its traceback.
"""


def page() -> str:
    """The whole page."""
    return HEAD + "".join(_section(words) for words in _commands())


def _commands() -> Iterator[tuple[str, ...]]:
    """Every command as the words behind `katsuo`; none for the root."""
    yield ()
    for name, command in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]  # a group
        yield (name,)
        for inner in getattr(command, "commands", {}):
            yield (name, inner)


def _section(words: tuple[str, ...]) -> str:
    done = CliRunner().invoke(app, [*words, "--help"], env=PLAIN, prog_name="katsuo")
    assert done.exit_code == 0, done.output
    lines = (line.rstrip() for line in done.output.strip().splitlines())
    return f"\n## {' '.join(('katsuo', *words))}\n\n```text\n" + "\n".join(lines) + "\n```\n"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
