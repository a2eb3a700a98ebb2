"""Text to token ids and back, the same way for every engine and every trainer.

An engine that tokenises by itself may differ from the next one (a GGUF's own
tokenizer differed on 29 of 478 stress strings), so ids are made here, once:

    prompt  ─▶ [bos] ids of the prompt, or of the chat template around it
    target  ─▶ ids of the text alone, then the end token

Prompt and target are tokenised apart, so that a target has the same ids when it
is trained, ranked and generated. What documents and people say is text: where
`<|im_end|>` stands in a passage, it is read letter by letter and ends no turn. Only
a chat template has the model's special tokens.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final, NoReturn

from jinja2 import Template, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from tokenizers import Tokenizer

from katsuo.errors import ModelError
from katsuo.models.shelf import json_object
from katsuo.protocols import Question, Request, Shots
from katsuo.types import Pair
from katsuo.wire import MARKS, WISH_MARKS

_TEMPLATE_ERRORS: Final = (TemplateError, TypeError, ValueError, ArithmeticError, LookupError)
"""What a model's own template may raise: it is a program that we did not write."""
_AT_ONCE: Final = 4096
"""Pairs that are tokenised in one call of the library, which keeps what it found for all."""
_SLOT: Final = re.compile("\ue0f1([0-9]+)\ue0f2")
"""Stands for what was said while a template is filled, where that holds a special token's name:
two characters for private use around its number."""
_GENERATORS: Final = frozenset((*MARKS, *WISH_MARKS))
"""Marks of a generator's format, which its prompts consist of."""
_SWITCH: Final = "enable_thinking"
"""How chat templates name the switch for thinking."""


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """A model folder's tokenizer, chat template and end token."""

    tokenizer: Tokenizer
    end: str
    """The token that ends an answer, such as `<|im_end|>`."""
    chat_template: str | None = None
    """Jinja source, as `tokenizer_config.json` or `chat_template.jinja` has it."""

    @classmethod
    def load(cls, folder: Path) -> Tokens:
        """The tokens of the model folder `folder`.

        Raises:
            ModelError: If the folder lacks `tokenizer.json` or names no end token, or a file is
                damaged.
        """
        tokenizer = tokenizer_at(folder)
        tokenizer.no_padding()
        tokenizer.no_truncation()
        config_path = folder / "tokenizer_config.json"
        config = json_object(config_path) if config_path.is_file() else {}
        end = _token(config.get("eos_token"))
        if end is None or tokenizer.token_to_id(end) is None:
            raise ModelError(
                f"{config_path}: eos_token {end!r} is not a token; it must name the token of "
                "tokenizer.json that ends an answer"
            )
        return cls(tokenizer=tokenizer, end=end, chat_template=_template_of(folder, config))

    @cached_property
    def end_id(self) -> int:
        """Id of the end token."""
        return int(self.tokenizer.token_to_id(self.end) or 0)

    @cached_property
    def _leading_ids(self) -> list[int]:
        """What the tokenizer itself puts before a text (a bos token, or nothing)."""
        around = self.tokenizer.encode("").ids
        return [i for i in around if i != self.end_id]

    def prompt_ids(
        self, prompt: str, *, chat: bool, shots: Shots = (), thinking: bool = False
    ) -> list[int]:
        """Ids of `prompt` up to where the answer begins, behind the turns of `shots`."""
        if not chat:
            return self._leading_ids + self._ids(prompt)
        said = [text for shot in shots for text in shot] + [prompt]
        if self.chat_template is None or not any(map(self._names_special, said)):
            text = self.turn(prompt, shots=shots, thinking=thinking)
            structural = self.chat_template is not None
            return self._structure(text) if structural else self._ids(text)
        return self._slotted(said, thinking=thinking)

    def _slotted(self, said: Sequence[str], *, thinking: bool) -> list[int]:
        """Ids of a conversation of which a turn names a special token: its turns are text."""
        slots = [f"\ue0f1{number}\ue0f2" for number in range(len(said))]
        shots = tuple(zip(slots[0:-1:2], slots[1:-1:2], strict=True))
        around = self.turn(slots[-1], shots=shots, thinking=thinking)
        parts = _SLOT.split(around)  # the template's own words, a number, and so on
        if str(len(said) - 1) not in parts[1::2]:
            raise ModelError(
                "the model's chat template does not repeat what the user says as it is, and a text "
                f"names one of the model's special tokens: {said[-1][:80]!r}"
            )
        ids = self._structure(parts[0])
        for number, behind in zip(parts[1::2], parts[2::2], strict=True):
            ids += self._ids(said[int(number)]) + self._structure(behind)
        return ids

    def _structure(self, text: str) -> list[int]:
        """Ids of a filled template: the names of special tokens in it are these tokens."""
        return list(self.tokenizer.encode(text, add_special_tokens=False).ids)

    def _ids(self, text: str) -> list[int]:
        """Ids of a text in which nothing is a special token but a generator's own marks."""
        if not self._names_special(text):
            return self._structure(text)
        ids: list[int] = []
        for number, part in enumerate(self._marks.split(text)):
            tokenizer = self.tokenizer if number % 2 else self._plain
            ids += tokenizer.encode(part, add_special_tokens=False).ids
        return ids

    def _names_special(self, text: str) -> bool:
        """Whether the name of a special token stands in `text`."""
        return bool(self._specials.search(text))

    @cached_property
    def _specials(self) -> re.Pattern[str]:
        return _any_of(name for name in self._special_names if name not in _GENERATORS)

    @cached_property
    def _marks(self) -> re.Pattern[str]:
        """Marks of a generator's format that its tokenizer has as special tokens."""
        return re.compile(
            f"({_any_of(name for name in self._special_names if name in _GENERATORS).pattern})"
        )

    @cached_property
    def _special_names(self) -> list[str]:
        added = self.tokenizer.get_added_tokens_decoder().values()
        return [one.content for one in added if one.special]

    @cached_property
    def _plain(self) -> Tokenizer:
        """The tokenizer without its special tokens."""
        plain = Tokenizer.from_str(self.tokenizer.to_str())
        plain.encode_special_tokens = True
        return plain

    def of(self, asked: Request | Question) -> list[int]:
        """Ids of what a model is asked, up to where its answer begins."""
        thinking = isinstance(asked, Request) and asked.thinking
        return self.prompt_ids(asked.prompt, chat=asked.chat, shots=asked.shots, thinking=thinking)

    def target_ids(self, target: str, *, end: bool = True) -> list[int]:
        """Ids of an answer, its end token included when `end`."""
        ids = self._ids(target)
        return [*ids, self.end_id] if end else ids

    def pairs_ids(self, pairs: Sequence[Pair]) -> Iterator[tuple[list[int], list[int]]]:
        """For each of `pairs` its prompt's ids and its target's, as above; on every core.

        A text without a prompt is a passage, which no end token ends.
        """
        for start in range(0, len(pairs), _AT_ONCE):
            some = pairs[start : start + _AT_ONCE]
            asked = [self.turn(pair.prompt) if pair.chat else pair.prompt for pair in some]
            found = zip(some, self._all(asked), self._all([p.target for p in some]), strict=True)
            for pair, prompt, target in found:
                if self._names_special(pair.prompt):
                    yield (
                        self.prompt_ids(pair.prompt, chat=pair.chat),
                        self.target_ids(pair.target, end=bool(pair.prompt)),
                    )
                    continue
                leading = [] if pair.chat else self._leading_ids
                if self._names_special(pair.target):
                    target = self._ids(pair.target)
                yield leading + prompt, [*target, self.end_id] if pair.prompt else target

    def _all(self, texts: Sequence[str]) -> list[list[int]]:
        """Ids of filled templates, and of texts that name no special token."""
        encoded = self.tokenizer.encode_batch_fast(texts, add_special_tokens=False)
        return [list(found.ids) for found in encoded]

    def text(self, ids: Sequence[int]) -> str:
        """The text of `ids`; the end token shows as nothing, every other token as it is."""
        return str(
            self.tokenizer.decode([i for i in ids if i != self.end_id], skip_special_tokens=False)
        )

    def count(self, text: str) -> int:
        """How many tokens `text` has."""
        return len(self._ids(text))

    def turn(self, user: str, *, shots: Shots = (), thinking: bool = False) -> str:
        """The text of a conversation in which the user said `user` and the answer begins.

        Args:
            user: The last thing said.
            shots: Earlier turns: what the user said, and what was answered.
            thinking: Whether a model whose template has a switch for it may think first. What is
                learned, ranked and measured is asked without: a short answer has no room for it.

        Raises:
            ModelError: If the model has no chat template, or it fails.
        """
        if self.chat_template is None:
            # A base model: PAPER 6 gives the prompt for targets without a chat format.
            earlier = "".join(f"Instruct: {said}\nAnswer: {answer}\n\n" for said, answer in shots)
            return f"{earlier}Instruct: {user}\nAnswer:"
        messages = [
            message
            for said, answer in shots
            for message in (
                {"role": "user", "content": said},
                {"role": "assistant", "content": answer},
            )
        ]
        messages.append({"role": "user", "content": user})
        switch = {_SWITCH: thinking} if _SWITCH in self.chat_template else {}
        try:
            return self._template.render(messages=messages, add_generation_prompt=True, **switch)
        except _TEMPLATE_ERRORS as error:
            raise ModelError(f"the model's chat template fails: {error}") from error

    @cached_property
    def _template(self) -> Template:
        environment = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
        )
        environment.globals["raise_exception"] = _raise
        environment.filters["tojson"] = lambda value, **_: json.dumps(value, ensure_ascii=False)
        assert self.chat_template is not None
        return environment.from_string(
            self.chat_template,
            globals={"bos_token": self._bos, "eos_token": self.end},
        )

    @property
    def _bos(self) -> str:
        return "".join(self.tokenizer.id_to_token(i) or "" for i in self._leading_ids)


