"""The command `katsuo`: its groups, and what becomes of an error.

Exit codes: 0 done, 2 bad request, 3 adapted model rejected, 130 interrupted.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated, Any, Final, NoReturn

import typer

from katsuo.cli import (
    doctor,
    exporting,
    looking,
    models,
    parcels,
    planning,
    remote,
    reviewing,
    running,
    starting,
    teaching,
)
from katsuo.errors import KatsuoError, RejectedError, mendable
from katsuo.version import VERSION

BAD_REQUEST: Final = 2
REJECTED: Final = 3
INTERRUPTED: Final = 130

app = typer.Typer(
    name="katsuo",
    help="Turn private documents into instruction-tuning tasks, adapt your model on them, "
    "and prove on held-out questions whether it helped. Everything stays on this machine.",
    epilog="Begin with: katsuo init my-run.yaml DOCUMENTS, then: katsuo run my-run.yaml",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
starting.add(app)
planning.add(app)
running.add(app)
looking.add(app)
reviewing.add(app)
teaching.add(app)
parcels.add(app)
exporting.add(app)
remote.add(app)
models.add(app)
doctor.add(app)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"katsuo {VERSION}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


def _usage_error() -> type[Exception]:
    """What the library raises about words that no command takes: click's, or its own copy of it."""
    found = typer.BadParameter.__bases__[0]
    assert issubclass(found, Exception)
    return found


_UsageError: Final = _usage_error()


def run(words: Sequence[str] | None = None) -> None:
    """Run the command line; errors that a user can mend become one line and exit code 2.

    Args:
        words: Behind `katsuo`; the process's own without any.
    """
    try:
        code = app(words, standalone_mode=False, prog_name="katsuo")
        sys.exit(code if isinstance(code, int) else 0)
    except _UsageError as error:
        _misused(error)
    except KeyboardInterrupt:
        print("\nkatsuo: interrupted; the same command goes on from here", file=sys.stderr)
        sys.exit(INTERRUPTED)
    except BrokenPipeError:  # the reader of our output left, as `katsuo ... | head` does
        sys.stderr.close()
    except Exception as error:  # a bug is raised again; the rest is told in one line
        fault = mendable(error)
        if fault is None:
            raise
        _leave(fault)


def _misused(error: Any) -> NoReturn:  # noqa: ANN401 -- of click, or of typer's copy of it
    if type(error).__name__ == "NoArgsIsHelpError":
        error.show()
    else:
        said = " ".join(error.format_message().split()).rstrip(".").replace("Value error, ", "")
        path = error.ctx.command_path if error.ctx else "katsuo"
        print(f"katsuo: {said}; see: {path} --help", file=sys.stderr)
    sys.exit(BAD_REQUEST)


def _leave(error: KatsuoError) -> NoReturn:
    from katsuo.readers.refusals import shown

    # A name or value in it may hold what a terminal would obey.
    print(f"katsuo: {shown(' '.join(str(error).split()))}", file=sys.stderr)
    sys.exit(REJECTED if isinstance(error, RejectedError) else BAD_REQUEST)
