"""What does a reader make of a task: does it give the same answer, and does it need the passage?

    task ──with its passage────▶ nats of every choice, or an answer in the reader's words
         └─without its passage─▶ nats again
                                       │
    agreed   how likely the task's own response is among its choices; token F1 where it is free
    needed   how much likelier the response becomes by the passage
    likely   how likely a generator finds the response, token by token

A reader sees an instruction as a user would say it, a generator as it would write it. Both are
small models and err; what their word is worth is measured (docs/notes). Scores lie in [0, 1];
thresholds are the filters' own.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from katsuo import wire
from katsuo.books import closed_book
from katsuo.protocols import GREEDY_SHORT, Completes, Question, Ranks, Request, Sampling
from katsuo.scoring.agreement import Reading, choices_of, chosen
from katsuo.scoring.choice import logistic
from katsuo.scoring.text import token_f1
from katsuo.seeds import derive
from katsuo.types import Flaw, Task, TaskType
from katsuo.wire import Draft
from katsuo.wishes import LABELS

AGREED: Final = "agreed"
NEEDED: Final = "needed"
LIKELY: Final = "likely"
WARM: Final = Sampling(temperature=0.7, top_p=0.95, max_tokens=GREEDY_SHORT.max_tokens)
"""Of the answers behind the first, which is greedy."""

_ANSWERED: Final = frozenset({TaskType.EXQA, TaskType.QA, TaskType.COREF})
"""Types with one short answer that a reader can give in words of its own."""
_WRITTEN: Final = frozenset(
    {
        TaskType.QG, TaskType.SUMMARIZATION, TaskType.TEXT_GEN, TaskType.PARAPHRASE,
        TaskType.SENT_COMP,
    }
)  # fmt: skip
"""Types of which no two people write the same response."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """A model that reads tasks."""

    ranks: Ranks
    completes: Completes
    samples: int = 1
    """Answers of its own to each free question; their token F1 is averaged."""
    form: str = ""
    """The wire format that it was taught, if it is a generator."""


def agreed(tasks: Sequence[Task], reader: Reader) -> dict[str, float]:
    """By task id, how far the reader agrees; types of which nobody could are left out."""
    ranked, free = _asked(tasks)
    scores: dict[str, float] = {}
    found = reader.ranks.rank([question for question, _ in ranked])
    for (question, own), answer in zip(ranked, found, strict=True):
        scores[question.id] = _share(answer.nats, own)
    return scores | _written_again(free, reader)


def readings(tasks: Sequence[Task], reader: Reader) -> list[Reading]:
    """Each task with its answer given again, once; types of which nobody could are left out."""
    by_id = {task.id: task for task in tasks}
    ranked, free = _asked(tasks)
    done: list[Reading] = []
    found = reader.ranks.rank([question for question, _ in ranked])
    for (question, own), answer in zip(ranked, found, strict=True):
        done.append(
            Reading(
                task_id=question.id,
                document_id=by_id[question.id].document_id,
                expected=question.choices[own],
                said=chosen(question.choices, answer.nats),
                choices=question.choices,
                nats=answer.nats,
            )
        )
    requests = [request for task in free for request in _requests(task, 1)]
    for task, completion in zip(free, reader.completes.complete(requests), strict=True):
        done.append(
            Reading(
                task_id=task.id,
                document_id=task.document_id,
                expected=task.response,
                said=_answer(completion.text) or None,
            )
        )
    return done


def needed(tasks: Sequence[Task], reader: Reader) -> dict[str, float]:
    """By task id, how much likelier the response becomes by the passage: 0.5 is not at all.

    The score is the logistic function of the difference in nats.
    """
    held = [task for task in tasks if task.context.strip() in task.instruction]
    pairs = [(task.instruction, closed_book(task)) for task in held]
    questions = [
        Question(id=f"{task.id}/{book}", prompt=prompt, choices=(task.response,))
        for task, both in zip(held, pairs, strict=True)
        for book, prompt in enumerate(both)
    ]
    nats = [answer.nats[0] for answer in reader.ranks.rank(questions)]
    return {
        task.id: logistic(nats[2 * place] - nats[2 * place + 1]) for place, task in enumerate(held)
    }


def likely(tasks: Sequence[Task], reader: Reader) -> dict[str, float]:
    """By task id, how probable the generator `reader` finds a token of the response, on average.

    The average is the geometric mean, the end token included. What the wire format cannot say, and
    task types of the user's own, are left out.
    """
    questions = []
    for task in tasks:
        draft = Draft(instruction=task.instruction.strip(), response=task.response.strip())
        found = wire.before_response(draft, task.context, task.type, reader.form)
        if not task.name and not isinstance(found, Flaw):
            prompt, response = found
            questions.append(Question(id=task.id, prompt=prompt, choices=(response,), chat=False))
    return {
        answer.id: math.exp(answer.nats[0] / answer.n_tokens[0])
        for answer in reader.ranks.rank(questions)
    }


MEASURES: Final = {AGREED: agreed, NEEDED: needed, LIKELY: likely}
"""Name of the score -> what measures it."""
BY_GENERATOR: Final = frozenset({LIKELY})
"""Scores that only a model with a wire format can measure."""


def choices(task: Task) -> tuple[tuple[str, ...], int] | None:
    """The labels that a task allows and which of them is its response; none where nobody knows."""
    if task.type in _WRITTEN:
        return None
    if task.labels and task.response in task.labels:
        return task.labels, task.labels.index(task.response)
    if not task.type.closed_choice:
        return None
    passage = task.context.strip()
    outside = task.instruction.replace(passage, "\n") if passage else task.instruction
    return choices_of(outside, task.response, LABELS.get(task.type, ()))


def _asked(tasks: Sequence[Task]) -> tuple[list[tuple[Question, int]], list[Task]]:
    """What is ranked, each with the place of its response, and what the reader writes itself."""
    ranked: list[tuple[Question, int]] = []
    free: list[Task] = []
    for task in tasks:
        known = choices(task)
        if known is not None:
            labels, own = known
            question = Question(id=task.id, prompt=task.instruction, choices=labels)
            ranked.append((question, own))
        elif task.type in _ANSWERED:
            free.append(task)
    return ranked, free


def _share(nats: Sequence[float], own: int) -> float:
    """The likelihood of one choice among all of them."""
    best = max(nats)
    if not math.isfinite(best):
        return 0.0
    weights = [math.exp(each - best) for each in nats]
    return weights[own] / sum(weights)


def _written_again(tasks: Sequence[Task], reader: Reader) -> dict[str, float]:
    requests = [request for task in tasks for request in _requests(task, reader.samples)]
    texts = iter([_answer(one.text) for one in reader.completes.complete(requests)])
    return {
        task.id: sum(token_f1(next(texts), [task.response]) for _ in range(reader.samples))
        / reader.samples
        for task in tasks
    }


def _requests(task: Task, samples: int) -> Iterator[Request]:
    for number in range(samples):
        yield Request(
            id=f"{task.id}/{number}",
            prompt=task.instruction,
            sampling=WARM if number else GREEDY_SHORT,
            seed=derive(0, "agreed", task.id, str(number)),
            chat=True,
        )


def _answer(text: str) -> str:
    """The first line of what a reader says: behind it small models go on talking."""
    lines = text.strip().splitlines()
    return lines[0] if lines else ""
