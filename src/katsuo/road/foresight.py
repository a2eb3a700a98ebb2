"""What would be found wrong hours later, said before anything is done."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from katsuo import engines
from katsuo.errors import RecipeError
from katsuo.models import names
from katsuo.recipe import domain, expand
from katsuo.road.measuring import generator
from katsuo.sections import Recipe
from katsuo.stages.measure import BY_GENERATOR


def check(recipe: Recipe, verbs: Collection[str]) -> None:
    """Check that the stages `verbs` will find their evaluation sets, and can have their models.

    Raises:
        RecipeError: If an evaluation set is no file, or a filter asks a generator that cannot tell.
        ModelError: If something that is named as a model cannot be one.
    """
    for each in [recipe, *(domain(recipe, name) for name in recipe.domains)]:
        if "evaluate" in verbs:
            _check_sets(each)
        for verb, name in _models(each):
            if verb in verbs and name not in ("", engines.FAKE):
                names.check(name)
        if "curate" in verbs:
            for filter_, settings in each.filters:
                if filter_ in BY_GENERATOR:
                    generator(each, settings.get("reader", ""))


def _check_sets(recipe: Recipe) -> None:
    for path in expand(recipe.evaluate.sets, "evaluate.sets"):
        if not path.is_file():
            raise RecipeError(
                f"evaluate.sets: {path} is no file; name a file of held-out questions, .jsonl "
                "or .parquet"
            )


def _models(recipe: Recipe) -> Iterator[tuple[str, str]]:
    """Each stage that opens a model of this machine, and the name of the model."""
    asked = recipe.generate
    if asked.endpoint is None:
        yield "generate", asked.generator
    for _, settings in recipe.filters:
        named = (settings.get(key) for key in ("reader", "embedder"))
        yield from (("curate", name) for name in named if isinstance(name, str))
    yield "adapt", recipe.adapt.base
