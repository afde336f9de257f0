"""The site as an ASGI application: warmed up before the first reader, with headers and a probe.

Takes    MB_HOME, MB_SITE_STALE_HOURS
Gives    `app`; `/healthz` tells the snapshot and its age, `/rows/…` a figure's rows as CSV
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import streamlit as st
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.runtime.pages_manager import PagesManager

from app.kit.figure import csv, found
from app.web import place, warm
from meterbook.base.errors import NothingPublishedError

HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'self'; script-src 'self' 'unsafe-eval' 'unsafe-inline'; "
        "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
        "connect-src 'self' ws: wss:; worker-src 'self' blob:; frame-ancestors 'none'; "
        "base-uri 'self'; form-action 'self'; object-src 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "Cross-Origin-Opener-Policy": "same-origin",
}
GONE: Final = "These rows are of a former snapshot, or no longer kept. Load the page again."


class SecurityHeaders:
    """Puts the headers on every answer."""

    def __init__(self, app: ASGIApp) -> None:
        """Keep the application behind."""
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, with the headers where the answer is HTTP."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        await self.app(scope, receive, with_headers)


async def healthz(_: Request) -> JSONResponse:
    """Tell that the site answers, and from what; with nothing to show it is alive all the same."""
    try:
        reader = await asyncio.to_thread(place.open_reader)
    except NothingPublishedError:
        return JSONResponse({"state": "empty", "snapshot": None})
    snapshot = reader.snapshot
    state = "degraded" if reader.problem else "stale" if place.is_stale(reader) else "ok"
    return JSONResponse(
        {
            "state": state,
            "snapshot": snapshot.id,
            "built_at": snapshot.built_at.isoformat(),
            "age_seconds": round(place.age(reader).total_seconds()),
            "data_through": snapshot.data_through.isoformat() if snapshot.data_through else None,
        }
    )


async def rows(request: Request) -> Response:
    """Give all rows of a figure that a page showed, as long as its snapshot is the current one."""
    try:
        reader = await asyncio.to_thread(place.open_reader)
    except NothingPublishedError:
        return PlainTextResponse("Nothing is published yet.", 404)
    names = request.path_params
    made = found(reader, names["token"]) if names["snapshot"] == reader.snapshot.id else None
    if made is None:
        return PlainTextResponse(GONE, 410)
    name = f'attachment; filename="{made.name}-{made.snapshot_id}.csv"'
    text = await asyncio.to_thread(csv, made)
    return Response(text, media_type="text/csv", headers={"Content-Disposition": name})


@asynccontextmanager
async def lifespan(_: Any) -> AsyncIterator[dict[str, Any]]:
    """Make what the first reader would wait for: imports, connection, figures of every page."""
    await asyncio.to_thread(warm.up)
    yield {}


# Before anyone has visited, Streamlit takes a folder `pages` for a navigation of its own and would
# run a page without its entry script.
PagesManager.uses_pages_directory = False

app = st.App(
    Path(__file__).parent / "main.py",
    lifespan=lifespan,
    routes=[Route("/healthz", healthz), Route("/rows/{snapshot}/{token}.csv", rows)],
    middleware=[Middleware(SecurityHeaders)],
)
