"""The page in a real browser: what people do with it, and what reads it aloud."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from made_pictures import file_of, printed
from service_clients import serving
from starlette.testclient import TestClient
from tools import needs, program

from gi_classifier.data.pictures.picture_files import ENDINGS
from gi_classifier.server.application import create_application
from gi_classifier.server.limits import Limits
from gi_classifier.server.service import Service

PAGE = Path(__file__).resolve().parents[2] / "gi_classifier" / "server" / "page"
TOKEN = "0123456789abcdef"
LIMITS = Limits(seconds=600)
# However busy the machine is.
TIMEOUT = 240_000


def test_the_page_and_its_files_are_served_from_the_package(client: TestClient) -> None:
    for path in ("/", "/docs"):
        page = client.get(path)
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        for name in re.findall(r'(?:src|href)="(/page/[^"]+)"', page.text):
            assert client.get(name).status_code == 200
    assert client.get("/page/app.js").headers["content-type"].startswith("text/javascript")
    for name in ("nonesuch.js", "..%2fassets.py", "%2e%2e/assets.py"):
        assert client.get(f"/page/{name}").status_code == 404


def test_nothing_of_the_page_comes_from_elsewhere_or_stands_in_it_as_script() -> None:
    for path in PAGE.iterdir():
        text = path.read_text("utf-8").replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?:|//[a-z]+\.", text), path.name
        assert not re.search(r"<script>|\son\w+=|style=|innerHTML|eval\(", text), path.name


def test_every_word_that_the_page_asks_for_is_there() -> None:
    words = set(re.findall(r'^  "?([\w-]+)"?: \[', (PAGE / "words.js").read_text("utf-8"), re.M))
    asked = set(re.findall(r'data-(?:say|hint|name)="(\w+)"', (PAGE / "index.html").read_text()))
    for path in PAGE.glob("*.js"):
        asked |= set(re.findall(r'say\("(\w+)"\)', path.read_text("utf-8")))
    assert asked <= words


def test_the_page_takes_every_kind_of_picture_that_can_be_read() -> None:
    (listed,) = re.findall(r"PICTURES = \[(.*?)\]", (PAGE / "app.js").read_text("utf-8"), re.S)
    assert {f".{ending}" for ending in re.findall(r'"(\w+)"', listed)} == set(ENDINGS)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Debian's Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=program("chromium"), args=["--no-sandbox"], timeout=TIMEOUT
        )
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def address(service: Service) -> Iterator[str]:
    """Of a service that asks for a token."""
    with serving(create_application(service, token=TOKEN, limits=LIMITS)) as found:
        yield found


def opened(browser: Any, address: str, token: str | None = TOKEN, **options: Any) -> Any:
    """The page, with the token given."""
    page = browser.new_context(**{"locale": "en-US", **options}).new_page()
    page.set_default_timeout(TIMEOUT)
    page.failures = []
    page.on("pageerror", lambda error: page.failures.append(str(error)))
    page.on("request", lambda sent: page.failures.extend(_foreign(sent.url, address)))
    page.goto(address)
    if token:
        page.fill("#token", token)
        page.press("#token", "Enter")
        page.wait_for_selector("#about:not(:empty)")
    return page


def _foreign(url: str, address: str) -> list[str]:
    return [] if url.startswith((address, "blob:")) else [url]


def serious(page: Any) -> list[str]:
    """What axe-core finds that keeps somebody from using the page."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    return [one["id"] for one in found if one["impact"] in ("serious", "critical")]


@needs("chromium")
@pytest.mark.slow
def test_records_are_classified_explained_and_counted_by_keyboard(
    browser: Any, address: str
) -> None:
    page = opened(browser, address)
    page.fill("#text", "胃窦黏膜充血\n直肠息肉，切除术后\n\n肺部骨折")
    page.focus("#go")
    page.keyboard.press("Enter")
    page.wait_for_selector("#results:not([hidden])")
    assert page.locator("#records > li").count() == 3
    page.focus("#records .why")
    page.keyboard.press("Enter")
    page.wait_for_selector("#records .record i")
    text = page.locator("#records .record").first.inner_text()
    assert text in ("胃窦黏膜充血", "直肠息肉，切除术后", "肺部骨折")
    page.check("#records input[type=radio] >> nth=1")
    page.wait_for_selector("#records .record i")
    assert page.locator("#records .record").first.inner_text() == text
    page.fill("#find", "直肠")
    assert page.locator("#records > li").count() == 1
    page.fill("#find", "")
    page.select_option("#order", "file")
    assert page.locator("#records .record").first.inner_text() == "胃窦黏膜充血"
    with page.expect_download() as download:
        page.click("[data-file='predictions.xlsx']")
    assert Path(download.value.path()).read_bytes().startswith(b"PK")
    page.click("#keywords-go")
    page.wait_for_selector("#keyword-rows tr")
    page.click("#keyword-heads th:first-child button")
    assert page.get_attribute("#keyword-heads th:first-child", "aria-sort") == "ascending"
    assert serious(page) == []
    page.click("#language")
    assert page.inner_text("#results-title") == "结果"
    assert page.get_attribute("html", "lang") == "zh-CN"
    assert serious(page) == []
    assert page.failures == []


