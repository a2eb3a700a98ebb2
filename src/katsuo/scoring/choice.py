"""Which choice does a model prefer, and how good are its choices?

    nats of each choice ──sum | mean | calibrated──▶ index of the best ──▶ macro F1

`sum` is the paper's rule (section 6): the summed log-likelihood, end token
included. `mean` divides by the number of tokens, so that long choices are not
punished. `calibrated` subtracts what the choice gets on average over the set's
probes under the same prompt, so that a model's liking for a word is no vote; it
looks at no label. Note 0007 has the reasons.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

FloatArray: TypeAlias = NDArray[np.float64]


def best(scores: Sequence[float]) -> int | None:
    """Index of the highest score, the first of equals; none where the scores cannot be ordered.

    >>> best([-3.0, -1.0, -1.0])
    1
    """
    if not scores or any(math.isnan(score) for score in scores):
        return None
    top = max(scores)
    return scores.index(top) if math.isfinite(top) else None


def per_token(nats: Sequence[float], n_tokens: Sequence[int]) -> list[float]:
    """The mean log-likelihood of a token of each choice."""
    return [total / max(n, 1) for total, n in zip(nats, n_tokens, strict=True)]


def prior(rows: Iterable[Sequence[float]]) -> list[float]:
    """The mean log-likelihood of each choice over the probes of a set, under one prompt.

    Values that are not finite are left out; a choice without any has the prior 0.
    """
    columns = zip(*(row for row in rows if row), strict=True)
    return [_mean([nats for nats in column if math.isfinite(nats)]) for column in columns]


def calibrated(nats: Sequence[float], priors: Sequence[float]) -> list[float]:
    """How much more likely each choice is here than it is on average."""
    return [total - usual for total, usual in zip(nats, priors, strict=True)]


def class_counts(
    golds: Sequence[str], predictions: Sequence[str | None], labels: Sequence[str]
) -> FloatArray:
    """True positives, false positives and false negatives of each label.

    A prediction that is none is a false negative of its gold label and nothing else.

    Returns:
        Counts of shape (labels, 3).
    """
    counts = np.zeros((len(labels), 3))
    index = {label: i for i, label in enumerate(labels)}
    for gold, predicted in zip(golds, predictions, strict=True):
        if predicted == gold:
            counts[index[gold], 0] += 1
            continue
        counts[index[gold], 2] += 1
        if predicted is not None:
            counts[index[predicted], 1] += 1
    return counts


def macro_f1(counts: FloatArray) -> FloatArray:
    """The mean F1 of the labels that occur in the gold, in points.

    Args:
        counts: Of shape (..., labels, 3), as `class_counts` gives them.
    """
    hits, false_alarms, misses = counts[..., 0], counts[..., 1], counts[..., 2]
    occurs = hits + misses > 0
    f1 = 2 * hits / np.maximum(2 * hits + false_alarms + misses, 1)
    summed = np.where(occurs, f1, 0.0).sum(axis=-1)
    points: FloatArray = 100 * summed / np.maximum(occurs.sum(axis=-1), 1)
    return points


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values) if values else 0.0


def logistic(nats: float) -> float:
    """A difference in nats as a score in [0, 1]: 0 nats are 0.5.

    >>> logistic(0.0), round(logistic(math.log(3)), 2)
    (0.5, 0.75)
    """
    if math.isnan(nats):
        return 0.0
    return 1 / (1 + math.exp(-min(max(nats, -60.0), 60.0)))
