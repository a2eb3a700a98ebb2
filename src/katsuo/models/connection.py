"""What is sent to a server beside a request, and how much of an answer is let in?

Nothing of this machine is told, no proxy and no redirection is followed, and the
environment moves no address and lends no other key. An answer has its seconds
and its bytes as a whole: a server that sends one byte now and then is no
answer, nor is one that never ends.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from katsuo.errors import ModelError

if TYPE_CHECKING:
    import httpx2
    import openai

MOST_ANSWER_BYTES: Final = 2**24
"""Of one answer as it is sent: hundreds of times the longest draft."""
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
_BEGAN: Final = "katsuo-began"


class TooLargeError(ValueError):
    """An answer of more than `MOST_ANSWER_BYTES`."""


def connected(url: str, key: str, timeout: float) -> openai.OpenAI:
    """A client of the server at `url`, which is told nothing yet and asks nothing twice.

    Args:
        url: Without the part behind the version.
        key: Empty where the server wants none.
        timeout: Seconds for one answer, from asking to its last byte.

    Raises:
        ModelError: If the endpoint extra is missing.
    """
    try:
        import httpx2
        import openai
    except ImportError as error:
        raise ModelError(
            "generate.endpoint needs openai; install it with: pip install 'katsuo[endpoint]'"
        ) from error

    def bare(request: httpx2.Request) -> None:
        for name in set(request.headers) - _HEADERS:
            del request.headers[name]
        if not key:
            request.headers.pop("authorization", None)
        request.extensions[_BEGAN] = time.monotonic()

    def whole(response: httpx2.Response) -> None:
        response.stream = _whole(response, response.request.extensions[_BEGAN] + timeout)

    return openai.OpenAI(
        base_url=url,
        api_key=key or _NO_KEY,
        # Named here, it goes before one of the environment.
        default_headers={"Authorization": f"Bearer {key or _NO_KEY}"},
        timeout=timeout,
        max_retries=0,
        http_client=openai.DefaultHttpxClient(
            trust_env=False,  # no proxy: it would read what is meant for the server alone
            verify=httpx2.create_ssl_context(),  # certificates are as the environment says
            follow_redirects=False,
            event_hooks={"request": [bare], "response": [whole]},
        ),
    )


def _whole(response: httpx2.Response, until: float) -> httpx2.ByteStream:
    """The bytes of an answer, read until that time at most."""
    import httpx2

    stream = response.stream
    assert isinstance(stream, httpx2.SyncByteStream)
    taken = bytearray()
    for piece in stream:
        taken += piece
        if len(taken) > MOST_ANSWER_BYTES:
            raise TooLargeError
        if time.monotonic() > until:
            raise httpx2.ReadTimeout("too slow as a whole", request=response.request)
    stream.close()
    return httpx2.ByteStream(bytes(taken))
