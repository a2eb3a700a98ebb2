"""Answers that no honest server sends, byte by byte, on loopback."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

import pytest

from katsuo.errors import ModelError
from katsuo.models import connection
from katsuo.models.endpoint import Endpoint, EndpointModel
from katsuo.models.pace import Pace
from katsuo.protocols import Request, Sampling

pytest.importorskip("openai")

REQUEST: Final = Request(id="r", prompt="p", sampling=Sampling(max_tokens=7), seed=1)
HEAD: Final = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
BODY: Final = b'{"choices": [{"text": "so it is", "finish_reason": "stop"}]}'
Answer = Callable[[socket.socket, threading.Event], None]


def whole(to: socket.socket, _: threading.Event) -> None:
    to.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY)


def reset(to: socket.socket, _: threading.Event) -> None:
    to.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def half(to: socket.socket, _: threading.Event) -> None:
    to.sendall(HEAD + b"Content-Length: 999\r\n\r\n" + BODY)


def silence(to: socket.socket, over: threading.Event) -> None:
    over.wait(60)


def drips(to: socket.socket, over: threading.Event) -> None:
    """A byte now and then, each of them in time."""
    to.sendall(HEAD + b"Content-Length: 99999\r\n\r\n")
    while not over.wait(0.05):
        to.sendall(b" ")


def floods(to: socket.socket, over: threading.Event) -> None:
    to.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    while not over.is_set():
        to.sendall(b"100000\r\n" + b" " * 2**20 + b"\r\n")


@contextmanager
def serving(*answers: Answer) -> Iterator[Endpoint]:
    """A server whose n-th connection gets the n-th answer, and every later one the last."""
    over = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        number = 0
        while not over.is_set():
            with suppress(OSError):
                to, _ = listener.accept()
                answer = answers[min(number, len(answers) - 1)]
                threading.Thread(target=talk, args=(to, answer), daemon=True).start()
                number += 1

    def talk(to: socket.socket, answer: Answer) -> None:
        with to, suppress(OSError):
            to.recv(2**16)
            answer(to, over)

    threading.Thread(target=serve, daemon=True).start()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    try:
        yield Endpoint(url=url, model="m", key_env="TEST_KEY", timeout=0.4, patience=1)
    finally:
        over.set()
        listener.close()


def brief(endpoint: Endpoint) -> EndpointModel:
    """The model, whose waits are short."""

    def wait(_: float) -> bool:
        time.sleep(0.01)
        return False

    return EndpointModel(endpoint, pace=Pace(), wait=wait)


@pytest.mark.parametrize("fault", [reset, half, silence, drips, floods])
def test_what_fails_once_is_sent_again(fault: Answer) -> None:
    with serving(fault, whole) as endpoint:
        (found,) = brief(endpoint).complete([REQUEST])
    assert (found.text, found.failure) == ("so it is", "")


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        pytest.param(reset, "breaks off", id="reset"),
        pytest.param(half, "breaks off", id="half"),
        pytest.param(silence, r"no answer in 0\.4 s", id="silence"),
        pytest.param(drips, r"no answer in 0\.4 s", id="drips"),
        pytest.param(floods, "something else than completions", id="floods"),
    ],
)
def test_what_always_fails_is_said_in_one_line(fault: Answer, says: str) -> None:
    with serving(fault) as endpoint, pytest.raises(ModelError, match=says) as error:
        list(brief(endpoint).complete([REQUEST]))
    assert "\n" not in str(error.value)


def test_a_long_draft_is_no_flood() -> None:
    assert connection.MOST_ANSWER_BYTES > 8192 * 100
