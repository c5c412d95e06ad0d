"""The report page: what a parser reads in it, what it loads, and which records it shows."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
import subprocess
import sys
import time
import unicodedata
import warnings
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fontTools.ttLib import TTFont
from tools import needs, program

from gi_classifier.attribution.integrated_gradients import Explainer
from gi_classifier.attribution.report_page import report
from gi_classifier.attribution.report_records import ReportRecords
from gi_classifier.errors import InputError
from gi_classifier.labels import DEFAULT_NAMES
from gi_classifier.model.directory import load
from gi_classifier.plots.keywords import keyword_figure

VOID = {"meta", "img", "br"}
SCRIPT = '<script>alert("胃")</script>'
TEXTS = ["胃癌术后", "直肠息肉，充血。", "骨折", "胃癌术后", f"食管{SCRIPT}", "咳嗽\n发热", "肠"]


class Page(HTMLParser):
    """All tags, the text of each element, and whether they close in order."""

    def __init__(self, content: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[int] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(content)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(len(self.tags))
        self.tags.append((tag, dict(attrs)))
        self.texts.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.tags[self.open.pop()][0] == tag

    def handle_data(self, data: str) -> None:
        for i in self.open:
            self.texts[i] += data

    def find(self, tag: str, **attributes: str) -> list[str]:
        """Texts of elements of a tag, whose attributes (class_ for class) are the given ones."""
        wanted = {name.rstrip("_"): value for name, value in attributes.items()}
        return [
            text
            for (name, found), text in zip(self.tags, self.texts, strict=True)
            if name == tag and wanted.items() <= found.items()
        ]


def keywords(rows: int = 5, labels: tuple[int, ...] = (0, 1, 2)) -> pd.DataFrame:
    """A made-up table, ranked within label."""
    made = [
        {
            "keyword": f"胃{i}<b>" if i else "$x^$😀",
            "label": label,
            "frequency": 10 + i,
            "documents": i,
            "mean": 1 / (i + 1),
            "total": float(rows - i),
            "share": 1 / rows,
            "distinctiveness": np.nan if i == 1 else 5.0 - 4 * i,
            "example": f"见胃{i}<b>息肉",
        }
        for label in labels
        for i in range(rows)
    ]
    return pd.DataFrame(made)


@pytest.fixture(scope="module")
def explainer(trained: Path) -> Explainer:
    return Explainer(load(trained))


def written(
    explainer: Explainer,
    texts: list[str] = TEXTS,
    probabilities: np.ndarray | None = None,
    table: pd.DataFrame | None = None,
    **changes: object,
) -> str:
    if probabilities is None:
        probabilities = explainer.predictor.predict_proba(texts)
    metadata = {"source": "a&b.csv", "model": "gi_classifier 1.0", "date": "2026-11-22"}
    options: dict[str, Any] = {**metadata, "steps": 2, "tolerance": 0.5, **changes}
    shown = {name: options.pop(name) for name in ("examples", "doubtful") if name in options}
    records = ReportRecords(3, **shown)
    places = (options.pop("lines", None), options.pop("ids", None))
    records.add(texts, probabilities, *places)
    return report(
        records, explainer, keywords() if table is None else table, duplicates=1, **options
    )


@pytest.fixture(scope="module")
def content(explainer: Explainer) -> str:
    return written(explainer)


def test_the_page_is_well_formed_and_its_summary_right(content: str) -> None:
    page = Page(content)
    assert page.find("dd") == ["a&b.csv", "7", "1", "gi_classifier 1.0", "2026-11-22"]
    assert page.find("title") == ["Report on a&b.csv"]
    headings = [re.sub(r"[^一-鿿]", "", text) for text in page.find("h2")]
    assert headings == [
        "概要",
        "各类别的记录数",
        "各类别的关键词",
        "关键词表",
        "示例",
        "存疑的记录",
    ]


def test_the_page_loads_nothing_and_the_browser_is_told_so(content: str) -> None:
    page = Page(content)
    for tag, attributes in page.tags:
        assert tag not in {"link", "iframe", "object", "base", "form", "audio", "video"}
        assert not {"href", "srcset", "action", "background"} & set(attributes)
        assert str(attributes.get("src", "data:")).startswith("data:")
        assert not any(name.startswith("on") for name in attributes)
    assert not re.search(r"url\((?!data:)|@import|https?://|fetch\(|XMLHttpRequest", content)
    policy = next(a["content"] for tag, a in page.tags if "http-equiv" in a)
    (script,) = page.find("script")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert str(policy).startswith("default-src 'none'; ")
    assert f"script-src 'sha256-{digest}'" in str(policy)


def test_the_page_brings_the_glyphs_of_every_chinese_character_it_shows(content: str) -> None:
    (data,) = re.findall(r"url\(data:font/woff;base64,([^)]*)\)", content)
    with TTFont(io.BytesIO(base64.b64decode(data))) as font:
        drawn = {chr(code) for code in font.getBestCmap()}
    assert set(re.findall("[\u4e00-\u9fff]", content)) <= drawn
    assert set("分析报告胃") <= drawn
    assert re.search(r"font:16px/1\.6 \"GI Sans SC\",", content)


def test_records_and_keywords_show_as_text(content: str) -> None:
    page = Page(content)
    assert f"食管{SCRIPT}" in page.find("div", class_="gi-record")
    assert len(page.find("script")) == 1
    assert "胃2<b>" in page.find("td")
    assert "见胃2<b>息肉" in page.find("td")
    assert "胃2<b>" in page.find("mark")
    assert not page.find("b")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("keyword", "example", "found"),
    [
        ("ガス", "見ｶﾞｽ有", "ｶﾞｽ"),
        ("\u1eadb", "xa\u0302\u0323B", "a\u0302\u0323B"),
        ("胃窦", "见胃窦充血", "胃窦"),
        ("ESD", "行ＥＳＤ术", "ＥＳＤ"),
        ("poem", "行POEM术", "POEM"),
        ("II级", "为Ⅱ级", "Ⅱ级"),
        ("食管", "肠", ""),
    ],
)
def test_a_keyword_stands_out_in_its_example_in_any_case_and_width(
    explainer: Explainer, keyword: str, example: str, found: str
) -> None:
    table = keywords(rows=1, labels=(0,)).assign(keyword=keyword, example=example)
    page = Page(written(explainer, table=table))
    assert page.find("mark") == [found]


def test_a_long_keyword_in_another_width_is_found_in_time(explainer: Explainer) -> None:
    wide = "ＥＲＣＰ" * 5000
    table = keywords(rows=1, labels=(0,)).assign(
        keyword=unicodedata.normalize("NFKC", wide), example=f"行{wide}术"
    )
    began = time.process_time()
    page = Page(written(explainer, table=table))
    assert page.find("mark") == [wide]
    assert time.process_time() - began < 30


def test_what_turns_the_direction_is_spelt_out(explainer: Explainer) -> None:
    table = keywords(rows=1, labels=(0,)).assign(example="见\u202e胃")
    ids = ["\u2067id\x07"] * len(TEXTS)
    texts = [f"{text}\u202e" for text in TEXTS]
    content = written(explainer, texts, table=table, ids=ids, source="\u202e.csv", model="\x1b[2J")
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x07\x1b]", content)
    page = Page(content)
    assert page.find("title") == ["Report on \\u202e.csv"]
    assert "\\x1b[2J" in page.find("dd")
    assert "见\\u202e胃" in page.find("td")
    assert page.find("p", class_="shares")[0].startswith("\\u2067id\\x07 · ")


@pytest.mark.slow
def test_each_label_has_a_chart_of_its_own_and_the_page_says_what_made_it(
    explainer: Explainer,
) -> None:
    made_with = {"library": "gi_classifier 1.0", "model": "ab" * 32, "settings": {"share": 0.2}}
    page = Page(written(explainer, origin=made_with))
    charts = [attrs["alt"] for tag, attrs in page.tags if tag == "img"]
    assert [str(alt).split(",")[0] for alt in charts] == [
        f"Keywords of {name}" for name in DEFAULT_NAMES
    ]
    assert page.find("footer") == ["gi_classifier 1.0 · model 模型 abababababab · share 0.2"]
    assert any(attrs.get("name") == "origin" for _, attrs in page.tags)
    assert "end at its own largest score" in "".join(page.find("p", class_="note"))


@pytest.mark.slow
def test_counts_are_those_of_the_likeliest_labels(explainer: Explainer) -> None:
    probabilities = np.eye(3)[[1, 2, 0, 1, 1, 0, 2]] * 0.4 + 0.2
    page = Page(written(explainer, probabilities=probabilities))
    numbers = page.find("td", class_="n")[:6]
    assert numbers == ["2", "28.6%", "3", "42.9%", "2", "28.6%"]


@pytest.mark.slow
def test_records_are_called_as_their_file_calls_them(explainer: Explainer) -> None:
    lines, ids = range(2, 2 + len(TEXTS)), [f"<{i}>" for i in range(len(TEXTS))]
    page = Page(written(explainer, lines=lines, ids=ids, left_out=3))
    shown = page.find("p", class_="shares")
    assert shown
    assert all(re.match(r"<(\d)> · Line 行 (\d) · ", text) for text in shown)
    assert page.find("dd")[3] == "3"
    only_lines = Page(written(explainer, lines=lines)).find("p", class_="shares")
    assert all(text.startswith("Line 行 ") for text in only_lines)


@pytest.mark.slow
def test_the_surest_and_the_most_doubtful_records_are_shown_once_each(
    explainer: Explainer,
) -> None:
    texts = ["胃癌", "胃窦", "胃底", "直肠", "胃癌", "回肠"]
    upper = [0.7, 0.9, 0.5, 0.1, 0.7, 0.02]
    probabilities = np.array([[0.01, p, 0.99 - p] for p in upper])
    page = Page(written(explainer, texts, probabilities=probabilities, examples=2, doubtful=3))
    found = page.find("div", class_="gi-record")
    surest_upper, surest_lower, doubts = (
        ["胃窦", "胃癌"],
        ["回肠", "直肠"],
        ["胃底", "胃癌", "直肠"],
    )
    assert found == [*surest_upper, *surest_lower, *doubts]
    assert "没有该类别的记录" in "".join(page.find("p", class_="note"))
    numbers = [re.match(r"Record 记录 (\d+)", text) for text in page.find("p", class_="shares")]
    assert [int(n[1]) for n in numbers if n] == [2, 1, 6, 4, 3, 1, 4]
    assert page.find("p", class_="shares")[-3] == (
        "Record 记录 3 · upper 上消化道 0.500 · lower 下消化道 0.490 · neither 均非 0.010 · "
        "margin 差距 0.010"
    )


@pytest.mark.slow
def test_the_label_that_is_explained_is_the_likeliest_of_the_given_probabilities(
    explainer: Explainer,
) -> None:
    for label in range(3):
        probabilities = np.full((1, 3), 0.1)
        probabilities[0, label] = 0.8
        page = Page(written(explainer, ["胃"], probabilities=probabilities))
        captions = page.find("figcaption")
        assert len(captions) == 2
        assert all(text.startswith(DEFAULT_NAMES[label]) for text in captions)


@pytest.mark.slow
def test_rows_left_out_are_counted(explainer: Explainer) -> None:
    page = Page(written(explainer, table=keywords(rows=30, labels=(0, 2)), rows=20))
    # One heading each, three counts of labels, and twenty of each label.
    assert len(page.find("tr")) == 1 + 3 + 1 + 40
    assert "40 of 60 keywords: at most 20 of each label, 20 left out" in page.find("p")[0]


@needs("chromium")
@pytest.mark.slow
def test_the_summary_stands_side_by_side_on_a_phone(explainer: Explainer, tmp_path: Path) -> None:
    from playwright.sync_api import sync_playwright

    path = tmp_path / "report.html"
    path.write_text(written(explainer, left_out=1), encoding="utf-8")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page(viewport={"width": 390, "height": 844})
        page.goto(path.as_uri())
        widths = page.evaluate("[...document.querySelectorAll('dd')].map(dd => dd.clientWidth)")
        browser.close()
    assert len(widths) == 6
    assert min(widths) > 100


@pytest.mark.slow
def test_a_hundred_records_stay_small(explainer: Explainer) -> None:
    source = np.random.default_rng(0)
    characters = list("胃肠食管癌息肉，。充血糜烂")
    texts = ["".join(source.choice(characters, 4000)) for _ in range(100)]
    content = written(explainer, texts, source.dirichlet([1, 1, 1], 100), keywords(rows=300))
    assert len(content.encode()) < 2_000_000


@pytest.mark.slow
def test_lone_surrogates_do_not_reach_the_page(explainer: Explainer) -> None:
    content = written(explainer, ["胃\ud800"], source="\udcff.csv")
    assert "�.csv" in content
    content.encode("utf-8")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"texts": [], "probabilities": np.ones((0, 3))}, "at least one record.*: 0 records"),
        ({"probabilities": np.ones((3, 3)) / 3}, r"7 records .* shape \(3, 3\)"),
        ({"probabilities": np.ones((7, 2)) / 2}, r"7 records .* shape \(7, 2\)"),
        ({"table": keywords().drop(columns=["share", "mean"])}, r"Missing: mean, share"),
        ({"table": keywords(labels=(1, 3))}, r"not among this model's 3: 3"),
    ],
)
def test_what_does_not_fit_is_an_error(
    explainer: Explainer, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        written(explainer, **{"probabilities": np.ones((7, 3)) / 3, **changes})


# The script, run by node where there is one, on the least of a document that it needs.
DOCUMENT = """
const log = [];
const cell = text => ({textContent: text});
const body = {rows: ROWS.map(r => ({cells: r.map(cell), id: r[0]})),
  append(...rows) { this.rows = rows; }};
