"""A cluster answers as one machine does: a real local session, a worker killed in the middle."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from samples import made_up_records
from tools import needs

from gi_classifier.attribution.integrated_gradients import Explainer
from gi_classifier.attribution.keyword_table import keyword_table as table_here
from gi_classifier.errors import InputError
from gi_classifier.model.directory import load
from gi_classifier.model.predictor import Predictor
from gi_classifier.pipelines import spark as module
from gi_classifier.pipelines.spark import archive_of, from_archive, keyword_table, predict

pytestmark = [pytest.mark.slow, needs("java")]


@pytest.fixture(scope="module")
def session() -> Iterator[Any]:
    from pyspark.sql import SparkSession

    with pytest.MonkeyPatch.context() as patch:
        # Workers run this Python, and nothing listens but on this machine.
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        patch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
        patch.setenv("OMP_NUM_THREADS", "1")
        made = (
            SparkSession.builder.master("local[2,4]")
            .config("spark.ui.enabled", "false")
            .config("spark.driver.memory", "512m")
            .config("spark.sql.shuffle.partitions", "2")
            .config("spark.driver.bindAddress", "127.0.0.1")
            .getOrCreate()
        )
        yield made
        made.stop()


def texts_of(count: int) -> list[str]:
    return [f"{text}{i}" for i, (text, _) in zip(range(count), made_up_records(count), strict=True)]


def frame_of(session: Any, texts: list[str | None], partitions: int = 3) -> Any:
    rows = list(enumerate(texts))
    return session.createDataFrame(rows, "id int, `诊断` string").repartition(partitions)


def workers() -> list[int]:
    """Processes that Spark's daemon has forked."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            named = b"pyspark.daemon" in (path / "cmdline").read_bytes()
            fields = (path / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if named:
            parents[int(path.name)] = int(fields[1])
    return [number for number, parent in parents.items() if parent in parents]


def test_answers_are_those_of_one_machine_though_a_worker_is_killed(
    session: Any, trained: Path
) -> None:
    texts: list[str | None] = [*texts_of(12_000)]
    texts[5], texts[9] = None, " 无 "
    answered = predict(frame_of(session, texts), "诊断", model=trained, use="linear")
    found: list[Any] = []
    job = threading.Thread(target=lambda: found.extend(answered.collect()))
    before = set(workers())
    job.start()
    while not (new := set(workers()) - before) and job.is_alive():
        time.sleep(0.01)
    time.sleep(0.3)
    assert job.is_alive()
    os.kill(min(new), signal.SIGKILL)
    job.join()
    rows = {row["id"]: row["prediction"] for row in found}
    assert len(found) == len(rows) == len(texts)
    assert [rows[5]["error"], rows[9]["error"]] == [
        "the text is empty",
        "the text is empty: it says that a value is missing",
    ]
    assert rows[5]["label"] is rows[5]["probabilities"] is rows[5]["member"] is None
    good = [i for i in range(len(texts)) if i not in (5, 9)]
    predictor = Predictor.from_directory(load(trained), use="linear")
    wanted = predictor.predict_proba([texts[i] or "" for i in good])
    probabilities = np.array([rows[i]["probabilities"] for i in good])
    assert np.abs(probabilities - wanted).max() < 1e-6
    assert [rows[i]["label"] for i in good] == wanted.argmax(axis=1).tolist()
    assert {rows[i]["member"] for i in good} == {"linear"}


def test_keywords_are_those_of_one_machine(session: Any, trained: Path) -> None:
    texts = [text for text, _ in made_up_records(24)]
    frame = frame_of(session, [*texts, texts[0], None])
    found = keyword_table(frame, "诊断", model=trained)
    wanted = table_here(texts, explainer=Explainer(load(trained)))
    for name in ("keyword", "label", "frequency", "documents"):
        assert found[name].tolist() == wanted[name].tolist(), name
    assert np.allclose(found["total"], wanted["total"], rtol=1e-9)


def test_decisions_and_members_are_as_elsewhere(session: Any, trained: Path) -> None:
    frame = frame_of(session, [*texts_of(3)], 1)
    answered = predict(frame, "诊断", model=trained, use="albert", min_confidence=1.0, into="答`案")
    rows = [row["答`案"] for row in answered.collect()]
    assert {(row["label"], row["name"], row["member"]) for row in rows} == {
        (None, "undecided 未定", "albert")
    }


def test_wrong_columns_are_told_before_a_job(session: Any, trained: Path) -> None:
    frame = frame_of(session, ["胃"], 1)
    with pytest.raises(InputError, match="one column 'text'"):
        predict(frame, "text", model=trained)
    with pytest.raises(InputError, match="has a column 'id'"):
        predict(frame, "诊断", model=trained, into="id")


def test_a_model_travels_as_an_archive_that_is_checked(trained: Path) -> None:
    directory = load(trained)
    content = archive_of(directory)
    found = from_archive(content)
    assert (found.files, found.digest) == (directory.files, directory.digest)
    assert module.archive_of(directory) == content
