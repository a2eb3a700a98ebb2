"""A browser without sockets: what a server would hand to the application, and what comes back."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from katsuo import recipe as recipes
from katsuo.road import Trip, travel
from katsuo.road.reviewing import trip_of
from katsuo.store import tables
from katsuo.store.runs import Run
from katsuo.types import Task

SENTENCES = (
    "The harbour master may close the eastern basin when the wind exceeds twelve metres a second.",
    "A vessel that waits for a pilot keeps a listening watch and shows one white light.",
    "Nobody may take fuel on board between sunset and sunrise without a written permit.",
)
TOKEN, PORT = "the-secret", 8123
HOST = f"127.0.0.1:{PORT}"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    text: str


@dataclass(frozen=True, kw_only=True)
class Browser:
    """Asks an application, with the headers that a browser sends."""

    app: Callable[..., Any]

    def get(self, path: str, token: str = TOKEN, **headers: str) -> Answer:
        """Open an address behind the token, or a whole path."""
        whole = path if path.startswith("/") else f"/{token}/{path}"
        return asyncio.run(self._ask("GET", whole, b"", {"host": HOST, **headers}))

    def post(self, path: str, fields: dict[str, str], **headers: str) -> Answer:
        """Send a form."""
        sent = {"host": HOST, "origin": f"http://{HOST}", **headers}
        body = urlencode(fields).encode()
        return asyncio.run(self._ask("POST", f"/{TOKEN}/{path}", body, sent))

    async def _ask(self, method: str, target: str, body: bytes, headers: dict[str, str]) -> Answer:
        parts = urlsplit(target)
        scope = {
            "type": "http", "method": method, "path": parts.path, "root_path": "",
            "raw_path": parts.path.encode(), "query_string": parts.query.encode(),
            "headers": [(k.replace("_", "-").encode(), v.encode()) for k, v in headers.items()],
            "http_version": "1.1", "scheme": "http",
            "server": ("127.0.0.1", PORT), "client": ("127.0.0.1", 5),
        }  # fmt: skip
        sent: list[MutableMapping[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: MutableMapping[str, Any]) -> None:
            sent.append(message)

        await self.app(scope, receive, send)
        text = b"".join(message.get("body", b"") for message in sent[1:]).decode()
        answered = {k.decode(): v.decode() for k, v in sent[0]["headers"]}
        return Answer(status=sent[0]["status"], headers=answered, text=text)


@pytest.fixture(scope="session")
def reviewed_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of runs with one curated run in it, some of its tasks dropped."""
    folder = tmp_path_factory.mktemp("review")
    documents = folder / "documents"
    documents.mkdir()
    for number in range(12):
        lines = [f"Rule {number}.{part}. {said}" for part, said in enumerate(SENTENCES)]
        (documents / f"order-{number:02d}.md").write_text("\n\n".join(lines), "utf-8")
    recipe = folder / "fake.yaml"
    recipe.write_text(
        f"ingest: {{paths: ['{documents}'], max_tokens: 40, min_words: 4}}\n"
        "generate: {generator: fake}\nadapt: {base: fake}\n"
        "curate: [{well_formed: {min_instruction_words: 27}}, grounded]\n",
        "utf-8",
    )
    made = Run.at(folder / "runs" / "one")
    travel(recipes.load(recipe), made, until="curate", listen=lambda _: None)
    return folder / "runs"


@pytest.fixture
def run(reviewed_once: Path, tmp_path: Path) -> Run:
    """A copy of that run, to be changed."""
    shutil.copytree(reviewed_once, tmp_path / "runs")
    return Run.at(tmp_path / "runs" / "one")


@pytest.fixture
def trip(run: Run) -> Trip:
    """The journey that a review is about."""
    return trip_of(run.folder)


@pytest.fixture
def browser(trip: Trip) -> Browser:
    """A browser that may open the run's page."""
    return browsing(trip)


def browsing(trip: Trip) -> Browser:
    """A browser on the page of a run."""
    pytest.importorskip("starlette", reason="needs the review extra")
    from katsuo.review.app import app
    from katsuo.review.desk import Desk
    from katsuo.review.guarding import Guarded

    return Browser(app=Guarded(app=app(Desk(trip), f"/{TOKEN}/"), token=TOKEN, port=PORT))


@pytest.fixture
def with_first_task(trip: Trip) -> Callable[[Callable[[Task], Task]], Browser]:
    """The page of a run whose first task says something else; its id is `first`."""

    def changed(change: Callable[[Task], Task]) -> Browser:
        for verb in ("generate", "curate"):
            part = trip.run.stage(verb).parts()[0]
            first, *rest = map(tables.task_of, tables.read(part))
            rows = map(tables.task_row, [replace(change(first), id="first"), *rest])
            tables.write(part, tables.TASKS, rows)
        return browsing(trip)

    return changed
