"""No message holds a record's text: a marker in every kind of bad input shows up nowhere."""

from __future__ import annotations

import io
import json
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_workbooks import row, sheet_xml, text, write_workbook

import gi_classifier as g
from gi_classifier.cli.app import main
from gi_classifier.heads.head_classifier import HeadClassifier
from gi_classifier.text_checks import check_texts

# Of letters that no message has by itself, in both scripts.
MARKER = "Zqx陈某某Xqz"
PARTS = ("Zqx", "Xqz", "陈某某")
HEADER = row(1, text("A1", "text"), text("B1", "label"))
GOOD = row(2, text("A2", "胃溃疡"), text("B2", "1"))


def assert_private(said: str) -> None:
    escaped = said.encode("unicode_escape").decode()
    for part in PARTS:
        assert part not in said, said
        assert part.encode("unicode_escape").decode() not in escaped, said
        assert part.encode().hex() not in said, said


def workbook(kind: str, place: str) -> Callable[[Path], Path]:
    """A workbook with a cell of a type that its content is not."""

    def write(folder: Path) -> Path:
        cell = f'<c r="{place}3" t="{kind}"><v>{MARKER}</v></c>'
        other = text("B3", "1") if place == "A" else text("A3", "结肠息肉")
        cells = (cell, other) if place == "A" else (other, cell)
        return write_workbook(folder / "bad.xlsx", sheet_xml(HEADER, GOOD, row(3, *cells)))

    return write


def file(name: str, content: str | bytes) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        path = folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def line(**values: Any) -> str:
    return json.dumps(values, ensure_ascii=False) + "\n"


GOOD_LINE = line(text="胃溃疡", label=1)
GB = MARKER.encode("gb18030")
# Files whose texts cannot be read, in which way soever.
BAD_TEXTS: dict[str, Callable[[Path], Path]] = {
    "xlsx n": workbook("n", "A"),
    "xlsx d": workbook("d", "A"),
    "xlsx s": workbook("s", "A"),
    "xlsx b": workbook("b", "A"),
    "xlsx e": workbook("e", "A"),
    "xlsx header": lambda folder: write_workbook(
        folder / "bad.xlsx", sheet_xml(row(1, text("A1", MARKER), text("B1", "1")))
    ),
    "xlsx damaged": file("bad.xlsx", b"PK\x03\x04" + MARKER.encode() * 9),
    "csv header": file("bad.csv", f"{MARKER},1\n胃溃疡,2\n"),
    "csv quotes": file("bad.csv", f'text,label\n"{MARKER},1\n'),
    "csv fields": file("bad.csv", f"text,label\n胃,{MARKER},1,2\n"),
    "csv column twice": file("bad.csv", f"text,text,{MARKER},{MARKER}\n胃,1,2,3\n"),
    "csv torn character": file("bad.csv", b"text,label\n" + MARKER.encode()[:5] + b",1\n"),
    "csv two encodings": file("bad.csv", "text,label\n胃溃疡,1\n".encode() + GB + b",2\n"),
    "jsonl broken": file("bad.jsonl", GOOD_LINE + f'{{"text": "{MARKER}", \n'),
    "jsonl list": file("bad.jsonl", GOOD_LINE + f'["{MARKER}"]\n'),
    "jsonl kind": file("bad.jsonl", GOOD_LINE + line(text=[MARKER], label=1)),
    "jsonl kind inside": file("bad.jsonl", GOOD_LINE + line(text={MARKER: MARKER}, label=1)),
    "jsonl name": file("bad.jsonl", line(**{MARKER: MARKER, "label": 1})),
    "jsonl twice": file("bad.jsonl", GOOD_LINE + f'{{"text": "胃", "text": "{MARKER}"}}\n'),
    "jsonl surrogate": file("bad.jsonl", GOOD_LINE + f'{{"text": 1, "{MARKER}": "\\ud800"}}\n'),
    "json by another name": file("bad.csv", line(text=MARKER, label=1)),
    "txt returns": file("bad.txt", f"{MARKER}\t1\r{MARKER}\t2\r"),
}
# Files whose labels are none.
BAD_LABELS: dict[str, Callable[[Path], Path]] = {
    "xlsx s": workbook("str", "B"),
    "xlsx n": workbook("n", "B"),
    "xlsx b": workbook("b", "B"),
    "csv": file("bad.csv", f"text,label\n胃溃疡,1\n结肠息肉,{MARKER}\n"),
    "csv shifted": file("bad.csv", f"text,label\n胃溃疡,1\n1,{MARKER}\n"),
    "tsv": file("bad.tsv", f"text\tlabel\n胃溃疡\t1\n结肠息肉\t{MARKER}\n"),
    "txt": file("bad.txt", f"胃溃疡\t1\n结肠息肉\t{MARKER}\n"),
    "txt without": file("bad.txt", f"胃溃疡\t1\n{MARKER}\n"),
    "jsonl": file("bad.jsonl", GOOD_LINE + line(text="结肠息肉", label=MARKER)),
    "jsonl list": file("bad.jsonl", GOOD_LINE + line(text="结肠息肉", label=[MARKER])),
    "jsonl table": file("bad.jsonl", GOOD_LINE + line(text="结肠息肉", label={MARKER: 1})),
    "csv conflict": file("bad.csv", f"text,label\n{MARKER},1\n{MARKER},2\n"),
}
READ_TEXTS = [
    ["predict", "--strict", "--input", "FILE"],
    ["predict", "--json", "--output", "OUT/labels.csv", "--input", "FILE"],
    ["keywords", "FILE"],
    ["report", "FILE", "--output", "OUT/report.html"],
    ["novelty", "FILE", "--output", "OUT/novelty.csv"],
    ["evaluate", "FILE"],
]
READ_LABELS = [
    ["evaluate", "FILE"],
    ["inspect", "FILE"],
    ["compare", "FILE"],
    ["head", "train", "FILE", "--output", "OUT/head.npz"],
    ["train", "FILE", "--output", "OUT/model"],
]


