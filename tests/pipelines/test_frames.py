"""A column of a DataFrame is answered in place."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from gi_classifier import predict_frame
from gi_classifier.errors import InputError
from gi_classifier.model.directory import load
from gi_classifier.model.predictor import Predictor
from gi_classifier.pipelines.answering import Answering

CELLS = ["胃溃疡", None, "结肠息肉", float("nan"), 7, "无", "肺炎", pd.NA]


def test_each_row_has_its_answer_or_its_reason(trained: Path) -> None:
    frame = pd.DataFrame({"诊断": CELLS, "n": 1}, index=list("hgfedcba"))
    found = predict_frame(frame, "诊断", model=trained)
    assert list(found.index) == list("hgfedcba")
    assert found.columns[:4].tolist() == ["text", "label", "name", "probability"]
    wanted = Predictor.from_directory(load(trained)).predict_proba(["胃溃疡", "结肠息肉", "肺炎"])
    readable = found.loc[["h", "f", "b"]]
    assert readable["label"].tolist() == wanted.argmax(axis=1).tolist()
    shares = readable[[f"probability_{i}" for i in range(3)]].to_numpy(float)
    assert np.allclose(shares, wanted, rtol=0, atol=1e-6)
    assert found["error"].tolist() == [
        "",
        "the text is empty",
        "",
        "the text is empty",
        "not text but int",
        "the text is empty: it says that a value is missing",
        "",
        "the text is empty",
    ]
    assert found["label"].isna().tolist() == [bool(error) for error in found["error"]]


def test_an_empty_frame_and_other_kinds_of_text_are_read(trained: Path) -> None:
    empty = predict_frame(pd.DataFrame({"t": []}), "t", model=trained)
    assert (len(empty), str(empty["label"].dtype)) == (0, "Int64")
    for kind in ("string", "category", object):
        frame = pd.DataFrame({"t": pd.Series(["胃溃疡", None], dtype=kind)})
        assert predict_frame(frame, "t", model=trained)["label"].isna().tolist() == [False, True]


def test_decisions_are_those_of_predict(trained: Path) -> None:
    frame = pd.DataFrame({"t": ["胃溃疡"]})
    found = predict_frame(frame, "t", model=trained, min_confidence=1.0)
    assert found["name"].tolist() == ["undecided 未定"]


def test_what_is_no_frame_with_the_column_is_an_error() -> None:
    with pytest.raises(InputError, match="takes a pandas DataFrame"):
        predict_frame(["胃"], "t")  # type: ignore[arg-type]
    twice = pd.DataFrame([["胃", "肠"]], columns=["t", "t"])
    for frame in (pd.DataFrame({"a": ["胃"]}), twice):
        with pytest.raises(InputError, match="one column 't'"):
            predict_frame(frame, "t")


def test_rows_of_several_chunks_keep_their_order(
    trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = pd.DataFrame({"t": [f"胃{i}" for i in range(10)]})
    whole = predict_frame(frame, "t", model=trained)
    monkeypatch.setattr("gi_classifier.pipelines.frames.CHUNK_ROWS", 3)
    counts: list[int] = []
    answer = Answering.__call__

    def counted(self: Answering, texts: Sequence[str]) -> list[dict[str, Any]]:
        counts.append(len(texts))
        return answer(self, texts)

    monkeypatch.setattr(Answering, "__call__", counted)
    parts = predict_frame(frame, "t", model=trained)
    assert counts == [3, 3, 3, 1]
    assert parts["text"].tolist() == frame["t"].tolist()
    assert np.allclose(parts["probability"], whole["probability"], rtol=0, atol=1e-5)
