"""Is a draft what its type promises, and what may stand in the place of its response?

    completion ─parts─▶ instruction, response ─┬─ fits ────▶ as it is
                                               ├─ snapped ─▶ the same, as passage or labels spell it
                                               └─ Hold ────▶ asked for again, and held to it

A draft is read as `wire` writes it. What an instruction offers is read by `offers`; where it offers
nothing that can be read, closed types have their usual labels and free ones any text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias

from katsuo import extracts, offers
from katsuo.protocols import Completes, Completion, Hold, Request
from katsuo.seeds import derive
from katsuo.types import Dropped, Task, TaskType
from katsuo.wire import CONTEXT_SLOT, MARKS, PIPE_MARK, WISH_MARKS

Decoding = Literal["free", "mended", "held"]
"""Drafts as they come; those that need it mended; every response held."""
SNAPPED: Final = "snapped"
"""A response that was there, in the spelling of its passage or its labels, or cut at a marker."""
HELD: Final = "held"
"""A response that the generator was held to."""
WAYS: Final = (SNAPPED, HELD)
"""How a draft is mended; a task so mended has the score 1 under that name."""

_MARK: Final = re.compile("|".join(map(re.escape, (*MARKS, *WISH_MARKS))))
_SENTENCE_END: Final = re.compile(r"[.!?。！？।][\"')\]”’»]*(?=\s|$)|\n")  # noqa: RUF001
_EXTRACT_TOKENS: Final = 64
"""Most tokens of an extract: `grounded` drops one of more than 40 words."""
_TWO_WAYS: Final = ("Yes", "No", "True", "False")
_USUAL: Final[Mapping[TaskType, tuple[str, ...]]] = {
    TaskType.YNQA: _TWO_WAYS,
    TaskType.TE: _TWO_WAYS,
    TaskType.NLI: (*_TWO_WAYS, "Maybe"),
    TaskType.PARAPHRASE_ID: ("Yes", "No"),
    TaskType.WSD: ("Yes", "No"),
    TaskType.SENTIMENT: ("positive", "negative"),
}
"""Labels for an instruction that offers none that can be read."""
_SURELY_CLOSED: Final = frozenset({TaskType.YNQA, TaskType.TE, TaskType.NLI})
"""Types whose labels are known even where no offer can be read ("1 for proven, 2 for open")."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What is known of a draft before it is written."""

    kind: TaskType
    passage: str
    told: tuple[str, ...] = ()
    """The only answers; empty where the instruction is to offer them."""
    extractive: bool = False
    """Whether the response must stand in the passage."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """A completion in two."""

    instruction: str
    """As the generator wrote it, the passage abstracted; empty where it wrote none."""
    response: str
    """Up to the first marker; empty where there is none, or its end is missing."""

    @property
    def text(self) -> str:
        """The completion that these parts make."""
        return f"{self.asking}{self.response}"

    @property
    def asking(self) -> str:
        """The instruction with the marker behind it."""
        return f"{self.instruction}\n{PIPE_MARK}\n"


Item: TypeAlias = Task | Dropped


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A draft as it was written in the first place."""

    request: Request
    completion: Completion
    rule: Rule
    read: Callable[[Completion], Item]
    """Makes a task of a completion, or a line of the ledger."""

    @property
    def parts(self) -> Parts:
        """What there is of it."""
        return parts(self.completion.text, finished=self.completion.finished)

    def asked(self, behind: str, hold: Hold) -> Request:
        """The request that goes on behind the prompt and `behind`."""
        sampling = self.request.sampling
        return replace(
            self.request,
            prompt=self.request.prompt + behind,
            sampling=replace(sampling, max_tokens=most_tokens(hold, sampling.max_tokens)),
            seed=derive(self.request.seed, "mended", behind),
            stop=(),
            hold=hold,
        )

    def again(self, draft: Parts, way: str, before: Item) -> Item:
        """The task that `draft` is, with its way noted; `before` where it is none."""
        if not draft.response:
            return before
        item = self.read(replace(self.completion, text=draft.text, finished=True))
        if isinstance(item, Dropped):
            return before
        return replace(item, scores={**item.scores, way: 1.0})


