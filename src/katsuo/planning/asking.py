"""What is asked of every arm: how many prompts of how many tokens, ranked or written?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from katsuo import engines
from katsuo.planning.amounts import Part, Work
from katsuo.planning.making import Made, weights_of
from katsuo.protocols import GREEDY_SHORT
from katsuo.recipe import expand
from katsuo.road.harming import general_suites
from katsuo.road.suites import Suite, suites_of
from katsuo.scoring.probes import Kind
from katsuo.stages.evaluate import FREE, fitted
from katsuo.store import tables
from katsuo.types import Pair, TaskType

_MEASURED_PROBES: Final = 32
"""Of each set, whose prompts are turned into tokens; the others are taken to be as long."""
_SHORT: Final = frozenset({TaskType.EXQA, TaskType.MCQA, TaskType.YNQA, TaskType.TE, TaskType.NLI})
"""Types of which generated questions are asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """One set, as one model is asked it."""

    n_prompts: int
    tokens: float
    """Of all prompts together."""
    ranked: bool
    most_tokens: int = 0
    """Of a written answer."""


def of_sets(domains: Sequence[Made], n_arms: Sequence[int]) -> Work:
    """The stage `evaluate` of a run, or of all domains of a study.

    Args:
        domains: The run alone, or the domains.
        n_arms: Models of each that are asked, the base among them.
    """
    first = domains[0]
    by_domain = [list(_sets(made)) for made in domains]
    asked = [one for sets, n in zip(by_domain, n_arms, strict=True) for one in sets * n]
    if first.recipe.evaluate.cross:
        asked += [one for sets in by_domain for one in sets] * len(domains)
    for made in domains:
        harm = made.recipe.evaluate.harm
        arms = [name for name in harm.arms if name in made.recipe.adapt.arms_by_name]
        if harm.check and arms:
            asked += list(_general(made)) * (len(arms) + (made is first))
    base = engines.find(first.recipe.adapt.base)
    ranks = {"weights": weights_of(base), "device": first.rates.device}
    writes = {**ranks, "engine": _engine(first, base), "form": first.recipe.generate.weights}
    read = sum(one.tokens for one in asked if not one.ranked)
    ranked = sum(one.tokens for one in asked if one.ranked)
    written = sum(one.n_prompts * one.most_tokens for one in asked if not one.ranked)
    manifest = first.done.get("evaluate") if len(domains) == 1 else None
    parts = (
        Part(amount=ranked, rate="ranked_tokens_per_second", facts=ranks),
        Part(amount=read, rate="read_tokens_per_second", facts=writes),
        Part(amount=written, rate="written_tokens_per_second", facts=writes),
    )
    return Work(
        stage="evaluate",
        what=f"{sum(one.n_prompts for one in asked):,} answers of {sum(n_arms)} models",
        ways=(tuple(part for part in parts if part.amount),),
        tokens=read + ranked + written,
        mib=Part(amount=1, rate="evaluate_mib", facts=ranks),
        seconds=float(manifest["seconds"]) if manifest else None,
        notes=("written answers counted as long as they may be",) if written else (),
    )


def _engine(made: Made, base: engines.Named) -> str:
    """What serves the target where it writes answers: never vLLM."""
    if made.rates.here or base.model is None:
        return engines.engine_of(base, made.recipe.generate.engine)
    return "openvino" if made.rates.device == "cpu" else "hf"


def _sets(made: Made) -> Iterator[_Asked]:
    """What one model of a run is asked."""
    asked = made.recipe.evaluate
    for suite in suites_of(made.recipe):
        yield _of_suite(made, suite)
    rows = [
        sum(1 for _ in tables.rows_of(path))
        for path in expand(asked.questions, "evaluate.questions")
    ]
    for n_rows in rows:
        n_probes = min(n_rows, asked.max_probes or n_rows)
        yield _about(made, n_probes * asked.prompts, GREEDY_SHORT.max_tokens)
    if asked.held_out and not asked.sets and not rows:
        yield _about(made, _n_generated(made), GREEDY_SHORT.max_tokens)


def _n_generated(made: Made) -> int:
    """Tasks about held-out documents that have one short right answer."""
    asked = made.recipe.generate
    short = sum(kind in _SHORT for kind in asked.task_types) + len(asked.tasks)
    share = short / max(1, len(asked.task_types) + len(asked.tasks))
    number = round(made.n_tasks * made.recipe.evaluate.held_out * share)
    most = made.recipe.evaluate.max_probes
    return number if most is None else min(number, most * short)


def _about(made: Made, n_prompts: int, most_tokens: int) -> _Asked:
    """Questions about passages of the run, whose answers are written."""
    lengths = made.lengths(max(1, min(n_prompts, _MEASURED_PROBES)))
    each = sum(lengths) / max(1, len(lengths))
    return _Asked(
        n_prompts=n_prompts, tokens=n_prompts * each, ranked=False, most_tokens=most_tokens
    )


def _general(made: Made) -> Iterator[_Asked]:
    """The general questions that decide whether an adapted model is rejected."""
    for suite in general_suites():
        yield _of_suite(made, suite)


def _of_suite(made: Made, suite: Suite) -> _Asked:
    limit = made.recipe.evaluate.max_context_chars
    some = suite.probes[:_MEASURED_PROBES]
    pairs = [
        Pair(prompt=prompt.text(fitted(probe.context, limit), probe.question), target=".")
        for probe in some
        for prompt in suite.prompts
    ]
    sizes = engines.pair_sizes(engines.find(made.recipe.adapt.base), pairs)
    each = sum(sum(sizes[pair]) for pair in pairs) / max(1, len(pairs))
    n_prompts = len(suite.probes) * len(suite.prompts)
    free = suite.spec.kind is Kind.CHECK
    return _Asked(
        n_prompts=n_prompts,
        tokens=n_prompts * each,
        ranked=suite.spec.kind not in (Kind.SPAN, Kind.CHECK, Kind.TASK),
        most_tokens=(FREE if free else GREEDY_SHORT).max_tokens,
    )
