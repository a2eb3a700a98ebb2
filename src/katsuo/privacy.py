"""Nothing leaves the machine: libraries that report home by default are told not to.

openvino posts an event to a statistics service when it is imported, unless its
telemetry package is missing; onnxruntime (behind markitdown) keeps a device id
and events; a Ray cluster that is started here would report its use; vLLM posts what
machine and model it runs on. All are off before any is imported, for this process
and its children.
"""

from __future__ import annotations

import os
import sys
from typing import Final

SWITCHES: Final = {
    "DO_NOT_TRACK": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "ORT_DISABLE_TELEMETRY": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
    "VLLM_NO_USAGE_STATS": "1",
}
"""Environment variables by which libraries and their children are told."""


def switch_telemetry_off() -> None:
    """Switch off the telemetry of every library we use; to be called before it is imported."""
    for name, value in SWITCHES.items():
        os.environ.setdefault(name, value)
    # openvino falls back to a stub of its own when the import fails.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # None forbids it
