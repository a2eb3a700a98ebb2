"""The seams: what a stage may ask of a model, a filter or an executor.

Each has a real implementation under `models`, `filters` or `executors`, and a
deterministic stand-in in `models.fake`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeAlias, TypeVar, runtime_checkable

from katsuo.errors import RecipeError
from katsuo.types import Pair, Task, Verdict

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How to draw tokens. Defaults are the paper's library (section 3 of its README)."""

    temperature: float = 0.5
    """0 is greedy; above 1 flattens."""
    top_p: float = 0.95
    """Share of probability mass kept, in (0, 1]."""
    max_tokens: int = 256
    """Most new tokens of one draft."""

    def __post_init__(self) -> None:
        if self.temperature < 0:
            raise RecipeError(f"temperature is {self.temperature}; it must be >= 0")
        if not 0 < self.top_p <= 1:
            raise RecipeError(f"top_p is {self.top_p}; it must lie in (0, 1]")
        if self.max_tokens < 1:
            raise RecipeError(f"max_tokens is {self.max_tokens}; it must be >= 1")


GREEDY_SHORT = Sampling(temperature=0.0, top_p=1.0, max_tokens=25)
"""Greedy decoding of at most 25 tokens: the paper's protocol for span answers."""


Shots: TypeAlias = tuple[tuple[str, str], ...]
"""Earlier turns: what the user said, and what was answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """All that a completion may be: one of `only`, or an extract of `within`.

    Where it names neither, a text that begins with a visible sign and has no `<`, so no marker.
    """

    only: tuple[str, ...] = ()
    within: str = ""
    """Whole words that stand in it one behind the other (`extracts.pieces`)."""

    @property
    def is_plain(self) -> bool:
        """Whether any text without a marker will do."""
        return not self.only and not self.within


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One prompt to continue."""

    id: str
    prompt: str
    sampling: Sampling
    seed: int
    chat: bool = False
    """Whether `prompt` is a user's turn, to be put through the model's own chat template."""
    stop: tuple[str, ...] = ()
    """Strings that end the draft; they are not part of the completion."""
    shots: Shots = ()
    """Worked examples, as earlier turns of the conversation; chat only."""
    thinking: bool = False
    """Whether a model that can be told may think before it answers; chat only."""
    hold: Hold | None = None
    """What the completion must be; asked only of engines that can hold to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """What a model wrote for the request with the same id."""

    id: str
    text: str
    finished: bool
    """Whether the model ended by itself, rather than at the token limit."""
    failure: str = ""
    """A slug when the engine could not serve the request, such as `prompt-too-long`."""
    n_tokens: int = 0
    """New tokens drawn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One prompt and the continuations to compare."""

    id: str
    prompt: str
    choices: tuple[str, ...]
    chat: bool = True
    """Whether `prompt` is a user's turn, to be put through the model's own chat template."""
    shots: Shots = ()
    """Worked examples, as earlier turns of the conversation; chat only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """How likely each choice is after the prompt, in the order of the question's choices."""

    id: str
    nats: tuple[float, ...]
    """Summed log-likelihood of each choice, its end token included."""
    n_tokens: tuple[int, ...]
    """Tokens of each choice, its end token included."""


class Completes(Protocol):
    """A model that continues prompts.

    Every request comes back exactly once, in the order of the requests. A call
    enters an empty engine as one unit, so the same requests give the same
    completions whatever ran before.
    """

    def complete(self, requests: Sequence[Request]) -> Iterator[Completion]:
        """Continue every prompt."""
        ...


class Ranks(Protocol):
    """A model that says how likely each choice is after a prompt."""

    def rank(self, questions: Iterable[Question]) -> Iterator[Ranked]:
        """Rank the choices of every question, in the order of the questions."""
        ...


class Weighs(Ranks, Protocol):
    """A model that also says how likely whole texts are."""

    def perplexity(self, texts: Iterable[str]) -> tuple[float, int]:
        """Nats and tokens of all `texts` together; the perplexity is exp(nats / tokens)."""
        ...


