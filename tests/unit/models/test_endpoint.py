"""A server that misbehaves in every way a server can, on loopback."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import pytest

from katsuo import recipe as recipes
from katsuo.errors import ModelError
from katsuo.models.endpoint import FIRST_PATIENCE_SECONDS, MOST_IN_A_ROW, Endpoint, EndpointModel
from katsuo.models.pace import Pace
from katsuo.protocols import Request, Sampling
from katsuo.road import travel
from katsuo.store.runs import Run

pytest.importorskip("openai")

KEY: Final = "a-secret-key"
Answer = Callable[[dict[str, Any], int], tuple[int, dict[str, str], bytes]]
"""What a server says to a body, the n-th time (from 0) that it comes."""


def said(text: str, reason: str = "stop") -> bytes:
    choice = {"index": 0, "finish_reason": reason, "text": text,
              "message": {"role": "assistant", "content": text}}  # fmt: skip
    return json.dumps({"id": "1", "object": "x", "created": 0, "model": "m", "choices": [choice],
                       "usage": {"completion_tokens": 3, "prompt_tokens": 1,
                                 "total_tokens": 4}}).encode()  # fmt: skip


def echo(body: dict[str, Any], _: int) -> tuple[int, dict[str, str], bytes]:
    last = body["messages"][-1]["content"] if "messages" in body else body["prompt"]
    return 200, {}, said(f"to {last}")


class Server(ThreadingHTTPServer):
    """Answers by a function, and keeps what came."""

    daemon_threads = True

    def __init__(self, answer: Answer) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer = answer
        self.seen: list[tuple[str, dict[str, str], dict[str, Any]]] = []
        self.lock = threading.Lock()


class Handler(BaseHTTPRequestHandler):
    """One request."""

    def do_POST(self) -> None:
        server = self.server
        assert isinstance(server, Server)
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with server.lock:
            times = sum(body == earlier for _, _, earlier in server.seen)
            server.seen.append((self.path, dict(self.headers), body))
        status, headers, data = server.answer(body, times)
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Clock:
    """Time that passes when somebody waits, and never else."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.lock = threading.Lock()

    def now(self) -> float:
        return self.seconds

    def wait(self, seconds: float) -> bool:
        with self.lock:
            self.seconds += seconds
        return False


@contextmanager
def serving(
    answer: Answer, *, concurrency: int = 3, clock: Clock | None = None
) -> Iterator[tuple[Server, EndpointModel]]:
    server = Server(answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    endpoint = Endpoint(
        url=url, model="m", key_env="TEST_KEY", concurrency=concurrency, timeout=5, patience=60
    )
    clock = clock or Clock()
    try:
        yield server, EndpointModel(endpoint, pace=Pace(now=clock.now), wait=clock.wait)
    finally:
        server.shutdown()
        server.server_close()


def request(number: int = 0, **changes: Any) -> Request:  # noqa: ANN401
    sampling = Sampling(temperature=0.25, top_p=0.5, max_tokens=7)
    plain: dict[str, Any] = {"id": f"r{number}", "prompt": f"p{number}", "sampling": sampling,
                             "seed": 2**40 + number, "chat": True}  # fmt: skip
    return Request(**{**plain, **changes})


def test_every_request_comes_back_once_and_in_order() -> None:
    with serving(echo) as (_, model):
        found = list(model.complete([request(n) for n in range(40)]))
    assert [(one.id, one.text) for one in found] == [(f"r{n}", f"to p{n}") for n in range(40)]
    assert all(one.finished and one.n_tokens == 3 and not one.failure for one in found)


def test_a_chat_carries_its_earlier_turns_and_a_plain_prompt_goes_to_completions() -> None:
    with serving(echo) as (server, model):
        list(model.complete([request(shots=(("q", "a"),)), request(1, chat=False, stop=("\n",))]))
    by_path = {path: body for path, _, body in server.seen}
    chat, plain = by_path["/v1/chat/completions"], by_path["/v1/completions"]
    assert [turn["content"] for turn in chat["messages"]] == ["q", "a", "p0"]
    assert (plain["prompt"], plain["stop"]) == ("p1", ["\n"])
    for body in (chat, plain):
        assert (body["temperature"], body["top_p"], body["max_tokens"]) == (0.25, 0.5, 7)
        assert 0 <= body["seed"] < 2**31


def test_the_key_travels_in_its_header_alone_and_nothing_is_told_of_this_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TEST_KEY", KEY)
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/elsewhere")
    monkeypatch.setenv("OPENAI_ORG_ID", "an-organisation")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "Authorization: Bearer other\nX-Mine: one")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with serving(echo) as (server, model):
        list(model.complete([request()]))
        assert KEY not in repr(model)
    (_, headers, body), = server.seen  # fmt: skip
    by_name = {name.casefold(): value for name, value in headers.items()}
    assert by_name["authorization"] == f"Bearer {KEY}"
    assert KEY not in json.dumps(body)
    wire = {"host", "accept", "accept-encoding", "connection", "content-length", "content-type"}
    assert set(by_name) <= {*wire, "authorization", "user-agent"}


