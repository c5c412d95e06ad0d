"""A service on the tiny model, and clients of it in the tests' own process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from service_clients import Connect
from starlette.testclient import TestClient

from gi_classifier.server.application import create_application
from gi_classifier.server.limits import Limits
from gi_classifier.server.service import Service


@pytest.fixture(scope="session")
def service(trained: Path) -> Service:
    """The tiny model, open."""
    return Service.open(trained, threads=1)


@pytest.fixture(scope="module")
def connect(service: Service) -> Iterator[Connect]:
    """Makes a client of a running application; options are those of ``create_application``."""
    with ExitStack() as stack:

        def connect(host: str = "localhost", **options: Any) -> TestClient:
            # However busy the machine is: what time limits do has tests of its own.
            limits = {"seconds": 600.0, **options.pop("limits", {})}
            application = create_application(
                options.pop("service", service), limits=Limits(**limits), **options
            )
            client = TestClient(application, f"http://{host}", raise_server_exceptions=False)
            return stack.enter_context(client)

        yield connect


@pytest.fixture(scope="module")
def client(connect: Connect) -> TestClient:
    """A client of an application without a token."""
    return connect()