@needs("chromium")
@pytest.mark.slow
def test_a_file_is_read_on_a_phone_in_the_dark_in_chinese(
    browser: Any, address: str, tmp_path: Path
) -> None:
    view = {"width": 375, "height": 700}
    page = opened(browser, address, locale="zh-CN", color_scheme="dark", viewport=view)
    table = tmp_path / "records.csv"
    table.write_text("text,id\n胃窦黏膜充血,<b>1\n,2\n", "utf-8")
    page.set_input_files("#file", table)
    page.click("#go")
    page.wait_for_selector("#results:not([hidden])")
    assert page.locator("#notes li").count() == 1
    assert "未读取 1" in page.inner_text("#summary")
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    assert serious(page) == []
    scan = tmp_path / "scan.png"
    scan.write_bytes(file_of(printed()))
    page.set_input_files("#camera", scan)
    page.click("#go")
    page.wait_for_selector("#records:has-text('第 1 页')")
    page.click("#records .why")
    page.wait_for_selector("#records .scan polygon", state="attached")
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    assert serious(page) == []
    other = tmp_path / "records.csv.doc"
    other.write_bytes(b"no table")
    page.set_input_files("#file", other)
    page.click("#go")
    assert "records.csv.doc" in page.inner_text("#message")
    book = tmp_path / "records.xlsx"
    book.write_bytes(b"no workbook")
    page.set_input_files("#file", book)
    page.click("#go")
    page.wait_for_selector("#message:has-text('.xlsx')")
    assert page.failures == []


@needs("chromium")
@pytest.mark.slow
def test_a_picture_may_be_dropped_or_pasted_and_its_keywords_are_those_of_its_text(
    browser: Any, address: str
) -> None:
    page = opened(browser, address)
    for kind, holder, count, beside in (
        ("drop", "dataTransfer", 2, []),
        ("paste", "clipboardData", 1, ["text/plain", "text/html"]),
        ("drop", "dataTransfer", 1, []),
        ("paste", "clipboardData", 1, ["text/plain"]),
    ):
        page.set_input_files("#file", [])
        page.evaluate(
            """([kind, holder, content, count, beside]) => {
                const given = new DataTransfer();
                const bytes = Uint8Array.from(atob(content), one => one.charCodeAt(0));
                for (let i = 0; i < count; i++)
                    given.items.add(new File([bytes], "image.png", { type: "image/png" }));
                for (const type of beside) given.setData(type, "胃窦");
                const event = new Event(kind, { bubbles: true, cancelable: true });
                Object.defineProperty(event, holder, { value: given });
                document.body.dispatchEvent(event);
            }""",
            [kind, holder, base64.b64encode(file_of(printed())).decode(), count, beside],
        )
        taken = page.evaluate("Array.from(document.getElementById('file').files, one => one.name)")
        assert taken == ([] if count > 1 or len(beside) > 1 else ["image.png"])
        assert ("one file at a time" in page.inner_text("#message")) is (
            count > 1 or len(beside) > 1
        )
    page.click("#go")
    page.wait_for_selector("#records:has-text('page 1')")
    with page.expect_download() as download:
        page.click("[data-file='pages.html']")
    assert b"<svg" in Path(download.value.path()).read_bytes()
    page.click("#keywords-go")
    page.wait_for_selector("#keyword-rows tr")
    assert page.failures == []


@needs("chromium")
@pytest.mark.slow
def test_a_wrong_token_is_asked_for_again_and_the_description_is_shown(
    browser: Any, address: str
) -> None:
    page = opened(browser, address, token=None)
    page.fill("#token", "wrong")
    page.press("#token", "Enter")
    page.wait_for_selector("#token-wrong:not([hidden])")
    assert serious(page) == []
    page.fill("#token", TOKEN)
    page.press("#token", "Enter")
    page.wait_for_selector("#about:not(:empty)")
    page.goto(f"{address}/docs")
    page.wait_for_selector("code:has-text('POST /v1/predict')")
    assert serious(page) == []
    assert page.failures == []
