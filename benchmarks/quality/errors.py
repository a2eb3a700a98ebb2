"""Tasks with an error that is known: human-written ones, spoilt on purpose.

Each maker takes a sound task and gives it back with one thing wrong, or nothing where the task
has no room for that error. What is wrong is right by construction, up to questions that
have two right answers. Tasks that were made to have no answer in their passage have no room for
an error of the answer or of the passage.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Final, TypeAlias

from katsuo.scoring.roles import WORDS, role_of
from katsuo.store import tables
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

GERMAN: Final = Path(__file__).parent / "languages" / "de.md"
PARAPHRASES: Final[Mapping[str, tuple[str, str, str, str]]] = {
    "QQP": ("sources-restricted/qqp/test", "question1", "question2", "{}"),
    "PAWS": ("sources/paws/test", "sentence1", "sentence2", "True or false? {}"),
}
"""Set -> file, its two columns, and the words around a text of it."""
_ASKED: Final = (TaskType.EXQA, TaskType.QA)
_FREE: Final = (
    TaskType.QA, TaskType.QG, TaskType.PARAPHRASE, TaskType.SUMMARIZATION, TaskType.SENT_COMP,
    TaskType.TEXT_GEN,
)  # fmt: skip
_TOPICS: Final = ("weather", "cookery", "fashion", "astrology")
"""Topics that no source has."""
_TELLING_WORDS: Final = 8
"""A shorter text may be of many languages."""
_FEWEST_LEFT_WORDS: Final = 20
"""A passage with fewer words left is hardly one."""


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
    if task.type is not TaskType.EXQA or not rivals or not task.answerable:
        return None
    return _with(task, response=chance.choice(rivals))


def absent_answer(task: Task, others: Sequence[Task], chance: random.Random) -> Task | None:
    """An answer that stands in another passage only."""
    if task.type is not TaskType.EXQA or not task.answerable:
        return None
    found = chance.choice(others).response
    return None if found.casefold() in task.context.casefold() else _with(task, response=found)


def other_passage(task: Task, others: Sequence[Task], chance: random.Random) -> Task | None:
    """The question stays, and the passage is another's."""
    passage = chance.choice(others).context.strip()
    own = task.context.strip()
    if own not in task.instruction or passage == own or task.response in passage:
        return None
    if task.type not in (*_ASKED, TaskType.YNQA, TaskType.QG) or not task.answerable:
        return None
    return _with(task, instruction=task.instruction.replace(own, passage), context=passage)


def swapped_answer(task: Task, others: Sequence[Task], chance: random.Random) -> Task | None:
    """The answer to another question about the same passage."""
    if task.type not in _ASKED or not task.answerable:
        return None
    own = _words(task.response)
    answers = {
        other.response
        for other in others
        if other.type is task.type and other.context == task.context and other.answerable
    }
    rivals = sorted(answer for answer in answers if not own & _words(answer))
    return _with(task, response=chance.choice(rivals)) if rivals else None


def unanswerable(task: Task, _: Sequence[Task], __: random.Random) -> Task | None:
    """The passage without the sentences that hold the answer to be copied from it."""
    return _without_answer(task) if task.type is TaskType.EXQA else None


def unanswerable_freely(task: Task, _: Sequence[Task], __: random.Random) -> Task | None:
    """The passage without the sentences that hold an answer that need not be copied."""
    return _without_answer(task) if task.type is TaskType.QA else None


def _without_answer(task: Task) -> Task | None:
    own, answer = task.context.strip(), task.response.casefold().strip(" .")
    stated = bool(answer) and answer in own.casefold()
    if own not in task.instruction or not stated or not task.answerable:
        return None
    left = own
    for sentence in phrases.sentences(own):
        if answer in sentence.casefold():
            left = left.replace(sentence, "")
    left = re.sub(" {2,}", " ", left).strip()
    if answer in left.casefold() or len(left.split()) < _FEWEST_LEFT_WORDS:
        return None
    return _with(task, instruction=task.instruction.replace(own, left), context=left)


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


def label_not_offered(task: Task, _: Sequence[Task], chance: random.Random) -> Task | None:
    """A label that says the same, in a word that the instruction does not offer."""
    question = _outside(task).casefold()
    offered = [label.casefold() for label in task.labels]
    if sum(_stands_in(label, question) for label in offered) < len(("one", "other")):
        return None
    alike = WORDS.get(role_of(task.response), ())
    words = [
        word
        for word in (_TOPICS if task.type is TaskType.TOPIC_CLASS else alike)
        if word[0].isalpha()
        and not _stands_in(word, question)
        and not any(_stands_in(label, word) or _stands_in(word, label) for label in offered)
    ]
    if not words:
        return None
    word = chance.choice(words)
    return _with(task, response=word.capitalize() if task.response[0].isupper() else word)


def foreign_question(task: Task, _: Sequence[Task], chance: random.Random) -> Task | None:
    """A German sentence in the place of the question about an English passage."""
    passage = task.context.strip()
    if task.type not in _ASKED or len(passage.split()) < _TELLING_WORDS:
        return None
    return _with(task, instruction=f"{passage}\n\n{chance.choice(german())}")


def foreign_response(task: Task, _: Sequence[Task], chance: random.Random) -> Task | None:
    """A German sentence in the place of a free response about an English passage."""
    if task.type not in _FREE or len(task.context.split()) < _TELLING_WORDS:
        return None
    return _with(task, response=chance.choice(german()))


@cache
def german() -> list[str]:
    """German sentences that are long enough to be told."""
    text = " ".join(GERMAN.read_text("utf-8").split("\n\n")[1:])
    found = phrases.sentences(" ".join(text.split()))
    return [sentence for sentence in found if len(sentence.split()) >= _TELLING_WORDS]


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
    "swapped answer": swapped_answer,
    "unanswerable": unanswerable,
    "unanswerable, free answer": unanswerable_freely,
    "label not offered": label_not_offered,
    "question in another language": foreign_question,
    "response in another language": foreign_response,
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


def asked_twice(
    frames: Sequence[Task], name: str, data: Path, chance: random.Random
) -> tuple[list[tuple[Task, Task]], list[tuple[Task, Task]]]:
    """Pairs of tasks with one answer about one passage, which people put in two ways.

    First pairs of which people said that both mean the same, then as many of which they said
    that they do not, though many words are the same. Each frame lends its passage and its answer
    to one pair of either.
    """
    place, one, two, frame = PARAPHRASES[name]
    path = data / f"{place}.parquet"
    rows = [(row["label"] == 1, row[one], row[two]) for row in tables.rows_of(path)]
    chance.shuffle(rows)
    made = []
    for wanted in (True, False):
        texts = [(first, second) for twins, first, second in rows if twins is wanted]
        pairs = zip(frames, texts, strict=False)
        made.append(
            [
                (
                    _asking(task, frame.format(first), twin=f"first {wanted}"),
                    _asking(task, frame.format(second), twin=f"second {wanted}"),
                )
                for task, (first, second) in pairs
            ]
        )
    return made[0], made[1]


def _asking(task: Task, question: str, *, twin: str) -> Task:
    return _with(task, instruction=f"{task.context.strip()}\n\n{question}", twin=twin)


def _outside(task: Task) -> str:
    return task.instruction.replace(task.context.strip(), " ")


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.casefold()))


def _stands_in(words: str, text: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(words)}(?!\w)", text) is not None


def _with(task: Task, *, twin: str = "spoilt", **changes: str) -> Task:
    return replace(task, id=digest(twin, task.id), **changes)
