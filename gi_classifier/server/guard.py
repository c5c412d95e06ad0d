"""What every request passes before the application sees it, and every answer on its way out.

In: ASGI messages. Out: the same, within bounds of bytes and time; asked for the token; with the
headers that a browser needs; counted. What fails without having been foreseen is answered, and
logged by its kind and place, without its message, which may hold a text.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
import traceback
from collections.abc import Callable, Collection, MutableMapping
from typing import Any
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gi_classifier.server.limits import MEBIBYTE, Limits
from gi_classifier.server.metrics import Metrics
from gi_classifier.server.problems import RETRY, Problem, failed
from gi_classifier.server.token import is_bearer, is_loopback

logger = logging.getLogger(__name__)

# What a page of ours may do: nothing but load its own files and ask its own service.
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cache-control": "no-store",
    "content-security-policy": PAGE_POLICY,
}
# Of a failure, the places named: the innermost.
_FRAMES = 12
# Seconds for which the rest of a refused body is dropped; what came of it counts meanwhile.
_DRAINED = 5.0
# Paths below which only the token leads.
_KEPT = ("/v1/", "/metrics")


class _Bytes:
    """Bytes of all bodies that are being received."""

    def __init__(self, most: int) -> None:
        self.most, self.held = most, 0


class Guard:
    """Middleware around the whole application.

    Parameters
    ----------
    app : ASGI application
    limits : Limits
    metrics : Metrics
    token : str, optional
        Without, only requests to this machine's own names are answered.
    origins : collection of str
        Other origins whose pages may ask.
    uploads : collection of str
        Paths that take an upload.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        limits: Limits,
        metrics: Metrics,
        token: str | None,
        origins: Collection[str] = (),
        uploads: Collection[str] = (),
    ) -> None:
        self.app, self.limits, self.metrics, self.token = app, limits, metrics, token
        self.origins, self.uploads = frozenset(origins), frozenset(uploads)
        self._bytes = _Bytes(limits.held)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request through."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status = time.perf_counter(), 0

        async def sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _add_headers(message)
            elif not message.get("more_body") and not body.whole:
                # Closed with bytes on their way, a connection loses the answer.
                await send({**message, "more_body": True})
                await body.drain()
                message = {"type": "http.response.body"}
            await send(message)

        self.metrics.accepted += 1
        body = _Body(scope, receive, self._most(scope), self.limits.seconds, self._bytes)
        try:
            self._check(scope)
            await self.app(scope, body.receive, sent)
        except Problem as problem:
            await _answer(problem, status, scope, sent)
        except Exception as error:
            self.metrics.failures.inc()
            log_failure(error)
            await _answer(failed(), status, scope, sent)
        finally:
            body.release()
            self.metrics.answered += status > 0
            route = getattr(scope.get("route"), "path", "other")
            self.metrics.request(route, scope["method"], status, time.perf_counter() - began)

    def _most(self, scope: Scope) -> int:
        return self.limits.upload if scope["path"] in self.uploads else self.limits.body

    def _check(self, scope: Scope) -> None:
        """Raise where a request is not let in."""
        headers = dict(scope["headers"])
        host = headers.get(b"host", b"").decode("latin-1")
        path = scope["path"]
        if self.token is None and not is_loopback(_name_of(host)):
            raise Problem(
                421,
                "another-host",
                "Without a token this service answers to localhost and loopback addresses alone. "
                "Start it with --token-file to use another name.",
            )
        origin = headers.get(b"origin", b"").decode("latin-1")
        if origin and origin not in self.origins and _netloc_of(origin) != host:
            raise Problem(
                403,
                "another-origin",
                "A page of another origin asks. Start the service with --allow-origin to let it.",
            )
        preflight = scope["method"] == "OPTIONS" and origin in self.origins
        if self.token is not None and path.startswith(_KEPT) and not preflight:
            given = headers.get(b"authorization", b"")
            if not is_bearer(given, self.token):
                said = "This token is not the right one." if given else "No token was given."
                raise Problem(
                    401,
                    "no-token",
                    f"{said} Send the header Authorization: Bearer TOKEN.",
                    headers={"WWW-Authenticate": "Bearer"},
                )
        length = headers.get(b"content-length", b"0")
        if length.isdigit() and int(length[:20]) > self._most(scope):
            raise too_large(self._most(scope))


def too_large(most: int) -> Problem:
    """The problem of a body that has too many bytes."""
    return Problem(
        413,
        "too-large",
        f"At most {most / MEBIBYTE:g} MiB are taken here. Send the records in several parts, or "
        "run gi-classifier on the file itself.",
        headers={"Connection": "close"},
    )


class _Body:
    """The body of one request: counted, and in time."""

    def __init__(
        self, scope: Scope, receive: Receive, most: int, seconds: float, held: _Bytes
    ) -> None:
        self._receive, self._most, self._seconds, self._held = receive, most, seconds, held
        self._end = time.monotonic() + seconds
        self._count = 0
        self.whole = not {b"content-length", b"transfer-encoding"} & {
            name for name, _ in scope["headers"]
        }

    async def receive(self) -> Message:
        """The next message, while the body is within its bounds."""
        if self.whole:
            return await self._receive()
        try:
            async with asyncio.timeout(self._end - time.monotonic()):
                message = await self._receive()
        except TimeoutError:
            raise Problem(
                408,
                "too-slow-body",
                f"The body did not arrive within {self._seconds:g} seconds.",
                headers={"Connection": "close"},
            ) from None
        if message["type"] == "http.request":
            self.whole = not message.get("more_body", False)
            size = len(message.get("body", b""))
            self._count += size
            self._held.held += size
            if self._count > self._most:
                raise too_large(self._most)
            if self._held.held > self._held.most:
                raise Problem(
                    503,
                    "receiving-too-much",
                    "Too much is being received at once. Send it again in a moment.",
                    headers=RETRY | {"Connection": "close"},
                )
        return message

    async def drain(self) -> None:
        """Drop what is still to come, until it ends, its sender leaves, or its time is over."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(self._end - time.monotonic(), _DRAINED)):
                while (await self._receive()).get("more_body"):
                    pass

    def release(self) -> None:
        """Its bytes are held no longer."""
        self._held.held -= self._count


def _add_headers(message: MutableMapping[str, Any]) -> None:
    given = {name.lower() for name, _ in message["headers"]}
    message["headers"] = [
        *message["headers"],
        *(
            (name.encode(), value.encode())
            for name, value in _HEADERS.items()
            if name.encode() not in given
        ),
    ]


async def _answer(problem: Problem, status: int, scope: Scope, send: Send) -> None:
    """Answer with a problem, unless an answer has begun."""
    if not status:
        await problem.response()(scope, _nothing, send)


async def _nothing() -> Message:
    return {"type": "http.disconnect"}


def _netloc_of(origin: str) -> str | None:
    """The host and port of an ``Origin`` header, if it is one."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None


def _name_of(host: str) -> str:
    """A ``Host`` header without its port."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def log_failure(error: BaseException, say: Callable[..., None] = logger.error) -> None:
    """Log an error's kind and where it arose; not its message, nor those of its causes."""
    frames = traceback.extract_tb(error.__traceback__)
    innermost = frames[: -_FRAMES - 1 : -1]
    places = " < ".join(f"{frame.filename}:{frame.lineno}" for frame in innermost)
    say("%s at %s", type(error).__name__, places or "no place")
