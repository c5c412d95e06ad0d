"""Errors as RFC 9457 problem details: what was received, where, what to do; never a text.

In: exceptions of ours, of FastAPI and of Starlette. Out: responses ``application/problem+json``
whose ``errors`` name positions as JSON pointers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from gi_classifier.errors import (
    SHOWN_PROBLEMS,
    GIClassifierError,
    LabelError,
    MissingExtraError,
    ModelError,
    RecordsError,
)

MEDIA_TYPE = "application/problem+json"
_POSITION = re.compile(r"position (\d+): (.*)", re.DOTALL)
# Parts of a pointer that are ours: all else may be what somebody sent.
_OURS = re.compile(r"[a-z_]{1,24}")
_TITLES = {
    400: "The request cannot be read",
    401: "A token is needed",
    403: "Not from here",
    404: "There is no such thing",
    405: "Not this method",
    406: "No such form",
    408: "The request came too slowly",
    409: "Not with this model",
    413: "Too large",
    415: "Not this media type",
    421: "Not this host",
    422: "The request cannot be answered as it is",
    500: "The service failed",
    503: "The service is busy",
    504: "It took too long",
}
RETRY = {"Retry-After": "1"}


class Problem(HTTPException):
    """An error to answer with.

    Parameters
    ----------
    status : int
    kind : str
        A short name of the kind, for programs: the end of ``type``.
    detail : str
        What was received and what to do.
    errors : iterable of (str, str)
        A JSON pointer and what is wrong there.
    headers : mapping, optional
    """

    def __init__(
        self,
        status: int,
        kind: str,
        detail: str,
        errors: Iterable[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, detail, headers)
        self.kind = kind
        self.errors = list(errors)

    def to_dict(self) -> dict[str, Any]:
        """The problem details."""
        more = len(self.errors) - SHOWN_PROBLEMS
        found: dict[str, Any] = {
            "type": f"urn:gi-classifier:{self.kind}",
            "title": _TITLES.get(self.status_code, "The request failed"),
            "status": self.status_code,
            "detail": f"{self.detail} (the first {SHOWN_PROBLEMS} of {len(self.errors)} are named)"
            if more > 0
            else self.detail,
        }
        if self.errors:
            found["errors"] = [
                {"pointer": pointer, "detail": detail}
                for pointer, detail in self.errors[:SHOWN_PROBLEMS]
            ]
        return found

    def response(self) -> Response:
        """The answer."""
        body = json.dumps(self.to_dict(), ensure_ascii=False).encode("utf-8", "replace")
        return Response(body, self.status_code, dict(self.headers or {}), MEDIA_TYPE)


def problem_of(error: GIClassifierError) -> Problem:
    """The problem that an error of this library is."""
    places = []
    for said in error.problems:
        found = _POSITION.fullmatch(said)
        places.append((f"#/texts/{found[1]}", found[2]) if found else ("#", said))
    if not places and (field := _field_of(error)):
        places.append((f"#/{field}", error.summary))
    if isinstance(error, MissingExtraError):
        return Problem(503, "not-installed", error.summary)
    if isinstance(error, ModelError):
        return Problem(409, "not-in-this-model", error.summary, places)
    kind = "unreadable-records" if isinstance(error, RecordsError) else "invalid"
    return Problem(422, kind, error.summary, places)


def _field_of(error: GIClassifierError) -> str:
    """The field of a request that an error as a whole is about, or ""."""
    if isinstance(error, LabelError):
        return "label"
    return "prior" if error.summary.startswith("prior ") else ""


def of_validation(error: RequestValidationError) -> Problem:
    """The problem that a body, path or query is, by its schema; nothing of its values is said."""
    places = [(_pointer(one["loc"]), _said(one)) for one in error.errors()]
    kinds = {one["type"] for one in error.errors()}
    if "json_invalid" in kinds:
        return Problem(400, "not-json", "The body is no JSON.", places)
    return Problem(422, "invalid", "This of the request cannot be used:", dict.fromkeys(places))


def _pointer(place: Sequence[Any]) -> str:
    """A JSON pointer into the body, or the name of a parameter."""
    where, *parts = place or ("body",)
    named = [
        str(part) if isinstance(part, int) or _OURS.fullmatch(str(part)) else "…"
        for part in parts
        # The arms of a union are the schema's, not the body's.
        if isinstance(part, int) or not re.search(r"[\[(]|^(int|str|float|constrained)", str(part))
    ]
    if where == "body":
        return "#" + "".join(f"/{part}" for part in named)
    return f"{where}: {'/'.join(named)}"


def _said(one: Mapping[str, Any]) -> str:
    """What is wrong, without what was received."""
    if one["type"] == "extra_forbidden":
        return "there is no such field"
    if one["type"] == "json_invalid":
        return "this is no JSON"
    if one["type"] in ("model_attributes_type", "dict_type", "model_type"):
        return "a JSON object is wanted, with the header Content-Type: application/json"
    return str(one["msg"])


async def answer_problem(_: Request, error: Exception) -> Response:
    """Answer any of the exceptions that an application expects."""
    if isinstance(error, RequestValidationError):
        return of_validation(error).response()
    if isinstance(error, GIClassifierError):
        return problem_of(error).response()
    if isinstance(error, Problem):
        return error.response()
    if isinstance(error, HTTPException):
        kinds = {400: "not-json", 404: "not-found", 405: "no-such-method"}
        said = _TITLES.get(error.status_code, "The request failed")
        kind = kinds.get(error.status_code, "refused")
        return Problem(error.status_code, kind, f"{said}.", headers=error.headers).response()
    return failed().response()


def failed() -> Problem:
    """The problem of what nobody foresaw."""
    return Problem(
        500, "failed", "Something failed that should not; the log says where. Nothing was kept."
    )
