"""What can go wrong by a user's hand, and nothing else.

    KatsuoError
    ├── RecipeError     what was asked for cannot be done; names the key, the value, what would do
    ├── DataError       a record cannot be read; names the file, the place and the field
    ├── ModelError      a model cannot do what a stage needs; names the model and the mend
    ├── WorkerError     a worker died again and again at one shard; names the shard
    └── RejectedError   the adapted model does harm beyond what the recipe tolerates

The command line prints any of these in one line and exits with code 2, or 3 for
a rejected model. Every
other exception is a bug of ours and shows its traceback. Bad *generated* data
is never an exception: it is a `Dropped` in the ledger.
"""

from __future__ import annotations


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


class RejectedError(KatsuoError):
    """An adapted model that lost more than the recipe tolerates; everything made stays."""
