"""Did adaptation ruin what the base could do? The same general questions, before and after."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from katsuo import engines
from katsuo.errors import RejectedError
from katsuo.road.adapting import model_of
from katsuo.road.asking import Answers, Asked, Models, answers
from katsuo.road.suites import Suite, suite_of
from katsuo.road.trip import Trip, key_of
from katsuo.scoring.gains import BASELINE
from katsuo.scoring.harm import Harm, Seen, Thinking, Tolerance, judged
from katsuo.scoring.harmless import general_sets, general_text
from katsuo.scoring.intervals import Resampling
from katsuo.scoring.probes import probes_of, spec_of
from katsuo.scoring.thinking import can_think, opens_block
from katsuo.stages.evaluate import THINKING, n_thinking
from katsuo.store import tables
from katsuo.store.files import new_folder, read_json, sha256, write_json
from katsuo.store.runs import StageFolder

N_PROMPTS = 1
"""The general questions are asked in one prompt's words: two arms see the same ones."""
N_THINKING = 16
"""Questions that a model which can think is asked freely, with much room."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What was found of the arms of one run."""

    harm: dict[str, Harm] = field(default_factory=dict)
    """By arm; the domain stands in front where the run is a study's."""
    found: tuple[Answers, ...] = ()


def check(trip: Trip, prefix: str = "") -> Checked:
    """Ask the base, and every arm that the recipe wants checked."""
    asked = trip.recipe.evaluate.harm
    models = asked_of(trip)
    if not models:
        return Checked()
    base, *adapted = models
    suites = list(general_suites())
    found = tuple(answers(trip, [(one, suites) for one in models]))
    predictions = [prediction for one in found for prediction in one.predictions]
    before = _perplexity(trip, base)
    tolerance = Tolerance(points=asked.max_fall, perplexity_ratio=asked.max_perplexity)
    specs = {suite.spec.name: suite.spec for suite in suites}
    harm = {
        prefix + one.arm: judged(
            predictions,
            specs,
            Seen(
                arm=one.arm,
                perplexity_before=before,
                perplexity_after=_perplexity(trip, one),
                template_intact=engines.template_kept(one.named),
                thinking=_thinking(trip, base, one, suites),
            ),
            Resampling(seed=trip.recipe.seed),
            tolerance,
        )
        for one in adapted
    }
    return Checked(harm=harm, found=found)


def asked_of(trip: Trip) -> list[Asked]:
    """The base, and every arm that the recipe wants checked; none where it wants none."""
    asked = trip.recipe.evaluate.harm
    arms = [name for name in asked.arms if name in trip.recipe.adapt.arms_by_name]
    if not asked.check or not arms:
        return []
    seed = trip.recipe.seed
    base = engines.find(trip.recipe.adapt.base)
    found = [Asked(arm=BASELINE, seed=seed, named=base)]
    found += [Asked(arm=name, seed=seed, named=model_of(trip, base, name, seed)) for name in arms]
    return found


def written(folder: StageFolder, checks: Sequence[Checked], seconds: float) -> dict[str, Any]:
    """Write the answers to the general questions and the verdicts; the seconds with theirs."""
    found = [one for checked in checks for one in checked.found]
    if not found:
        return {"seconds": seconds}
    rows = (prediction.row for one in found for prediction in one.predictions)
    tables.write(folder.folder / "general.parquet", tables.PREDICTIONS, rows)
    verdicts = {name: harm for checked in checks for name, harm in checked.harm.items()}
    write_json(
        folder.folder / "harm.json", {name: harm.to_json() for name, harm in verdicts.items()}
    )
    spent = {one.cell.folder: one.seconds for one in found}  # a cell may serve several domains
    return {"seconds": seconds + sum(spent.values())}


def refuse(folder: Path, run: str) -> None:
    """End a journey whose adapted model does harm.

    Raises:
        RejectedError: If a verdict in the folder of the scores rejects its model.
    """
    verdicts: Mapping[str, Any] = read_json(folder / "harm.json") or {}
    for name, verdict in verdicts.items():
        if verdict["rejected"]:
            raise RejectedError(
                f"adapted model rejected: {name}: {' '.join(verdict['reasons'])} Everything made "
                f"stays in {run}; the report shows it, and evaluate.harm in the recipe sets what "
                "is tolerated. Mixing in human-written tasks (replay in an arm) may help."
            )


def general_suites() -> Iterator[Suite]:
    """The general sets, ready to be asked."""
    for path in general_sets():
        spec = spec_of(tables.rows_of(path), name=path.stem, source=str(path))
        probes = list(probes_of(tables.rows_of(path), spec))
        yield suite_of(spec, probes, N_PROMPTS, sha256(path))


def _perplexity(trip: Trip, asked: Asked) -> float:
    """Of the general text, per token; found done or worked out now."""
    text = general_text()
    engine = engines.FAKE if asked.named.is_fake else "hf"
    key = key_of("perplexity", asked.named.identity, engines.engine_version(engine), text)
    cell = trip.run.cell("evaluate", key)
    with cell.alone():
        if not cell.done:
            with TemporaryDirectory(prefix="katsuo-") as scratch, new_folder(cell.folder) as folder:
                models = Models(trip=trip, named=asked.named, forms=Path(scratch))
                nats, n_tokens = models.ranks.perplexity([text])
                write_json(folder / "cell.json", {"nats": nats, "tokens": n_tokens})
    facts = cell.facts
    mean = facts["nats"] / facts["tokens"]
    return math.exp(mean) if mean < _TOO_MANY_NATS else math.inf


def _thinking(trip: Trip, base: Asked, adapted: Asked, suites: Sequence[Suite]) -> Thinking | None:
    """How often the model thinks before it answers, before and after; none where it never could."""
    if base.named.is_fake or not can_think(engines.open_tokens(base.named).chat_template):
        return None
    questions = thinking_questions(suites)
    before, after = (_n_thinking(trip, one, questions) for one in (base, adapted))
    return Thinking(before=before, after=after, n=len(questions))


def thinking_questions(suites: Sequence[Suite]) -> list[str]:
    """`N_THINKING` general questions in the words of their first prompt, as many of each set."""
    each = N_THINKING // len(suites)
    return [
        suite.prompts[0].text(probe.context, probe.question)
        for suite in suites
        for probe in suite.probes[:: len(suite.probes) // each][:each]
    ]


def _n_thinking(trip: Trip, asked: Asked, questions: Sequence[str]) -> int:
    """Before how many answers it thinks; found done or asked now."""
    recipe = trip.recipe
    engine = engines.engine_of(asked.named, recipe.generate.engine)
    how = [engine, engines.engine_version(engine), recipe.generate.weights, asdict(THINKING)]
    key = key_of("thinking", asked.named.identity, how, list(questions))
    cell = trip.run.cell("evaluate", key)
    with cell.alone():
        if not cell.done:
            with TemporaryDirectory(prefix="katsuo-") as scratch, new_folder(cell.folder) as folder:
                models = Models(trip=trip, named=asked.named, forms=Path(scratch))
                opened = opens_block(_turn(asked, questions[0]))
                n_thought = n_thinking(questions, models.completes, opened=opened)
                write_json(folder / "cell.json", {"thought": n_thought, "n": len(questions)})
    return int(cell.facts["thought"])


def _turn(asked: Asked, question: str) -> str:
    """How the model hears a question when it may think."""
    return engines.open_tokens(asked.named).turn(question, thinking=True)


_TOO_MANY_NATS = 700.0
"""Above it, exp has no number left."""
