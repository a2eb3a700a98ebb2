"""The sections of a recipe: what can be asked for, and its defaults.

Frozen models, strict about unknown keys. Every section has defaults, so that a
recipe with only `ingest.paths` ingests.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from katsuo.errors import RecipeError
from katsuo.protocols import Sampling
from katsuo.types import TaskType
from katsuo.wire import Wish

Filters = list[str | dict[str, dict[str, Any] | None]]
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_TAKEN_ARMS: Final = ("zero_shot", "few_shot")


class Section(BaseModel):
    """A part of a recipe: unknown keys are errors, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


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


class Generate(Section):
    """Passages in, task drafts out."""

    generator: str = "smollm2-135m-bonito"
    """A bundled name, a model or adapter folder, or a hub id such as BatsResearch/bonito-v1."""
    engine: Literal["auto", "openvino", "hf", "fake"] = "auto"
    """`auto` is OpenVINO where it can read the model."""
    format: Literal["auto", "bonito-v1", "katsuo-v1", "prompted-v1", "prompted-3shot-v1"] = "auto"
    """`auto` is what the generator was taught; a model that was taught none is prompted."""
    weights: Literal["F16", "Q8_0"] = "F16"
    """Form of the weights in OpenVINO: F16 is more exact, Q8_0 takes half the memory."""
    task_types: list[TaskType] = [TaskType.YNQA, TaskType.EXQA, TaskType.NLI]
    """Short or long names of the sixteen task types."""
    per_context: int = Field(default=1, ge=1, le=64)
    """Drafts of each type from each passage."""
    endpoint: str | None = None
    """An OpenAI-compatible server, such as http://127.0.0.1:8080/v1, that has the generator:
    passages are sent there. Without one, nothing leaves this machine."""
    key_env: str = "KATSUO_ENDPOINT_KEY"
    """Environment variable that holds the server's key, where it wants one."""
    concurrency: int = Field(default=8, ge=1, le=256)
    """Requests at a time to the server."""
    timeout: float = Field(default=120.0, gt=0)
    """Seconds that the server may take for one answer."""
    steered: bool = False
    """Tell the generator the answer of each draft: every label as often, names and figures of the
    passage. Wants a generator that was taught `katsuo-v1`."""
    labels: dict[TaskType, dict[str, str]] = {}
    """The only answers of a task type, each with a description or an empty text:
    `topic_class: {fees: what berths cost, safety: ""}`. Wants a generator that was taught
    `katsuo-v1`."""
    temperature: float = Sampling().temperature
    top_p: float = Sampling().top_p
    max_tokens: int = Sampling().max_tokens

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
        apart = ("endpoint", "key_env", "concurrency", "timeout")
        kept = ("endpoint",) if self.endpoint else ()
        stated = {name: value for name, value in found.items() if name not in apart or name in kept}
        # Without a use, keys are as they were before there was a choice.
        later = {"steered": False, "labels": {}}
        return {name: value for name, value in stated.items() if value != later.get(name, ...)}

    @property
    def sampling(self) -> Sampling:
        """The sampling part of these settings, checked."""
        return Sampling(temperature=self.temperature, top_p=self.top_p, max_tokens=self.max_tokens)


class Remix(Section):
    """Annotated datasets in, tasks out."""

    folder: str = "$KATSUO_DATA/sources"
    """Folder that holds one folder of Parquet files per source."""
    sources: list[str] | None = None
    """Names of the bundled sources to use; all of them where it is null."""
    promptsource: str | None = None
    """Folder of promptsource template files, in place of the bundled templates."""
    types: str | None = None
    """For `promptsource`: a table of each dataset's passage field and its templates' types."""
    cap_per_source: int | None = Field(default=None, ge=1)
    """Most tasks of one source; the paper takes 100,000."""
    cap_per_type: int | None = Field(default=None, ge=1)
    caps: dict[TaskType, int] = {}
    """Most tasks of single types, in place of `cap_per_type`."""
    total: int | None = Field(default=None, ge=1)
    """Tasks of all types together, shared out among the types by what their sources hold, to the
    power of 1 / `temperature`."""
    temperature: float = Field(default=2.0, ge=1)
    """1 takes the types as they come; the larger, the more alike their shares."""
    turns: dict[str, int] = {}
    """Folder of a source -> rows that it gives when its turn comes, in place of one: the best
    sources may give more."""
    tasks_per_row: int = Field(default=1, ge=1)
    unanswerable: float = Field(default=1 / 3, ge=0, le=1)
    """Share of the tasks of templates with an answer for that case whose passage is another's."""
    against: list[str] = []
    """Files and folders of evaluation texts: a task that shares 13 words in a row with one of them
    is turned away."""
    fresh: bool = False
    """Whether near twins are left out, too; exact ones always are."""
    tier: Literal["permissive", "all"] = "permissive"
    """`all` takes sources, too, whose licences forbid or do not name a published model; for
    research, and the card says so. No bundled source is of that kind yet."""
    restricted_folder: str = "$KATSUO_DATA/sources-restricted"
    """Folder of those sources."""
    max_context_chars: int = Field(default=2400, ge=100)

    @model_validator(mode="after")
    def _with_table(self) -> Remix:
        if (self.promptsource is None) != (self.types is None):
            raise ValueError("promptsource and types go together: templates, and a table of them")
        if self.total is not None and (self.cap_per_type is not None or self.caps):
            raise ValueError("total shares out all types, so cap_per_type and caps have no place")
        return self

    @field_validator("caps", mode="before")
    @classmethod
    def _named(cls, caps: object) -> object:
        if not isinstance(caps, dict):
            return caps
        return {TaskType.named(str(name)): cap for name, cap in caps.items()}


