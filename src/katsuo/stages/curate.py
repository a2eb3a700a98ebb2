"""Which drafts are worth learning from?

    tasks ──judge (shard by shard)──▶ tasks with scores and evidence | Dropped
    tasks ──rewrite (shard by shard)──▶ tasks in other words | Dropped
    signatures ──select (whole set)──▶ the ids to drop, and by whom

Filters judge one task alone and run on any shard; what they keep rewriters may
put into other words; selectors need the whole set and see only signatures of
it. Whatever leaves, leaves a reason.
"""

from __future__ import annotations

import dataclasses
import math
import sys
from collections.abc import Callable, Iterable, Sequence

from katsuo.own import named
from katsuo.protocols import Filter, Rewriter, Selector, Signature
from katsuo.types import EXCERPT_CHARS, KEPT, Dropped, Task, Verdict, digest


def unmeasured(_: Filter, tasks: Sequence[Task]) -> Sequence[Task]:
    """What a filter sees of tasks where nobody measures anything: the tasks as they are."""
    return tasks


def judge(
    tasks: Sequence[Task],
    filters: Sequence[tuple[str, Filter]],
    measured: Callable[[Filter, Sequence[Task]], Sequence[Task]] = unmeasured,
) -> tuple[list[Task], list[Dropped]]:
    """What `filters` keep of one shard, and what they drop, both in the order of `tasks`.

    The first filter that drops a task names the reason; later ones never see
    it, nor does who measures. A kept task carries what every filter measured and found.

    Args:
        tasks: Of one shard.
        filters: By name, in the order in which they judge.
        measured: Gives tasks the scores that a filter decides by.
    """
    standing = list(range(len(tasks)))
    notes: list[list[tuple[str, Verdict]]] = [[] for _ in tasks]
    gone: dict[int, Dropped] = {}
    for name, part in filters:
        verdicts = part.judge(measured(part, [tasks[place] for place in standing]))
        judged = zip(standing, verdicts, strict=True)
        standing = []
        for place, verdict in judged:
            if verdict.keep:
                standing.append(place)
                notes[place].append((name, verdict))
            else:
                gone[place] = dropped_by(tasks[place], name, verdict)
    kept = [_noted(tasks[place], notes[place]) for place in standing]
    return kept, [gone[place] for place in sorted(gone)]


def rewrite(
    tasks: Sequence[Task], rewriters: Sequence[tuple[str, Rewriter]]
) -> tuple[list[Task], list[Dropped]]:
    """What `rewriters` make of one shard, and what they drop, both in the order of `tasks`.

    A line of the ledger has no excerpt here: it would show what a rewriter takes away.
    """
    standing, gone = list(tasks), []
    for name, part in rewriters:
        made = []
        for task, found in zip(standing, part.rewrite(standing), strict=True):
            if isinstance(found, Task):
                assert found.id == task.id, f"{name} made another task of {task.id}"
                made.append(found)
            else:
                gone.append(dataclasses.replace(dropped_by(task, name, found), excerpt=""))
        standing = made
    return standing, gone


def select(
    signatures: Sequence[Signature], selectors: Sequence[tuple[str, Selector]]
) -> dict[str, tuple[str, Verdict]]:
    """The ids that `selectors` drop, each with the selector's name and its verdict.

    Selectors run one after the other; what one drops the next never sees.
    """
    gone: dict[str, tuple[str, Verdict]] = {}
    for name, part in selectors:
        standing = [row for row in signatures if row.id not in gone]
        verdicts = dict(part.select(standing))
        assert verdicts.keys() == {row.id for row in standing}, f"{name} judged other ids"
        gone |= {id_: (name, verdict) for id_, verdict in verdicts.items() if not verdict.keep}
    return gone


def signature_of(task: Task) -> Signature:
    """What selectors may know of `task`.

    The text has three lines: the type, the question without its passage, the
    response. So a selector can tell a question from its answer. Where the
    response is a label, the question and its answer hardly say what the task
    is ("Is this review good?", "yes"), so the first line names the passage too.
    """
    passage = (
        f" {digest(_single_spaced(task.context).casefold())}" if task.type.closed_choice else ""
    )
    lines = (named(task) + passage, _question(task), _single_spaced(task.response))
    return Signature(
        id=task.id,
        type=named(task),
        # What a person keeps stays in the place of its twins.
        score=math.inf if KEPT in task.review else math.prod(task.scores.values()),
        text="\n".join(lines),
        labels=task.labels if task.name else (),
        document=sys.intern(task.document_id),  # all signatures are held: one text a document
    )


def dropped_by(task: Task, name: str, verdict: Verdict) -> Dropped:
    """The ledger line of a task that the filter or selector `name` drops.

    Where another task stays in its place, the excerpt begins with that one's id.
    """
    said = f"{named(task)}: {_question(task)} -> {_single_spaced(task.response)}"
    if verdict.twin:
        said = f"twin of {verdict.twin}, {said}"
    return Dropped(
        item_id=task.id,
        stage="curate",
        by=name,
        reason=verdict.reason,
        excerpt=said[:EXCERPT_CHARS],
    )


def _noted(task: Task, notes: Iterable[tuple[str, Verdict]]) -> Task:
    """`task` with what filters measured and found, each by its name."""
    scores, evidence = dict(task.scores), list(task.evidence)
    for name, verdict in notes:
        if verdict.score is not None:
            scores[name] = verdict.score
        evidence += [span for span in verdict.evidence if span not in evidence]
    if scores == task.scores and len(evidence) == len(task.evidence):
        return task
    return dataclasses.replace(task, scores=scores, evidence=tuple(evidence))


def _question(task: Task) -> str:
    """What the instruction says outside its passage, in one line."""
    passage = task.context.strip()
    outside = task.instruction.replace(passage, " ") if passage else task.instruction
    return _single_spaced(outside)


def _single_spaced(text: str) -> str:
    return " ".join(text.split())
