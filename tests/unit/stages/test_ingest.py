"""A passage is passed on, or its reason stands in the ledger."""

from __future__ import annotations

import pytest

from katsuo.errors import RecipeError
from katsuo.stages.ingest import IngestSettings, Seen, contexts_of
from katsuo.types import Context, Document, Dropped

SENTENCE = "The pilot boards every vessel above forty metres before it passes the outer light."


def items(text: str, *, source: str = "a.md") -> list[Context | Dropped]:
    return list(contexts_of(Document.of(text=text, source=source), IngestSettings(), None))


def reason(text: str) -> str:
    (found,) = items(text)
    return found.reason if isinstance(found, Dropped) else "kept"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param(SENTENCE, "kept", id="prose"),
        pytest.param("# Appendix B", "passage-too-short", id="a-lone-heading"),
        pytest.param("* * *", "passage-too-short", id="a-drawn-line"),
        pytest.param("one two three four five six seven", "passage-too-short", id="seven-words"),
        pytest.param("one two three four five six seven eight", "kept", id="eight-words"),
        pytest.param("1. Fees ........... 12\n" * 9, "passage-not-prose", id="dotted-contents"),
        pytest.param("12 7.50 318 42.1 99 1024 77 8 15 16", "passage-not-prose", id="figures"),
        pytest.param(
            "| Vessel | Fee due in crowns |\n|---|---|\n" * 3, "kept", id="a-table-of-words"
        ),
        pytest.param(
            "本契約は両当事者が署名した日から効力を生じる。", "kept", id="no-spaces-between-words"
        ),
        pytest.param("本契約は有効。", "passage-too-short", id="a-few-characters-without-spaces"),
        pytest.param(
            "यह समझौता दोनों पक्षों के हस्ताक्षर की तिथि से प्रभावी होगा।", "kept", id="vowel-signs"
        ),
    ],
)
def test_only_prose_of_some_length_is_passed_on(text: str, said: str) -> None:
    assert reason(text) == said


def test_the_ledger_shows_whose_passage_it_was() -> None:
    (found,) = items("# Appendix B")
    assert isinstance(found, Dropped)
    assert (found.stage, found.by, found.excerpt) == ("ingest", "passages", "# Appendix B")
    assert len(found.item_id) == 16


def test_passages_and_lines_come_in_the_order_of_the_text() -> None:
    words = " ".join([SENTENCE] * 28)
    figures = "12 7.50 " * 150
    found = items(f"{words}\n\n# Fees\n\n{figures}\n\n# Tugs\n\n{words}")
    assert [type(item).__name__ for item in found] == ["Context", "Dropped", "Context"]


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        pytest.param({"max_tokens": 15}, r"ingest\.max_tokens is 15", id="too-few-tokens"),
        pytest.param({"min_words": 0}, r"ingest\.min_words is 0", id="no-words"),
    ],
)
def test_settings_that_cannot_be_are_refused_at_once(settings: dict[str, int], key: str) -> None:
    with pytest.raises(RecipeError, match=key):
        IngestSettings(**settings)


@pytest.mark.parametrize(
    ("again", "is_first"),
    [
        pytest.param("Fees are due.", False, id="the-same"),
        pytest.param("fees  are\ndue. ", False, id="another-case-and-spacing"),
        pytest.param("Fees are due!", True, id="another-mark"),
    ],
)
def test_a_text_comes_by_for_the_first_time_once(again: str, is_first: bool) -> None:
    seen = Seen()
    assert seen.first("Fees are due.")
    assert seen.first(again) is is_first