class Embeds(Protocol):
    """A model that says where texts lie by meaning: near each other where they mean the same."""

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """A row of length 1 for each of `texts`, in their order; of zeros where it has no token."""
        ...


@runtime_checkable
class Filter(Protocol):
    """Judges one task alone, so that it runs on any shard."""

    def judge(self, tasks: Sequence[Task]) -> list[Verdict]:
        """One verdict per task, in the order of `tasks`."""
        ...


@runtime_checkable
class Measured(Filter, Protocol):
    """A filter that decides by a score which a reader has to measure first."""

    measures: ClassVar[str]
    """Name of the score in a task's `scores`."""
    reader: str
    """The model that measures it; where it is empty the target model, or the generator."""


@runtime_checkable
class Rewriter(Protocol):
    """Puts other words into one task alone, or drops it; the ids and all offsets stay."""

    def rewrite(self, tasks: Sequence[Task]) -> list[Task | Verdict]:
        """For each task the one to go on with, or the verdict that drops it, in their order."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """What a whole-set selector may know of a task: never the full row."""

    id: str
    type: str
    score: float
    """The product of the task's scores; 1 where none was measured."""
    text: str
    """The instruction without its context, and the response: what makes two tasks twins."""
    labels: tuple[str, ...] = ()
    """The only answers of a task type of the user's own, whose name `type` then is."""
    document: str = ""
    """Id of the document that the task is about; empty where nobody asks for it."""


@runtime_checkable
class Selector(Protocol):
    """Decides over the whole set, in one deterministic pass over signatures."""

    def select(self, rows: Iterable[Signature]) -> Iterator[tuple[str, Verdict]]:
        """A verdict for every id that came in."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TuneReport:
    """What a tuning run did."""

    steps: int
    epochs: float
    target_tokens: int
    """Tokens that carried loss, over all epochs."""
    trained_tokens: int
    """Tokens the model read, padding not counted, over all epochs."""
    first_loss: float
    last_loss: float
    seconds: float


class Tunes(Protocol):
    """A trainer that turns a base model and pairs into an adapter folder."""

    def tune(self, pairs: Sequence[Pair], into: Path) -> TuneReport:
        """Tune on `pairs`; resume from the checkpoint in `into` when there is one."""
        ...


Work = TypeVar("Work")
Done = TypeVar("Done")
_Given = TypeVar("_Given", contravariant=True)
_Made = TypeVar("_Made", covariant=True)

Hear: TypeAlias = Callable[[Any], None]
"""Called with what work says about its progress."""


class Duty(Protocol[_Given, _Made]):
    """What is done with every shard: a value, so that it can be sent to where it is done.

    A shard may be tried again after its worker died, so work finds what it finished before.
    """

    def named(self, shard: _Given, /) -> str:
        """What to call a shard before a person."""
        ...

    def open(self, say: Hear) -> Callable[[_Given], _Made]:
        """The work, in the process that does it; what is heavy is opened once, when needed."""
        ...


@runtime_checkable
class Narrows(Protocol[Work]):
    """A duty that can look closer at a shard at which workers keep dying."""

    def closer(self, shard: Work, /) -> Work | None:
        """The shard to try after another death, in narrower bounds; None to give it up.

        It ends: after so many deaths it is None, whatever the workers die of.
        """
        ...


class Executor(Protocol):
    """Where shards run: this process, several processes, a cluster."""

    def map(self, duty: Duty[Work, Done], shards: Iterable[Work], hear: Hear) -> Iterator[Done]:
        """Do `duty` with every shard; results come in the order of the shards.

        Args:
            duty: Opened once by every worker.
            shards: Taken when there is room for them.
            hear: Called here, with what the workers say.

        Raises:
            KatsuoError: As the work raised it.
            WorkerError: If workers keep dying at one shard.
        """
        ...
