"""What the card of an export says: the run's manifests, ledgers and recipe in few words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from katsuo.export.card import Making, Reached, Sheet
from katsuo.export.formats import Facts
from katsuo.outgoing.choosing import Part, Wanted
from katsuo.outgoing.writing import Told
from katsuo.road.lineage import funnel
from katsuo.store.files import sha256
from katsuo.store.runs import Run

_STAGES: Final = ("ingest", "generate", "curate")


def sheet(run: Run, wanted: Wanted, facts: Facts, told: Told, parts: list[Part]) -> Sheet:
    """What the card says."""
    n_gone = told.left_out.total()
    return Sheet(
        run=run.folder.name,
        command=_command(wanted),
        format=wanted.format,
        facts=facts,
        book=wanted.book,
        languages=[code for code, _ in told.languages.most_common()],
        by_type=dict(sorted(told.by_type.items())),
        n_documents=len(told.documents),
        left_out=Reached(
            stage="export",
            unit="row",
            arrived=told.n_rows + n_gone,
            passed=told.n_rows,
            dropped=dict(sorted(told.left_out.items())),
        ),
        n_marked=told.n_marked,
        makings=[_making(part) for part in parts],
    )


def _command(wanted: Wanted) -> str:
    """The command that writes the same rows again."""
    words = [f"--format {wanted.format}"]
    if wanted.book != "open":
        words.append(f"--book {wanted.book}")
    if wanted.split:
        words.append(f"--split {wanted.split:g}")
    if wanted.limit is not None:
        words.append(f"--limit {wanted.limit}")
    if wanted.domain:
        words.append(f"--domain {wanted.domain}")
    return f"katsuo export RUN {' '.join(words)} --out FOLDER"


def _making(part: Part) -> Making:
    model = part.run.stage("generate").manifest["model"]
    steps = [step for step in funnel(part.run) if step.stage in _STAGES]
    return Making(
        domain=part.domain,
        funnel=[
            Reached(
                stage=step.stage,
                unit=step.unit,
                arrived=step.arrived,
                passed=step.passed,
                dropped={
                    f"{by}: {reason}": n
                    for by, reasons in step.dropped.items()
                    for reason, n in reasons.items()
                },
            )
            for step in steps
        ],
        generator=f"{model['name']}@{model['identity'][:16]}",
        task_types=[*part.recipe.generate.task_types, *part.recipe.generate.tasks],
        filters=[_filter(name, chosen) for name, chosen in part.recipe.filters],
        seed=part.recipe.seed,
        recipe_sha256=sha256(part.run.folder / "recipe.yaml"),
    )


def _filter(name: str, chosen: Mapping[str, Any]) -> str:
    said = ", ".join(f"{key} {value}" for key, value in chosen.items())
    return f"{name} ({said})" if said else name
