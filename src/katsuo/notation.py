"""What does YAML that somebody else may have written say, and does it stay small?

    text ──composed──▶ nodes, counted with every alias written out ──▶ plain values

A few lines of aliases can stand for more than any memory holds, and brackets in brackets can go
deeper than any program follows. Both are refused before a value is made. A key that stands twice is
an error, since one of the two would be lost unseen.
"""

from __future__ import annotations

from typing import Any, Final

import yaml

from katsuo.errors import RecipeError

MOST_CHARS: Final = 2**22
"""Of a text: task types with long examples are some kilobytes."""
_MOST_VALUES: Final = 100_000
"""Keys and values, every alias written out."""
_DEEPEST: Final = 50
"""Lists and mappings in each other."""
_MERGE: Final = "tag:yaml.org,2002:merge"


def values(text: str, where: str) -> Any:  # noqa: ANN401 -- whatever YAML can say
    """The plain values that the YAML `text` states; `where` names it in errors.

    Raises:
        RecipeError: If it is no YAML, would grow too large, or has a key twice.
    """
    if len(text) > MOST_CHARS:
        raise RecipeError(f"{where}: has {len(text):,} characters; the most is {MOST_CHARS:,}")
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        if node is None:
            return None
        _weighed(node, {}, where, 1)
        return loader.construct_document(node)
    except yaml.YAMLError as error:
        raise RecipeError(f"{where}: is not YAML: {' '.join(str(error).split())}") from error
    except RecursionError as error:
        raise _too_deep(where) from error
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        # Such as 2001-99-99 for a date, which the library takes for one before it looks.
        raise RecipeError(f"{where}: holds a value that is none in YAML ({error})") from error


def _weighed(node: yaml.Node, known: dict[int, int], where: str, depth: int) -> int:
    """How many values `node` stands for, every alias written out."""
    if isinstance(node, yaml.ScalarNode):
        return 1
    if depth > _DEEPEST:
        raise _too_deep(where)
    if id(node) in known:
        weight = known[id(node)]
        if not weight:
            raise RecipeError(f"{where}: holds itself at line {node.start_mark.line + 1}")
        return weight
    known[id(node)] = 0  # until it is known: what holds itself comes back here
    weight = 1 + sum(_weighed(child, known, where, depth + 1) for child in _children(node, where))
    if weight > _MOST_VALUES:
        raise RecipeError(
            f"{where}: stands for more than {_MOST_VALUES:,} values when its aliases (*name) are "
            f"written out, at line {node.start_mark.line + 1}; write less, or no aliases"
        )
    known[id(node)] = weight
    return weight


def _children(node: yaml.Node, where: str) -> list[yaml.Node]:
    if isinstance(node, yaml.SequenceNode):
        return list(node.value)
    assert isinstance(node, yaml.MappingNode)
    seen: set[tuple[str, str]] = set()
    for key, _ in node.value:
        name = (key.tag, str(key.value))
        if name in seen and key.tag != _MERGE:
            raise RecipeError(
                f"{where}: {str(key.value)!r} stands twice, again at line "
                f"{key.start_mark.line + 1}; keep one of them"
            )
        seen.add(name)
    return [child for pair in node.value for child in pair]


def _too_deep(where: str) -> RecipeError:
    return RecipeError(f"{where}: has more than {_DEEPEST} lists and mappings in each other")
