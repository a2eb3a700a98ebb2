"""Who may ask, and what may a page do? Checked before anything else sees the request.

The secret stands in the path of every address, not in a cookie: a browser shows the cookies of this
machine to all its ports. Without it, from another host name (a name that was turned to this
machine), or from another page (Origin), the answer is 403.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any, Final

from starlette.responses import PlainTextResponse

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    # Not no-referrer: then browsers would hide the Origin of our own forms, too.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_SAFE: Final = ("GET", "HEAD")


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarded:
    """An application that only the person at this machine reaches."""

    app: App
    token: str
    port: int

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request, or refuse it."""
        if scope["type"] != "http":
            return
        told = _Headed(send)
        _, token, path = (*scope["path"].split("/", 2), "", "")[:3]
        if not self._may(scope, token):
            refusal = PlainTextResponse("403: open the address that katsuo review printed\n", 403)
            await refusal(scope, receive, told)
            return
        inside = f"/{path}"
        await self.app(
            {**scope, "path": inside, "raw_path": inside.encode(), "root_path": ""}, receive, told
        )

    def _may(self, scope: Message, token: str) -> bool:
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        hosts = (f"127.0.0.1:{self.port}", f"localhost:{self.port}")
        host = headers.get("host", "")
        origin = headers.get("origin")
        if host not in hosts or not hmac.compare_digest(token.encode(), self.token.encode()):
            return False
        if scope["method"] in _SAFE and origin is None:
            return headers.get("sec-fetch-site") != "cross-site"
        return origin == f"http://{host}"


class _Headed:
    """Sends what it is given, with our headers."""

    def __init__(self, send: Send) -> None:
        self._send = send

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            ours = [(name.lower().encode(), said.encode()) for name, said in HEADERS.items()]
            message = {**message, "headers": [*message["headers"], *ours]}
        await self._send(message)
