"""What does a recipe make of its documents: how many passages, drafts and tasks, and how long?

Exact where a run has made them, by the sample of `sampling` and by measured shares where not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import cycle, islice
from typing import Any, Final

from katsuo import engines
from katsuo.planning.rates import Facts, Rates
from katsuo.planning.sampling import Sample, sample
from katsuo.recipe import resolved
from katsuo.road.generating import generator_of, settings_of
from katsuo.sections import Own, Recipe
from katsuo.sections.owning import settled
from katsuo.stages.generate import GenerateSettings, draft_ids
from katsuo.store.runs import FOLDERS, Run
from katsuo.store.tombstones import forgotten
from katsuo.types import Pair
from katsuo.wire import KATSUO_V1

_MEASURED_FILTERS: Final = frozenset({"well_formed", "grounded", "fresh"})
_HARMLESS_FILTERS: Final = _MEASURED_FILTERS | {"unleaked", "private"}
"""Filters with which a measured share of kept drafts holds still."""


def weights_of(named: engines.Named) -> str:
    """Whose weights a model has, as rates name them: those of its base."""
    if named.endpoint is not None:
        return engines.ENDPOINT
    return engines.FAKE if named.model is None else named.model.folder.name


def finished(run: Run, recipe: Recipe) -> dict[str, dict[str, Any]]:
    """The manifests of a run that was started with `recipe`, as far as each follows from the last.

    Without a run folder, or with one of another recipe, there are none.
    """
    stated = run.folder / "recipe.yaml"
    if not stated.is_file() or stated.read_text("utf-8") != resolved(recipe):
        return {}
    return current(run)


def current(run: Run) -> dict[str, dict[str, Any]]:
    """The manifests of a run up to the first stage that is not done, or of other inputs."""
    found: dict[str, dict[str, Any]] = {}
    for verb in FOLDERS:
        manifest = run.stage(verb).manifest
        if not manifest or not _follows(verb, manifest, found):
            break
        found[verb] = manifest
    return found


def _follows(verb: str, manifest: dict[str, Any], before: Mapping[str, dict[str, Any]]) -> bool:
    """Whether a manifest names what the stages before it have made."""
    inputs = manifest.get("inputs")
    if inputs is None or "domains" in manifest:
        return True
    if verb in ("generate", "curate"):
        earlier = "ingest" if verb == "generate" else "generate"
        return bool(inputs == before[earlier]["outputs"])
    if verb == "adapt":
        return all(inputs.get(one) == before[one]["outputs"] for one in ("ingest", "curate"))
    return True


@dataclass(frozen=True, kw_only=True)
class Made:
    """The tasks of a recipe: of a run, of a domain of a study, or of an arm that has its own."""

    recipe: Recipe
    rates: Rates
    run: Run
    place: str = ""
    """The domain or arm, empty for the run itself."""
    done: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    """Manifests of finished stages."""
    like: Made | None = None
    """Whose documents are these, where they are another's."""

    @cached_property
    def sample(self) -> Sample:
        """Some of the documents, read."""
        if self.like is not None:
            return self.like.sample
        return sample(self.recipe, frozenset(forgotten(self.run.home)))

    @cached_property
    def n_passages(self) -> int:
        """Passages to be asked about."""
        return self._passed("ingest", self.sample.n_passages)

    @cached_property
    def generator(self) -> engines.Named:
        """Who writes the drafts."""
        return generator_of(self.recipe.generate)

    @cached_property
    def settings(self) -> GenerateSettings:
        """What it is asked."""
        return settings_of(self.recipe, self.generator)

    @cached_property
    def engine(self) -> str:
        """What serves it: here as the run would choose, on other hardware as `auto` does there."""
        asked = self.recipe.generate.engine
        if self.rates.here or self.generator.model is None:
            return engines.engine_of(self.generator, asked, drafts=True)
        on_cpu = self.rates.device == "cpu"
        return asked if asked != "auto" else "openvino" if on_cpu else engines.VLLM

    @cached_property
    def ranked(self) -> list[Own]:
        """Task types of the user's own whose labels a reader ranks, passage by passage."""
        tasks = self.recipe.generate.tasks
        return [one for name, one in tasks.items() if settled(name, one, "generate.tasks").ranked]

    @cached_property
    def n_labelled(self) -> int:
        """Tasks of those types: each takes the share of the passages that it is to use."""
        return sum(round(self.n_passages * one.use) for one in self.ranked)

    @cached_property
    def n_drafts(self) -> int:
        """Drafts to be written, at most: a second pass asks for as many as the first, or fewer."""
        if "generate" in self.done and not self.ranked:
            return int(self.done["generate"]["counts"]["arrived"])
        passages = self.sample.passages
        if not passages:
            return 0
        each = len(draft_ids(passages, self.settings)) / len(passages)
        return round(self.n_passages * each * self.recipe.generate.passes)

    @cached_property
    def n_tasks(self) -> int:
        """Tasks to learn from, at most where `notes` say so."""
        rate = self.rates.find("kept_fraction", self.facts)
        kept = self.n_drafts * (rate.value if rate else 1.0)
        return self._passed("curate", round(kept) + self.n_labelled)

    @cached_property
    def notes(self) -> list[str]:
        """What a person should know of these numbers."""
        said = []
        if self.recipe.generate.passes > 1:
            said.append("a second pass counted as if it wanted as many drafts as the first")
        if "curate" in self.done:
            return said
        names = {name for name, _ in self.recipe.filters}
        rate = self.rates.find("kept_fraction", self.facts)
        if rate is None or not names <= _HARMLESS_FILTERS or not names >= _MEASURED_FILTERS:
            said.append("tasks at most: what its filters keep is not measured")
        return said

    @cached_property
    def facts(self) -> Facts:
        """What rates of generating are told apart by."""
        return {
            "generator": self.generator.name,
            "weights": weights_of(self.generator),
            "engine": self.engine,
            "format": self.settings.format,
            "form": self.recipe.generate.weights,
            "steered": self.recipe.generate.steered,
            "device": self.rates.device,
        }

    @cached_property
    def draft_tokens(self) -> float | None:
        """Tokens that a draft has, where they are measured."""
        rate = self.rates.find("draft_tokens", self.facts)
        return rate.value if rate else None

    @cached_property
    def passage_tokens(self) -> float:
        """Tokens of a passage, on the mean of the sample."""
        sizes = self._sizes(shown=False)
        return sum(sizes) / len(sizes) if sizes else 0.0

    @cached_property
    def n_read_tokens(self) -> float:
        """Tokens that the generator reads; with a format that says all wishes behind it, once."""
        shares = self.settings.format == KATSUO_V1 and self.engine in ("openvino", engines.VLLM)
        times = self.n_passages if shares else self.n_drafts
        return times * self.passage_tokens

    def lengths(self, number: int) -> list[int]:
        """Tokens of `number` pairs of tasks: a passage in the base's chat form, and a draft."""
        more = round(self.draft_tokens or 0)
        return [size + more for size in islice(cycle(self._sizes(shown=True)), number)]

    def passage_lengths(self, number: int) -> list[int]:
        """Tokens of `number` passages as `tapt` reads them."""
        return list(islice(cycle(self._sizes(shown=False)), number))

    def _sizes(self, *, shown: bool) -> list[int]:
        """Tokens of each passage of the sample, alone or as a user's turn."""
        base = engines.find(self.recipe.adapt.base)
        pairs = [
            Pair(prompt=context.text if shown else "", target="." if shown else context.text,
                 chat=shown)
            for context in self.sample.passages
        ]  # fmt: skip
        sizes = engines.pair_sizes(base, pairs)
        return [sum(sizes[pair]) for pair in pairs]

    def _passed(self, verb: str, otherwise: int) -> int:
        counts = self.done[verb]["counts"] if verb in self.done else None
        return int(counts["passed"]) if counts else otherwise
