"""What may a meta-template say?

Jinja in a sandbox, where a name that is missing is an error. To Jinja's own
filters come these:

    sentence            "the gas expands"          → "The gas expands."
    asked               "is salt soluble"          → "Is salt soluble?"
    untokenised         "He can n't , she said ."  → "He can't, she said."
    shuffled            a list in the record's own order of chance
    letters             a list of options          → ["A", "B", "C"]
    lettered("A.")      a list of options          → one line each: "A. tiny"; also "A)" and "(a)"
    letter_of(right)    a list of options          → the letter of the option `right`
    choice              a list                     → one of them, by the record's own chance
    most_frequent       a list                     → those that occur most often

those of `katsuo.templates.phrases` for wrong answers (`rivals`, `declared`, …),
and the test `answer is quoted_from(text)`: whether whole words of the text say
exactly that.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from string import ascii_uppercase
from typing import Any, Final

import jinja2
from jinja2 import StrictUndefined, Template, meta, pass_context
from jinja2.environment import TemplateExpression
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context as JinjaContext
from jinja2.sandbox import ImmutableSandboxedEnvironment

from katsuo import seeds
from katsuo.errors import RecipeError
from katsuo.templates import phrases
from katsuo.types import Flaw

SEED_NAME: Final = "seed_of_the_record"
"""The name under which `shuffled` finds the record's seed."""

RENDER_FAILED: Final = Flaw(reason="render-failed")

_MENDS: Final = (
    (re.compile(r"\s+([,.;:!?)\]%]|n't\b|'(?:s|re|ve|ll|d|m)\b|'(?=\s|$))"), r"\1"),
    (re.compile(r"([(\[])\s+"), r"\1"),
    (re.compile(r"``\s*|\s*''"), '"'),
    (re.compile(r"\s+"), " "),
)
_UNRENDERABLE: Final = (jinja2.TemplateError, TypeError, ValueError, LookupError, AttributeError)


def sentence(text: str) -> str:
    """`text` with a capital in front and a full stop behind, where it has no end mark."""
    trimmed = " ".join(text.split())
    end = "" if trimmed.endswith((".", "!", "?")) else "."
    return trimmed[:1].upper() + trimmed[1:] + end


def asked(text: str) -> str:
    """`text` as a question: a capital in front, one question mark behind."""
    trimmed = " ".join(text.split()).rstrip(" .?")
    return f"{trimmed[:1].upper()}{trimmed[1:]}?"


def untokenised(text: str) -> str:
    """`text` without the spaces that a tokeniser put before its marks."""
    for pattern, mended in _MENDS:
        text = pattern.sub(mended, text)
    return text.strip()


def quoted_from(answer: str, text: str) -> bool:
    """Whether `answer` stands in `text`, letter for letter, in whole words."""
    return bool(answer) and bool(re.search(rf"(?<!\w){re.escape(answer)}(?!\w)", text))


def letters(options: Sequence[str]) -> list[str]:
    """One capital letter for each option."""
    return list(ascii_uppercase[: len(options)])


def lettered(options: Sequence[str], form: str = "A.") -> str:
    """The options, one a line, each behind its letter in the given form."""
    lines = []
    for letter, option in zip(letters(options), options, strict=True):
        sign = form.replace("A", letter) if "A" in form else form.replace("a", letter.lower())
        lines.append(f"{sign} {option}")
    return "\n".join(lines)


def letter_of(options: Sequence[str], right: str) -> str:
    """The letter of the option `right`."""
    return ascii_uppercase[list(options).index(right)]


@pass_context
def shuffled(context: JinjaContext, items: Sequence[object]) -> list[object]:
    """`items` in an order that depends on the record and on the items, and on nothing else."""
    seed = int(context[SEED_NAME])
    order = list(items)
    seeds.stream(seed, "shuffled", *map(str, order)).shuffle(order)
    return order


@pass_context
def choice(context: JinjaContext, items: Sequence[object]) -> object:
    """One of `items`, drawn as `shuffled` would put it first; promptsource knows it."""
    return shuffled(context, items)[0]


def most_frequent(items: Sequence[object]) -> list[object]:
    """Those of `items` that occur most often, the first one first; promptsource knows it."""
    counts = Counter(items)
    most = max(counts.values(), default=0)
    return [item for item, n in counts.items() if n == most]


def evaluate(expression: str, names: Mapping[str, object]) -> object:
    """What a Jinja expression gives for `names`, or a `Flaw` where it fails.

    Raises:
        RecipeError: If the sandbox forbids what the expression does.
    """
    return _guarded(expression, _expression(expression), names)


def fill(text: str, names: Mapping[str, object]) -> str | Flaw:
    """The Jinja text rendered for `names`, outer white space off, or a `Flaw` where it fails.

    Raises:
        RecipeError: If the sandbox forbids what the text does.
    """
    filled = _guarded(text, _text(text).render, names)
    return filled if isinstance(filled, Flaw) else str(filled).strip()


@cache
def names_in_text(text: str) -> frozenset[str]:
    """The names that a Jinja text uses without setting them."""
    return frozenset(meta.find_undeclared_variables(_environment().parse(text)))


@cache
def names_in_expression(expression: str) -> frozenset[str]:
    """The names that a Jinja expression uses."""
    _expression(expression)
    return names_in_text("{{ " + expression + " }}")


def _guarded(source: str, render: Any, names: Mapping[str, object]) -> object:  # noqa: ANN401 -- two Jinja callables
    try:
        value = render(dict(names))
        # An undefined value only shows when it is used, so it is used here.
        return value if not isinstance(value, jinja2.Undefined) else str(value)
    except SecurityError as error:
        raise RecipeError(f"{source!r} does what the sandbox forbids: {error}") from error
    except _UNRENDERABLE:
        return RENDER_FAILED


@cache
def _environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, keep_trailing_newline=True
    )
    filters = (
        sentence, asked, untokenised, letters, lettered, letter_of, shuffled, choice, most_frequent,
    )  # fmt: skip
    environment.filters |= {part.__name__: part for part in (*filters, *phrases.FILTERS)}
    environment.globals["zip"] = zip  # promptsource's templates use it
    environment.tests[quoted_from.__name__] = quoted_from
    return environment


@cache
def _text(text: str) -> Template:
    return _environment().from_string(text)


@cache
def _expression(expression: str) -> TemplateExpression:
    return _environment().compile_expression(expression, undefined_to_none=False)
