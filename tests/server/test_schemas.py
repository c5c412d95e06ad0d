"""The description is true: what it allows is answered as it says, what it forbids refused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import hypothesis
import pytest
import schemathesis
from schemathesis.checks import load_all_checks
from schemathesis.specs.openapi import checks
from service_clients import serving
from starlette.testclient import TestClient

from gi_classifier.server.application import create_application
from gi_classifier.server.limits import Limits
from gi_classifier.server.schemas import ExplainRequest, PredictRequest
from gi_classifier.server.service import Service

# However many jobs it sends.
LIMITS = Limits(seconds=600, jobs=100_000)


@pytest.fixture(scope="module")
def described(service: Service) -> Iterator[Any]:
    """The description that a running service gives of itself."""
    load_all_checks()
    with serving(create_application(service, limits=LIMITS)) as address:
        yield schemathesis.openapi.from_url(f"{address}/openapi.json")


def tried(described: Any, examples: int) -> list[str]:
    """Send what the description allows and what it forbids; the operations that were tried."""
    chosen = [
        schemathesis.checks.not_a_server_error,
        checks.status_code_conformance,
        checks.content_type_conformance,
        checks.response_schema_conformance,
        checks.negative_data_rejection,
    ]
    names = []
    for operation in (found.ok() for found in described.get_all_operations()):
        for mode in schemathesis.GenerationMode:

            @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
            @hypothesis.settings(
                max_examples=examples,
                deadline=None,
                database=None,
                suppress_health_check=list(hypothesis.HealthCheck),
            )
            def send(case: Any) -> None:
                case.call_and_validate(timeout=600, checks=chosen)

            # Of what takes nothing there is nothing that it forbids.
            with suppress(hypothesis.errors.Unsatisfiable):
                send()
                names.append(f"{mode.value} {operation.label}")
    return names


@pytest.mark.slow
def test_the_service_is_as_it_describes_itself(described: Any) -> None:
    names = tried(described, 6)
    assert {"positive POST /v1/predict", "negative POST /v1/predict"} <= set(names)
    assert len(names) > 12


@pytest.mark.long
def test_the_service_is_as_it_describes_itself_whatever_is_sent(described: Any) -> None:
    print(tried(described, 300))  # noqa: T201


def test_examples_in_the_description_are_answered(client: TestClient) -> None:
    for path, kind in (("/v1/predict", PredictRequest), ("/v1/explain", ExplainRequest)):
        for example in kind.model_json_schema()["examples"]:
            assert client.post(path, json=example).status_code == 200


def test_the_description_names_every_address_with_its_problems(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    assert {"/v1/predict", "/v1/explain", "/v1/keywords", "/v1/jobs/{job_id}"} <= set(paths)
    for path, methods in paths.items():
        for found in methods.values():
            if path.startswith("/v1/"):
                media = found["responses"]["401"]["content"]
                assert list(media) == ["application/problem+json"]
            assert found.get("summary") or found.get("description"), path
