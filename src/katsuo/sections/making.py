"""How do documents become task drafts: ingest and generate."""

from __future__ import annotations

import re
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import Field, ValidationInfo, field_validator, model_validator

from katsuo.errors import RecipeError
from katsuo.mending import Decoding
from katsuo.protocols import Sampling
from katsuo.readers.limits import DEFAULT, Limits
from katsuo.sections.owning import Own
from katsuo.sections.section import Section
from katsuo.types import TaskType
from katsuo.wire import Wish
from katsuo.wishes import VOICES

SHARD_PASSAGES: Final = 64
"""Of a shard by default: with three task types about 30 s of work on two cores."""
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MANNER: Final = ("key_env", "concurrency", "timeout", "requests_per_minute", "patience")
"""How a server is asked, which decides no answer."""


class Ingest(Section):
    """Documents in, passages out."""

    paths: list[str] = []
    """Files and folders; `$KATSUO_DATA` and other variables are filled in."""
    text_column: str | None = None
    """Column that holds the text of csv, jsonl, parquet files and dataset folders."""
    max_tokens: int = Field(default=400, ge=16, le=8192)
    """Longest passage, in tokens of the target model's tokenizer."""
    min_words: int = Field(default=8, ge=1)
    """Passages with fewer words are dropped."""
    max_file_mib: float = Field(default=DEFAULT.max_mib, gt=0, allow_inf_nan=False)
    """Largest file that is read whole, in MiB, and longest row of a table; a larger one leaves a
    line in the ledger."""
    file_seconds: float = Field(default=DEFAULT.seconds, gt=0, allow_inf_nan=False)
    """Processor seconds for reading a file, and half as many again for each MiB of it."""
    file_memory_mib: int = Field(default=DEFAULT.memory_mib, ge=192)
    """Memory for reading a file, in MiB, and 8 times the file."""
    shard_passages: int = Field(default=SHARD_PASSAGES, ge=1)
    """Most passages of a shard, which is what one worker does at a time and what is lost where it
    dies; a GPU takes hundreds at once."""

    @property
    def limits(self) -> Limits:
        """What reading one file may cost."""
        return Limits(
            max_mib=self.max_file_mib, seconds=self.file_seconds, memory_mib=self.file_memory_mib
        )

    @property
    def stated(self) -> dict[str, Any]:
        """These settings as keys of finished files hold them: limits only where they are others."""
        later = {"max_file_mib", "file_seconds", "file_memory_mib"}
        said = self.model_dump(mode="json", exclude_defaults=True, include=later)
        return {**self.model_dump(mode="json", exclude={"paths", "shard_passages", *later}), **said}


class Budget(Section):
    """Drafts by what a passage holds, in place of a fixed number."""

    per_100_words: float = Field(default=1.0, gt=0, allow_inf_nan=False)
    """Drafts of each type for a hundred words that no earlier passage of the document has."""
    at_most: int = Field(default=8, ge=1, le=64)
    """Drafts of each type from one passage; every passage gets one."""


class Vllm(Section):
    """How vLLM lies on its devices."""

    tensor_parallel: int = Field(default=1, ge=1, le=64)
    """GPUs that share each layer, for a generator that is too large for one."""
    memory_fraction: float = Field(default=0.9, gt=0, lt=1)
    """Share of each GPU's memory that it takes, weights and cache together."""
    dtype: Literal["bfloat16", "float16", "float32", "auto"] = "bfloat16"
    """Of weights and products: float16 for GPUs that lack bfloat16, auto as the model says."""


