"""Does a reader who sees only passage and instruction give a task's answer again?

    task ──choices_of──▶ the labels it allows ──ranked──▶ what the reader chose
                     └─▶ none known ───────────written─▶ what the reader wrote
                                                             │
                              same choice, or token F1 >= 0.5: agreed

A task of little sense can be answered alike by chance: a reader that always says
"yes" agrees with a generator that always says "yes". So agreement is stated
beside what the same answers give when they are dealt out to other tasks.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from katsuo.scoring import choice
from katsuo.scoring.text import token_f1

LEAST_F1: Final = 0.5
"""Token F1 from which on two written answers are the same."""
LEAST_FOR_PRIOR: Final = 8
"""Readings of one set of choices from which on its prior is worth subtracting."""
PLAIN: Final = (
    ("no", "yes"),
    ("No", "Yes"),
    ("Yes", "Maybe", "No"),
    ("yes", "maybe", "no"),
    ("False", "True"),
    ("negative", "positive"),
)
"""Vocabularies that any source of labels may lack."""

_LETTERED: Final = re.compile(
    r"(?m)^[ \t]*\(?(?P<letter>[A-Ha-h1-8])[).:][ \t]+(?P<text>\S.*?)[ \t]*$"
)
_IN_LINE: Final = re.compile(
    r"(?<!\w)\(?(?P<letter>[A-H])[).:]\s+(?P<text>\S.*?)(?=[\s,;]+\(?[A-H][).:]\s|[\s.]*$|\n)"
)
_BEFORE_LIST: Final = re.compile(r"[:?]\s+")
_SEPARATORS: Final = (";", " / ", "/", "|", ",")
_LAST: Final = re.compile(r",?\s+or\s+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One task, and its answer given again."""

    task_id: str
    document_id: str
    expected: str
    """The task's own response; where it was ranked, the choice that it is."""
    said: str | None
    """The reader's; none where it could not answer, and then it disagrees."""
    choices: tuple[str, ...] = ()
    """What was ranked; empty where the reader wrote."""
    nats: tuple[float, ...] = ()
    """Summed log-likelihood of each choice, its end token included."""

    @property
    def agrees(self) -> bool:
        """Whether both say the same."""
        return _same(self, self)

    @property
    def row(self) -> dict[str, Any]:
        """In values that JSON knows."""
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Reading:
        """The reading that `row` states."""
        lists = {name: tuple(row[name]) for name in ("choices", "nats")}
        return cls(**{**row, **lists})


def choices_of(
    question: str, response: str, vocabularies: Sequence[tuple[str, ...]]
) -> tuple[tuple[str, ...], int] | None:
    """The choices that a closed task allows, and which of them its response is.

    A vocabulary that the question names in full comes first, then the options that it lists,
    lettered or in one line, then the vocabulary of which it names most. None where the response
    is no choice of any of them.

    Args:
        question: The instruction outside its passage; line ends matter to lettered options.
        response: As the task gives it.
        vocabularies: Sets of labels in use, the commonest first.
    """
    ranked = _by_naming(question, [*vocabularies, *PLAIN])
    whole = [labels for labels, share in ranked if share == 1]
    others = [labels for labels, share in ranked if share < 1]
    for offered in (*whole, *_offered(question), *others):
        folded = [bare(one) for one in offered]
        if len(set(folded)) == len(folded) > 1 and bare(response) in folded:
            return offered, folded.index(bare(response))
    return None


def chance(readings: Sequence[Reading]) -> float | None:
    """The share that agrees when every answer is held against all *other* tasks' responses.

    Ranked readings are dealt among those with as many choices, written ones among the written;
    one alone of its kind has nothing to be dealt to and counts for nothing.
    """
    groups: defaultdict[int, list[Reading]] = defaultdict(list)
    for reading in readings:
        groups[len(reading.choices)].append(reading)
    found = [
        (sum(_same(mine, other) for other in group) - mine.agrees) / (len(group) - 1)
        for group in groups.values()
        if len(group) > 1
        for mine in group
    ]
    return sum(found) / len(found) if found else None


def calibrated(readings: Sequence[Reading]) -> list[Reading]:
    """The same readings, each the choice that is likeliest above its average.

    Readings of a set of choices that came up fewer than `LEAST_FOR_PRIOR` times stay as they are.
    """
    groups: defaultdict[tuple[str, ...], list[tuple[float, ...]]] = defaultdict(list)
    for reading in readings:
        groups[reading.choices].append(reading.nats)
    priors = {key: choice.prior(nats) for key, nats in groups.items()}
    return [
        reading
        if not reading.nats or len(groups[reading.choices]) < LEAST_FOR_PRIOR
        else replace(reading, said=_likeliest(reading, priors[reading.choices]))
        for reading in readings
    ]


def chosen(choices: Sequence[str], nats: Sequence[float]) -> str | None:
    """The likeliest choice; none where they cannot be ordered."""
    index = choice.best(nats)
    return None if index is None else choices[index]


def bare(text: str) -> str:
    """`text` as labels are compared: no case, single spaces, no signs around it."""
    return " ".join(text.casefold().split()).strip(" .,;:!\"'“”‘’()[]*-")  # noqa: RUF001


def _likeliest(reading: Reading, priors: Sequence[float]) -> str | None:
    return chosen(reading.choices, choice.calibrated(reading.nats, priors))


def _same(mine: Reading, other: Reading) -> bool:
    """Whether the answer of `mine` would do as the response of `other`.

    Choices of different words are compared by their place, so that letters and options count.
    """
    if mine.said is None:
        return False
    if not mine.choices:
        return token_f1(mine.said, [other.expected]) >= LEAST_F1
    if set(map(bare, mine.choices)) == set(map(bare, other.choices)):
        return bare(mine.said) == bare(other.expected)
    return mine.choices.index(mine.said) == other.choices.index(other.expected)


def _offered(question: str) -> list[tuple[str, ...]]:
    """Every list of choices that stands in the question: letters, their texts, lines of a list."""
    found: list[tuple[str, ...]] = []
    for pattern in (_LETTERED, _IN_LINE):
        options = list(pattern.finditer(question))
        found.append(tuple(option["letter"] for option in options))
        found.append(tuple(option["text"] for option in options))
        found.append(tuple(option[0].strip() for option in options))
    for line in question.splitlines():
        tail = _BEFORE_LIST.split(line)[-1].rstrip(" .?")
        for separator in _SEPARATORS:
            parts = _LAST.sub(separator, tail).split(separator)
            found.append(tuple(part.strip() for part in parts if part.strip()))
    return found


def _by_naming(
    question: str, vocabularies: Sequence[tuple[str, ...]]
) -> list[tuple[tuple[str, ...], float]]:
    """The vocabularies, each with the share that the question names; most first, then longest."""
    asked = bare(question)

    def share(labels: tuple[str, ...]) -> float:
        return sum(_stands_in(bare(label), asked) for label in labels) / len(labels)

    named = [(labels, share(labels)) for labels in vocabularies]
    return sorted(named, key=lambda pair: (pair[1], pair[1] * len(pair[0])), reverse=True)


def _stands_in(label: str, text: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(label)}(?!\w)", text) is not None
