"""What each address answers, and how it refuses."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import openpyxl
import pytest
from service_clients import Connect, finished, problem
from starlette.testclient import TestClient

from gi_classifier.model.directory import NOVELTY
from gi_classifier.server.limits import CHARACTERS
from gi_classifier.server.service import Service

TEXTS = ["胃窦黏膜充血", "直肠息肉，切除术后", "肺部骨折"]


def test_predicting_gives_what_the_library_gives(client: TestClient, service: Service) -> None:
    found = client.post("/v1/predict", json={"texts": TEXTS}).json()
    wanted = service.predictor.predict_proba(TEXTS)
    assert found["model"] == service.directory.digest
    assert [row["label"] for row in found["results"]] == wanted.argmax(axis=1).tolist()
    for row, shares in zip(found["results"], wanted.tolist(), strict=True):
        assert row["probabilities"] == pytest.approx(shares, abs=1e-5)
        assert row["members"] == service.members
        assert "novelty" not in row


def test_a_decision_is_made_as_asked(client: TestClient) -> None:
    def labels(**options: Any) -> list[int | None]:
        answer = client.post("/v1/predict", json={"texts": TEXTS, **options})
        assert answer.status_code == 200, answer.text
        return [row["label"] for row in answer.json()["results"]]

    assert labels(label="upper", threshold=0.0) == [1, 1, 1]
    assert labels(label=2, threshold=0) == [2, 2, 2]
    assert labels(min_confidence=1) == [None, None, None]
    assert labels(prior=[0, 0, 1]) == [2, 2, 2]


@pytest.mark.parametrize(
    ("body", "places"),
    [
        ({"texts": ["胃", "", 3]}, ["#/texts/1", "#/texts/2"]),
        ({"texts": ["胃", " ", "nan"]}, ["#/texts/1", "#/texts/2"]),
        ({"texts": []}, ["#/texts"]),
        ({"texts": ["胃"] * 513}, ["#/texts"]),
        ({"texts": ["胃" * (CHARACTERS + 1)]}, ["#/texts/0"]),
        ({"texts": "胃"}, ["#/texts"]),
        ({}, ["#/texts"]),
        ({"texts": ["胃"], "秘密": 1}, ["#/…"]),
        ({"texts": ["胃"], "prior": [0.5, 2]}, ["#/prior/1"]),
        ({"texts": ["胃"], "reject_novel": 1}, ["#/reject_novel"]),
        ({"texts": ["胃"], "prior": [0.5, 0.5]}, ["#/prior"]),
        ({"texts": ["胃"], "label": "胸外", "threshold": 0.5}, ["#/label"]),
        (["胃"], ["#"]),
    ],
)
def test_what_cannot_be_used_is_named_by_its_position(
    client: TestClient, body: Any, places: list[str]
) -> None:
    found = problem(client.post("/v1/predict", json=body), 422, "invalid")
    assert list(dict.fromkeys(one["pointer"] for one in found["errors"])) == places
    assert "胃" not in str(found)
    assert "秘密" not in str(found)


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"label": "liver", "threshold": 0.5}, 422, "No such label"),
        ({"label": "upper"}, 422, "cannot be made"),
        ({"prior": [0.5, 0.5]}, 422, "3 numbers"),
        ({"label": 1, "threshold": "stored"}, 409, "holds no threshold"),
    ],
)
def test_a_decision_that_cannot_be_made_is_refused_before_the_queue(
    client: TestClient, body: dict[str, Any], status: int, said: str
) -> None:
    answer = client.post("/v1/predict", json={"texts": ["胃"], **body})
    found = problem(answer, status, "invalid" if status == 422 else "not-in-this-model")
    assert said in found["detail"]


def test_a_model_without_novelty_says_so(connect: Connect, service: Service) -> None:
    files = {name: part for name, part in service.directory.files.items() if name != NOVELTY}
    client = connect(service=Service(replace(service.directory, files=files), threads=1))
    for asked in ({"reject_novel": True}, {"novelty": True}):
        answer = client.post("/v1/predict", json={"texts": ["胃"], **asked})
        found = problem(answer, 409, "not-in-this-model")
        assert "holds no novelty" in found["detail"]
    assert client.get("/v1/model").json()["has_novelty"] is False


@pytest.mark.parametrize("content", [b"{", b"", b"\xff\xfe", b"[" * 100_000, b'{"texts": NaN'])
def test_what_is_no_json_is_refused(client: TestClient, content: bytes) -> None:
    answer = client.post(
        "/v1/predict", content=content, headers={"content-type": "application/json"}
    )
    assert answer.status_code in (400, 422)
    assert answer.headers["content-type"] == "application/problem+json"


def test_explanations_add_up_and_hold_the_text(client: TestClient) -> None:
    asked = {"texts": TEXTS[:2], "units": ["token", "clause"], "label": 2}
    found = client.post("/v1/explain", json=asked).json()["results"]
    for text, one in zip(TEXTS, found, strict=False):
        assert one["label"] == 2
        for unit in ("token", "clause"):
            parts = one["parts"][unit]
            assert "".join(part["text"] for part in parts) == text
            total = sum(part["score"] or 0 for part in parts) + one["special"]
            gained = one["score"] - one["baseline_score"]
            assert total == pytest.approx(gained, abs=0.02 * max(1, abs(gained)))


def test_a_heatmap_is_a_page_that_may_do_nothing(client: TestClient) -> None:
    answer = client.post("/v1/explain", json={"texts": ["胃<b>"], "format": "html"})
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; style-src")
    assert "胃<b>" not in answer.text
    assert "gi-record" in answer.text


def test_an_upload_becomes_answers_beside_its_columns(client: TestClient) -> None:
    content = "id,text\n7,胃窦黏膜\n8,\n9,=直肠息肉\n".encode()
    job = finished(client, client.post("/v1/predictions?format=csv", content=content))
    assert (job["state"], job["done"], job["total"]) == ("done", 2, 2)
    assert job["notes"] == ["no answer: line 3: the text is empty"]
    place = f"/v1/jobs/{job['id']}/files"
    rows = client.get(f"{place}/predictions.json").json()
    assert [row["text"] for row in rows] == ["胃窦黏膜", "", "=直肠息肉"]
    assert rows[1]["label"] is None
    table = client.get(f"{place}/predictions.csv")
    assert "attachment" in table.headers["content-disposition"]
    lines = table.content.decode("utf-8-sig").splitlines()
    assert lines[0].startswith("line,text,label,name,probability,")
    assert lines[0].endswith(",error,id")
    assert lines[3].startswith("4,'=直肠息肉,")
    book = openpyxl.load_workbook(io.BytesIO(client.get(f"{place}/predictions.xlsx").content))
    cells = list(book.active.iter_rows(values_only=True))
    assert cells[3][1] == "=直肠息肉"
    assert cells[1][-1] == "7"


def test_a_workbook_may_be_uploaded_and_its_keywords_are_ranked(client: TestClient) -> None:
    book = openpyxl.Workbook()
    for row in (["text"], *([text] for text in TEXTS)):
        book.active.append(row)
    content = io.BytesIO()
    book.save(content)
    answer = client.post("/v1/keywords?format=xlsx", content=content.getvalue())
    job = finished(client, answer)
    assert job["files"] == ["keywords.json", "keywords.csv", "keywords.xlsx"]
    rows = client.get(f"/v1/jobs/{job['id']}/files/keywords.json").json()
    assert rows
    assert {"keyword", "label", "name", "total", "example"} <= set(rows[0])


@pytest.mark.slow
def test_the_report_of_an_upload_can_be_fetched(client: TestClient) -> None:
    content = "\n".join(TEXTS).encode()
    job = finished(client, client.post("/v1/report?format=txt", content=content))
    page = client.get(f"/v1/jobs/{job['id']}/files/report.html")
    assert page.headers["content-type"].startswith("text/html")
    assert "分析报告" in page.text


@pytest.mark.parametrize(
    ("format", "content", "said"),
    [
        ("xlsx", b"text\n\xe8\x83\x83\n", "not a readable .xlsx"),
        ("csv", b"PK\x03\x04", "a workbook, document or archive"),
        ("csv", "id,x\n1,胃\n".encode(), "column"),
        ("txt", b"\n\n", "no record"),
    ],
)
def test_an_upload_that_is_no_table_of_records_says_so(
    client: TestClient, format: str, content: bytes, said: str
) -> None:
    job = finished(client, client.post(f"/v1/predictions?format={format}", content=content))
    assert job["state"] == "failed"
    assert said in job["problem"]["detail"]
    assert job["files"] == []


def test_an_upload_with_a_record_longer_than_a_request_may_have_names_its_line(
    client: TestClient,
) -> None:
    content = f"text\n胃溃疡\n{'肠' * 20_001}\n{'胃' * 20_000}\n".encode()
    job = finished(client, client.post("/v1/keywords?format=csv", content=content))
    assert job["state"] == "failed"
    assert "At most 20,000 characters a record" in job["problem"]["detail"]
    assert "line 3: 20,001 characters" in str(job["problem"])
    assert "line 4" not in str(job["problem"])


def test_a_format_that_is_not_read_an_empty_upload_and_a_job_that_is_not_there(
    client: TestClient,
) -> None:
    found = problem(client.post("/v1/keywords?format=pdf", content=b"x"), 422, "invalid")
    assert found["errors"][0]["pointer"] == "query: format"
    problem(client.post("/v1/keywords?format=csv"), 422, "empty")
    for path in ("/v1/keywords?format=csv&header_row=3", "/v1/pictures?header_row=3"):
        found = problem(client.post(path, content=b"x"), 422, "invalid")
        assert found["errors"][0]["pointer"] == "query: header_row"
    problem(client.get("/v1/jobs/nonesuch"), 404, "no-such-job")
    problem(client.delete("/v1/jobs/nonesuch"), 404, "no-such-job")
    problem(client.get("/nonesuch"), 404, "not-found")
    problem(client.put("/v1/predict"), 405, "no-such-method")


def test_the_model_the_state_and_the_counts_can_be_asked_for(client: TestClient) -> None:
    model = client.get("/v1/model").json()
    assert model["labels"] == ["neither 均非", "upper 上消化道", "lower 下消化道"]
    assert not model["changed_on_disk"]
    assert client.get("/healthz").json() == {"status": "alive"}
    assert client.get("/readyz").json() == {"status": "ready"}
    client.post("/v1/predict", json={"texts": TEXTS})
    metrics = client.get("/metrics")
    assert metrics.headers["content-type"].startswith("text/plain")
    assert 'gi_requests_total{method="POST",route="/v1/predict",status="200"}' in metrics.text
    assert "gi_labels_total{label=" in metrics.text


def test_with_a_token_nothing_is_told_without_it(connect: Connect) -> None:
    token = "0123456789abcdef"
    client = connect(host="gi.example", token=token)
    for method, path in (("POST", "/v1/predict"), ("GET", "/metrics"), ("GET", "/v1/nonesuch")):
        for headers in ({}, {"authorization": f"Bearer {token}0"}, {"authorization": token}):
            answer = client.request(method, path, headers=headers)
            problem(answer, 401, "no-token")
            assert answer.headers["www-authenticate"] == "Bearer"
    sent = {"authorization": f"Bearer {token}"}
    assert client.post("/v1/predict", json={"texts": TEXTS}, headers=sent).status_code == 200
    assert client.get("/healthz").status_code == 200
    assert "securitySchemes" in client.get("/openapi.json").json()["components"]


def test_without_a_token_other_names_and_pages_of_others_are_refused(client: TestClient) -> None:
    problem(client.get("/healthz", headers={"host": "evil.example"}), 421, "another-host")
    sent = {"origin": "http://evil.example"}
    problem(client.get("/v1/model", headers=sent), 403, "another-origin")
    problem(client.get("/v1/model", headers={"origin": "http://["}), 403, "another-origin")
    assert client.get("/v1/model", headers={"origin": "http://localhost"}).status_code == 200
    assert "access-control-allow-origin" not in client.get("/v1/model").headers


def test_an_origin_that_is_allowed_may_ask(connect: Connect) -> None:
    client = connect(origins=["https://his.example"])
    sent = {"origin": "https://his.example"}
    answer = client.get("/v1/model", headers=sent)
    assert answer.headers["access-control-allow-origin"] == "https://his.example"
    asked = {**sent, "access-control-request-method": "POST"}
    assert client.options("/v1/predict", headers=asked).status_code == 200


def test_every_answer_has_the_headers_of_a_careful_service(client: TestClient) -> None:
    for path in ("/", "/docs", "/v1/model", "/nonesuch"):
        headers = client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "'unsafe-inline'" not in headers["content-security-policy"]
        assert headers["content-security-policy"].startswith("default-src 'none'; ")
    assert client.get("/v1/model").headers["cache-control"] == "no-store"