def _any_of(names: Iterable[str]) -> re.Pattern[str]:
    """Any of `names`, a longer one before its own beginning; nothing without any."""
    return re.compile("|".join(sorted(map(re.escape, names), reverse=True)) or "(?!)")


def _raise(message: str) -> NoReturn:
    raise TemplateError(message)


def tokenizer_at(folder: Path) -> Tokenizer:
    """The tokenizer of the model folder `folder`, as it was saved.

    Raises:
        ModelError: If there is none, or it is damaged.
    """
    path = folder / "tokenizer.json"
    if not path.is_file():
        raise ModelError(f"{folder}: no tokenizer.json; save the model again with a fast tokenizer")
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises nothing narrower
        raise ModelError(
            f"{path}: cannot be read as a tokenizer ({' '.join(str(error).split())}); copy or "
            "download it again, or save the model again with a fast tokenizer"
        ) from error


def own_template(folder: Path) -> str | None:
    """The chat template that lies in `folder`, as some adapters bring one; none where none does."""
    path = folder / "tokenizer_config.json"
    return _template_of(folder, json_object(path) if path.is_file() else {})


def _template_of(folder: Path, config: Mapping[str, Any]) -> str | None:
    path = folder / "chat_template.jinja"
    if not path.is_file():
        template = config.get("chat_template")
        return template if isinstance(template, str) else None
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"{path}: cannot be read ({error}); copy or download it again") from error


def _token(value: object) -> str | None:
    """A token as `tokenizer_config.json` writes it: a string, or an object with `content`."""
    if isinstance(value, dict):
        value = value.get("content")
    return value if isinstance(value, str) else None
