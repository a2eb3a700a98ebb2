"""In which words is a probe asked?

`prompts.yaml` holds five prompts for each kind of task. A prompt states the
passage, the question and the words to choose from, and maps each label of the
set to the word that is ranked for it. Every arm reads the same texts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final, TypedDict

import yaml
from jinja2 import StrictUndefined, Template
from jinja2.sandbox import ImmutableSandboxedEnvironment

from katsuo.errors import RecipeError
from katsuo.scoring.probes import Kind, SetSpec

N_PROMPTS: Final = 5
"""Prompts of each kind (paper, section 6)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """One way to ask the probes of one set."""

    id: str
    source: str
    """Jinja text, rendered in a sandbox."""
    labels: tuple[str, ...] = ()
    """The set's labels, empty for a span set."""
    roles: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    """The word that is ranked for each label, in the order of `labels`."""

    def text(self, context: str, question: str) -> str:
        """The user's turn about `context` and `question`."""
        return (
            _compiled(self.source)
            .render(
                context=context,
                question=question,
                offer=_offer(self.choices),
                word=dict(zip(self.roles, self.choices, strict=True)),
            )
            .strip()
        )


def prompts_of(spec: SetSpec, n_prompts: int = N_PROMPTS) -> tuple[Prompt, ...]:
    """The first `n_prompts` prompts for the set; only labels that occur in it are offered.

    Raises:
        RecipeError: If `n_prompts` does not lie in 1 to 5.
    """
    if not 1 <= n_prompts <= N_PROMPTS:
        raise RecipeError(f"evaluate.prompts is {n_prompts}; it must lie in 1 to {N_PROMPTS}")
    return tuple(
        Prompt(
            id=entry["id"],
            source=entry["text"],
            labels=spec.labels,
            roles=spec.roles,
            choices=_choices(entry.get("choices"), spec),
        )
        for entry in _book()[spec.kind.value][:n_prompts]
    )


class _Entry(TypedDict, total=False):
    id: str
    text: str
    choices: Mapping[str, str]


def _choices(word_by_role: Mapping[str, str] | None, spec: SetSpec) -> tuple[str, ...]:
    if word_by_role is None:
        return spec.labels
    return tuple(word_by_role[role] for role in spec.roles)


def _offer(words: Sequence[str]) -> str:
    """`Yes, No or Maybe`."""
    return " or ".join(part for part in (", ".join(words[:-1]), "".join(words[-1:])) if part)


@cache
def _book() -> dict[str, list[_Entry]]:
    book: dict[str, list[_Entry]] = yaml.safe_load(
        files("katsuo.scoring").joinpath("prompts.yaml").read_text("utf-8")
    )
    assert set(book) == {kind.value for kind in Kind}, "prompts.yaml has one list for each kind"
    return book


@cache
def _compiled(source: str) -> Template:
    return ImmutableSandboxedEnvironment(undefined=StrictUndefined).from_string(source)
