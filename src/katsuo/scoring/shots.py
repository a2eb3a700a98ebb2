"""Which worked examples does the few-shot arm see?

`shots.yaml` holds a handful of examples for each kind of set, of our own making.
A probe's prompt words them, so that an example looks like the question that
follows it and is answered with a word that the prompt offers.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Final, TypedDict

import yaml

from katsuo.errors import RecipeError
from katsuo.protocols import Shots
from katsuo.scoring.probes import SetSpec
from katsuo.scoring.prompts import Prompt

MAX_SHOTS: Final = 3
"""There are examples enough for so many, whichever labels a set uses."""


class _Example(TypedDict, total=False):
    context: str
    question: str
    role: str
    """Of the right label; absent in a span example."""
    answer: str
    """The right span; absent in a closed example."""


def shots_of(spec: SetSpec, prompt: Prompt, n: int) -> Shots:
    """The first `n` examples for the set: a user's turn in the words of `prompt`, and its answer.

    Examples of a role that does not occur in the set are passed over. Sets of
    kind `labels` and `check` have no examples, since their labels and their
    instructions are their own.

    Raises:
        RecipeError: If `n` does not lie in 0 to 3.
    """
    if not 0 <= n <= MAX_SHOTS:
        raise RecipeError(f"evaluate.few_shot is {n}; it must lie in 0 to {MAX_SHOTS}")
    word_by_role = dict(zip(prompt.roles, prompt.choices, strict=True))
    return tuple(
        (prompt.text(example["context"], example["question"]), answer)
        for example in _book().get(spec.kind.value, [])
        if (answer := example.get("answer") or word_by_role.get(example.get("role", "")))
    )[:n]


@cache
def _book() -> dict[str, list[_Example]]:
    book: dict[str, list[_Example]] = yaml.safe_load(
        files("katsuo.scoring").joinpath("shots.yaml").read_text("utf-8")
    )
    return book