def test_without_a_key_none_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "anothers-key")
    monkeypatch.delenv("TEST_KEY", raising=False)
    with serving(echo) as (server, model):
        list(model.complete([request()]))
    (_, headers, _), = server.seen  # fmt: skip
    assert "authorization" not in {name.casefold() for name in headers}


def test_why_a_request_was_refused_is_kept_and_the_key_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TEST_KEY", KEY)
    said = json.dumps({"error": {"message": f"{KEY} asks for 9,000 tokens"}}).encode()
    with serving(lambda *_: (400, {}, said)) as (_, model):
        (found,) = model.complete([request()])
    assert found.failure == "endpoint-refused"
    assert "asks for 9,000 tokens" in found.text
    assert KEY not in found.text


def test_a_redirection_is_not_followed() -> None:
    with serving(echo) as (elsewhere, _):
        there = f"http://127.0.0.1:{elsewhere.server_address[1]}/v1/chat/completions"
        with (
            serving(lambda *_: (307, {"Location": there}, b"")) as (_, model),
            pytest.raises(ModelError, match="sends elsewhere, which is not followed"),
        ):
            list(model.complete([request()]))
    assert elsewhere.seen == []


def test_no_more_is_asked_than_is_soon_taken() -> None:
    with serving(echo) as (server, model):
        answers = model.complete([request(n) for n in range(40)])
        next(answers)
        answers.close()  # type: ignore[attr-defined]  # it is a generator
    assert 1 <= len(server.seen) <= 6


def test_a_draft_that_was_cut_off_says_so_and_tokens_that_are_no_number_are_none() -> None:
    data = json.loads(said("half a", reason="length"))
    data["usage"] = {"completion_tokens": [1]}
    with serving(lambda *_: (200, {}, json.dumps(data).encode())) as (_, model):
        (found,) = model.complete([request()])
    assert (found.text, found.finished, found.n_tokens) == ("half a", False, 0)


