"""How is it shown whether adaptation helped: evaluate and the gate."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from katsuo.sections.section import Section


class Harm(Section):
    """Whether adaptation ruined what the base could do; katsuo's own general questions."""

    check: bool = True
    """Whether the general questions are asked at all."""
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
