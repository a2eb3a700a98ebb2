"""What does an arm answer to the probes of a set?

    probes, prompts  ──▶ Question ──rank──────▶ nats of each choice ──▶ Prediction
                    └──▶ Request  ──complete──▶ a span              ──▶ Prediction

Closed questions are ranked, span questions are completed greedily in at most 25
tokens (paper, section 6). Every prompt of every probe gives one prediction; one
that the model could not serve has the prediction None and counts as wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from katsuo.errors import RecipeError
from katsuo.protocols import GREEDY_SHORT, Completes, Question, Ranks, Request, Sampling, Shots
from katsuo.scoring import choice
from katsuo.scoring.predictions import Prediction
from katsuo.scoring.prompts import Prompt
from katsuo.scoring.thinking import has_thought
from katsuo.seeds import derive
from katsuo.types import Probe

BATCH: Final = 512
"""Prompts handed to a model as one unit."""
FREE: Final = Sampling(temperature=0.0, top_p=1.0, max_tokens=64)
"""Greedy decoding of free answers."""
THINKING: Final = Sampling(temperature=0.6, top_p=0.95, max_tokens=1024)
"""Room to think a simple question through. Not greedy, for then small models repeat themselves
and never come to an end; the seeds are fixed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluateSettings:
    """Who is asked, and how much of a passage is shown."""

    arm: str
    seed: int = 0
    """Seed of the arm's tuning, recorded with each prediction; 0 where nothing was tuned."""
    max_context_chars: int = 6000
    """Longer contexts lose their end, at a word boundary; the question is never cut."""
    shots: Mapping[str, Shots] = field(default_factory=dict)
    """Prompt id -> worked examples that stand before every question as earlier turns."""
    free: bool = False
    """Whether answers may be long and have several lines, as those that a program checks."""

    def __post_init__(self) -> None:
        if self.max_context_chars < 1:
            raise RecipeError(
                f"evaluate.max_context_chars is {self.max_context_chars}; it must be >= 1"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """A probe put in one prompt's words."""

    probe: Probe
    prompt: Prompt
    text: str

    @property
    def id(self) -> str:
        return f"{self.probe.set}/{self.probe.id}/{self.prompt.id}"


def evaluate(
    probes: Iterable[Probe],
    prompts: Sequence[Prompt],
    ranks: Ranks | None,
    completes: Completes | None,
    settings: EvaluateSettings,
) -> Iterator[Prediction]:
    """One prediction per probe and prompt, by probe and then by prompt.

    Args:
        probes: Of one set.
        prompts: Of the same set, as `prompts_of` gives them.
        ranks: Answers closed questions; None where the set has none.
        completes: Answers all others; may be the same model, and None where there are none.
        settings: The arm and its seed.
    """
    asked = (
        _Asked(probe=probe, prompt=prompt, text=prompt.text(context, probe.question))
        for probe in probes
        for context in [fitted(probe.context, settings.max_context_chars)]
        for prompt in prompts
    )
    while batch := list(islice(asked, BATCH)):
        if batch[0].prompt.choices:
            assert ranks is not None, "a closed set needs a model that ranks"
            yield from _ranked(batch, ranks, settings)
        else:
            assert completes is not None, "an open set needs a model that completes"
            yield from _completed(batch, completes, settings)


def n_thinking(
    questions: Sequence[str], completes: Completes, *, opened: bool = False, seed: int = 0
) -> int:
    """Before how many answers the model thinks, in the mode that its chat template begins in.

    Args:
        questions: Each a user's turn, asked freely.
        completes: The model.
        opened: Whether its chat template opens the block itself.
        seed: Root of the draws.
    """
    requests = [
        Request(
            id=str(number),
            prompt=question,
            sampling=THINKING,
            seed=derive(seed, "thinking", str(number)),
            chat=True,
            thinking=True,
        )
        for number, question in enumerate(questions)
    ]
    answers = completes.complete(requests)
    return sum(has_thought(one.text, opened=opened) for one in answers if not one.failure)


def fitted(context: str, max_chars: int) -> str:
    """The beginning of `context`, at most `max_chars` long, cut between words where it can be."""
    if len(context) <= max_chars:
        return context
    head = context[:max_chars]
    ends_in_word = not (head[-1].isspace() or context[max_chars].isspace())
    if ends_in_word and len(parts := head.rsplit(maxsplit=1)) > 1:
        head = parts[0]
    return head.rstrip()


def n_trimmed(probes: Iterable[Probe], max_context_chars: int) -> int:
    """How many probes do not show their whole context."""
    return sum(len(probe.context) > max_context_chars for probe in probes)


def _ranked(
    batch: Sequence[_Asked], ranks: Ranks, settings: EvaluateSettings
) -> Iterator[Prediction]:
    questions = [
        Question(
            id=asked.id,
            prompt=asked.text,
            choices=asked.prompt.choices,
            chat=True,
            shots=settings.shots.get(asked.prompt.id, ()),
        )
        for asked in batch
    ]
    for asked, ranked in zip(batch, ranks.rank(questions), strict=True):
        assert ranked.id == asked.id, f"asked {asked.id}, ranked {ranked.id}"
        index = choice.best(ranked.nats)
        label = None if index is None else asked.prompt.labels[index]
        yield _prediction(asked, settings, label, (ranked.nats, ranked.n_tokens))


def _completed(
    batch: Sequence[_Asked], completes: Completes, settings: EvaluateSettings
) -> Iterator[Prediction]:
    requests = [
        Request(
            id=asked.id,
            prompt=asked.text,
            sampling=FREE if settings.free else GREEDY_SHORT,
            seed=derive(settings.seed, "evaluate", asked.id),
            chat=True,
            stop=() if settings.free else ("\n",),
            shots=settings.shots.get(asked.prompt.id, ()),
        )
        for asked in batch
    ]
    for asked, completion in zip(batch, completes.complete(requests), strict=True):
        assert completion.id == asked.id, f"asked {asked.id}, completed {completion.id}"
        span = None if completion.failure else completion.text.strip()
        yield _prediction(asked, settings, span, ((), ()))


def _prediction(
    asked: _Asked,
    settings: EvaluateSettings,
    answer: str | None,
    measured: tuple[tuple[float, ...], tuple[int, ...]],
) -> Prediction:
    probe = asked.probe
    return Prediction(
        arm=settings.arm,
        set=probe.set,
        probe_id=probe.id,
        document_id=probe.document_id,
        prompt_id=asked.prompt.id,
        seed=settings.seed,
        prompt=asked.text,
        choices=asked.prompt.choices,
        nats=measured[0],
        n_tokens=measured[1],
        prediction=answer,
        gold=probe.answers if probe.label is None else (probe.label,),
    )