TROUBLES: Final = {
    "broken": (500, {}, b"{}"),
    "starting": (503, {}, b'{"error": {"message": "Loading model"}}'),
    "busy-for-3-s": (429, {"Retry-After": "3"}, b"{}"),
    "no-json": (200, {}, b"<html>busy</html>"),
    "no-choices": (200, {}, b'{"error": {"message": "upstream"}}'),
    "choices-a-number": (200, {}, b'{"choices": 3}'),
    "text-a-number": (200, {}, b'{"choices": [{"message": {"content": 3}}]}'),
    "empty": (200, {}, b""),
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_fifty_seconds_of_trouble_cost_no_draft(trouble: str) -> None:
    clock = Clock()

    def answer(body: dict[str, Any], _: int) -> tuple[int, dict[str, str], bytes]:
        return echo(body, 0) if clock.now() > 50 else TROUBLES[trouble]

    with serving(answer, concurrency=1, clock=clock) as (_, model):
        found = list(model.complete([request(n) for n in range(9)]))
    assert [(one.text, one.failure) for one in found] == [(f"to p{n}", "") for n in range(9)]


def test_all_leave_a_server_alone_for_as_long_as_it_asks() -> None:
    clock = Clock()
    seen: list[float] = []

    def answer(body: dict[str, Any], _: int) -> tuple[int, dict[str, str], bytes]:
        seen.append(clock.now())
        return echo(body, 0) if len(seen) > 1 else (429, {"Retry-After": "30"}, b"{}")

    with serving(answer, concurrency=1, clock=clock) as (_, model):
        list(model.complete([request(n) for n in range(4)]))
    assert seen[0] == 0
    assert min(seen[1:]) >= 30


def test_no_more_requests_go_in_a_minute_than_the_recipe_allows() -> None:
    clock = Clock()
    seen: list[float] = []

    def answer(body: dict[str, Any], times: int) -> tuple[int, dict[str, str], bytes]:
        seen.append(clock.now())
        return echo(body, 0) if times else (500, {}, b"{}")

    with serving(answer) as (_, model):
        pace = Pace(6, now=clock.now)
        paced = EndpointModel(model.endpoint, pace=pace, wait=clock.wait)
        list(paced.complete([request(n) for n in range(6)]))
    assert len(seen) == 12
    assert clock.now() >= 110


@pytest.mark.parametrize("status", [429, 503])
def test_a_server_that_asks_for_too_long_a_wait_is_not_waited_for(status: int) -> None:
    with (
        serving(lambda *_: (status, {"Retry-After": "9000"}, b"{}")) as (server, model),
        pytest.raises(ModelError, match=r"takes no more requests for now|answers 503"),
    ):
        list(model.complete([request()]))
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    ("status", "data", "failure"),
    [
        pytest.param(400, b'{"error": {"message": "too long"}}', "endpoint-refused", id="refused"),
        pytest.param(413, b"<html>too large</html>", "endpoint-refused", id="too-large"),
        pytest.param(422, b"{}", "endpoint-refused", id="unprocessable"),
        pytest.param(200, b'{"choices": [{"message": null}]}', "endpoint-no-text", id="no-text"),
        pytest.param(200, b"<html>busy</html>", "endpoint-garbage", id="garbage"),
        pytest.param(500, b"{}", "endpoint-error", id="broken"),
    ],
)
def test_one_bad_answer_is_one_failure_and_the_others_go_on(
    status: int, data: bytes, failure: str
) -> None:
    def answer(body: dict[str, Any], times: int) -> tuple[int, dict[str, str], bytes]:
        poisoned = body["messages"][-1]["content"] == "p1"
        return (status, {}, data) if poisoned else echo(body, times)

    with serving(answer, concurrency=1) as (_, model):
        found = list(model.complete([request(n) for n in range(3)]))
    assert [one.failure for one in found] == ["", failure, ""]


@pytest.mark.parametrize("trouble", ["broken", "no-json"])
def test_a_server_that_fails_at_one_request_after_the_other_counts_as_broken(trouble: str) -> None:
    def answer(body: dict[str, Any], times: int) -> tuple[int, dict[str, str], bytes]:
        return echo(body, times) if body["messages"][-1]["content"] == "p0" else TROUBLES[trouble]

    with serving(answer, concurrency=1) as (_, model):
        answers = model.complete([request(n) for n in range(9)])
        kept = [next(answers).failure for _ in range(MOST_IN_A_ROW)]
        with pytest.raises(ModelError, match="what is finished is kept"):
            next(answers)
    assert kept[0] == ""
    assert all(kept[1:])


