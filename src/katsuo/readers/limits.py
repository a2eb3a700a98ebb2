"""How much may one file cost?

Time and memory grow with the file, since a large honest file needs more of both.
What was made to do harm is small and costs much.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_MEMORY_TIMES: Final = 8
"""Times its own bytes that a file may take in memory: pictures of a Word file are held as text
and copied, a PDF is read whole."""
_MORE_SECONDS: Final = 0.5
"""Of a file's seconds, for each MiB: honest files of text take a second or two for a MiB."""
_MIB: Final = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What reading one file may cost before it is given up."""

    max_mib: float = 256
    """Bytes of a file that is read whole, in MiB; tables are streamed and may be larger, but no row
    may."""
    seconds: float = 8.0
    """Processor time for a file, and half as much again for each MiB of it."""
    memory_mib: int = 256
    """Memory beside what libraries take when they are loaded, and 8 times the file; pyarrow alone
    reserves more than 128 for its first table."""

    @property
    def max_bytes(self) -> int:
        """`max_mib` in bytes."""
        return int(self.max_mib * _MIB)

    def seconds_of(self, n_bytes: int) -> float:
        """Processor seconds for a file of `n_bytes`."""
        return self.seconds * (1 + _MORE_SECONDS * n_bytes / _MIB)

    def memory_bytes_of(self, n_bytes: int) -> int:
        """Bytes of memory for a file of `n_bytes`."""
        return self.memory_mib * _MIB + _MEMORY_TIMES * n_bytes


DEFAULT: Final = Limits()
