"""Laws of curating: what must hold whatever the generator wrote."""

from __future__ import annotations

import unicodedata
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from katsuo.filters.fresh import Fresh
from katsuo.filters.grounded import Grounded
from katsuo.filters.unleaked import Unleaked
from katsuo.filters.well_formed import WellFormed
from katsuo.protocols import Filter, Signature
from katsuo.stages import curate
from katsuo.types import Origin, Task, TaskType

WORDS = st.sampled_from(
    """
    rent LEASE ﬁnal straße ｶﾞｽ ÉTÉ e\u0301te\u0301 pay\u00adment ½ ① naïve x² \u200b İzmir a-b 30
    租约 हिन्दी ‘so’ … — ok
    """.split()  # noqa: RUF001, SIM905
)
GAPS = st.sampled_from([" ", "  ", "\n", "\u00a0", "\t\n"])
TEXTS = st.text(max_size=40)


@st.composite
def passages(draw: st.DrawFn) -> tuple[str, int, int]:
    """A text, and where a run of its words begins and ends."""
    words = draw(st.lists(WORDS, min_size=1, max_size=12))
    first = draw(st.integers(0, len(words) - 1))
    last = draw(st.integers(first, len(words) - 1))
    text, start, end = draw(st.sampled_from(["", " ", "\n"])), 0, 0
    for i, word in enumerate(words):
        start = len(text) if i == first else start
        text += word
        end = len(text) if i == last else end
        text += draw(GAPS)
    return text, start, end


@st.composite
def tasks(draw: st.DrawFn) -> Task:
    """Any task at all."""
    context = draw(TEXTS)
    return Task(
        id=draw(st.uuids()).hex,
        document_id="d",
        context_id="c",
        context=context,
        type=draw(st.sampled_from(TaskType)),
        instruction=draw(TEXTS) + context.strip() + draw(TEXTS),
        response=draw(TEXTS),
        origin=Origin(generator="g", format="f", seed=0),
    )


@st.composite
def rows(draw: st.DrawFn) -> list[Signature]:
    """Signatures that often resemble each other."""
    few = st.lists(st.sampled_from("a b c d e".split()), min_size=1, max_size=9)  # noqa: SIM905
    return [
        Signature(
            id=f"{i}",
            type="qa",
            score=draw(st.sampled_from([0.5, 1.0])),
            text=f"qa\n{' '.join(draw(few))}\n{draw(st.sampled_from(['yes', 'no']))}",
        )
        for i in range(draw(st.integers(0, 12)))
    ]


@settings(max_examples=300)
@given(passages())
def test_evidence_maps_back_to_the_context_as_it_was(passage: tuple[str, int, int]) -> None:
    text, start, end = passage
    made = Task(
        id="t",
        document_id="d",
        context_id="c",
        context=text,
        type=TaskType.EXQA,
        instruction=text,
        response=text[start:end],
        origin=Origin(generator="g", format="f", seed=0),
    )
    (verdict,) = Grounded().judge([made])
    if verdict.reason == "answer-empty":
        return
    # An earlier occurrence may overlap the place ("rent rent" in "rent rent rent").
    assert any(span.start < end and start < span.end for span in verdict.evidence)
    for span in verdict.evidence:
        quote = replace(made, response=text[span.start : span.end])
        assert Grounded().judge([quote]) == [verdict]


@settings(max_examples=300)
@given(passages(), st.text("1/2fix 株式", min_size=1, max_size=4))
def test_evidence_folds_to_what_the_response_folds_to(
    passage: tuple[str, int, int], response: str
) -> None:
    made = Task(
        id="t",
        document_id="d",
        context_id="c",
        context=f"½ ⑴ ﬁx ㍿ {passage[0]}",
        type=TaskType.EXQA,
        instruction=passage[0],
        response=response,
        origin=Origin(generator="g", format="f", seed=0),
    )
    for span in Grounded().judge([made])[0].evidence:
        quote = unicodedata.normalize("NFKC", made.context[span.start : span.end])
        plain = unicodedata.normalize("NFKC", response)
        assert quote.casefold().split() == plain.casefold().split()


@settings(max_examples=200)
@given(st.lists(tasks(), max_size=6))
def test_what_arrives_is_kept_or_dropped_with_a_reason(shard: list[Task]) -> None:
    filters: list[tuple[str, Filter]] = [
        ("well_formed", WellFormed()),
        ("grounded", Grounded(min_overlap=0.5)),
        ("unleaked", Unleaked(texts=("Is the rent due?",))),
    ]
    kept, dropped = curate.judge(shard, filters)
    left = [task.id for task in kept], [line.item_id for line in dropped]
    assert sorted([*left[0], *left[1]]) == sorted(task.id for task in shard)
    assert left[0] == [task.id for task in shard if task.id in left[0]]
    assert all(line.reason and line.by and line.stage == "curate" for line in dropped)
    for task in kept:
        assert all(0 <= span.start < span.end <= len(task.context) for span in task.evidence)
        assert all(0 <= score <= 1 for score in task.scores.values())


@given(st.lists(tasks(), max_size=6))
def test_a_task_is_judged_alone(shard: list[Task]) -> None:
    for part in (WellFormed(), Grounded(), Unleaked(texts=("Is the rent due?",))):
        assert part.judge(shard) == [part.judge([task])[0] for task in shard]


@given(rows().flatmap(lambda found: st.tuples(st.just(found), st.permutations(found))))
def test_which_twins_stay_does_not_depend_on_the_order(
    orders: tuple[list[Signature], list[Signature]],
) -> None:
    one, other = orders
    assert list(Fresh().select(one)) == list(Fresh().select(other))


@given(rows())
def test_what_was_kept_once_is_kept_again(found: list[Signature]) -> None:
    kept = {name for name, verdict in Fresh().select(found) if verdict.keep}
    again = Fresh().select([row for row in found if row.id in kept])
    assert all(verdict.keep for _, verdict in again)


@given(rows())
def test_of_a_group_of_equals_only_the_best_may_stay(found: list[Signature]) -> None:
    kept = {name for name, verdict in Fresh(min_overlap=1.0).select(found) if verdict.keep}
    best: dict[str, str] = {}
    for row in sorted(found, key=lambda row: (-row.score, row.id)):
        best.setdefault(row.text, row.id)
    assert kept <= set(best.values())
