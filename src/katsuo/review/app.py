"""The pages: a list of tasks, one task beside its passage, and what a person says about it.

GET  /                 the list; what it shows stands in the address
GET  /task/ID          one task
POST /task/ID          keep, drop, or take back
POST /task/ID/edit     other words, taken if the filters have nothing against them
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib import resources
from typing import Any, Final
from urllib.parse import parse_qsl

import jinja2
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from katsuo.errors import KatsuoError
from katsuo.page import quantities
from katsuo.page.rendering import resource
from katsuo.review import listing, showing
from katsuo.review.desk import Desk
from katsuo.review.editing import MOST_CHARS, Form, edited, form_of
from katsuo.review.index import FATES
from katsuo.review.listing import MINE, Wanted
from katsuo.store.decisions import DROP, KEEP, OPEN

SAID: Final = {
    "kept": "Kept.",
    "dropped": "Dropped.",
    "open": "Your decision is taken back.",
    "edited": "Your words are taken; the filters have nothing against them.",
    "unchanged": "These are the words of the draft; nothing was changed.",
    "last": "That was the last one of this list.",
}
"""What the next page says, by the word in its address."""
_VERDICTS: Final = {"keep": (KEEP, "kept"), "drop": (DROP, "dropped"), "open": (OPEN, "open")}
_BYTES_OF_A_SIGN: Final = 12
"""Of the longest in a form: four bytes of UTF-8, three characters each."""
_MOST_BYTES: Final = (2 * MOST_CHARS + 1000) * _BYTES_OF_A_SIGN
"""Two fields as long as a page offers to edit, and the small ones."""
_CONFLICT: Final = (
    "Not written: this task was decided on in another tab while this page stood open. "
    "Below is what holds now; decide again."
)

Fields = Mapping[str, str]


def app(desk: Desk, base: str) -> Starlette:
    """The application; `base` is the beginning of every address, `/TOKEN/`."""
    pages = _Pages(desk, base)
    return Starlette(
        routes=[
            Route("/", pages.tasks),
            Route("/task/{id}", pages.task),
            Route("/task/{id}", pages.posted(pages.decide), methods=["POST"]),
            Route("/task/{id}/edit", pages.posted(pages.edit), methods=["POST"]),
            Route("/style.css", _file(resource("style.css") + _resource("review.css"), "text/css")),
            Route("/review.js", _file(_resource("review.js"), "text/javascript")),
        ],
        exception_handlers={KatsuoError: _told},
    )


class _Pages:
    """Every page of one run."""

    def __init__(self, desk: Desk, base: str) -> None:
        self._desk, self._base = desk, base
        self._templates = _environment()

    def tasks(self, request: Request) -> Response:
        """The list."""
        wanted = Wanted.of(request.query_params)
        with self._desk.opened() as database:
            page = listing.page(database, wanted, _whole(request.query_params.get("page", "")))
            offered = listing.offered(database)
            counts = self._desk.counts(database)
        return self._page(
            "list.html.jinja",
            request,
            wanted=wanted,
            page=page,
            offered=offered,
            counts=counts,
            fates=FATES,
            mine=MINE,
        )

    def task(self, request: Request) -> Response:
        """One task."""
        return self._task(request)

    def posted(self, answer: Callable[[Request, Fields], Response]) -> Callable[..., Any]:
        """What reads a form, then lets `answer` work in a thread."""

        async def read(request: Request) -> Response:
            body = b""
            async for chunk in request.stream():
                body += chunk
                if len(body) > _MOST_BYTES:
                    return PlainTextResponse("413: too long\n", 413)
            text = body.decode("utf-8", "replace")
            fields = dict(parse_qsl(text, keep_blank_values=True))
            answered: Response = await run_in_threadpool(answer, request, fields)
            return answered

        return read

    def decide(self, request: Request, fields: Fields) -> Response:
        """Keep, drop, or take back; then the next task."""
        draft = self._desk.draft(request.path_params["id"])
        if draft is None or fields.get("verdict") not in _VERDICTS:
            return PlainTextResponse("404: there is no such task to decide on\n", 404)
        verdict, said = _VERDICTS[fields["verdict"]]
        stands = self._desk.decisions.of(draft)
        decision = replace(stands, verdict=verdict, version=_whole(fields.get("version", "")))
        if verdict == OPEN:
            decision = replace(decision, instruction=None, response=None)
        if not self._desk.decisions.put(decision):
            return self._task(request, error=_CONFLICT, status=409)
        return self._onwards(request, draft.id, said)

    def edit(self, request: Request, fields: Fields) -> Response:
        """Other words, if the filters have nothing against them."""
        draft = self._desk.draft(request.path_params["id"])
        if draft is None:
            return PlainTextResponse("404: there is no such task to edit\n", 404)
        words = [fields.get(name, "").replace("\r\n", "\n") for name in ("instruction", "response")]
        form = Form(instruction=words[0], response=words[1], slotted=fields.get("slotted") == "yes")
        version = _whole(fields.get("version", ""))
        decision = edited(draft, replace(self._desk.decisions.of(draft), version=version), form)
        faults = self._desk.faults(draft, decision) if decision.is_edit else []
        if faults:
            return self._task(request, faults=faults, form=form, status=422)
        if not self._desk.decisions.put(decision):
            return self._task(request, error=_CONFLICT, form=form, status=409)
        said = "edited" if decision.is_edit else "unchanged"
        return self._to(f"task/{draft.id}", Wanted.of(request.query_params), said)

    def _onwards(self, request: Request, id_: str, said: str) -> Response:
        wanted = Wanted.of(request.query_params)
        if said == "open":
            return self._to(f"task/{id_}", wanted, said)
        with self._desk.opened() as database:
            row = listing.row(database, id_)
            assert row is not None, "a task that was decided on is in the index"
            behind = listing.neighbours(database, wanted, row["place"]).behind
        if behind is None:
            return self._to("", wanted, "last")
        return self._to(f"task/{behind}", wanted, said)

    def _to(self, path: str, wanted: Wanted, said: str) -> Response:
        query = "&".join(part for part in (wanted.query, f"said={said}") if part)
        return RedirectResponse(f"{self._base}{path}?{query}", 303)

    def _task(
        self,
        request: Request,
        *,
        error: str = "",
        faults: list[tuple[str, str]] | None = None,
        form: Form | None = None,
        status: int = 200,
    ) -> Response:
        wanted = Wanted.of(request.query_params)
        with self._desk.opened() as database:
            row = listing.row(database, request.path_params["id"])
            if row is None:
                return PlainTextResponse("404: this run has no such task\n", 404)
            around = listing.neighbours(database, wanted, row["place"])
            entry = self._desk.entry(database, row)
        decision = None if entry.draft is None else self._desk.decisions.of(entry.draft)
        if form is None and entry.draft is not None and decision is not None:
            form = form_of(entry.draft, decision)
        return self._page(
            "task.html.jinja",
            request,
            status=status,
            wanted=wanted,
            row=row,
            around=around,
            entry=entry,
            shown=self._desk.shown(entry, decision),
            mine=decision,
            form=form,
            error=error,
            faults=faults or [],
            unasked=self._desk.unasked,
            is_editing=bool(faults) or status == 409,
        )

    def _page(self, name: str, request: Request, *, status: int = 200, **shown: Any) -> Response:  # noqa: ANN401
        text = self._templates.get_template(name).render(
            base=self._base,
            run=self._desk.run.folder,
            named=self._desk.run.named,
            waiting=self._desk.waiting(),
            said=SAID.get(request.query_params.get("said", ""), ""),
            **shown,
        )
        return HTMLResponse(text.encode("utf-8", "replace"), status)


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        loader=jinja2.FunctionLoader(_resource),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"count": quantities.count, "signs": showing.signs}
    return environment


def _resource(name: str) -> str:
    return resources.files("katsuo.review").joinpath(name).read_text("utf-8")


def _file(text: str, kind: str) -> Callable[[Request], Response]:
    return lambda _: Response(text, media_type=kind)


def _told(_: Request, error: Exception) -> Response:
    return PlainTextResponse(f"409: {error}\n", 409)


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0
