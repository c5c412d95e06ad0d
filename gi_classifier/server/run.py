"""Listens, serves until it is told to stop, and answers what it accepted.

In: a host, a port and an application. Out: the end of the process's work.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
from collections.abc import Callable
from types import FrameType

import uvicorn
from fastapi import FastAPI

from gi_classifier.errors import SettingsError
from gi_classifier.server.limits import Limits

logger = logging.getLogger(__name__)

# Connections that wait to be accepted, and seconds that one without a request is kept.
_BACKLOG, _IDLE = 512, 15
# Connections at once; beyond, a request is answered 503 by uvicorn.
_CONNECTIONS = 1000

# Seconds that a cancelled job, or an explanation whose caller left, has to end at last.
_LAST = 10.0


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens, so that a port in use is known before the model is opened.

    Raises
    ------
    SettingsError
        The port is in use, may not be used, or the host is none of this machine's.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except (OSError, OverflowError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise SettingsError(
            f"Cannot listen at {host} port {port}: {reason}. Another program may use it: choose "
            "another with --port, or stop the other."
        ) from error


class _Server(uvicorn.Server):
    """A server that says so as soon as it is told to stop."""

    def __init__(self, config: uvicorn.Config, on_stop: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_stop = on_stop

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._on_stop()
        super().handle_exit(sig, frame)


def serve(application: FastAPI, listener: socket.socket, limits: Limits) -> None:
    """Serve until SIGTERM or SIGINT; a second SIGINT ends it at once."""
    parts = application.state.parts

    def stop() -> None:
        parts.stopping = True

    config = uvicorn.Config(
        application,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
        lifespan="on",
        backlog=_BACKLOG,
        limit_concurrency=_CONNECTIONS,
        timeout_keep_alive=_IDLE,
        timeout_graceful_shutdown=int(2 * limits.seconds) + 10,
    )
    # The server raises the signal again once it has stopped, which is no failure.
    kept = {sig: signal.signal(sig, _pass_over) for sig in (signal.SIGINT, signal.SIGTERM)}
    try:
        _Server(config, stop).run([listener])
    finally:
        for sig, handler in kept.items():
            signal.signal(sig, handler)
        logger.info(
            "stopped: %d requests accepted, %d answered",
            parts.metrics.accepted,
            parts.metrics.answered,
        )
    if not parts.ended(_LAST):
        # The interpreter cannot end while a thread computes outside it: that would be a crash.
        logging.shutdown()
        os._exit(0)


def _pass_over(sig: int, frame: FrameType | None) -> None:
    """Do nothing."""
