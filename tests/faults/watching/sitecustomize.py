"""Found by every process of a watched run: a line for each folder of work begun and finished.

Work is made in `.KEY.PID.partial` and becomes KEY when it is whole (`store.files.new_folder`), so
what the system is told of folders says who began and who finished what.
"""

from __future__ import annotations

import os
import re
import sys

_LOG = os.environ.get("WATCHED_LOG", "")
_BEGUN = re.compile(r"\.([0-9a-f]{8,})\.\d+\.partial$")


def _watch(event: str, args: tuple[object, ...]) -> None:
    if event not in ("os.mkdir", "os.rename"):
        return
    found = _BEGUN.search(str(args[0]))
    if found is None:
        return
    line = f"{'begun' if event == 'os.mkdir' else 'finished'} {found[1]} {os.getpid()}\n"
    log = os.open(_LOG, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(log, line.encode())
    os.close(log)


if _LOG:
    sys.addaudithook(_watch)
