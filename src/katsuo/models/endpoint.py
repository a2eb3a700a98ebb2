"""How does a model behind an OpenAI-compatible server write completions?

    Request ──chat──▶ POST URL/chat/completions ─┐
            ──plain─▶ POST URL/completions ──────┴─▶ Completion, in the order of the requests
                  ▲                              │
                  └── busy, broken, garbled, away: again, until the patience is at its end

For generators only, and only where a recipe names the server. Text goes to that
address and nowhere else. The key comes from the environment and is never written
down. What a server refuses, or fails at again and again while it serves others, is
a completion with a failure; a server that cannot be used ends the stage in one
line, and every finished shard stays.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from threading import Event, Lock
from typing import TYPE_CHECKING, Any, Final

from katsuo.ahead import ahead
from katsuo.errors import ModelError
from katsuo.models.connection import connected
from katsuo.models.pace import Pace, Wait, asked_seconds, wait_seconds
from katsuo.protocols import Completion, Request

if TYPE_CHECKING:
    import openai

AHEAD: Final = 2
"""Requests under way or answered and not yet taken, for each one that runs at a time."""
FIRST_PATIENCE_SECONDS: Final = 10.0
"""For an address where nobody has answered yet: it may be wrong."""
MOST_IN_A_ROW: Final = 3
"""Requests that a server may fail at, one after the other, before it counts as broken."""
_SEEDS: Final = 1 << 31
"""Servers read a seed as a signed number of 32 bits."""
_REFUSALS: Final = frozenset({400, 413, 422})
"""What servers answer to one request that they cannot serve, such as one that is too long."""
_PASSING: Final = frozenset({408, 409, 425})
"""What servers answer beside 5xx to a request that they may serve later."""
_MOST_SAID: Final = 200
"""Characters of a server's own words in a line of ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A server, as a recipe names it."""

    url: str
    """Without the part behind the version, such as `http://127.0.0.1:8080/v1`."""
    model: str
    key_env: str
    """Environment variable that holds the key; a server without keys needs none."""
    concurrency: int = 8
    """Requests at a time."""
    timeout: float = 120.0
    """Seconds for one answer."""
    per_minute: float | None = None
    """Most requests in a minute; None for as many as the server takes."""
    patience: float = 120.0
    """Seconds from a request's first failure until no more is tried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Trouble:
    """An answer that is none, and may be one later."""

    reason: str
    says: str
    """What the server does, behind "endpoint URL: "."""
    wait_seconds: float = 0.0
    """What it asks to be left alone for, at least."""
    of_all: bool = False
    """Whether no other request can fare better."""


class EndpointModel:
    """The model behind `endpoint`; implements `Completes`.

    Args:
        endpoint: The server.
        pace: When requests go; `endpoint.per_minute` where it is None.
        wait: How seconds pass; until the caller takes no more where it is None.
    """

    def __init__(
        self, endpoint: Endpoint, *, pace: Pace | None = None, wait: Wait | None = None
    ) -> None:
        self.endpoint = endpoint
        self._pace = pace or Pace(endpoint.per_minute)
        self._wait = wait
        self._lock = Lock()
        self._heard = False
        self._served = False
        self._in_a_row = 0

    def complete(self, requests: Sequence[Request]) -> Iterator[Completion]:
        """Continue every prompt, so many at a time, in the order of the requests.

        Raises:
            ModelError: If the endpoint extra is missing, or the server cannot be reached, has no
                such model, wants another key, or stays busy or broken.
        """
        many, over = self.endpoint.concurrency, Event()
        key = os.environ.get(self.endpoint.key_env, "").strip()
        with connected(self.endpoint.url, key, self.endpoint.timeout) as client:
            asked = partial(self._completed, client, self._wait or over.wait)
            yield from ahead(asked, requests, workers=many, most=AHEAD * many, over=over)

    def _completed(self, client: openai.OpenAI, wait: Wait, request: Request) -> Completion:
        failed_at = None
        number = 0
        while True:
            self._pace.enter(wait)
            found = self._tried(client, request)
            if isinstance(found, Completion):
                self._note(served=True)
                return found
            now = self._pace.now()
            failed_at = now if failed_at is None else failed_at
            left = failed_at + self._patience - now
            if left <= 0 or found.wait_seconds > left:
                return self._given_up(found, request)
            seconds = min(max(wait_seconds(number, request.seed), found.wait_seconds), left)
            if found.of_all:
                self._pace.hold(seconds)
            else:
                self._pace.rest(seconds, wait)
            number += 1

    def _given_up(self, found: _Trouble, request: Request) -> Completion:
        """The failure of one request.

        Raises:
            ModelError: If it is rather the server's.
        """
        if found.of_all or self._note(served=False):
            raise ModelError(f"{self._where}: {found.says}; {_KEPT}")
        return _failed(request, found.reason)

    @property
    def _where(self) -> str:
        return f"endpoint {self.endpoint.url}"

    @property
    def _patience(self) -> float:
        most = self.endpoint.patience
        return most if self._heard else min(most, FIRST_PATIENCE_SECONDS)

    def _note(self, *, served: bool) -> bool:
        """Keep count of requests that came to nothing; whether the server counts as broken."""
        with self._lock:
            self._served = self._served or served
            self._in_a_row = 0 if served else self._in_a_row + 1
            return not self._served or self._in_a_row >= MOST_IN_A_ROW

    def _tried(self, client: openai.OpenAI, request: Request) -> Completion | _Trouble:
        """What one sending of the request brings."""
        import openai

        try:
            answer = _asked(client, self.endpoint.model, request)
        except openai.APIStatusError as error:
            self._heard = True
            said = " ".join(error.message.replace(client.api_key, "...").split())
            if error.status_code in _REFUSALS:
                return _failed(request, "endpoint-refused", said)
            return self._answered(error, said[:_MOST_SAID])
        except openai.APITimeoutError:
            says = (
                f"no answer in {self.endpoint.timeout:g} s, tried again; raise generate.timeout or "
                "lower generate.concurrency"
            )
            return _Trouble(reason="endpoint-timeout", says=says)
        except openai.APIConnectionError as error:
            return self._broken_off(error)
        except (openai.APIError, ValueError):  # no JSON, or too much of it
            answer = None
        self._heard = True
        return _read(request, answer)

    def _answered(self, error: openai.APIStatusError, said: str) -> _Trouble:
        """What an answer means that is no completion.

        Raises:
            ModelError: If the same request can never do better.
        """
        status, where = error.status_code, self._where
        if status == 429:
            return _Trouble(
                reason="endpoint-busy",
                says="takes no more requests for now; lower generate.concurrency, or set "
                f"generate.requests_per_minute ({said})",
                wait_seconds=asked_seconds(error.response.headers),
                of_all=True,
            )
        if status >= 500 or status in _PASSING:
            asked = asked_seconds(error.response.headers)
            says = f"answers {status} whatever is tried; see the server's own log ({said})"
            return _Trouble(
                reason="endpoint-error", says=says, wait_seconds=asked, of_all=asked > 0
            )
        if status in (401, 403):
            key = self.endpoint.key_env
            raise ModelError(f"{where}: refuses the key; put it into {key}; {_KEPT}") from error
        if status == 404:
            raise ModelError(
                f"{where}: knows no model {self.endpoint.model!r}, or no such address; generate."
                "generator names the model, generate.endpoint ends where the version does (/v1)"
            ) from error
        if 300 <= status < 400:
            raise ModelError(
                f"{where}: sends elsewhere, which is not followed; name the address itself"
            ) from error
        raise ModelError(f"{where}: answers {status} ({said}); {_KEPT}") from error

    def _broken_off(self, error: openai.APIConnectionError) -> _Trouble:
        """What a connection means that brought no answer."""
        import httpx2

        if isinstance(error.__cause__, httpx2.ConnectError | httpx2.UnsupportedProtocol):
            says = "cannot be reached; start the server, or mend the address"
            return _Trouble(reason="endpoint-away", says=says, of_all=True)
        says = "breaks off whatever is tried; see the server's own log"
        return _Trouble(reason="endpoint-error", says=says)


_KEPT: Final = "what is finished is kept, and the same command goes on"
_GARBAGE: Final = _Trouble(
    reason="endpoint-garbage",
    says="answers with something else than completions; is generate.endpoint the address of an "
    "OpenAI-compatible server, with its version (/v1)?",
)


def _asked(client: openai.OpenAI, model: str, request: Request) -> Any:  # noqa: ANN401 -- two kinds
    sampling = request.sampling
    settings: dict[str, Any] = {
        "model": model,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "max_tokens": sampling.max_tokens,
        "seed": request.seed % _SEEDS,
    }
    if request.stop:
        settings["stop"] = list(request.stop)
    if not request.chat:
        return client.completions.create(prompt=request.prompt, **settings)
    return client.chat.completions.create(**settings, **_messages(request))


def _messages(request: Request) -> dict[str, Any]:
    turns = [
        {"role": role, "content": text}
        for said, answer in request.shots
        for role, text in (("user", said), ("assistant", answer))
    ]
    return {"messages": [*turns, {"role": "user", "content": request.prompt}]}


def _read(request: Request, answer: Any) -> Completion | _Trouble:  # noqa: ANN401
    """The completion that an answer states; whatever may be missing in it."""
    choices = getattr(answer, "choices", None)
    if not isinstance(choices, list) or not choices:
        return _GARBAGE
    choice = choices[0]
    text = getattr(choice, "text", None)
    if request.chat:
        text = getattr(getattr(choice, "message", None), "content", None)
    if text is None:  # as where a model spends all its tokens on thinking
        return _failed(request, "endpoint-no-text")
    if not isinstance(text, str):
        return _GARBAGE
    n_tokens = getattr(getattr(answer, "usage", None), "completion_tokens", 0)
    return Completion(
        id=request.id,
        text=text,
        finished=getattr(choice, "finish_reason", None) == "stop",
        n_tokens=n_tokens if isinstance(n_tokens, int) else 0,
    )


def _failed(request: Request, reason: str, said: str = "") -> Completion:
    return Completion(id=request.id, text=said, finished=False, failure=reason)