class Arm(Section):
    """One way to adapt the base: what it learns, and how it differs from the recipe."""

    learn: Literal["tasks", "passages", "elsewhere", "remix"] = "tasks"
    """Tasks from the documents; the passages themselves; tasks from `adapt.elsewhere`; or
    human-written tasks of the same types, from `adapt.remix`."""
    generate: dict[str, Any] = {}
    """Changes of the section `generate`: another generator makes this arm's tasks."""
    curate: Filters | None = None
    """Other filters than the recipe's."""
    adapt: dict[str, Any] = {}
    """Changes of the section `adapt`, such as `max_tasks`."""
    book: Literal["open", "closed", "both"] = "open"
    """Whether the passage stands in what is learned; `both` learns every task twice."""
    replay: float = Field(default=0.0, ge=0, lt=1)
    """Share of the pairs that are human-written tasks of any type, from `adapt.remix`."""
    after: str = ""
    """An earlier arm whose adapter this one goes on from."""


KNOWN_ARMS: Mapping[str, Arm] = {
    "tapt": Arm(learn="passages"),
    "tasks": Arm(),
    "tasks_elsewhere": Arm(learn="elsewhere"),
    "remix_only": Arm(learn="remix"),
}
"""Arms that a recipe need only name."""


class Adapt(Section):
    """Tasks in, adapters out."""

    base: str = "smollm2-135m"
    """The target: a bundled name, a model or adapter folder, or a hub id."""
    arms: list[str | dict[str, Arm | None]] = ["tapt", "tasks"]
    """`tapt` reads the same passages for as many steps; `tasks_elsewhere` and `remix_only` are
    control arms; others by a name of yours and their settings: `- short: {adapt: {max_tasks: 50}}`.
    """
    seeds: int = Field(default=1, ge=1, le=20)
    """Tunings of each arm: other tasks drawn, another order, other first weights."""
    elsewhere: list[str] = []
    """Files and folders of unrelated text for the arm `tasks_elsewhere`."""
    remix: Remix = Remix(cap_per_type=2000)
    """Where human-written tasks come from, for `remix_only` and for replay."""
    max_tasks: int | None = Field(default=None, ge=1)
    """Train on at most so many tasks, drawn by seed."""
    method: Literal["lora", "full", "qlora"] = "lora"
    """What is learned: a LoRA; every weight, which wants a learning rate ten to fifty times lower
    and leaves a whole model per tuning on the disk; or a LoRA on a base in 4 bits, on a GPU."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to tune; `auto` is the GPU if there is one."""
    epochs: float = Field(default=1.0, gt=0)
    """How often every task is seen, where `max_steps` says nothing else."""
    max_steps: int | None = Field(default=None, ge=1)
    """Exactly so many optimizer steps, over as many epochs as that takes."""
    learning_rate: float = Field(default=5e-4, gt=0)
    """Its peak, behind the warm-up; then it falls linearly to 0."""
    warmup_fraction: float = Field(default=0.03, ge=0, lt=1)
    """Share of the steps in which the learning rate rises."""
    weight_decay: float = Field(default=0.0, ge=0)
    grad_clip: float = Field(default=1.0, gt=0)
    """Longest gradient, as a 2-norm; the paper has 0.3."""
    rank: int = Field(default=16, ge=1)
    """Of each LoRA; `full` has none."""
    alpha: float = Field(default=32, gt=0)
    """A LoRA update is scaled by alpha / rank."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Share of the inputs of each LoRA that is dropped."""
    batch_tokens: int = Field(default=2048, ge=64)
    """Most tokens of one optimizer step."""
    micro_tokens: int | None = Field(default=None, ge=1)
    """Most tokens of one forward and backward pass, where a step is more than memory holds."""
    max_tokens: int = Field(default=1024, ge=16)
    """Longest example; a longer one is dropped with a reason, never cut."""
    precision: Literal["bfloat16", "float32"] = "bfloat16"
    """Of the frozen weights and of matrix products."""
    compile: bool = False
    """Compile the model first: minutes and a C++ compiler, then faster; for long tunings."""
    checkpoint_seconds: float = Field(default=180.0, ge=0)
    """Most work that a kill can cost; with `full`, a checkpoint takes 12 bytes a weight."""

    @field_validator("arms")
    @classmethod
    def _known(cls, arms: list[str | dict[str, Arm | None]]) -> list[str | dict[str, Arm | None]]:
        names = [name for entry in arms for name in ([entry] if isinstance(entry, str) else entry)]
        for entry in arms:
            if isinstance(entry, str) and entry not in KNOWN_ARMS:
                raise ValueError(
                    f"{entry!r} is no arm that is known by its name alone; those are "
                    f"{', '.join(KNOWN_ARMS)}, any other needs settings: - {entry}: {{...}}"
                )
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"{name!r} is there twice")
            if not _NAME.fullmatch(name) or name in _TAKEN_ARMS:
                raise ValueError(f"{name!r} is no name for an arm; write letters, digits, _ and -")
        return arms

    @property
    def arms_by_name(self) -> dict[str, Arm]:
        """The arms, in the order of the recipe."""
        found: dict[str, Arm] = {}
        for entry in self.arms:
            for name, arm in ({entry: None} if isinstance(entry, str) else entry).items():
                found[name] = arm or KNOWN_ARMS.get(name) or Arm()
        return found