@pytest.mark.parametrize("trouble", ["broken", "no-json"])
def test_a_server_that_served_nobody_yet_fails_at_no_single_request(trouble: str) -> None:
    with (
        serving(lambda *_: TROUBLES[trouble]) as (_, model),
        pytest.raises(ModelError, match="answers") as error,
    ):
        list(model.complete([request()]))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("status", "said_of_it"),
    [
        pytest.param(401, "refuses the key; put it into TEST_KEY", id="key"),
        pytest.param(403, "refuses the key", id="right"),
        pytest.param(404, "knows no model 'm'", id="model"),
        pytest.param(429, "lower generate.concurrency", id="busy"),
        pytest.param(500, "answers 500 whatever is tried", id="broken"),
    ],
)
def test_a_server_that_cannot_be_used_is_said_in_one_line(
    status: int, said_of_it: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_KEY", KEY)
    with (
        serving(lambda *_: (status, {}, b'{"error": {}}')) as (_, model),
        pytest.raises(ModelError, match=said_of_it) as error,
    ):
        list(model.complete([request()]))
    assert "\n" not in str(error.value)
    assert KEY not in str(error.value)


def test_an_address_where_nobody_listens_is_said_in_one_line() -> None:
    with serving(echo) as (server, _):
        url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    clock = Clock()
    nowhere = Endpoint(url=url, model="m", key_env="TEST_KEY")
    gone = EndpointModel(nowhere, pace=Pace(now=clock.now), wait=clock.wait)
    with pytest.raises(ModelError, match="cannot be reached"):
        list(gone.complete([request()]))
    assert clock.now() <= FIRST_PATIENCE_SECONDS


def test_a_server_that_goes_away_is_waited_for_and_then_said_in_one_line() -> None:
    clock = Clock()
    with serving(echo, clock=clock) as (server, model):
        list(model.complete([request()]))
        server.shutdown()
        server.server_close()
        with pytest.raises(ModelError, match=r"cannot be reached.*what is finished is kept"):
            list(model.complete([request(1)]))
    assert FIRST_PATIENCE_SECONDS < clock.now() <= model.endpoint.patience


def good(*_: object) -> tuple[int, dict[str, str], bytes]:
    return 200, {}, said("Question: Is it so?\nAnswer: yes")


def test_a_run_tells_the_server_and_never_the_key_and_finished_shards_are_not_asked_again(
    fake_recipe: Path, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_KEY", KEY)
    for number in range(40):
        (corpus / f"more-{number}.md").write_text(f"Berth {number} is free on day {number}.\n" * 2)
    run = Run.at(tmp_path / "runs" / "one")
    with serving(good) as (server, model):

        def breaks(*_: object) -> tuple[int, dict[str, str], bytes]:
            return good() if len(server.seen) <= 70 else (401, {}, b"{}")

        asked = recipes.load(
            fake_recipe,
            [
                f"generate.endpoint={model.endpoint.url}",
                "generate.generator=theirs",
                "generate.key_env=TEST_KEY",
                "generate.task_types=[ynqa]",
                "generate.concurrency=2",
            ],
        )
        server.answer = breaks
        with pytest.raises(ModelError, match="what is finished is kept"):
            travel(asked, run, until="generate", listen=lambda _: None)
        server.answer = good
        n_before = len(server.seen)
        travel(asked, run, until="generate", listen=lambda _: None)
    manifest = run.stage("generate").manifest
    n_drafts = manifest["counts"]["passed"]
    assert n_drafts == run.stage("ingest").manifest["counts"]["passed"] > 64
    assert len(server.seen) - n_before < n_drafts
    assert manifest["settings"]["endpoint"] == model.endpoint.url
    assert manifest["model"]["name"] == "theirs"
    made = [path for path in (tmp_path / "runs").rglob("*") if path.is_file()]
    assert made
    assert not any(KEY.encode() in path.read_bytes() for path in made)
