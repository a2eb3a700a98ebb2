"""The same completions through the published library and through ours: `make test-vllm` runs this.

bonito-llm 0.1.0 from PyPI is the reference, on vLLM's build for processors. Its engine is not
started: what it would have written is recorded here, in words of our own.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

import pytest

import katsuo
from katsuo.errors import RecipeError
from katsuo.protocols import Completion, Request
from katsuo.types import FULL_NAMES, TaskType

if TYPE_CHECKING:
    from datasets import Dataset

pytestmark = [
    pytest.mark.vllm,
    pytest.mark.slow,
    pytest.mark.skipif(
        find_spec("vllm") is None or find_spec("bonito") is None,
        reason="vLLM or bonito-llm is not installed: make test-vllm",
    ),
    # vLLM and what it stands on warn of themselves.
    pytest.mark.filterwarnings("default"),
]

REFERENCE: Final = "0.1.0"
PASSAGE: Final = "The eastern basin closes when the wind exceeds twelve metres a second."


@dataclass(frozen=True, kw_only=True)
class Case:
    """A recorded completion, and the row that both libraries make of it."""

    completion: str
    row: tuple[str, str] | None
    """Input and output of the published library; None where it makes no row."""
    passage: str = PASSAGE
    ours: tuple[str, str] | None = None
    """Our row, where it is another one."""
    dropped: str = ""
    """Our reason, where we make no row."""
    why: str = ""
    """Why we differ."""


ALIKE: Final = {
    "plain": Case(
        completion="{{context}}\n\nDoes it close in a storm?\n<|pipe|>\nYes",
        row=(f"{PASSAGE}\n\nDoes it close in a storm?", "Yes"),
    ),
    "white-space-at-all-edges": Case(
        completion="  \n {{context}} So? \t\n<|pipe|>\n\n  No \n",
        row=(f"{PASSAGE} So?", "No"),
    ),
    "marker-within-a-line": Case(completion="When?<|pipe|>In wind", row=("When?", "In wind")),
    "passage-named-twice": Case(
        completion="{{context}} / {{context}}\n<|pipe|>\nNo", row=(f"{PASSAGE} / {PASSAGE}", "No")
    ),
    "passage-not-named": Case(
        completion="Who closes it?\n<|pipe|>\nThe master", row=("Who closes it?", "The master")
    ),
    "passage-with-white-space-at-its-edges": Case(
        completion="{{context}} So?\n<|pipe|>\nYes",
        passage=f"\n  {PASSAGE} \n",
        row=(f"{PASSAGE} So?", "Yes"),
    ),
    "passage-that-holds-the-slot": Case(
        completion="{{context}} So?\n<|pipe|>\nYes",
        passage="A template says {{context}}.",
        row=("A template says {{context}}. So?", "Yes"),
    ),
    "slot-written-otherwise": Case(
        completion="{{ context }} So?\n<|pipe|>\nYes", row=("{{ context }} So?", "Yes")
    ),
    "answer-of-several-lines": Case(
        completion="List them.\n<|pipe|>\none\n\ntwo", row=("List them.", "one\n\ntwo")
    ),
    "another-marker-in-the-text": Case(
        completion="What is <|task|>?\n<|pipe|>\nA marker", row=("What is <|task|>?", "A marker")
    ),
    "other-scripts": Case(
        completion="{{context}}\n\n風は?\n<|pipe|>\nنعم 🙂", row=(f"{PASSAGE}\n\n風は?", "نعم 🙂")
    ),
    "no-break-spaces-at-the-edges": Case(
        completion="\u00a0So?\u2003<|pipe|>\u00a0Yes\u00a0", row=("So?", "Yes")
    ),
    "cut-off-in-the-answer": Case(
        completion="{{context}} Why?\n<|pipe|>\nBecause the", row=(f"{PASSAGE} Why?", "Because the")
    ),
}
"""Both make the same row."""

LOST: Final = {
    "empty": Case(completion="", row=None, dropped="pipe-missing"),
    "white-space": Case(completion=" \n\t ", row=None, dropped="pipe-missing"),
    "no-marker": Case(completion="{{context}} So? Yes", row=None, dropped="pipe-missing"),
    "half-a-marker": Case(completion="So?\n<|pipe\nYes", row=None, dropped="pipe-missing"),
    "marker-in-capitals": Case(completion="So?\n<|PIPE|>\nYes", row=None, dropped="pipe-missing"),
    "two-markers": Case(
        completion="So?\n<|pipe|>\nYes\n<|pipe|>\nNo", row=None, dropped="pipe-repeated"
    ),
    "nothing-but-markers": Case(completion="<|pipe|><|pipe|>", row=None, dropped="pipe-repeated"),
}
"""Neither makes a row: the library without a word, ours with a reason that is counted."""

DIFFERENT: Final = {
    "passage-in-the-answer": Case(
        completion="Say it again.\n<|pipe|>\n{{context}}",
        row=("Say it again.", "{{context}}"),
        ours=("Say it again.", PASSAGE),
        why="the paper replaces the slot in both parts; a model would learn to answer the slot",
    ),
    "no-instruction": Case(
        completion="<|pipe|>\nYes",
        row=("", "Yes"),
        dropped="instruction-empty",
        why="an answer to nothing is no task",
    ),
    "no-answer": Case(
        completion="{{context}} So?\n<|pipe|>\n ",
        row=(f"{PASSAGE} So?", ""),
        dropped="response-empty",
        why="a task without an answer teaches to fall silent",
    ),
    "a-marker-alone": Case(
        completion="<|pipe|>", row=("", ""), dropped="instruction-empty", why="there is no task"
    ),
    "nothing-but-an-empty-passage": Case(
        completion="{{context}}\n<|pipe|>\nYes",
        passage=" ",
        row=("", "Yes"),
        dropped="instruction-empty",
        why="an answer to nothing is no task",
    ),
}
"""The library makes a row that is none of use; ours says what is wrong, or mends it."""
CASES: Final = {**ALIKE, **LOST, **DIFFERENT}


class Recording:
    """Our side of a recording; implements `Completes`."""

    def __init__(self, texts: Sequence[str]) -> None:
        self.texts = texts
        self.prompts: list[str] = []

    def complete(self, requests: Sequence[Request]) -> Iterator[Completion]:
        self.prompts += [request.prompt for request in requests]
        for request, text in zip(requests, self.texts, strict=True):
            yield Completion(id=request.id, text=text, finished=True)


def recorded(texts: Sequence[str]) -> Any:  # noqa: ANN401 -- a class without types
    """The published class, whose engine says `texts`."""
    from bonito import Bonito

    class Recorded(Bonito):  # type: ignore[misc]  # it has no types
        def __init__(self) -> None:
            self.prompts: list[str] = []

        def generate(self, prompts: Sequence[str], params: Any) -> list[SimpleNamespace]:  # noqa: ANN401
            self.prompts += prompts
            said = iter(texts)
            return [
                SimpleNamespace(outputs=[SimpleNamespace(text=next(said)) for _ in range(params.n)])
                for _ in prompts
            ]

    return Recorded()


def rows(cases: Sequence[Case]) -> Dataset:
    from datasets import Dataset

    return Dataset.from_dict({"text": [case.passage for case in cases]})


def by_both(cases: Sequence[Case]) -> tuple[list[tuple[str, str]], Dataset]:
    """The rows of the library, and our dataset."""
    from vllm import SamplingParams

    texts = [case.completion for case in cases]
    said = {"context_col": "text", "task_type": "ynqa", "sampling_params": SamplingParams(n=1)}
    theirs = recorded(texts).generate_tasks(rows(cases), **said)
    ours = katsuo.Bonito(Recording(texts)).generate_tasks(rows(cases), **said)
    return [(row["input"], row["output"]) for row in theirs], ours


def test_the_reference_is_the_version_that_is_named() -> None:
    assert metadata.version("bonito-llm") == REFERENCE


@pytest.mark.parametrize("name", CASES)
def test_a_completion_gives_the_row_of_the_library_or_another_for_a_reason(name: str) -> None:
    case = CASES[name]
    theirs, ours = by_both([case])
    assert theirs == ([case.row] if case.row else [])
    expected = None if case.dropped else (case.ours or case.row)
    assert [(row["input"], row["output"]) for row in ours] == ([expected] if expected else [])
    assert (case.dropped or "left out: none") in ours.info.description
    assert bool(case.why) == (name in DIFFERENT)


def test_of_many_rows_the_same_are_kept_in_the_same_order_and_all_others_are_counted() -> None:
    cases = [*ALIKE.values(), *LOST.values()] * 3
    theirs, ours = by_both(cases)
    assert [(row["input"], row["output"]) for row in ours] == theirs
    assert len(theirs) == 3 * len(ALIKE)
    reasons = [case.dropped for case in cases if case.dropped]
    assert ours.info.description == (
        f"katsuo: {len(theirs)} of {len(cases)} rows gave a task; left out: "
        f"pipe-missing {reasons.count('pipe-missing')}, "
        f"pipe-repeated {reasons.count('pipe-repeated')}"
    )


def test_several_drafts_of_a_row_give_the_rows_of_the_library() -> None:
    from vllm import SamplingParams

    cases = [*ALIKE.values(), *LOST.values()]
    texts = [case.completion for case in cases for _ in range(2)]
    said = (rows(cases), "text", "ynqa", SamplingParams(n=2))
    theirs = recorded(texts).generate_tasks(*said)
    ours = katsuo.Bonito(Recording(texts)).generate_tasks(*said)
    assert ours.select_columns(["input", "output"]).to_list() == theirs.to_list()
    assert len(theirs) > len(ALIKE)


@pytest.mark.parametrize("kind", TaskType)
def test_both_ask_in_the_same_words_by_the_short_and_by_the_long_name(kind: TaskType) -> None:
    from vllm import SamplingParams

    cases = list(ALIKE.values())
    texts = [case.completion for case in cases]
    for name in (kind.value, FULL_NAMES[kind]):
        theirs, ours = recorded(texts), Recording(texts)
        theirs.generate_tasks(rows(cases), "text", name, SamplingParams())
        katsuo.Bonito(ours).generate_tasks(rows(cases), "text", name, SamplingParams())
        assert ours.prompts == theirs.prompts


SCRIPT: Final = """
from datasets import Dataset
from vllm import SamplingParams

