"""The page and the description of the API: files of the package, read once.

In: nothing. Out: routes that serve them. No browser is sent anywhere else.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from fastapi import FastAPI
from starlette.responses import Response

from gi_classifier.server.problems import Problem

_FOLDER = Path(__file__).with_name("page")
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


@cache
def _files() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in _FOLDER.iterdir() if path.suffix in _TYPES}


def _response(name: str) -> Response:
    files = _files()
    if name not in files:
        raise Problem(404, "not-found", "There is no such file.")
    # Asked for again each time, so that no page is older than its service.
    headers = {"cache-control": "no-cache"}
    return Response(files[name], media_type=_TYPES[Path(name).suffix], headers=headers)


def add_pages(application: FastAPI) -> None:
    """Serve the page at ``/``, the description of the API at ``/docs``."""

    @application.get("/", include_in_schema=False)
    async def page() -> Response:
        return _response("index.html")

    @application.get("/docs", include_in_schema=False)
    async def docs() -> Response:
        return _response("docs.html")

    @application.get("/page/{name}", include_in_schema=False)
    async def file(name: str) -> Response:
        return _response(name)