@dataclass(frozen=True, slots=True, kw_only=True)
class Mender:
    """Who mends drafts."""

    model: Completes
    """The generator that wrote them."""
    holds: bool
    """Whether it can hold to what a completion must be; one that cannot is asked nothing more."""
    always: bool = False
    """Whether it writes every response anew."""

    def mended(self, attempts: Sequence[Attempt]) -> Iterator[Item]:
        """A task or a line of the ledger for each of `attempts`, in their order.

        A task that is not mended is as it was; what needs to be asked for again enters the
        generator as one unit.
        """
        drafts = self._instructed(attempts)
        items = [one.read(one.completion) for one in attempts]
        wanted: dict[int, Hold] = {}
        for number, (one, draft) in enumerate(zip(attempts, drafts, strict=True)):
            if one.completion.failure or not draft.instruction:
                continue
            found = self._wanting(one.rule, draft, items[number])
            if isinstance(found, Hold):
                wanted[number] = found
            elif found is not None:
                items[number] = one.again(replace(draft, response=found), SNAPPED, items[number])
        requests = [attempts[n].asked(drafts[n].asking, held) for n, held in wanted.items()]
        for (n, held), said in zip(wanted.items(), self._said(requests), strict=self.holds):
            response = response_of(held, said.text, finished=said.finished)
            items[n] = attempts[n].again(replace(drafts[n], response=response), HELD, items[n])
        yield from items

    def _wanting(self, rule: Rule, draft: Parts, item: Item) -> str | Hold | None:
        """Another response, or what it must be; none where `item` is a task as it should be."""
        if self.always:
            return hold(rule, draft.instruction)
        if isinstance(item, Task) and rule.told:
            return None
        found = mended(rule, draft)
        return None if _is_clean(item) and found == draft.response else found

    def _instructed(self, attempts: Sequence[Attempt]) -> list[Parts]:
        """The parts of all drafts; those without an instruction get one."""
        drafts = [one.parts for one in attempts]
        bare = [
            n
            for n, (one, draft) in enumerate(zip(attempts, drafts, strict=True))
            if not draft.instruction and not one.completion.failure
        ]
        said = self._said([attempts[n].asked("", Hold()) for n in bare])
        for n, completion in zip(bare, said, strict=self.holds):
            text = response_of(Hold(), completion.text, finished=completion.finished)
            drafts[n] = Parts(instruction=text, response="")
        return drafts

    def _said(self, requests: Sequence[Request]) -> Iterator[Completion]:
        if self.holds and requests:
            yield from self.model.complete(requests)


def parts(text: str, *, finished: bool) -> Parts:
    """What a completion has of instruction and response, whatever it lacks.

    An instruction that ran into the token limit is cut behind its last whole sentence, or word.
    """
    head, *rest = text.split(PIPE_MARK)
    instruction = _before_mark(head)
    if not rest and not finished and instruction == head.strip():
        instruction = cut(instruction)
    whole = finished or len(rest) > 1
    response = _before_mark(rest[0]) if rest and whole else ""
    return Parts(instruction=instruction, response=response)


def mended(rule: Rule, draft: Parts) -> str | Hold:
    """The response that makes `draft` a task, or what it must be when it is asked for again."""
    question = _outside(draft.instruction, rule.passage)
    if draft.response:
        if _fits(rule, question, draft.response):
            return draft.response
        if found := _snapped(rule, draft.response):
            return found
    return hold(rule, draft.instruction)


