"""What tests of the service share: how a client is made, and what they ask of answers."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from fastapi import FastAPI
from starlette.testclient import TestClient

Connect = Callable[..., TestClient]


def problem(answer: Any, status: int, kind: str) -> dict[str, Any]:
    """The problem details of an answer, checked."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    found: dict[str, Any] = answer.json()
    assert found["status"] == status
    assert found["type"] == f"urn:gi-classifier:{kind}"
    return found


def finished(client: TestClient, answer: Any) -> dict[str, Any]:
    """The job that an upload became, once it has ended."""
    assert answer.status_code == 202, answer.text
    for _ in range(600):
        job: dict[str, Any] = client.get(answer.headers["location"]).json()
        if job["state"] not in ("waiting", "running"):
            return job
        time.sleep(0.05)
    raise AssertionError(job)


@contextmanager
def serving(application: FastAPI) -> Iterator[str]:
    """Serve an application to programs other than the test, and give its address."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(application, log_config=None, lifespan="on", ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(60)
