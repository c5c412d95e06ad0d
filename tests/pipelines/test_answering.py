"""Frames, files and Arrow batches are answered alike."""

from __future__ import annotations

import csv
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from samples import made_up_records

from gi_classifier import predict_file, predict_frame
from gi_classifier.decisions.bulk import open_bulk
from gi_classifier.errors import SettingsError
from gi_classifier.model.directory import load
from gi_classifier.model.predictor import Predictor
from gi_classifier.pipelines.answering import Answering
from gi_classifier.pipelines.arrow import answered_batches


def test_bulk_says_the_same_of_frames_files_and_arrow_batches(bulk: Path, tmp_path: Path) -> None:
    frame = pd.DataFrame({"text": [text for text, _ in made_up_records(60)]})
    found = predict_frame(frame, "text", model=bulk, bulk=True)
    assert set(found["member"]) == {"linear", "both"}

    frame.to_csv(tmp_path / "r.csv", index=False)
    predict_file(tmp_path / "r.csv", tmp_path / "out.csv", model=bulk, bulk=True)
    with (tmp_path / "out.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["member"] for row in rows] == found["member"].tolist()
    assert [int(row["label"]) for row in rows] == found["label"].tolist()

    directory = load(bulk)
    predictor = Predictor.from_directory(directory)
    answering = Answering(directory, predictor, bulk=open_bulk(directory, predictor))
    batches = [pa.RecordBatch.from_pandas(frame)]
    (batch,) = answered_batches(batches, "text", answering, "answer")
    answers = batch.column("answer").to_pylist()
    assert [answer["member"] for answer in answers] == found["member"].tolist()
    assert [answer["label"] for answer in answers] == found["label"].tolist()


def test_bulk_goes_with_no_decision_and_no_single_member(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="bulk promises the likeliest label"):
        predict_frame(pd.DataFrame({"t": ["胃"]}), "t", bulk=True, min_confidence=0.5)
    with pytest.raises(SettingsError, match="bulk promises the likeliest label"):
        predict_file(tmp_path / "r.csv", tmp_path / "out.csv", bulk=True, use="linear")
