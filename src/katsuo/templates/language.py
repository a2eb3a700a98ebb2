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
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from string import ascii_uppercase
from typing import Any, Final

import jinja2
from jinja2 import StrictUndefined, Template, meta, nodes, pass_context
from jinja2.exceptions import SecurityError
from jinja2.parser import Parser
from jinja2.runtime import Context as JinjaContext
from jinja2.sandbox import ImmutableSandboxedEnvironment

from katsuo import seeds
from katsuo.errors import RecipeError
from katsuo.templates import phrases
from katsuo.types import Flaw

SEED_NAME: Final = "seed_of_the_record"
"""The name under which `shuffled` finds the record's seed."""
_RESULT: Final = "result"
"""The name that an expression's value has in its own small template."""

RENDER_FAILED: Final = Flaw(reason="render-failed")

_MENDS: Final = (
    (re.compile(r" ([,.;:!?)\]%]|n't\b|'(?:s|re|ve|ll|d|m)\b|'(?= |$))"), r"\1"),
    (re.compile(r"([(\[]) "), r"\1"),
    (re.compile(r"`` ?| ?''"), '"'),
)
"""For single-spaced text."""
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
    text = " ".join(text.split())
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
    plain = _plain(expression)
    if plain in names:
        return names[plain]
    return _guarded(expression, _expression(expression).value, names)


def fill(text: str, names: Mapping[str, object]) -> str | Flaw:
    """The Jinja text rendered for `names`, outer white space off, or a `Flaw` where it fails.

    Raises:
        RecipeError: If the sandbox forbids what the text does.
    """
    filled = _guarded(text, _text(text).text, names)
    return filled if isinstance(filled, Flaw) else str(filled).strip()


@cache
def names_in_text(text: str) -> frozenset[str]:
    """The names that a Jinja text uses without setting them."""
    return frozenset(meta.find_undeclared_variables(_environment().parse(text)))


@cache
def names_in_expression(expression: str) -> frozenset[str]:
    """The names that a Jinja expression uses."""
    return frozenset(meta.find_undeclared_variables(_parsed(expression)))


@dataclass(frozen=True, slots=True)
class _Compiled:
    """A Jinja template that is rendered for many records.

    Jinja's own `render` looks through its globals name by name each time, which took longer than
    the rendering; here they are one dictionary, made once.
    """

    template: Template
    known: Mapping[str, Any]
    """Jinja's globals; the names of a record come before them."""

    @classmethod
    def of(cls, source: str | nodes.Template) -> _Compiled:
        environment = _environment()
        known = dict(environment.globals)
        code = environment.compile(source)
        return cls(Template.from_code(environment, code, known), known)

    def value(self, names: Mapping[str, object]) -> object:
        context = self._context(names)
        for _ in self.template.root_render_func(context):
            pass  # an expression writes nothing
        return context.vars[_RESULT]

    def text(self, names: Mapping[str, object]) -> str:
        return "".join(self.template.root_render_func(self._context(names)))

    def _context(self, names: Mapping[str, object]) -> JinjaContext:
        return self.template.new_context({**self.known, **names}, shared=True)


def _guarded(
    source: str, render: Callable[[Mapping[str, object]], object], names: Mapping[str, object]
) -> object:
    try:
        value = render(names)
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
def _text(text: str) -> _Compiled:
    return _Compiled.of(text)


@cache
def _expression(expression: str) -> _Compiled:
    return _Compiled.of(_parsed(expression))


@cache
def _plain(expression: str) -> str:
    """The name that an expression is, or an empty text where it is more than a name."""
    (assigned,) = _parsed(expression).find_all(nodes.Assign)
    return assigned.node.name if isinstance(assigned.node, nodes.Name) else ""


def _parsed(expression: str) -> nodes.Template:
    """A template that sets `_RESULT` to the value of `expression`, as Jinja's own are made."""
    environment = _environment()
    parser = Parser(environment, expression, state="variable")
    parsed = parser.parse_expression()
    if not parser.stream.eos:
        raise jinja2.TemplateSyntaxError("chunk after expression", parser.stream.current.lineno)
    body: list[nodes.Node] = [nodes.Assign(nodes.Name(_RESULT, "store"), parsed, lineno=1)]
    template = nodes.Template(body, lineno=1)
    template.set_environment(environment)
    return template
