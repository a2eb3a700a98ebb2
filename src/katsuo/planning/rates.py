"""How fast is which machine at what, and who measured it?

A table holds rates by hardware. A rate says what it holds for (`when`); asked for something else,
the table has none, and the estimate says "not measured". Rates that the run itself gave go first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import Field, ValidationError

from katsuo.errors import RecipeError
from katsuo.recipe import first_error, read_yaml
from katsuo.sections.section import Section

_GPU: Final = ("h100", "H100")
_CPU: Final = "cpu2"

Fact = str | int | float | bool
Facts = Mapping[str, Fact]


class Rate(Section):
    """One measured figure."""

    name: str
    """With its unit, such as `trained_tokens_per_second`."""
    value: float = Field(gt=0, allow_inf_nan=False)
    when: dict[str, Fact] = {}  # noqa: RUF012 -- pydantic copies defaults
    """What must be so for it to hold."""
    measured: str = Field(min_length=1)
    """Where, on what, how often."""

    def holds(self, facts: Facts) -> bool:
        """Whether it was measured of what `facts` say."""
        return all(facts.get(name) == value for name, value in self.when.items())


class Spread(Section):
    """What finished runs took over what was estimated of them."""

    low: float = Field(gt=0)
    high: float = Field(gt=0)
    n: int = Field(ge=1)
    measured: str = Field(min_length=1)


class Hardware(Section):
    """The rates of one machine."""

    machine: str = Field(min_length=1)
    device: Literal["cpu", "cuda"] = "cpu"
    rates: list[Rate]
    error: dict[str, Spread] = {}  # noqa: RUF012 -- pydantic copies defaults
    """By stage: how far estimates by these rates were off."""


class _Table(Section):
    hardware: dict[str, Hardware]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """The rates of one machine, those that a run measured itself in front."""

    hardware: str
    machine: str
    device: str
    filed: Sequence[Rate]
    here: bool = True
    """Whether they are to stand for this machine, so that what is measured now goes in front."""
    error: Mapping[str, Spread] = field(default_factory=dict)
    own: Sequence[Rate] = ()
    """Measured by this run, or in its preview."""

    def find(self, name: str, facts: Facts) -> Rate | None:
        """The rate called `name` that holds for `facts`, the run's own first; None without one."""
        for rate in (*self.own, *self.filed):
            if rate.name == name and rate.holds(facts):
                return rate
        return None


def load(hardware: str | None = None, file: Path | None = None) -> Rates:
    """The rates of `hardware`; without a name, those of the machine that is most like this one.

    Args:
        hardware: A name of the table.
        file: A table of the user's own, in place of the bundled one.

    Raises:
        RecipeError: If the table cannot be read or has no such hardware.
    """
    path = file or Path(str(files("katsuo.planning").joinpath("rates.yaml")))
    table = _table(read_yaml(path), path)
    name = hardware or _nearest(table)
    if name not in table:
        raise RecipeError(
            f"--hardware {name}: {path.name} has no rates of it; it has {', '.join(table)}"
        )
    found = table[name]
    return Rates(
        hardware=name,
        machine=found.machine,
        device=found.device,
        filed=found.rates,
        here=hardware is None,
        error=found.error,
    )


def _table(raw: Mapping[str, Any], path: Path) -> dict[str, Hardware]:
    try:
        table = _Table.model_validate({"hardware": raw}).hardware
    except ValidationError as error:
        said = first_error(error, _Table).removeprefix("hardware.")
        raise RecipeError(f"{path}: {said}") from error
    if not table:
        raise RecipeError(f"{path}: holds no hardware; write name: {{machine: ..., rates: [...]}}")
    return table


def _nearest(table: Mapping[str, Hardware]) -> str:
    """The hardware of this machine's kind, or the first of the table."""
    from katsuo.road.reporting import machine

    gpu, mark = _GPU
    if gpu in table and mark in str(machine()["gpu"]):
        return gpu
    return _CPU if _CPU in table else next(iter(table))