class Harm(Section):
    """Whether adaptation ruined what the base could do; katsuo's own general questions."""

    check: bool = True
    arms: list[str] = ["tasks"]
    """The arms that are checked, where they are there."""
    max_fall: float = Field(default=5.0, ge=0)
    """Most points that the mean over the general sets may fall before the model is rejected."""
    max_perplexity: float = Field(default=1.25, ge=1)
    """Most that perplexity on general text may rise, as a ratio."""


class Evaluate(Section):
    """Arms in, scores out."""

    sets: list[str] = []
    """Parquet or JSONL files with the columns id, context, question (or claim, or hypothesis),
    and label or answers; source_document where several probes share a document."""
    held_out: float = Field(default=0.0, ge=0, lt=1)
    """Share of the documents that nothing is learned from. Without `sets` and `questions`, the
    tasks made of them are asked: marked as generated, for nobody has checked them."""
    questions: list[str] = []
    """JSON Lines of your own questions about documents of this run, which are held out first:
    `question`, `document` (its file), `answers` or `label`; `context` where katsuo shall not look
    for the passage itself."""
    part: Literal["all", "dev", "test"] = "all"
    """A fixed split of every set by document: 40 % dev for choices, 60 % test for results."""
    prompts: int = Field(default=5, ge=1, le=5)
    """Prompts asked of every probe; the paper's protocol is five."""
    few_shot: int = Field(default=0, ge=0, le=3)
    """Worked examples before every question, in an arm `few_shot` of its own."""
    cross: bool = False
    """With `domains`: ask the sets of each domain of the adapters of all others, too."""
    max_probes: int | None = Field(default=None, ge=1)
    """At most so many probes of each set, drawn by seed."""
    max_context_chars: int = Field(default=6000, ge=100)
    """Longer contexts are cut at the end, never the question; the report counts them."""
    harm: Harm = Harm()

    @property
    def stated(self) -> dict[str, Any]:
        """These settings as the manifest states them and the stage's key holds them."""
        found = self.model_dump(mode="json")
        later = {"held_out": 0.0, "questions": []}  # without a use, keys are as before them
        return {name: value for name, value in found.items() if value != later.get(name, ...)}


class Recipe(Section):
    """A whole run."""

    name: str = "run"
    seed: int = 0
    """The root of all chance."""
    limit: int | None = Field(default=None, ge=1)
    """At most so many passages."""
    ingest: Ingest = Ingest()
    generate: Generate = Generate()
    curate: Filters = ["well_formed", "grounded", "fresh"]
    """Filters by name, each with its settings: `- grounded: {max_answer_words: 40}`."""
    adapt: Adapt = Adapt()
    evaluate: Evaluate = Evaluate()
    domains: dict[str, dict[str, Any]] = {}
    """A study over several bodies of text: name -> changes of this recipe, section by section."""

    @field_validator("domains")
    @classmethod
    def _named_plainly(cls, domains: dict[str, Any]) -> dict[str, Any]:
        for name in domains:
            if not _NAME.fullmatch(name):
                raise ValueError(f"{name!r} is no name for a domain; write letters, digits, _, -")
        return domains

    @property
    def filters(self) -> list[tuple[str, dict[str, Any]]]:
        """The filters to run, in order: name and settings."""
        chosen: list[tuple[str, dict[str, Any]]] = []
        for entry in self.curate:
            if isinstance(entry, str):
                chosen.append((entry, {}))
            else:
                chosen.extend((name, settings or {}) for name, settings in entry.items())
        return chosen
