"""Pictures as uploads: what is read is answered, and what decided stands on the page."""

from __future__ import annotations

import weakref
from dataclasses import replace
from typing import Any

import pytest
from made_pictures import file_of, pdf_with_text, printed
from service_clients import Connect, finished, problem
from starlette.testclient import TestClient

from gi_classifier.attribution import page_heatmap
from gi_classifier.data.pictures import pdf_pages
from gi_classifier.data.pictures.page import Page
from gi_classifier.errors import MissingExtraError, RecordsError
from gi_classifier.server import application
from gi_classifier.server import pictures as uploaded
from gi_classifier.server.service import Service

MISSING = "the text is empty: it says that a value is missing"
PAGES = (
    "胃窦黏膜充血水肿，见一溃疡。\n十二指肠球部未见异常，胃底未见异常。",
    "乙状结肠见一息肉。\n" * 3,
)


def made(client: TestClient, content: bytes, **query: object) -> tuple[Any, Any, Any]:
    job = finished(client, client.post("/v1/pictures", content=content, params=query))
    assert job["state"] == "done", job
    place = f"/v1/jobs/{job['id']}/files"
    assert client.get(f"{place}/pages.html").text.count("<figure") == job["total"]
    rows, pages = (client.get(f"{place}/{n}.json").json() for n in ("predictions", "pages"))
    return job, rows, pages


def test_pages_of_a_pdf_are_answered_with_what_decided_in_its_place(
    client: TestClient, service: Service
) -> None:
    job, rows, pages = made(client, pdf_with_text(*PAGES))
    assert (job["done"], job["total"]) == (2, 2)
    assert [row["page"] for row in rows] == [1, 2]
    for row, page in zip(rows, pages, strict=True):
        shares = service.explainer.predictor.predict_proba([row["text"]])[0]
        assert row["label"] == page["label"] == shares.argmax()
        assert row["probability"] == pytest.approx(shares.max(), abs=1e-5)
        assert "".join(part["text"] for part in page["parts"]["word"]) == row["text"]
        for patch in page["patches"]["clause"]:
            assert patch["text"] in row["text"].replace(" ", "")
            assert all(0 <= x <= page["width"] for x, _ in patch["box"])
            assert all(0 <= y <= page["height"] for _, y in patch["box"])
        assert page["picture"].startswith("data:image/jpeg;base64,")


@pytest.mark.slow
def test_where_deciding_characters_are_read_poorly_there_is_no_answer_unless_forced(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Whatever they are: no character is read with so much confidence.
    monkeypatch.setattr(page_heatmap.poor_characters, "__defaults__", (1.1,))
    content = file_of(printed(), "JPEG")
    _, (row,), (page,) = made(client, content)
    assert (row["label"], row["name"], row["probability"], row["error"]) == (None, "", None, "")
    assert "read poorly" in row["withheld"]
    assert page["patches"]["word"]
    _, (row,), _ = made(client, content, force_answer=True)
    assert row["label"] == page["label"]
    assert row["withheld"] == ""


def test_a_page_that_is_read_as_a_dash_has_a_reason_beside_the_others(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, held = uploaded.read_picture, []

    def read(picture: Any, **options: Any) -> Page:
        # Of the pictures before, none is held.
        assert all(one() is None for one in held)
        held.append(weakref.ref(picture.pixels))
        page = whole(picture, **options)
        return replace(page, text="—", characters=(None,)) if picture.number == 1 else page

    monkeypatch.setattr(uploaded, "read_picture", read)
    job = finished(client, client.post("/v1/pictures", content=pdf_with_text(*PAGES, *PAGES)))
    assert job["state"] == "done", job
    place = f"/v1/jobs/{job['id']}/files"
    rows, pages = (client.get(f"{place}/{n}.json").json() for n in ("predictions", "pages"))
    assert [row["error"] for row in rows] == [MISSING, "", "", ""]
    assert (rows[0]["label"], rows[0]["name"]) == (None, "")
    assert [page is None for page in pages] == [True, False, False, False]
    assert len(held) == 4


def test_what_is_no_picture_or_too_many_pages_is_told(connect: Connect) -> None:
    client = connect(limits={"pages": 1})
    for content, said in (
        (b"text\n\xe8\x83\x83\n", "no picture that can be read"),
        (b"%PDF-1.4 cut", "no PDF that can be read"),
        (file_of(printed((), width=80)), "no text was found"),
        (pdf_with_text(*PAGES), "At most 1 pages are taken here; the upload holds 2"),
    ):
        job = finished(client, client.post("/v1/pictures", content=content))
        assert job["state"] == "failed"
        assert job["problem"]["status"] == 422
        assert said in job["problem"]["detail"]
        assert job["files"] == []


def test_a_page_that_is_damaged_leaves_those_before_it(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = pdf_pages._page

    def damaged(document: object, number: int, *rest: object) -> object:
        if number:
            raise RecordsError("page 2 is damaged.")
        return whole(document, number, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(pdf_pages, "_page", damaged)
    job = finished(client, client.post("/v1/pictures", content=pdf_with_text(*PAGES)))
    assert (job["state"], job["done"], job["total"]) == ("done", 1, 2)
    assert job["notes"] == ["no answer: page 2 is damaged."]


def test_without_the_extra_the_upload_is_refused_before_it_is_read(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing() -> None:
        raise MissingExtraError("Reading pictures needs rapidocr.")

    monkeypatch.setattr(application, "check_ocr", missing)
    found = problem(client.post("/v1/pictures", content=b"x"), 503, "not-installed")
    assert found["detail"] == "Reading pictures needs rapidocr."
