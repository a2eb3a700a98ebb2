"""How does a model behind an OpenAI-compatible server write completions?

    Request ──chat──▶ POST URL/chat/completions ─┐
            ──plain─▶ POST URL/completions ──────┴─▶ Completion, in the order of the requests

For generators only, and only where a recipe names the server. Text goes to that
address and nowhere else: no proxy and no redirection is followed. The key comes
from the environment and is never written down. What a server refuses is a
completion with a failure; a server that cannot be used ends the stage in one
line, and every finished shard stays.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from katsuo.ahead import ahead
from katsuo.errors import ModelError
from katsuo.protocols import Completion, Request

if TYPE_CHECKING:
    import openai

AHEAD: Final = 2
"""Requests under way or answered and not yet taken, for each one that runs at a time."""
RETRIES: Final = 6
"""Of a request that the server was too busy or too broken for; waits double, with jitter, and
follow the server's own Retry-After."""
_SEEDS: Final = 1 << 31
"""Servers read a seed as a signed number of 32 bits."""
_HEADERS: Final = frozenset(
    {
        "host",
        "accept",
        "accept-encoding",
        "authorization",
        "connection",
        "content-length",
        "content-type",
        "user-agent",
    }
)
"""All that is sent beside the request: nothing of this machine, nor what
`OPENAI_CUSTOM_HEADERS` and its kin would add for another server."""
_NO_KEY: Final = "none"
"""The client wants one; it is not sent."""
_REFUSALS: Final = frozenset({400, 413, 422})
"""What servers answer to one request that they cannot serve, such as one that is too long."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointModel:
    """The model behind `endpoint`; implements `Completes`."""

    endpoint: Endpoint
    retries: int = RETRIES

    def complete(self, requests: Sequence[Request]) -> Iterator[Completion]:
        """Continue every prompt, so many at a time, in the order of the requests.

        Raises:
            ModelError: If the endpoint extra is missing, or the server cannot be reached, has no
                such model or wants another key.
        """
        many = self.endpoint.concurrency
        with _connected(self.endpoint, self.retries) as client:
            asked = partial(self._completed, client)
            yield from ahead(asked, requests, workers=many, most=AHEAD * many)

    def _completed(self, client: openai.OpenAI, request: Request) -> Completion:
        import openai

        try:
            answer = _asked(client, self.endpoint.model, request)
        except openai.APIResponseValidationError:
            return _failed(request, "endpoint-garbage")
        except openai.APIStatusError as error:
            if error.status_code not in _REFUSALS:
                raise ModelError(self._what(error)) from error
            said = error.message.replace(client.api_key, "...")
            return _failed(request, "endpoint-refused", said)
        except openai.APIError as error:
            raise ModelError(self._what(error)) from error
        except ValueError:  # no JSON, in an answer that says it is
            return _failed(request, "endpoint-garbage")
        return _read(request, answer)

    def _what(self, error: Exception) -> str:
        """One line on a server that cannot be used."""
        import openai

        where = f"endpoint {self.endpoint.url}"
        kept = "what is finished is kept, and the same command goes on"
        if isinstance(error, openai.AuthenticationError | openai.PermissionDeniedError):
            return f"{where}: refuses the key; put it into {self.endpoint.key_env}; {kept}"
        if isinstance(error, openai.NotFoundError):
            return (
                f"{where}: knows no model {self.endpoint.model!r}, or no such address; generate."
                "generator names the model, generate.endpoint ends where the version does (/v1)"
            )
        if isinstance(error, openai.RateLimitError):
            return f"{where}: takes no more requests for now; lower generate.concurrency; {kept}"
        if isinstance(error, openai.APITimeoutError):
            return f"{where}: no answer in {self.endpoint.timeout:g} s, tried again; {kept}"
        if isinstance(error, openai.APIConnectionError):
            return f"{where}: cannot be reached; start the server, or mend the address; {kept}"
        status = getattr(error, "status_code", 0)
        if 300 <= status < 400:
            return f"{where}: sends elsewhere, which is not followed; name the address itself"
        return f"{where}: answers {status} whatever is tried; see the server's own log; {kept}"


def _connected(endpoint: Endpoint, retries: int) -> openai.OpenAI:
    """A client of the server, which is told nothing yet."""
    try:
        import httpx2
        import openai
    except ImportError as error:
        raise ModelError(
            "generate.endpoint needs openai; install it with: pip install 'katsuo[endpoint]'"
        ) from error
    key = os.environ.get(endpoint.key_env, "").strip()

    def bare(request: httpx2.Request) -> None:
        for name in set(request.headers) - _HEADERS:
            del request.headers[name]
        if not key:
            request.headers.pop("authorization", None)

    return openai.OpenAI(
        base_url=endpoint.url,
        api_key=key or _NO_KEY,
        # Named here, it goes before one of the environment.
        default_headers={"Authorization": f"Bearer {key or _NO_KEY}"},
        timeout=endpoint.timeout,
        max_retries=retries,
        http_client=openai.DefaultHttpxClient(
            trust_env=False,  # no proxy: it would read what is meant for the server alone
            verify=httpx2.create_ssl_context(),  # certificates are as the environment says
            follow_redirects=False,
            event_hooks={"request": [bare]},
        ),
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


def _read(request: Request, answer: Any) -> Completion:  # noqa: ANN401
    """The completion that an answer states; whatever may be missing in it."""
    choices = getattr(answer, "choices", None)
    if not isinstance(choices, list) or not choices:
        return _failed(request, "endpoint-garbage")
    choice = choices[0]
    text = getattr(choice, "text", None)
    if request.chat:
        text = getattr(getattr(choice, "message", None), "content", None)
    if not isinstance(text, str):
        return _failed(request, "endpoint-garbage")
    n_tokens = getattr(getattr(answer, "usage", None), "completion_tokens", 0)
    return Completion(
        id=request.id,
        text=text,
        finished=getattr(choice, "finish_reason", None) == "stop",
        n_tokens=n_tokens if isinstance(n_tokens, int) else 0,
    )


def _failed(request: Request, reason: str, said: str = "") -> Completion:
    return Completion(id=request.id, text=said, finished=False, failure=reason)