def hold(rule: Rule, instruction: str) -> Hold:
    """All that may answer `instruction`."""
    question = _outside(instruction, rule.passage)
    if rule.told:
        return Hold(only=rule.told)
    if rule.extractive:
        blank = offers.blank(question)
        return Hold(only=(blank,) if blank else (), within=_spoken(rule.passage))
    if not rule.kind.closed_choice and rule.kind is not TaskType.COREF:
        return Hold()
    found = offers.choices(rule.kind, question) or _USUAL.get(rule.kind, ())
    if rule.kind is TaskType.MCQA and not found:
        return Hold(within=_spoken(question))
    return Hold(only=found)


def _spoken(text: str) -> str:
    """`text` where an extract can be made of it, else nothing."""
    return text if any(piece.begins and piece.ends for piece in extracts.pieces(text)) else ""


def most_tokens(held: Hold, most: int) -> int:
    """How many tokens suffice for what a completion is held to; `most` for any text.

    A token is a byte at least, so a choice is never cut off.
    """
    if held.is_plain:
        return most
    longest = max((len(one.encode()) for one in held.only), default=0) + 1
    return max(longest, min(most, _EXTRACT_TOKENS) if held.within else 1)


def response_of(held: Hold, text: str, *, finished: bool) -> str:
    """The response that a held completion gives, cut where it ran into the token limit.

    Empty where an engine did not hold to it.
    """
    said = text.strip()
    if said in held.only:
        return said
    if held.within:
        return extracts.longest(said, held.within) or _word(said, held.within)
    if held.only:
        return ""
    bare = _before_mark(said)
    return bare if finished else cut(bare)


def _word(start: str, text: str) -> str:
    """The first word of `text` that begins so, where it is longer than the token limit."""
    spans = (piece.span for piece in extracts.pieces(text) if piece.begins and piece.ends)
    found = (text[span.start : span.end] for span in spans)
    return next((word for word in found if start and word.startswith(start)), "")


def cut(text: str) -> str:
    """`text` up to its last whole sentence, or else its last whole word, or else all of it."""
    ends = [found.end() for found in _SENTENCE_END.finditer(text)]
    if ends and (whole := text[: ends[-1]].strip()) not in ("", CONTEXT_SLOT):
        return whole
    bare = text.strip()
    return bare.rpartition(" ")[0].rstrip() or bare


def _fits(rule: Rule, question: str, response: str) -> bool:
    """Whether `response` is what its type promises."""
    if rule.told:
        return response in rule.told
    if rule.extractive:
        return extracts.extract(response, rule.passage) == response or _is_blank(question, response)
    if not rule.kind.closed_choice and rule.kind is not TaskType.COREF:
        return True
    if found := offers.offers(rule.kind, question):
        return any(offer.has(response) for offer in found)
    if rule.kind in _SURELY_CLOSED and offers.known(rule.kind, response):
        return True
    asked_of_words = rule.kind in (*_SURELY_CLOSED, TaskType.MCQA)
    return not asked_of_words or bool(extracts.extract(response, question))


def _snapped(rule: Rule, response: str) -> str:
    """`response` in the spelling of its labels or its passage; empty where it is neither's."""
    if rule.told:
        alike = (one for one in rule.told if offers.folded(one) == offers.folded(response))
        return next(alike, "")
    return extracts.extract(response, rule.passage) if rule.extractive else ""


def _is_blank(question: str, response: str) -> bool:
    blank = offers.blank(question)
    return bool(blank) and blank.strip(" .").casefold() == response.strip(" .").casefold()


def _is_clean(item: Item) -> bool:
    """Whether it is a task with no marker but those of its passage."""
    if isinstance(item, Dropped):
        return False
    return {*_MARK.findall(item.instruction + item.response)} <= {*_MARK.findall(item.context)}


def _before_mark(text: str) -> str:
    return _MARK.split(text, maxsplit=1)[0].strip()


def _outside(instruction: str, passage: str) -> str:
    """What an instruction says outside the passage."""
    bare = instruction.replace(CONTEXT_SLOT, "\n")
    return bare.replace(passage.strip(), "\n").strip() if passage.strip() else bare.strip()
