"""What will a run take: time, tokens, memory and disk, stage by stage?

Work ──rates──▶ Line: a number, or that it is not measured, and who measured the rate
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from katsuo import recipe as recipes
from katsuo.planning import amounts, asking
from katsuo.planning.amounts import Part, Work
from katsuo.planning.earlier import own_rates
from katsuo.planning.making import Made, current, finished
from katsuo.planning.rates import Rate, Rates, Spread
from katsuo.recipe import of_arm
from katsuo.sections import Recipe
from katsuo.store.runs import Run

MIB = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One stage, or one arm of a stage."""

    stage: str
    place: str
    """The domain, or the arm that makes tasks of its own."""
    arm: str
    """Of a tuning."""
    what: str
    seconds: float | None
    """Of work; measured where it is done, None where a rate is not measured."""
    done: bool
    tokens: float | None
    """Read and written by models; None where it is not known or there is none."""
    mib: float | None
    """Peak memory of the process."""
    disk_mib: float | None
    """What it leaves on the disk."""
    measured: tuple[str, ...] = ()
    """Where its rates were measured."""
    own: bool = False
    """Whether a rate of it was measured by this run or just now."""
    missing: tuple[str, ...] = ()
    """Rates that nobody has measured."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """All lines of a run."""

    name: str
    hardware: str
    machine: str
    lines: tuple[Line, ...]
    error: Mapping[str, Spread] = field(default_factory=dict)
    """By stage, what finished runs took over what was estimated of them."""

    @property
    def seconds(self) -> float:
        """Of what is still to be done and measured."""
        return sum(line.seconds or 0.0 for line in self.lines if not line.done)

    @property
    def span(self) -> tuple[float, float] | None:
        """Those seconds by the error of earlier estimates; None where it was not measured.

        That error is one of filed rates; what the run measured itself is taken as it is.
        """
        left = [line for line in self.lines if not line.done and line.seconds]
        filed = [line for line in left if not line.own]
        if not filed or any(line.stage not in self.error for line in filed):
            return None
        own = sum(line.seconds or 0.0 for line in left if line.own)
        low = sum((line.seconds or 0.0) * self.error[line.stage].low for line in filed)
        high = sum((line.seconds or 0.0) * self.error[line.stage].high for line in filed)
        return own + low, own + high

    @property
    def is_whole(self) -> bool:
        """Whether every rate of what is to be done is measured."""
        return all(line.done or line.seconds is not None for line in self.lines)

    def to_json(self) -> dict[str, Any]:
        """All of it, and the sums."""
        known = [line.mib for line in self.lines if line.mib is not None and not line.done]
        return {
            "name": self.name,
            "hardware": self.hardware,
            "machine": self.machine,
            "lines": [asdict(line) for line in self.lines],
            "seconds": self.seconds,
            "seconds_span": self.span,
            "is_whole": self.is_whole,
            "tokens": sum(line.tokens or 0.0 for line in self.lines),
            "peak_mib": max(known) if known else None,
            "disk_mib": sum(line.disk_mib or 0.0 for line in self.lines),
            "error": {stage: spread.model_dump() for stage, spread in self.error.items()},
        }


def estimate(recipe: Recipe, run: Run, rates: Rates) -> Estimate:
    """What the road with `recipe` takes in `run`; stages that are done there are not guessed.

    Raises:
        KatsuoError: If the documents, the sets or the models that it names cannot be found.
    """
    works = _works(recipe, run, _with_own(rates, recipe, run))
    return Estimate(
        name=recipe.name,
        hardware=rates.hardware,
        machine=rates.machine,
        lines=tuple(_line(work, known) for work, known in works),
        error=rates.error,
    )


def _with_own(rates: Rates, recipe: Recipe, run: Run) -> Rates:
    """`rates` behind those that the run has given so far, where they are rates of this machine."""
    if not rates.here:
        return rates
    return replace(rates, own=(*rates.own, *own_rates(recipe, run)))


def _works(recipe: Recipe, run: Run, rates: Rates) -> Iterator[tuple[Work, Rates]]:
    made = list(_domains(recipe, run, rates))
    arms: list[Work] = []
    for one in made:
        own = _own_tasks(one)
        for source in (one, *own.values()):
            yield from ((work, _sampled(source, rates)) for work in amounts.of_tasks(source))
        arms += amounts.of_arms(one, own)
    yield from ((work, rates) for work in arms)
    extra = 2 if recipe.evaluate.few_shot else 1
    n_arms = [extra + len(one.recipe.adapt.arms_by_name) * one.recipe.adapt.seeds for one in made]
    yield asking.of_sets(made, n_arms), rates


def _domains(recipe: Recipe, run: Run, rates: Rates) -> Iterator[Made]:
    """The run, or every domain of a study."""
    for name in recipe.domains or ("",):
        one = recipes.domain(recipe, name) if name else recipe
        inner = run.within(name) if name else run
        done = finished(inner, one)
        yield Made(recipe=one, rates=rates, run=inner, place=name, done=done)


def _own_tasks(made: Made) -> dict[str, Made]:
    """By arm, the tasks of those arms that make their own."""
    found: dict[str, Made] = {}
    for name, arm in made.recipe.adapt.arms_by_name.items():
        if arm.learn == "elsewhere" or (
            arm.learn == "tasks" and (arm.generate or arm.curate is not None)
        ):
            recipe = of_arm(made.recipe, name)
            folder = "elsewhere" if name == "tasks_elsewhere" else f"arms/{name}"
            run = made.run.within(folder)
            place = f"{made.place}: {name}" if made.place else name
            # Its recipe is in no file of its own: it is that of the run, changed by the arm.
            done = current(run) if made.done else {}
            like = made if arm.learn == "tasks" else None
            found[name] = replace(made, recipe=recipe, run=run, place=place, done=done, like=like)
    return found


def _sampled(made: Made, rates: Rates) -> Rates:
    """`rates` behind how fast the sample of the documents was read, where it was read here."""
    if not rates.here or "ingest" in made.done or not made.sample.passages:
        return rates
    found = made.sample
    rate = Rate(
        name="passages_per_second",
        value=len(found.passages) / max(found.seconds, 1e-3),
        when={"place": made.place},
        measured=f"just now, {len(found.passages):,} passages of {found.n_read} files",
    )
    return replace(rates, own=(rate, *rates.own))


def _line(work: Work, rates: Rates) -> Line:
    way = next((way for way in work.ways if _known(way, rates)), work.ways[-1])
    seconds = work.seconds
    if seconds is None and _known(way, rates):
        seconds = sum(part.amount / _value(part, rates) for part in way)
    is_done = work.seconds is not None
    found = [rate for part in way if (rate := rates.find(part.rate, part.facts))]
    return Line(
        stage=work.stage,
        place=work.place,
        arm=work.arm,
        what=work.what,
        seconds=seconds,
        done=is_done,
        tokens=work.tokens,
        mib=None if work.mib is None else _amount((work.mib,), rates),
        disk_mib=None if (size := _amount(work.bytes, rates)) is None else size / MIB,
        measured=() if is_done else tuple(dict.fromkeys(rate.measured for rate in found)),
        own=not is_done and any(rate in rates.own for rate in found),
        missing=() if is_done else tuple(_missing(way, rates)),
        notes=work.notes,
    )


def _known(way: Sequence[Part], rates: Rates) -> bool:
    return all(rates.find(part.rate, part.facts) for part in way)


def _missing(way: Sequence[Part], rates: Rates) -> Iterator[str]:
    for part in way:
        if rates.find(part.rate, part.facts) is None:
            near = ", ".join(f"{name} {value}" for name, value in part.facts.items() if value)
            yield f"{part.rate} ({near})"


def _value(part: Part, rates: Rates) -> float:
    rate = rates.find(part.rate, part.facts)
    assert rate is not None, "asked of a way that is known"
    return rate.value


def _amount(parts: Sequence[Part], rates: Rates) -> float | None:
    """The parts times their rates, for what is no speed; None where one is not measured."""
    if not parts or not _known(parts, rates):
        return None
    return sum(part.amount * _value(part, rates) for part in parts)