from katsuo import Bonito  # was: from bonito import Bonito

bonito = Bonito("fake")
text = Dataset.from_dict({"body": [f"Berth {n} closes in a storm of {n} knots." for n in range(9)]})
how = SamplingParams(max_tokens=256, top_p=0.95, temperature=0.5, n=1)
tasks = bonito.generate_tasks(text, context_col="body", task_type="nli", sampling_params=how)
print(len(tasks), *tasks.column_names)
"""


def test_a_script_for_the_library_runs_after_its_import_line_is_changed() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    n_tasks, *columns = done.stdout.strip().splitlines()[-1].split()
    assert 0 < int(n_tasks) <= 9
    assert columns == ["input", "output", "body"]


def test_vllms_sampling_is_followed_and_what_cannot_be_is_refused() -> None:
    from vllm import SamplingParams

    cases = list(ALIKE.values())
    bonito = katsuo.Bonito("fake")
    their = SamplingParams(temperature=0.5, top_p=0.95, max_tokens=64, seed=7)
    our = katsuo.SamplingParams(temperature=0.5, top_p=0.95, max_tokens=64, seed=7)
    found, expected = (
        bonito.generate_tasks(rows(cases), "text", "exqa", params) for params in (their, our)
    )
    assert found.to_list() == expected.to_list()
    for refused in (
        SamplingParams(top_k=5),
        SamplingParams(repetition_penalty=1.2),
        SamplingParams(min_tokens=4),
        SamplingParams(logit_bias={5: 1.0}),
        SamplingParams(stop_token_ids=[5]),
    ):
        with pytest.raises(RecipeError, match="no counterpart here"):
            bonito.generate_tasks(rows(cases), "text", "exqa", refused)


def test_a_column_of_the_dataset_stays_which_the_library_loses() -> None:
    from vllm import SamplingParams

    cases, texts = list(ALIKE.values()), [case.completion for case in ALIKE.values()]
    said = (rows(cases), "text", "ynqa", SamplingParams())
    assert "text" not in recorded(texts).generate_tasks(*said).column_names
    ours = katsuo.Bonito(Recording(texts)).generate_tasks(*said)
    assert ours["text"][:] == [case.passage for case in cases]
