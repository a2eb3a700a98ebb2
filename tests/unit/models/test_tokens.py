from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors

from katsuo.errors import ModelError
from katsuo.models.tokens import Tokens
from katsuo.protocols import Question, Request, Sampling
from katsuo.types import Pair

CHAT = (
    "{{ bos_token }}{% for message in messages %}[{{ message.role }}] {{ message.content }}"
    "{{ eos_token }}{% endfor %}{% if add_generation_prompt %}[assistant] {% endif %}"
)


def tokenizer() -> Tokenizer:
    """Bytes as tokens, a token before every text, an end token."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    made = Tokenizer(models.BPE({token: i for i, token in enumerate(alphabet)}, []))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    special = [AddedToken(token, special=True) for token in ("<s>", "</s>", "<|task|>")]
    made.add_special_tokens(special)
    made.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", made.token_to_id("<s>"))]
    )
    return made


TOKENS = Tokens(tokenizer=tokenizer(), end="</s>", chat_template=CHAT)
WRITTEN = Request(id="r", prompt="Hi", sampling=Sampling(), seed=0, chat=True)
BOS = int(TOKENS.tokenizer.token_to_id("<s>") or 0)


def shown(ids: list[int]) -> str:
    return str(TOKENS.tokenizer.decode(ids, skip_special_tokens=False))


def saved(folder: Path, **settings: object) -> Path:
    tokenizer().save(str(folder / "tokenizer.json"))
    stated = {"eos_token": "</s>"} | settings
    (folder / "tokenizer_config.json").write_text(json.dumps(stated), "utf-8")
    return folder


def test_a_raw_prompt_begins_as_the_tokenizer_begins_a_text() -> None:
    assert shown(TOKENS.prompt_ids("Hi", chat=False)) == "<s>Hi"
    assert TOKENS.prompt_ids("Hi", chat=False)[0] == BOS


def test_a_chat_prompt_is_the_template_and_nothing_before_it() -> None:
    ids = TOKENS.prompt_ids("Hi", chat=True)
    assert shown(ids) == "<s>[user] Hi</s>[assistant] "
    assert ids.count(BOS) == 1


def test_marks_in_a_prompt_are_tokens_of_their_own() -> None:
    ids = TOKENS.prompt_ids("a<|task|>b", chat=False)
    assert len(ids) == 4


def test_a_tokenizer_that_puts_nothing_before_a_text_leaves_the_prompt_alone() -> None:
    plain = tokenizer()
    plain.post_processor = processors.ByteLevel()
    assert len(Tokens(tokenizer=plain, end="</s>").prompt_ids("Hi", chat=False)) == 2


def test_a_target_ends_with_the_end_token_unless_it_is_no_answer() -> None:
    assert TOKENS.target_ids("yes")[-1] == TOKENS.end_id
    assert shown(TOKENS.target_ids("yes")) == "yes</s>"
    assert shown(TOKENS.target_ids("yes", end=False)) == "yes"


@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_a_target_comes_back_as_it_was(text: str) -> None:
    special = ("<s>", "</s>", "<|task|>")
    if not any(token in text for token in special):
        assert TOKENS.text(TOKENS.target_ids(text)) == text
        assert TOKENS.count(text) == len(TOKENS.target_ids(text)) - 1


def test_only_the_end_token_is_silent() -> None:
    ids = TOKENS.tokenizer.encode("a<|task|>b</s>", add_special_tokens=False).ids
    assert TOKENS.text(ids) == "a<|task|>b"


def test_without_a_chat_template_the_prompt_is_plain() -> None:
    plain = Tokens(tokenizer=tokenizer(), end="</s>")
    assert plain.turn("Is it open?") == "Instruct: Is it open?\nAnswer:"


@pytest.mark.parametrize(
    "template",
    [
        pytest.param("{{ ''.__class__.__mro__ }}", id="reaches-for-python"),
        pytest.param("{{ messages.append(1) }}", id="changes-its-input"),
        pytest.param("{{ raise_exception('roles must take turns') }}", id="raises-by-itself"),
        pytest.param("{% for message in %}", id="does-not-parse"),
        pytest.param("{{ missing.name }}", id="unknown-name"),
        pytest.param("{{ 1 / 0 }}", id="divides-by-nothing"),
        pytest.param("{{ messages + 1 }}", id="adds-unlike-things"),
    ],
)
def test_a_chat_template_that_fails_is_the_fault_of_the_model(template: str) -> None:
    tokens = Tokens(tokenizer=tokenizer(), end="</s>", chat_template=template)
    with pytest.raises(ModelError, match="the model's chat template fails"):
        tokens.prompt_ids("Hi", chat=True)


@pytest.mark.parametrize(
    ("template", "text"),
    [
        pytest.param(
            "{% for m in messages %}{% break %}{% endfor %}end", "end", id="loop-controls"
        ),
        pytest.param("{{ messages[0] | tojson }}", '{"role": "user", "content": "né"}', id="json"),
        pytest.param("  {% if true %}\nx\n  {% endif %}\ny", "x\ny", id="lines-are-trimmed"),
    ],
)
def test_templates_may_use_what_published_ones_use(template: str, text: str) -> None:
    tokens = Tokens(tokenizer=tokenizer(), end="</s>", chat_template=template)
    assert tokens.turn("né") == text


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        pytest.param(Question(id="q", prompt="Hi", choices=("a",)), "Hi<off>", id="ranked"),
        pytest.param(WRITTEN, "Hi<off>", id="measured"),
        pytest.param(replace(WRITTEN, thinking=True), "Hi", id="may-think"),
    ],
)
def test_a_model_with_a_switch_thinks_only_when_it_may(
    asked: Request | Question, text: str
) -> None:
    template = "{{ messages[0].content }}{% if enable_thinking is false %}<off>{% endif %}"
    tokens = Tokens(tokenizer=tokenizer(), end="</s>", chat_template=template)
    plain = Tokens(tokenizer=tokenizer(), end="</s>", chat_template=text)
    assert tokens.of(asked) == plain.of(asked)


def test_the_template_file_of_a_folder_goes_before_its_settings(tmp_path: Path) -> None:
    folder = saved(tmp_path, chat_template="from settings")
    assert Tokens.load(folder).turn("") == "from settings"
    (folder / "chat_template.jinja").write_text("from a file", "utf-8")
    assert Tokens.load(folder).turn("") == "from a file"


def test_the_end_token_may_be_written_as_an_object(tmp_path: Path) -> None:
    folder = saved(tmp_path, eos_token={"content": "</s>", "special": True})
    assert Tokens.load(folder).end_id == TOKENS.end_id


def test_padding_and_cutting_that_a_tokenizer_was_saved_with_are_off(tmp_path: Path) -> None:
    folder = saved(tmp_path)
    cutting = tokenizer()
    cutting.enable_truncation(4)
    cutting.enable_padding(length=12)
    cutting.save(str(folder / "tokenizer.json"))
    assert len(Tokens.load(folder).target_ids("abcdefgh")) == 9


def test_a_folder_without_a_tokenizer_says_how_to_mend_it(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no tokenizer\.json; save the model again"):
        Tokens.load(tmp_path)


@pytest.mark.parametrize(
    ("file", "data", "says"),
    [
        pytest.param("tokenizer.json", b"", "read as a tokenizer", id="empty"),
        pytest.param("tokenizer.json", b'{"model": {"ty', "read as a tokenizer", id="cut"),
        pytest.param("tokenizer.json", b"{}", "read as a tokenizer", id="no-tokenizer"),
        pytest.param("tokenizer.json", b"\xff\xfe", "read as a tokenizer", id="no-text"),
        pytest.param("tokenizer_config.json", b"{", "cannot be read as JSON", id="settings-cut"),
        pytest.param("tokenizer_config.json", b'"x"', "holds a str", id="settings-no-object"),
        pytest.param("chat_template.jinja", b"\xff\xfe{", "cannot be read", id="template-no-text"),
    ],
)
def test_a_damaged_file_is_named_with_what_would_mend_it(
    tmp_path: Path, file: str, data: bytes, says: str
) -> None:
    (saved(tmp_path) / file).write_bytes(data)
    with pytest.raises(ModelError) as caught:
        Tokens.load(tmp_path)
    said = str(caught.value)
    assert said.startswith(f"{tmp_path / file}: ")
    assert says in said
    assert "download it again" in said
    assert "\n" not in said


@pytest.mark.parametrize("end", [None, "<never>", 7], ids=["absent", "unknown", "no-text"])
def test_a_folder_without_an_end_token_is_refused(tmp_path: Path, end: object) -> None:
    with pytest.raises(ModelError, match=r"eos_token .* is not a token"):
        Tokens.load(saved(tmp_path, eos_token=end))


SAID = "A notice says </s> and <s>, and goes on."


def test_names_of_special_tokens_in_a_text_are_letters() -> None:
    for ids in (
        TOKENS.prompt_ids(SAID, chat=False)[1:],
        TOKENS.target_ids(SAID, end=False),
        next(TOKENS.pairs_ids([Pair(prompt="", target=SAID)]))[1],
    ):
        assert BOS not in ids
        assert TOKENS.end_id not in ids
        assert shown(ids) == SAID
    assert TOKENS.count(SAID) == len(SAID)


def test_a_turn_that_names_special_tokens_ends_no_turn() -> None:
    ids = TOKENS.prompt_ids(SAID, chat=True, shots=((SAID, "Yes </s>"),))
    assert (
        shown(ids) == f"<s>[user] {SAID}</s>[assistant] Yes </s></s>[user] {SAID}</s>[assistant] "
    )
    assert ids.count(TOKENS.end_id) == 3
    assert ids.count(BOS) == 1


def test_training_and_asking_read_such_a_turn_alike() -> None:
    pair = Pair(prompt=SAID, target="no </s>", chat=True)
    ((prompt, target),) = TOKENS.pairs_ids([pair])
    assert prompt == TOKENS.prompt_ids(SAID, chat=True)
    assert target == TOKENS.target_ids("no </s>")
    assert target.count(TOKENS.end_id) == 1


def test_marks_of_a_generators_format_stay_tokens_beside_other_names() -> None:
    ids = TOKENS.prompt_ids("a</s>b<|task|>", chat=False)
    assert ids[-1] == TOKENS.tokenizer.token_to_id("<|task|>")
    assert TOKENS.end_id not in ids


def test_a_template_that_changes_what_is_said_is_refused_where_that_matters() -> None:
    deaf = replace(TOKENS, chat_template="{% for message in messages %}[said]{% endfor %}")
    assert deaf.prompt_ids("Hi", chat=True)
    with pytest.raises(ModelError, match="does not repeat what the user says"):
        deaf.prompt_ids(SAID, chat=True)