def run(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], command: list[str]
) -> tuple[int, str, str]:
    """A command in this process: its exit code and what it wrote."""
    monkeypatch.setattr(sys, "argv", ["gi-classifier", *command])
    try:
        main()
        code = 0
    except SystemExit as end:
        code = int(end.code or 0)
    return (code, *capfd.readouterr())


def given(command: list[str], path: Path, folder: Path) -> list[str]:
    return [word.replace("FILE", str(path)).replace("OUT", str(folder)) for word in command]


@pytest.mark.slow
@pytest.mark.parametrize("kind", BAD_TEXTS)
def test_bad_texts_are_not_shown(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    kind: str,
) -> None:
    path = BAD_TEXTS[kind](tmp_path)
    for command in READ_TEXTS:
        _, out, err = run(monkeypatch, capfd, given(command, path, tmp_path))
        # What a reader makes a text of stands in the results, that is what they are for.
        results = command[0] in ("predict", "keywords", "novelty")
        assert_private(err if results else out + err)


@pytest.mark.slow
@pytest.mark.parametrize("kind", BAD_LABELS)
def test_bad_labels_are_not_shown(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    kind: str,
) -> None:
    path = BAD_LABELS[kind](tmp_path)
    for command in READ_LABELS:
        code, out, err = run(monkeypatch, capfd, given(command, path, tmp_path))
        # It takes labels of any kind, and lists them.
        lists_labels = command[0] == "inspect"
        assert code or lists_labels, (command, out, err)
        assert_private(err if lists_labels else out + err)


