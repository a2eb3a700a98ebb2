"""Serve the page on this machine until somebody stops it."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Callable
from typing import Final

import uvicorn

from katsuo.errors import RecipeError
from katsuo.review.app import app
from katsuo.review.desk import Desk
from katsuo.review.guarding import Guarded
from katsuo.road.trip import Trip

HOST: Final = "127.0.0.1"
_TOKEN_BYTES: Final = 24
_LEAVE_SECONDS: Final = 2


def serve(trip: Trip, port: int, tell: Callable[[str], None]) -> None:
    """Serve the run of `trip` at an address that `tell` is told, until it is interrupted.

    Args:
        trip: The journey whose run is reviewed.
        port: 0 is any that is free.
        tell: Hears the address once a browser may open it.

    Raises:
        RecipeError: If the run has not been curated, or the port is taken.
    """
    desk = Desk(trip)
    with _listening(port) as listening:
        port = listening.getsockname()[1]
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        base = f"/{token}/"
        guarded = Guarded(app=app(desk, base), token=token, port=port)
        config = uvicorn.Config(
            guarded,
            log_level="warning",
            access_log=False,
            lifespan="off",
            ws="none",
            server_header=False,
            timeout_graceful_shutdown=_LEAVE_SECONDS,
        )
        tell(f"http://{HOST}:{port}{base}")
        uvicorn.Server(config).run(sockets=[listening])


def _listening(port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port))
    except OSError as error:
        listening.close()
        raise RecipeError(
            f"--port {port}: cannot be had ({error.strerror}); name another, or leave it out"
        ) from error
    listening.listen()
    return listening
