"""Does a row hold somebody's address or number, and what stands there instead?

    task ─find─▶ details ─▶ the same task with surrogates | Verdict

A surrogate has the length of what it replaces, so evidence and all other offsets hold on, in the
passage as in the document.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from katsuo.errors import RecipeError
from katsuo.personal.finding import KINDS, Finder, Finding, anywhere, plain
from katsuo.personal.surrogates import surrogate
from katsuo.types import Span, Task, Verdict, drop

_MODES: Final = ("surrogate", "drop")
_FEWEST_TELLING_CHARS: Final = 5
"""A shorter piece of a detail could be a piece of anything."""
_NAME_IN_EMAIL: Final = re.compile(r"\w+[._-]\w+(?=@|\s?[(\[{])")
"""What stands in front of the `@` and looks like the names of a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Private:
    """Put surrogates in the place of personal details, or drop the tasks that hold any.

    Found are e-mail addresses, phone numbers, IBANs, card numbers, national numbers of some
    countries, network addresses, and the names that the recipe lists. Not found are names that
    nobody listed, postal addresses, dates of birth, web addresses, and all that only its meaning
    makes personal; `benchmarks/results/private_*.md` has how much of the rest is found.

    A detail has the same surrogate in all rows of a document, and another in each document. A row
    in which a piece of one would be left, such as an answer that is half a number, is dropped.
    The filter acts on curated tasks, after all filters that judge alone. It changes nothing that
    was made before: passages in `1-contexts`, which the arm `tapt` learns and a server of
    `generate.endpoint` reads, drafts in `2-tasks`, and what other filters wrote to the ledger.
    """

    edition: ClassVar[int] = 2
    """Counted up when it finds other details than before: then keys change, see `edition_of`."""

    mode: str = "surrogate"
    """`surrogate` or `drop`."""
    kinds: tuple[str, ...] = KINDS
    """What is looked for: `email`, `iban`, `card`, `ip`, `phone`, `national_id`."""
    regions: tuple[str, ...] = ("US", "GB")
    """Countries whose phone numbers are found without the country's code in front."""
    names: tuple[str, ...] = ()
    """Names that are found wherever they stand."""
    seed: int = 0
    """The run's."""
    _finder: Finder = dataclasses.field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.mode not in _MODES:
            raise RecipeError(f"curate.private.mode is {self.mode!r}; it must be surrogate or drop")
        finder = Finder(kinds=self.kinds, regions=self.regions, names=self.names)
        object.__setattr__(self, "_finder", finder)

    def rewrite(self, tasks: Sequence[Task]) -> list[Task | Verdict]:
        """For each task the one to go on with, or the verdict that drops it, in their order."""
        return [self._rewritten(task) for task in tasks]

    def _rewritten(self, task: Task) -> Task | Verdict:
        found = [each for text in _texts(task) for each in self._finder.find(text)]
        if not found:
            return task
        if self.mode == "drop":
            return drop(f"holds-{found[0].kind.replace('_', '-')}")
        replaced = _Replaced(
            by_value={each.value: surrogate(each, self.seed, task.document_id) for each in found}
        )
        made = replaced.task(task)
        if any(_left(each, text) for each in found for text in _texts(made)):
            return drop("private-left")
        if _loses_answer(task, made):
            return drop("answer-inside-private")
        return made


@dataclass(frozen=True, slots=True, kw_only=True)
class _Replaced:
    """The details of one task, and what stands in their places."""

    by_value: Mapping[str, str]

    def task(self, task: Task) -> Task:
        """`task` with surrogates in all its texts."""
        context, count = self._text(task.context)
        start = len(task.context) - len(task.context.lstrip())
        passage = task.context.strip()
        written = context[start : start + len(passage)]
        around = task.instruction.split(passage) if passage else [task.instruction]
        pieces = [self._text(piece) for piece in around]
        response, in_response = self._text(task.response)
        labels = [self._text(label)[0] for label in task.labels]
        return dataclasses.replace(
            task,
            context=context,
            instruction=written.join(piece for piece, _ in pieces),
            response=response,
            labels=tuple(labels),
            surrogates=count + in_response + sum(n for _, n in pieces),
        )

    def _text(self, text: str) -> tuple[str, int]:
        """`text` with surrogates, and how many."""
        made, end, count = [], 0, 0
        for span in self._spans(text):
            made += [text[end : span.start], self.by_value[text[span.start : span.end]]]
            end, count = span.end, count + 1
        return "".join(made) + text[end:], count

    def _spans(self, text: str) -> Iterator[Span]:
        """Where a detail stands: one that is found there, or one found elsewhere in the task."""
        longest_first = sorted(self.by_value, key=len, reverse=True)
        for match in anywhere(map(re.escape, longest_first)).finditer(text):
            yield Span(start=match.start(), end=match.end())


def _texts(task: Task) -> Iterable[str]:
    return (task.context, task.instruction, task.response, *task.labels)


def _left(found: Finding, text: str) -> bool:
    """Whether `text` still holds the detail, however it is cut into groups, or a telling piece."""
    if found.kind == "ip":  # without its dots it could be any number
        return bool(re.search(rf"(?<![\w.:]){re.escape(found.value)}(?![\w:]|\.\w)", text))
    if found.kind == "email" and (name := _NAME_IN_EMAIL.match(found.value)) and name[0] in text:
        return True
    pieces = {plain(found.value), plain(found.canonical), plain(found.canonical.split()[-1])}
    bare = plain(text)
    return any(len(piece) >= _FEWEST_TELLING_CHARS and piece in bare for piece in pieces)


def _loses_answer(task: Task, made: Task) -> bool:
    """Whether the response stood in the passage and does not any more."""
    return task.response in task.context and made.response not in made.context