@pytest.mark.parametrize("content", [b"", MARKER.encode() * 99, b"PK\x03\x04" + MARKER.encode()])
def test_files_of_another_kind_are_not_shown(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    content: bytes,
) -> None:
    good = file("good.csv", "text,label\n胃溃疡,1\n结肠息肉,2\n肺炎,0\n")(tmp_path)
    bad = file("bad.npz", content)(tmp_path)
    table = file("table.csv", f"{MARKER},{MARKER}\n1,2\n".encode())(tmp_path)
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "manifest.json").write_bytes(content)
    for command in (
        ["head", "label", str(good), "--head", str(bad), "--output", str(tmp_path / "out.csv")],
        ["rules", str(good), "--keywords", str(table)],
        ["predict", "胃溃疡", "--model", str(tmp_path / "model")],
        ["info", str(tmp_path / "model")],
        ["predict", "--input", str(bad)],
    ):
        code, out, err = run(monkeypatch, capfd, command)
        assert code, command
        assert_private(out + err)


PYTHON: dict[str, Callable[[], object]] = {
    "predict bytes": lambda: g.predict(MARKER.encode()),  # type: ignore[call-overload]
    "predict list": lambda: g.predict([MARKER]),  # type: ignore[call-overload]
    "multi_predict str": lambda: g.multi_predict(MARKER),
    "multi_predict set": lambda: g.multi_predict({MARKER}),  # type: ignore[call-overload]
    "multi_predict kinds": lambda: g.multi_predict([MARKER, [MARKER], {MARKER: 1}, None]),  # type: ignore[list-item, call-overload]
    "multi_predict many": lambda: g.multi_predict([MARKER] * 513),
    "predict_proba bytes": lambda: g.predict_proba([MARKER, MARKER.encode()]),  # type: ignore[list-item]
    "explain labels": lambda: g.explain([MARKER], [1, 2]),
    "explain label": lambda: g.explain([MARKER], 9),
    "explain options": lambda: g.explain([MARKER], steps=0),
    "embed blank": lambda: g.embed([MARKER, " "]),
    "novelty kind": lambda: g.novelty([MARKER, 1.5]),  # type: ignore[list-item]
    "prior wrong": lambda: g.predict_proba([MARKER], prior=[1, 2, 3]),
    "check_texts array": lambda: check_texts(np.array([MARKER, 1], dtype=object)),
    "fit lengths": lambda: g.GIClassifier().fit([MARKER], [1, 2]),
    "fit one class": lambda: g.GIClassifier().fit([MARKER, MARKER], [1, 1]),
    "fit kinds": lambda: g.GIClassifier().fit([MARKER, 7], [1, 2]),  # type: ignore[list-item]
    "head vectors": lambda: HeadClassifier().fit(np.array([[MARKER]]), [1]),
    "head texts": lambda: HeadClassifier().fit([MARKER, MARKER], [1, 2]),
    "head bytes": lambda: HeadClassifier().fit([[1.0, MARKER.encode()]], [1]),
    "head text": lambda: g.TextHead().fit([MARKER, b"a"], ["a", "b"]),
    "keyword_table": lambda: g.keyword_table([MARKER, 5]),  # type: ignore[list-item]
}


@pytest.mark.parametrize("name", PYTHON)
def test_errors_in_python_hold_no_text_nor_do_their_causes(name: str) -> None:
    with pytest.raises(g.GIClassifierError) as caught:
        PYTHON[name]()
    written = io.StringIO()
    traceback.print_exception(caught.value, file=written)
    # The lines of this file are the program, which Python shows; its messages are ours.
    lines = written.getvalue().splitlines()
    assert_private("\n".join(said for said in lines if "MARKER" not in said))


@pytest.mark.parametrize("kind", [*BAD_TEXTS, *(f"label {kind}" for kind in BAD_LABELS)])
def test_errors_of_reading_in_python_hold_no_text_nor_do_their_causes(
    tmp_path: Path, kind: str
) -> None:
    path = (BAD_LABELS[kind[6:]] if kind.startswith("label ") else BAD_TEXTS[kind])(tmp_path)
    try:
        g.read_records(path)
    except g.GIClassifierError as error:
        assert_private("".join(traceback.format_exception(error)))
