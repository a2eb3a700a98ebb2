"""Is a gain on one of several sets still more than chance?

With ten sets and no effect at all, two comparisons in five show a p-value below
0.05 somewhere. Holm's step-down correction keeps the chance of even one false
claim within a comparison at the stated level, whatever the sets share.
"""

from __future__ import annotations

import gc
import importlib
import importlib.util
from collections.abc import Sequence


def corrected(p_values: Sequence[float]) -> list[float] | None:
    """Each p-value corrected for all of them, by statsmodels; none where it is not installed."""
    if len(p_values) < 2:
        return list(p_values)
    if importlib.util.find_spec("statsmodels") is None:
        return None
    # Imported here: it takes a second, and only a comparison over several sets needs it.
    multitest = importlib.import_module("statsmodels.stats.multitest")
    # It collects garbage at every call, which goes through all answers of all arms unless they
    # are set aside: half of the time of scoring many arms.
    gc.freeze()
    try:
        _, adjusted, *_ = multitest.multipletests(list(p_values), method="holm")
    finally:
        gc.unfreeze()
    return [float(p) for p in adjusted]
