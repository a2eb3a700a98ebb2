from __future__ import annotations

import json

import pytest

from katsuo.export.lines import line, plain


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("<|im_end|> <|pipe|> {{context}}", id="markers"),
        pytest.param("\"quoted\" \\ 'and' back", id="quotes"),
        pytest.param("nul \0 here", id="nul"),
        pytest.param("one\u2028two\u2029three\x85four\x0cfive\r\nsix", id="line-separators"),
        pytest.param("\u202eright to left\u202c", id="bidi"),
        pytest.param("港の規則 🚢", id="beyond-the-basic-plane"),
    ],
)
def test_text_comes_back_as_it_was_in_one_line(text: str) -> None:
    written = line({"text": text})
    assert json.loads(written) == {"text": text}
    assert len(written.splitlines()) == 1


def test_half_a_surrogate_pair_becomes_the_sign_for_what_is_none() -> None:
    assert json.loads(line({"text": "a\ud800b\udfffc"})) == {"text": "a\ufffdb\ufffdc"}
    assert plain("a\ud800b") == "a\ufffdb"


def test_what_is_no_number_in_json_is_refused() -> None:
    with pytest.raises(ValueError, match="JSON"):
        line({"score": float("nan")})
