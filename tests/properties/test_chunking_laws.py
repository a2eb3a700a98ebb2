"""Passages lie in their document, in order, apart, and nothing is left over."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers

from katsuo.chunking import chunk
from katsuo.stages.ingest import IngestSettings, contexts_of
from katsuo.types import Context, Document

PIECES = (
    *("# Head\n", "## Häd **b**\n\n", "### x\n", "Title\n===\n", "---\n", "```\n", "> said\n"),
    *("word ", "Sentence one. ", "- item\n", "  - below\n", "1. first\n", "| a | b |\n", "|---|\n"),
    *("\n", "\n\n", "\t", "    code\n", "\u00a0", "\u3000", "[l](u)", "<b>", "......... 12\n"),
    *("é", "e\u0301", "😀", "👩‍👩‍👧", "🇩🇪", "本契約。", "สัญญา", "مرحبا "),
)


def texts() -> st.SearchStrategy[str]:
    return st.lists(st.sampled_from(PIECES) | st.text(max_size=12), max_size=60).map("".join)


def byte_level() -> Tokenizer:
    """A real tokenizer that knows every byte, two merges, and adds no token of its own."""
    letters = {letter: i for i, letter in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    merges = [("o", "r"), ("Ġ", "a")]
    vocabulary = letters | {"or": len(letters), "Ġa": len(letters) + 1}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    return tokenizer


TOKENIZER = byte_level()
SOURCES = st.sampled_from(["a.md", "a.txt", "a.pdf", "rows.csv#3"])


@settings(deadline=None)
@given(texts(), SOURCES, st.integers(1, 60), st.sampled_from([TOKENIZER, None]))
def test_every_visible_character_is_in_exactly_one_passage(
    text: str, source: str, max_tokens: int, tokenizer: Tokenizer | None
) -> None:
    at = 0
    for context in chunk(Document.of(text=text, source=source), tokenizer, max_tokens=max_tokens):
        assert text[context.start : context.end] == context.text
        assert context.start >= at
        assert not text[at : context.start].strip()
        at = context.end
    assert not text[at:].strip()


@settings(deadline=None)
@given(texts(), SOURCES, st.integers(16, 60))
def test_no_passage_has_more_tokens_than_allowed(text: str, source: str, max_tokens: int) -> None:
    for context in chunk(Document.of(text=text, source=source), TOKENIZER, max_tokens=max_tokens):
        assert len(TOKENIZER.encode(context.text).ids) <= max_tokens


@settings(deadline=None)
@given(texts())
def test_what_is_not_passed_on_leaves_a_line(text: str) -> None:
    document = Document.of(text=text, source="a.md")
    arrived = [context.id for context in chunk(document, None, max_tokens=16)]
    rules = IngestSettings(max_tokens=16, min_words=3)
    left = [
        item.id if isinstance(item, Context) else item.item_id
        for item in contexts_of(document, rules, None)
    ]
    assert left == arrived
