"""How alike are a predicted answer and the gold answers?

The measures of SQuAD (Rajpurkar et al. 2016, section 6.1; empty answers as in
SQuAD 2.0): texts are normalised, compared with every gold answer, and the best
comparison counts. Shares lie in [0, 1]; reports multiply by 100.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Sequence
from typing import Final

_ARTICLES: Final = re.compile(r"\b(a|an|the)\b")
_NO_PUNCTUATION: Final = str.maketrans("", "", string.punctuation)


def normalised(text: str) -> str:
    """`text` in lower case, without ASCII punctuation and English articles, single-spaced.

    >>> normalised("The  U.S.A., an Ally")
    'usa ally'
    """
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_NO_PUNCTUATION)).split())


def exact_match(prediction: str, golds: Sequence[str]) -> float:
    """1 if `prediction` equals a gold answer after normalising, else 0."""
    return float(normalised(prediction) in _normalised_golds(golds))


def token_f1(prediction: str, golds: Sequence[str]) -> float:
    """The highest token F1 of `prediction` against any of the gold answers.

    No gold answer, or none that survives normalising, means that the question
    has no answer: then only an empty prediction is right.

    >>> token_f1("in Paris, France", ["Lyon", "Paris"])
    0.5
    """
    tokens = normalised(prediction).split()
    return max(_f1(tokens, gold.split()) for gold in _normalised_golds(golds))


def _normalised_golds(golds: Sequence[str]) -> list[str]:
    return [text for text in map(normalised, golds) if text] or [""]


def _f1(predicted: Sequence[str], gold: Sequence[str]) -> float:
    if not predicted or not gold:
        return float(predicted == gold)
    n_shared = (Counter(predicted) & Counter(gold)).total()
    return 2 * n_shared / (len(predicted) + len(gold))
