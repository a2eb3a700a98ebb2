"""How is the target adapted: arms and the trainer's settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from pydantic import Field, field_validator

from katsuo.sections.remixing import Remix
from katsuo.sections.section import NAME, Filters, Section

_TAKEN_ARMS: Final = ("zero_shot", "few_shot")


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
    """Of AdamW."""
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
            if not NAME.fullmatch(name) or name in _TAKEN_ARMS:
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
