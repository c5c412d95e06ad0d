"""What comes in within bounds, and what of a failure goes out: nothing."""

from __future__ import annotations

import json
import logging
import random
import socket
import threading
import time
from typing import Any
from urllib.parse import urlsplit

import httpx
import hypothesis
import pytest
from hypothesis import strategies as st
from service_clients import Connect, problem, serving
from starlette.testclient import TestClient

from gi_classifier.server.application import create_application
from gi_classifier.server.limits import Limits
from gi_classifier.server.service import Service

MARKER = "Zqx陈某某Xqz"
JSON = {"content-type": "application/json"}


def parts_of(size: int) -> Any:
    """A body of unknown length."""
    for _ in range(size):
        yield b"x" * 1024


@pytest.fixture(scope="module")
def small(connect: Connect) -> TestClient:
    return connect(limits={"body": 2048, "upload": 4096, "held": 6000})


def test_too_large_a_body_is_refused_whether_it_says_so_or_not(small: TestClient) -> None:
    for path in ("/v1/predict", "/v1/explain"):
        problem(small.post(path, content=b"x" * 2049, headers=JSON), 413, "too-large")
        problem(small.post(path, content=parts_of(3), headers=JSON), 413, "too-large")
    for content in (b"x" * 4097, parts_of(5)):
        found = problem(small.post("/v1/keywords?format=csv", content=content), 413, "too-large")
        assert "MiB" in found["detail"]
    told = {"content-length": str(500 << 20)}
    problem(small.post("/v1/keywords?format=csv", headers=told, content=b""), 413, "too-large")
    assert small.post("/v1/predict", json={"texts": ["胃"]}).status_code == 200


def test_who_sends_far_too_much_is_still_told(service: Service) -> None:
    with serving(create_application(service)) as address:
        for content in (b"x" * (40 << 20), parts_of(40 << 10)):
            found = httpx.post(f"{address}/v1/keywords?format=csv", content=content, timeout=100)
            problem(found, 413, "too-large")


def test_all_bodies_together_are_bounded_and_released(connect: Connect) -> None:
    client = connect(limits={"held": 100})
    for _ in range(3):
        found = client.post("/v1/predict", json={"texts": ["胃" * 50]})
        problem(found, 503, "receiving-too-much")
        assert found.headers["retry-after"] == "1"
        assert client.post("/v1/predict", json={"texts": ["胃"]}).status_code == 200


def test_a_body_that_does_not_arrive_is_not_waited_for(service: Service) -> None:
    application = create_application(service, limits=Limits(seconds=0.3))
    with serving(application) as address, socket.create_connection(_place(address)) as other:
        other.sendall(
            b"POST /v1/predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            b'Content-Length: 100\r\n\r\n{"texts":'
        )
        other.settimeout(60)
        answer = other.recv(4096)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"application/problem+json" in answer


