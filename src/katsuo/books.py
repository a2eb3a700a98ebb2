"""What is left of an instruction when its passage is taken away?"""

from __future__ import annotations

import re
from typing import Final

from katsuo.types import Task

_GAP: Final = re.compile(r"\n\s*\n\s*")


def closed_book(task: Task) -> str:
    """The instruction without its passage, and without the gap where it stood."""
    return _GAP.sub("\n\n", task.instruction.replace(task.context, "")).strip()
