"""Where a text is cut, and what each passage knows of its place."""

from __future__ import annotations

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from katsuo.chunking import chunk, headings
from katsuo.types import Context, Document, digest

SENTENCE = "The pilot boards every vessel above forty metres before it passes the outer light."


def passages(text: str, *, source: str = "a.md", max_tokens: int = 40) -> list[Context]:
    return chunk(Document.of(text=text, source=source), None, max_tokens=max_tokens)


def texts(text: str, *, max_tokens: int = 40) -> list[str]:
    return [context.text for context in passages(text, max_tokens=max_tokens)]


def word_level() -> Tokenizer:
    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return tokenizer


def test_a_short_text_is_one_passage() -> None:
    assert texts(f"  {SENTENCE}\n") == [SENTENCE]


@pytest.mark.parametrize("text", ["", " \n\t\n"], ids=["empty", "white-space"])
def test_a_text_without_words_has_no_passage(text: str) -> None:
    assert passages(text) == []


def test_cuts_fall_between_paragraphs_first() -> None:
    paragraph = f"{SENTENCE} {SENTENCE}"
    assert texts(f"{paragraph}\n\n{paragraph}") == [paragraph, paragraph]


def test_cuts_fall_between_sentences_where_a_paragraph_is_too_long() -> None:
    assert texts(" ".join([SENTENCE] * 4), max_tokens=30) == [f"{SENTENCE} {SENTENCE}"] * 2


def test_a_section_is_not_filled_up_from_the_next() -> None:
    first, second = (f"# {title}\n\n{SENTENCE} {SENTENCE}" for title in ("Pilots", "Tugs"))
    assert texts(f"{first}\n\n{second}") == [first, second]


def test_a_heading_goes_with_what_it_heads_even_when_that_must_be_cut() -> None:
    body = " ".join([SENTENCE] * 2)
    made = texts(f"# Pilots\n\n{body}", max_tokens=29)
    assert made[0] == f"# Pilots\n\n{SENTENCE}"
    assert made[1:] == [SENTENCE]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param("# A\n\ntext", ["A"], id="hashes"),
        pytest.param("## **A** of _B_ ##\n", ["A** of _B"], id="marks-at-the-ends-fall-away"),
        pytest.param("Title\n=====\n\ntext", ["Title"], id="underlined"),
        pytest.param("```\n# no\n```\n# yes", ["yes"], id="code-has-none"),
        pytest.param("#hashtag and #1", [], id="no-space-no-heading"),
        pytest.param("a text\nof two lines\n---", [], id="a-rule-under-a-paragraph"),
    ],
)
def test_headings_are_found_in_markdown(text: str, found: list[str]) -> None:
    assert [heading.text for heading in headings(text)] == found


def test_every_passage_names_the_nearest_heading_above() -> None:
    text = f"{SENTENCE}\n\n# A\n\n## B\n\n{SENTENCE}\n\n{SENTENCE}\n\n# C\n\n{SENTENCE}"
    assert [each.heading for each in passages(text, max_tokens=18)] == [None, "B", "B", "C"]


def test_hashes_in_plain_text_are_no_headings() -> None:
    (found,) = passages(f"# A\n\n{SENTENCE}", source="a.txt")
    assert found.heading is None


def test_the_page_is_that_of_the_first_character() -> None:
    text = f"{SENTENCE}\n\n{SENTENCE}\n\n{SENTENCE}"
    starts = (0, text.index("\n\n") + 2, text.rindex("\n\n") + 2)
    document = Document.of(text=text, source="a.pdf", page_starts=starts)
    assert [each.page for each in chunk(document, None, max_tokens=14)] == [1, 2, 3]


def test_offsets_count_characters_whatever_they_weigh() -> None:
    text = f"😀 Grüße — 本契約. {SENTENCE}\n\né {SENTENCE}"
    for each in passages(text, max_tokens=20):
        assert text[each.start : each.end] == each.text


def test_an_id_follows_from_document_place_and_text() -> None:
    document = Document.of(text=SENTENCE, source="a.txt")
    (found,) = chunk(document, None)
    assert found.id == digest(document.id, "0", SENTENCE)


def test_a_tokenizer_that_cuts_or_fills_up_still_counts_every_token() -> None:
    tokenizer = word_level()
    tokenizer.enable_truncation(max_length=5)
    tokenizer.enable_padding(length=64)
    document = Document.of(text=" ".join([SENTENCE] * 9), source="a.txt")
    assert chunk(document, tokenizer, max_tokens=30) == chunk(document, word_level(), max_tokens=30)
    assert tokenizer.truncation is not None
