"""Laws of surrogates: whatever stands around a detail, nothing of it is left and nothing moves."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from katsuo.filters.private import Private
from katsuo.types import Origin, Task, TaskType

DETAILS = st.sampled_from(
    [
        "anna.keller@firma-keller.de", "+44 20 7946 0958", "(212) 701-6157", "45.121.210.42",
        "DE89 3704 0044 0532 0130 00", "4111 1111 1111 1111", "536-90-4399", "2001:db8::1f",
    ]
)  # fmt: skip
WORDS = st.sampled_from(
    ["The", "berth", "ﬁnal", "Straße", "costs", "thirty", "租约", "(a)", "\n", "—"]
)
PRIVATE = Private(seed=5)


@st.composite
def tasks(draw: st.DrawFn) -> tuple[Task, list[str]]:
    """A task about a passage that holds details, and what these are."""
    details = draw(st.lists(DETAILS, min_size=1, max_size=4))
    words = [draw(WORDS)]
    for detail in details:
        words += [detail, draw(WORDS), *draw(st.lists(WORDS, max_size=3))]
    context = " ".join(words)
    made = Task(
        id=draw(st.uuids()).hex,
        document_id=draw(st.sampled_from("de")),
        context_id="c",
        context=context,
        type=TaskType.QA,
        instruction=f"{draw(WORDS)} {context.strip()} {draw(WORDS)}",
        response=draw(st.sampled_from(details)),
        origin=Origin(generator="g", format="f", seed=0),
    )
    return made, details


@settings(max_examples=40, deadline=None)
@given(tasks())
def test_nothing_of_a_detail_is_left_and_every_offset_holds(case: tuple[Task, list[str]]) -> None:
    task, details = case
    (made,) = PRIVATE.rewrite([task])
    assert isinstance(made, Task)
    before, after = task.context, made.context
    assert (len(before), len(task.response)) == (len(after), len(made.response))
    at = before.index(task.response)
    assert after[at : at + len(task.response)] == made.response
    for detail in details:
        assert detail not in made.context + made.instruction + made.response


@settings(max_examples=15, deadline=None)
@given(st.lists(tasks(), max_size=4))
def test_a_task_is_rewritten_alone(cases: list[tuple[Task, list[str]]]) -> None:
    rows = [task for task, _ in cases]
    assert PRIVATE.rewrite(rows) == [PRIVATE.rewrite([row])[0] for row in rows]