const row = {cells: []};
const heads = ["", "n"].map((kind, i) => ({cellIndex: i, ariaSort: null, parentElement: row,
  classList: {contains: name => name === kind},
  closest: () => ({tBodies: [body]}),
  removeAttribute(name) { this.ariaSort = null; },
  setAttribute(name, value) { this.ariaSort = value; }}));
row.cells = heads;
const buttons = heads.map(head => ({parentElement: head,
  addEventListener(name, act) { this[name] = act; }}));
const document = {querySelectorAll: () => buttons};
"""


@needs("node")
def test_the_script_sorts_numbers_as_numbers_and_stably(content: str) -> None:
    (script,) = Page(content).find("script")
    rows = [["b", "9"], ["d", "10"], ["a", "–"], ["c", "-3.5"], ["e", "10"], ["f", "2.38%"]]
    presses = "for (const i of [1, 1, 0, 0, 1]) { buttons[i].click(); log.push(body.rows.map("
    code = (
        f"const ROWS = {json.dumps(rows)};\n{DOCUMENT}\n{script}\n{presses}r => r.id).join('') + "
        "' ' + heads.map(h => h.ariaSort).join()); }\nconsole.log(log.join('\\n'));"
    )
    done = subprocess.run(["node", "-e", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "debfca ,descending",
        "cfbdea ,ascending",
        "abcdef ascending,",
        "fedcba descending,",
        # Equal numbers keep the order that they had.
        "edbfca ,descending",
    ]


# Bars.


def bars(table: pd.DataFrame, names: tuple[str, ...] = DEFAULT_NAMES, top: int = 20) -> np.ndarray:
    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        picture = Image.open(io.BytesIO(keyword_figure(table, names, top))).convert("RGB")
    return np.asarray(picture) / 255


@pytest.mark.slow
def test_bars_show_chinese_and_every_class_and_warn_of_nothing() -> None:
    table = keywords(rows=25)
    picture = bars(table)
    assert [part.min() < 0.2 for part in np.array_split(picture, 3, axis=1)] == [True] * 3
    # Another word of the same length is another picture, only where the names stand.
    other = table.assign(keyword=[text.replace("胃1", "肠1") for text in table["keyword"]])
    change = abs(picture - bars(other)).sum(axis=2) > 0
    assert change.any()
    assert change[:, -100:].sum() == 0


@pytest.mark.slow
def test_bars_stop_at_top_and_a_class_without_keywords_says_so() -> None:
    table = keywords(rows=25, labels=(0, 2))
    np.testing.assert_array_equal(bars(table, top=5), bars(table.groupby("label").head(5)))
    # The note is drawn in the middle, but no bar.
    full, part = bars(keywords(rows=25)), bars(table)
    green = [
        (abs(x - np.array([0, 158, 115]) / 255) < 0.01).all(axis=2).sum() for x in (full, part)
    ]
    assert green[0] > 10_000 > green[1] == 0
    middle = np.array_split(part, 3, axis=1)[1]
    assert middle[40:-100, 60:-60].min() < 0.2


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 2, 4, 9])
def test_bars_of_any_number_of_classes(count: int) -> None:
    picture = bars(keywords(labels=tuple(range(count))), tuple(f"第{i}类$" for i in range(count)))
    assert picture.shape[0] / picture.shape[1] < 3
    assert picture.min() < 0.2


def test_keywords_are_drawn_without_seaborn_which_takes_much_memory() -> None:
    code = (
        "import sys, pandas; from gi_classifier.plots.keywords import label_figure; "
        "row = {'keyword': '胃', 'label': 1, 'frequency': 2, 'total': 3.0}; "
        "label_figure(pandas.DataFrame([row]), 1, 'upper'); print('seaborn' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
