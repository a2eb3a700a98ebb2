"""What can go wrong by a user's hand, and nothing else.

    KatsuoError
    ├── RecipeError     what was asked for cannot be done; names the key, the value, what would do
    ├── DataError       a record cannot be read; names the file, the place and the field
    ├── ModelError      a model cannot do what a stage needs; names the model and the mend
    ├── WorkerError     a worker died again and again at one shard; names the shard
    ├── DiskError       a disk that is full, or may not be written; names the file
    └── RejectedError   the adapted model does harm beyond what the recipe tolerates

The command line prints any of these in one line and exits with code 2, or 3 for
a rejected model. Every
other exception is a bug of ours and shows its traceback. Bad *generated* data
is never an exception: it is a `Dropped` in the ledger.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Mapping
from typing import Final

_OF_A_DISK: Final[Mapping[int, str]] = {
    errno.ENOSPC: "the disk is full; make room",
    errno.EDQUOT: "your share of the disk is used up; make room",
    errno.EFBIG: "the file is larger than the system lets you write; raise the limit (ulimit -f)",
    errno.EROFS: "the disk is read-only; mount it for writing, or name another folder with --run",
    errno.EACCES: "you may not read or write here; change the permissions (chmod, chown)",
    errno.EPERM: "the system does not allow it; change owner or attributes (chown, chattr)",
    errno.EIO: "the disk does not answer; see to it, or name another folder with --run",
}
"""What a user does about errors of the system that no program can mend."""
_RUST: Final = re.compile(r"\(os error (\d+)\)")
"""How libraries in Rust, such as safetensors, end what the system said."""
_NO_SCRATCH: Final = "No usable temporary directory"
"""What Python says where no scratch folder can be written, without the reason."""


class KatsuoError(Exception):
    """The root: catch it to catch everything that a user can mend."""


class RecipeError(KatsuoError):
    """A request that cannot be carried out as written."""


class DataError(KatsuoError):
    """A file or a record that cannot be read."""


class ModelError(KatsuoError):
    """A model that is missing, or cannot do what a stage needs."""


class WorkerError(KatsuoError):
    """A worker that died again and again at the same shard; what is finished stays."""


class DiskError(KatsuoError):
    """A disk that is full or may not be written; what is finished stays."""


class RejectedError(KatsuoError):
    """An adapted model that lost more than the recipe tolerates; everything made stays."""


def mendable(error: Exception) -> KatsuoError | None:
    """What a user can mend about any `error`, where a process ends; None where it is a bug."""
    return error if isinstance(error, KatsuoError) else of_disk(error)


def of_disk(error: Exception) -> DiskError | None:
    """What a user does about an `error` of the disk, or None where it is another one.

    >>> of_disk(OSError(2, "No such file or directory", "notes.md")) is None
    True
    """
    number, place = None, None
    if isinstance(error, OSError):
        number, place = error.errno, error.filename
        if _NO_SCRATCH in str(error):
            number, place = errno.ENOSPC, "the folder for scratch files (TMPDIR)"
    elif found := _RUST.search(str(error)):
        number = int(found[1])
    if number is None or number not in _OF_A_DISK:
        return None
    where = f"{place.decode(errors='replace') if isinstance(place, bytes) else place}: "
    return DiskError(
        f"{where if place else ''}{_OF_A_DISK[number]}, and run the same command again: what is "
        "finished stays"
    )
