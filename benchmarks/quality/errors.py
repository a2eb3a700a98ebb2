"""Tasks with an error that is known: human-written ones, spoilt on purpose.

Each maker takes a sound task and gives it back with one thing wrong, or nothing where the task
has no room for that error. What is wrong is right by construction, up to questions that
have two right answers.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final, TypeAlias

from katsuo.templates import phrases
from katsuo.types import Task, TaskType, digest

Maker: TypeAlias = Callable[[Task, Sequence[Task], random.Random], Task | None]

_OPPOSITES: Final[Mapping[str, str]] = {
    one: other
    for pair in (
        ("yes", "no"), ("true", "false"), ("correct", "incorrect"), ("right", "wrong"),
        ("accept", "reject"), ("likely", "unlikely"), ("supported", "refuted"),
        ("supports", "refutes"), ("entailment", "contradiction"), ("agrees", "disagrees"),
        ("entailed", "not entailed"), ("backed", "not backed"), ("positive", "negative"),
        ("favourable", "unfavourable"), ("good", "bad"), ("happy", "unhappy"), ("fresh", "rotten"),
        ("praise", "complaint"), ("thumbs up", "thumbs down"), ("same", "different"),
        ("the same", "not the same"), ("match", "mismatch"), ("kept", "changed"),
    )
    for one, other in (pair, pair[::-1])
}  # fmt: skip


def flipped_label(task: Task, _: Sequence[Task], __: random.Random) -> Task | None:
    """The opposite label."""
    opposite = _OPPOSITES.get(task.response.casefold())
    if not task.type.closed_choice or opposite is None:
        return None
    label = opposite.upper() if task.response.isupper() and len(task.response) > 1 else opposite
    label = label.capitalize() if task.response[:1].isupper() and label.islower() else label
    return _with(task, response=label) if label in task.labels else None


def wrong_span(task: Task, _: Sequence[Task], chance: random.Random) -> Task | None:
    """Another name, number or date of the passage."""
    outside = task.instruction.replace(task.context, " ")
    rivals = phrases.rivals(task.response, task.context, outside)
    if task.type is not TaskType.EXQA or not rivals:
        return None
    return _with(task, response=chance.choice(rivals))


def absent_answer(task: Task, others: Sequence[Task], chance: random.Random) -> Task | None:
    """An answer that stands in another passage only."""
    if task.type is not TaskType.EXQA:
        return None
    found = chance.choice(others).response
    return None if found.casefold() in task.context.casefold() else _with(task, response=found)


def other_passage(task: Task, others: Sequence[Task], chance: random.Random) -> Task | None:
    """The question stays, and the passage is another's."""
    passage = chance.choice(others).context.strip()
    own = task.context.strip()
    if own not in task.instruction or passage == own or task.response in passage:
        return None
    if task.type not in (TaskType.EXQA, TaskType.QA, TaskType.YNQA, TaskType.QG):
        return None
    return _with(task, instruction=task.instruction.replace(own, passage), context=passage)


def marker(task: Task, _: Sequence[Task], chance: random.Random) -> Task:
    """A mark of the wire format or of a chat template left in the response."""
    left = chance.choice(["<|pipe|>", "<|task|>", "{{context}}", "<|im_end|>", "### Response"])
    return _with(task, response=f"{task.response} {left}")


def echo(task: Task, _: Sequence[Task], __: random.Random) -> Task:
    """The response says the instruction again."""
    return _with(task, response=task.instruction.replace(task.context.strip(), " ").strip())


def loop(task: Task, _: Sequence[Task], __: random.Random) -> Task:
    """The response goes round in a circle."""
    return _with(task, response=" ".join(["and then it was said again that"] * 9))


def lost_passage(task: Task, _: Sequence[Task], __: random.Random) -> Task | None:
    """The instruction speaks of a passage that it does not show."""
    instruction = task.instruction.replace(task.context.strip(), "the passage")
    return None if task.type is TaskType.TEXT_GEN else _with(task, instruction=instruction)


def no_question(task: Task, _: Sequence[Task], __: random.Random) -> Task:
    """The passage and nothing else."""
    return _with(task, instruction=task.context.strip())


def no_choice(task: Task, _: Sequence[Task], __: random.Random) -> Task | None:
    """A lecture in the place of a label."""
    if task.type not in (TaskType.YNQA, TaskType.NLI, TaskType.TE, TaskType.MCQA):
        return None
    return _with(task, response="That depends on how you look at the whole of it")


MAKERS: Final[Mapping[str, Maker]] = {
    "flipped label": flipped_label,
    "wrong span": wrong_span,
    "absent answer": absent_answer,
    "question of another passage": other_passage,
    "marker left over": marker,
    "echo": echo,
    "loop": loop,
    "passage lost": lost_passage,
    "no question": no_question,
    "no choice": no_choice,
}


def retyped(task: Task, chance: random.Random) -> Task:
    """The same task with other spaces, and another case of its first letter, round the passage."""
    passage = task.context.strip()
    parts = [_respaced(part, chance) for part in task.instruction.split(passage)]
    return _with(task, instruction=passage.join(parts), twin="retyped")


def _respaced(text: str, chance: random.Random) -> str:
    spaced = "".join(word + chance.choice([" ", "  ", " "]) for word in text.split(" "))
    return spaced[:1].swapcase() + spaced[1:]


def touched_up(task: Task, _: random.Random) -> Task:
    """The same task with a polite word in front."""
    return _with(task, instruction=f"Please: {task.instruction}", twin="touched")


def _with(task: Task, *, twin: str = "spoilt", **changes: str) -> Task:
    return replace(task, id=digest(twin, task.id), **changes)
