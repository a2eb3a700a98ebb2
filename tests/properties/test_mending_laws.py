"""The laws of mending: whatever a generator writes, what comes of it is a task of its type."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hypothesis import example, given
from hypothesis import strategies as st

from katsuo import extracts, offers, wire
from katsuo.mending import Decoding, cut
from katsuo.models.fake import FakeModel
from katsuo.protocols import Completion, Request, Sampling
from katsuo.stages.generate import GenerateSettings, generate
from katsuo.types import Context, Task, TaskType

PASSAGE = "Gate 3 (the €40 one) opens at 6:30, says “Ann's” note;\n日本の港。 It doesn't close."
CONTEXT = Context(id="c", document_id="d", text=PASSAGE, start=0, end=len(PASSAGE))
PIECES = st.sampled_from(
    [
        "{{context}}", "<|pipe|>", "\n<|pipe|>\n", "<|task|>", "\n", " ", "When does it open?",
        "Answer Yes or No.", "Options: gates, harbours, notes", "A) gate\nB) harbour\n", "gate 3",
        'Copy the words, or write "not stated".', "not stated", "Yes", "B", "6:30", "é", "<", "|",
    ]
)  # fmt: skip
TEXTS = st.one_of(st.text(max_size=30), st.lists(PIECES, max_size=9).map("".join))
KINDS = st.sampled_from(list(TaskType))


@dataclass(frozen=True)
class Writes:
    """A generator that writes one text, and holds to what it is told."""

    text: str
    finished: bool

    def complete(self, requests: Sequence[Request]) -> Iterator[Completion]:
        for request in requests:
            if request.hold is None:
                yield Completion(id=request.id, text=self.text, finished=self.finished)
            else:
                yield from FakeModel().complete([request])


def of(text: str, kind: TaskType, decoding: Decoding, *, finished: bool) -> Task:
    settings = GenerateSettings(
        generator="fake", format="bonito-v1", task_types=(kind,), seed=1, decoding=decoding
    )
    (item,) = generate([CONTEXT], Writes(text, finished), settings)
    assert isinstance(item, Task), item
    return item


def outside(task: Task) -> str:
    return task.instruction.replace(PASSAGE, "\n")


@given(text=TEXTS, kind=KINDS, finished=st.booleans(), decoding=st.sampled_from(["mended", "held"]))
def test_every_draft_is_a_task(
    text: str, kind: TaskType, finished: bool, decoding: Decoding
) -> None:
    task = of(text, kind, decoding, finished=finished)
    assert task.instruction.strip()
    assert task.response.strip()
    assert not any(mark in task.instruction + task.response for mark in wire.MARKS)


@given(text=TEXTS, finished=st.booleans())
def test_an_extract_stands_in_the_passage_or_says_what_the_instruction_offers(
    text: str, finished: bool
) -> None:
    task = of(text, TaskType.EXQA, "mended", finished=finished)
    blank = offers.blank(outside(task))
    assert task.response in PASSAGE or (blank and task.response.strip(".") == blank)


@given(text=TEXTS, kind=KINDS.filter(lambda kind: kind.closed_choice), finished=st.booleans())
def test_a_label_is_one_that_the_instruction_offers(
    text: str, kind: TaskType, finished: bool
) -> None:
    task = of(text, kind, "mended", finished=finished)
    found = offers.offers(kind, outside(task))
    assert not found or any(offer.has(task.response) for offer in found)


@given(response=st.sampled_from(["Yes", "no", "True"]), question=st.text("abc ?", min_size=1))
def test_a_sound_draft_stays_as_it_is(response: str, question: str) -> None:
    text = f"{{{{context}}}}\nDoes it say {question}?\n<|pipe|>\n{response}"
    assert of(text, TaskType.YNQA, "mended", finished=True) == of(
        text, TaskType.YNQA, "free", finished=True
    )


@given(text=TEXTS)
@example(text="\t a")
def test_a_cut_text_is_a_beginning_and_no_less_than_a_word(text: str) -> None:
    assert text.strip().startswith(cut(text))
    assert bool(cut(text)) == bool(text.strip())


@given(text=TEXTS)
@example(text="¯0")
@example(text="Acme™ 20℃, №5")
@example(text="\xad")
@example(text="\u0345 a\xad, \xad")
@example(text="\x08\U00011127 (a)\u0301 b")
def test_from_a_beginning_to_an_end_reaches_an_extract(text: str) -> None:
    found = extracts.pieces(text)
    starts = [piece.span.start for piece in found if piece.begins]
    ends = [piece.span.end for piece in found if piece.ends]
    for start, end in ((s, e) for s in starts[:4] for e in ends[-4:] if s < e):
        assert extracts.longest(text[start:end], text) == text[start:end]


def test_the_bound_on_tokens_is_that_of_the_draft_for_plain_text() -> None:
    heard: list[Request] = []

    @dataclass(frozen=True)
    class Listening:
        def complete(self, requests: Sequence[Request]) -> Iterator[Completion]:
            heard.extend(requests)
            return FakeModel().complete(requests)

    settings = GenerateSettings(
        generator="fake",
        format="bonito-v1",
        task_types=(TaskType.SUMMARIZATION, TaskType.EXQA, TaskType.NLI),
        seed=1,
        decoding="held",
        sampling=Sampling(max_tokens=100),
    )
    list(generate([CONTEXT], Listening(), settings))
    assert next(request.sampling.max_tokens for request in heard if request.hold) == 100