def test_the_rest_of_a_refused_body_is_waited_for_but_shortly(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gi_classifier.server.guard._DRAINED", 0.2)
    application = create_application(service, limits=Limits(seconds=600))
    with serving(application) as address, socket.create_connection(_place(address)) as other:
        other.sendall(
            b"POST /v1/predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 999999999\r\n\r\n{"
        )
        other.settimeout(60)
        answer = b"".join(iter(lambda: other.recv(4096), b""))
    assert answer.startswith(b"HTTP/1.1 413 ")


def test_who_leaves_in_the_middle_leaves_nothing_behind(service: Service) -> None:
    application = create_application(service)
    with serving(application) as address:
        for _ in range(3):
            with socket.create_connection(_place(address)) as other:
                other.sendall(
                    b"POST /v1/keywords?format=csv HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                    b"Content-Length: 1000000\r\n\r\ntext\n"
                )
        for _ in range(1000):
            if application.state.parts.metrics.accepted == 3 == _ended(application):
                break
            time.sleep(0.01)
        assert _ended(application) == 3
        assert application.state.parts.jobs.waiting == 0


def _ended(application: Any) -> int:
    registry = application.state.parts.metrics.registry
    samples = [sample for metric in registry.collect() for sample in metric.samples]
    return int(sum(one.value for one in samples if one.name == "gi_requests_total"))


def _place(address: str) -> tuple[str, int]:
    found = urlsplit(address)
    return str(found.hostname), int(found.port or 0)


def test_a_failure_nobody_foresaw_is_answered_and_logged_without_its_message(
    connect: Connect,
    service: Service,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def wrong(*_: Any, **__: Any) -> Any:
        raise KeyError(MARKER)

    client = connect()
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr(service.explainer, "explain", wrong)
    found = client.post("/v1/explain", json={"texts": [MARKER]})
    problem(found, 500, "failed")
    assert "KeyError at" in caplog.text
    assert "test_guard.py" in caplog.text
    assert "Zqx" not in caplog.text + found.text
    assert "gi_failures_total 1.0" in client.get("/metrics").text
    monkeypatch.undo()
    assert client.post("/v1/explain", json={"texts": ["胃"]}).status_code == 200


def test_an_explanation_that_hangs_leaves_predicting_alone_and_may_be_tried_again(
    connect: Connect, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, kept = threading.Event(), service.explainer.explain

    def hanging(texts: Any, *arguments: Any, **options: Any) -> Any:
        if texts == ["胃窦"]:
            gate.wait(120)
        return kept(texts, *arguments, **options)

    monkeypatch.setattr(service.explainer, "explain", hanging)
    monkeypatch.setattr("gi_classifier.server.worker._GRACE", 0.1)
    # Time enough for what does not hang, on a busy machine.
    client = connect(limits={"seconds": 5.0})
    answers: list[Any] = []
    asking = threading.Thread(
        target=lambda: answers.append(client.post("/v1/explain", json={"texts": ["胃窦"]}))
    )
    asking.start()
    predicted = 0
    while asking.is_alive():
        predicted += client.post("/v1/predict", json={"texts": ["胃"]}).status_code == 200
    asking.join()
    assert predicted > 3
    problem(answers[0], 504, "explaining-too-slow")
    assert answers[0].headers["retry-after"] == "1"
    assert client.post("/v1/explain", json={"texts": ["直肠"]}).status_code == 200
    gate.set()


# Any body at all.

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
FIELDS = st.sampled_from(
    [
        *("texts", "label", "threshold", "prior", "novelty", "min_confidence", "reject_novel"),
        *("units", "baseline", "format"),
    ]
)
BODIES = VALUES | st.fixed_dictionaries(
    {"texts": VALUES | st.lists(st.text(max_size=30), max_size=4)}
).flatmap(lambda body: st.dictionaries(FIELDS, VALUES, max_size=2).map(lambda more: body | more))


def is_answered(answer: Any) -> None:
    """An answer, or a refusal with problem details; never a failure."""
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == answer.status_code
    else:
        assert "results" in answer.json()


@pytest.mark.slow
@pytest.mark.parametrize("path", ["/v1/predict", "/v1/explain"])
@hypothesis.given(body=BODIES)
@hypothesis.settings(
    max_examples=60,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
def test_any_json_is_answered_or_refused(client: TestClient, path: str, body: Any) -> None:
    is_answered(client.post(path, content=json.dumps(body).encode(), headers=JSON))


GOOD = [
    {"texts": [MARKER, "直肠息肉"]},
    {"texts": ["胃"], "label": "upper", "threshold": 0.5},
    {"texts": ["胃"], "prior": [0.2, 0.3, 0.5]},
    {"texts": ["胃"], "units": ["word", "token"], "baseline": "zero"},
]
ODD = [
    *(b"\x00", b"\xff", b'"', b"\\ud800", b"\\u0000", b"[" * 5000, b'{"a":' * 3000, b"NaN"),
    *(b"1e999", b"-0", b"9" * 5000, b"null", b"true", b"\xe8\x83", b"\r\n\r\n", b"\\", b"]"),
]


def hostile(source: random.Random) -> tuple[str, str, bytes, dict[str, str]]:
    """A request whose body nobody means well with: method, path, body, headers."""
    content = bytearray(json.dumps(source.choice(GOOD), ensure_ascii=False).encode())
    for _ in range(source.choice([1, 1, 2, 5])):
        at, kind = source.randrange(len(content) + 1), source.randrange(5)
        if kind == 0:
            content[at:at] = source.choice(ODD)
        elif kind == 1:
            del content[at : at + source.choice([1, 5, 50])]
        elif kind == 2:
            content[at : at + 4] = source.randbytes(4)
        elif kind == 3:
            content = content * source.choice([2, 3])
        else:
            content = bytearray(source.choice(ODD) + bytes(content[at:]))
    kinds = ["application/json"] * 5 + ["text/plain", "", "multipart/form-data", "x" * 500]
    headers = {"content-type": source.choice(kinds)}
    if source.random() < 0.1:
        headers |= {"content-encoding": "gzip", "accept": "*/*;q=x", "origin": "null"}
    path = source.choice(["/v1/predict"] * 4 + ["/v1/explain", "/v1/nonesuch", "/v1/jobs/%00"])
    return source.choice(["POST"] * 9 + ["PUT"]), path, bytes(content), headers


def attacked(client: TestClient, seeds: range, caplog: pytest.LogCaptureFixture) -> int:
    """How many of these hostile requests were refused."""
    refused = 0
    for seed in seeds:
        method, path, content, headers = hostile(random.Random(seed))
        answer = client.request(method, path, content=content, headers=headers)
        is_answered(answer)
        refused += answer.status_code >= 400
        assert "Zqx" not in answer.text or answer.status_code == 200
    assert "Zqx" not in caplog.text
    assert client.post("/v1/predict", json={"texts": ["胃"]}).status_code == 200
    return refused


@pytest.mark.slow
def test_hostile_bodies_are_refused(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    assert attacked(client, range(300), caplog) > 200


@pytest.mark.long
def test_ten_thousand_hostile_bodies_are_refused(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    refused = attacked(client, range(1000, 11_000), caplog)
    print(f"{refused} of 10,000 refused, the others answered")  # noqa: T201
    assert refused > 7000