class Generate(Section):
    """Passages in, task drafts out."""

    generator: str = "smollm2-135m-bonito"
    """A bundled name, a model or adapter folder, or a hub id such as BatsResearch/bonito-v1."""
    engine: Literal["auto", "openvino", "hf", "vllm", "fake"] = "auto"
    """`auto` is OpenVINO where it can read the model; on a CUDA device vLLM where it is installed,
    else transformers (hf). `katsuo doctor` says which. vLLM writes drafts alone: models that are
    measured are served as `auto` says."""
    vllm: Vllm = Vllm()
    """How vLLM lies on its devices: `{tensor_parallel: 2, memory_fraction: 0.8}`."""
    format: Literal["auto", "bonito-v1", "katsuo-v1", "prompted-v1", "prompted-3shot-v1"] = "auto"
    """`auto` is what the generator was taught; a model that was taught none is prompted."""
    weights: Literal["F16", "Q8_0"] = "F16"
    """Form of the weights in OpenVINO: F16 is more exact, Q8_0 takes half the memory."""
    task_types: list[TaskType] = [TaskType.YNQA, TaskType.EXQA, TaskType.NLI]
    """Short or long names of the sixteen task types; none by default beside `tasks`."""
    per_context: int = Field(default=1, ge=1, le=64)
    """Drafts of each type from each passage."""
    budget: Budget | None = None
    """Drafts of each type by a passage's length and what is new in it, in place of `per_context`:
    `{per_100_words: 1.0, at_most: 8}`."""
    passes: int = Field(default=1, ge=1, le=2)
    """2 asks again about sentences that no task worth keeping has its evidence in: as many drafts
    as before from a passage, none where nothing is left. Wants the filter `grounded`."""
    endpoint: str | None = None
    """An OpenAI-compatible server, such as http://127.0.0.1:8080/v1, that has the generator:
    passages are sent there. Without one, nothing leaves this machine."""
    key_env: str = "KATSUO_ENDPOINT_KEY"
    """Environment variable that holds the server's key, where it wants one."""
    concurrency: int = Field(default=8, ge=1, le=256)
    """Requests at a time to the server."""
    timeout: float = Field(default=120.0, gt=0)
    """Seconds that the server may take for one answer."""
    requests_per_minute: float | None = Field(default=None, ge=0.1, le=1e6)
    """Most requests to the server in a minute, evenly spaced; without one, as many as it takes."""
    patience: float = Field(default=120.0, ge=0, le=86400)
    """Seconds that a server is waited for, counted from a request's first failure, which is busy,
    broken or away; also the longest `Retry-After` that is followed."""
    steered: bool = False
    """Tell the generator the answer of each draft: every label as often, names and figures of the
    passage. Wants a generator that was taught `katsuo-v1`."""
    labels: dict[TaskType, dict[str, str]] = {}
    """The only answers of a task type, each with a description or an empty text:
    `topic_class: {fees: what berths cost, safety: ""}`. Wants a generator that was taught
    `katsuo-v1`."""
    voices: list[str] | None = Field(default=None, min_length=1)
    """How tasks are put, each drawn as often: plain, exam, chat, editor, clerk, form, support,
    quiz, search. Without any, a steered generator hears those that were taught with the labels it
    is told, and another none. Wants a generator that was taught `katsuo-v1`."""
    decoding: Decoding = "free"
    """`mended`: a draft that is no task, or answers with what its instruction or its passage does
    not have, gets another response that is held to what it may be; `held`: every draft does.
    Wants a generator that was taught `bonito-v1` or `katsuo-v1`."""
    tasks: dict[str, Own] = {}
    """Task types of your own, by name, or a file of them that several recipes share."""
    temperature: float = Field(default=Sampling().temperature, ge=0)
    """Of drawing tokens: 0 always takes the likeliest, above 1 flattens."""
    top_p: float = Field(default=Sampling().top_p, gt=0, le=1)
    """Share of probability mass that tokens are drawn from, in (0, 1]."""
    max_tokens: int = Field(default=Sampling().max_tokens, ge=1)
    """Most new tokens of one draft, at least 1."""

    @model_validator(mode="before")
    @classmethod
    def _alone(cls, given: object) -> object:
        if isinstance(given, dict) and given.get("tasks") and "task_types" not in given:
            return {**given, "task_types": []}
        return given

    @field_validator("task_types", mode="before")
    @classmethod
    def _named(cls, names: object) -> object:
        return [TaskType.named(str(name)) for name in names] if isinstance(names, list) else names

    @field_validator("labels", mode="before")
    @classmethod
    def _labelled(cls, labels: object) -> object:
        if not isinstance(labels, dict):
            return labels
        return {TaskType.named(str(name)): told for name, told in labels.items()}

    @field_validator("labels")
    @classmethod
    def _sayable(cls, labels: dict[TaskType, dict[str, str]]) -> dict[TaskType, dict[str, str]]:
        for kind, told in labels.items():
            if not kind.labelled:
                raise ValueError(f"{kind} has no labels of its own; leave it out")
            if len(told) < 2:
                raise ValueError(f"{kind} has {len(told)} label; name two or more")
            Wish(type=kind, labels=tuple(told.items()))  # raises where one cannot be said
        return labels

    @field_validator("voices")
    @classmethod
    def _known(cls, voices: list[str] | None) -> list[str] | None:
        for voice in voices or ():
            if voice not in VOICES:
                raise ValueError(f"{voice!r} is no voice; the voices are {', '.join(VOICES)}")
        return voices

    @field_validator("endpoint")
    @classmethod
    def _address(cls, url: str | None, given: ValidationInfo) -> str | None:
        if url is None:
            return None
        parts = urlsplit(url)
        if "@" in parts.netloc or parts.query or parts.fragment:
            # No ValueError: its message would repeat what may be a secret.
            raise RecipeError(
                "generate.endpoint holds a name, a password or a query; put the key into the "
                "environment variable that generate.key_env names"
            )
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("no address; write it like http://127.0.0.1:8080/v1")
        if (engine := given.data.get("engine", "auto")) != "auto":
            raise ValueError(f"no place for the engine {engine}: a server has its own; leave auto")
        return url.rstrip("/")

    @field_validator("key_env")
    @classmethod
    def _variable(cls, name: str) -> str:
        if not _VARIABLE.fullmatch(name):
            raise RecipeError(
                "generate.key_env is no name of an environment variable; write the name, such as "
                "KATSUO_ENDPOINT_KEY, and the key into that variable, never into a recipe"
            )
        return name

    @property
    def stated(self) -> dict[str, Any]:
        """These settings as manifests state them and keys hold them: without an endpoint, none."""
        found = self.model_dump(mode="json")
        apart = ("endpoint", *_MANNER)
        kept = ("endpoint",) if self.endpoint else ()
        stated = {name: value for name, value in found.items() if name not in apart or name in kept}
        for own in stated["tasks"].values():
            del own["checks"]  # they are curation's
        # Without a use, keys are as they were before there was a choice.
        later: dict[str, Any] = {
            "vllm": Vllm().model_dump(),
            "budget": None,
            "passes": 1,
            "steered": False,
            "labels": {},
            "voices": None,
            "decoding": "free",
            "tasks": {},
        }
        said = {name: value for name, value in stated.items() if value != later.get(name, ...)}
        # What a steered generator is told is drawn otherwise since labels and voices go together.
        return {**said, "told": "in manners"} if self.steered else said

    @property
    def sampling(self) -> Sampling:
        """The sampling part of these settings, checked."""
        return Sampling(temperature=self.temperature, top_p=self.top_p, max_tokens=self.max_tokens)
