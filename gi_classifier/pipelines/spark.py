"""Records of a Spark DataFrame answered, and keywords counted, on a cluster.

In: a DataFrame and the name of the column that holds the texts. Out: a DataFrame. The library must
be installed on the workers; the model need not be, it is broadcast as an archive and opened once a
worker, with one thread a task. It needs the extra ``spark``.
"""

from __future__ import annotations

import hashlib
import io
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from gi_classifier.attribution.integrated_gradients import Explainer, PathOptions
from gi_classifier.attribution.keyword_counts import KeywordCounter, Progress, count_keywords
from gi_classifier.attribution.keyword_table import COUNTING
from gi_classifier.attribution.keywords import KeywordOptions
from gi_classifier.data.cells import text_problem
from gi_classifier.data.fingerprints import fingerprint
from gi_classifier.decisions.bulk import open_bulk
from gi_classifier.decisions.decision import Decision
from gi_classifier.errors import InputError
from gi_classifier.extras import check_installed
from gi_classifier.files import to_json
from gi_classifier.model.directory import MANIFEST, ModelDirectory, load
from gi_classifier.model.predictor import Predictor
from gi_classifier.model.shipped import load_or_shipped
from gi_classifier.pipelines.answering import Answering, check_bulk
from gi_classifier.pipelines.arrow import answered_batches
from gi_classifier.pipelines.rows import check_column
from gi_classifier.settings import EngineName, Use

if TYPE_CHECKING:
    import pandas as pd

# As gi_classifier.pipelines.arrow.answer_type.
_ANSWER = "label int, name string, probabilities array<double>, member string, error string"
# What a partition counted of a keyword.
_COUNT = {
    "part": "int",
    "label": "int",
    "word": "string",
    "frequency": "bigint",
    "documents": "bigint",
    "total": "double",
    "best": "double",
    "keyword": "string",
    "example": "string",
}
# What this process opened, by what it was opened from and how.
_opened: dict[Any, Any] = {}


@dataclass(frozen=True)
class _Way:
    """How a worker answers; small and of plain values, since it travels with every task."""

    engine: EngineName | None
    use: Use | None
    bulk: bool
    decision: Decision


def predict(
    frame: Any,
    column: str,
    *,
    into: str = "prediction",
    model: str | Path | None = None,
    engine: EngineName | None = None,
    use: Use | None = None,
    bulk: bool = False,
    prior: Sequence[float] | None = None,
    label: int | str | None = None,
    threshold: float | Literal["stored"] | None = None,
    min_confidence: float | None = None,
    reject_novel: bool = False,
) -> Any:
    """Classify the texts of a column of a Spark DataFrame.

    Parameters
    ----------
    frame : pyspark.sql.DataFrame
    column : str
        Holds the texts.
    into : str
        The column of answers.
    model, engine, use, prior, label, threshold, min_confidence, reject_novel : optional
        As for :func:`gi_classifier.predict_file`; the model's path is one of the driver's.
    bulk : bool
        Let the linear member answer alone where it is sure, by the cut that the model holds
        (``gi-classifier fit-bulk``).

    Returns
    -------
    pyspark.sql.DataFrame
        The same rows and columns, and behind them a struct of label (null where there is no
        answer), name, probabilities (in the order of the labels), member (albert, linear or both)
        and error: why a row cannot be read, or null. A bad row fails no job.

    Raises
    ------
    InputError
        There is no such column, or one called ``into``.
    SettingsError, ModelError
        An option or the model cannot be used.
    MissingExtraError
        The extra ``spark`` is not installed.
    """
    _check_spark()
    check_column("DataFrame", frame.columns, column)
    if into in frame.columns:
        raise InputError(f"The DataFrame has a column {into!r}. Name another (into).")
    directory = load_or_shipped(model)
    decision = Decision(prior, label, threshold, min_confidence, reject_novel)
    if bulk:
        check_bulk(use, decision)
    way = _Way(engine, use, bulk, decision)
    # What is asked for is there, or is missed before a job begins.
    _answering(directory, way).check()
    key, archive = _broadcast(frame, directory)

    def work(batches: Iterator[Any]) -> Iterator[Any]:
        answering = _once((key, way), lambda: _answering(from_archive(archive.value), way))
        return answered_batches(batches, column, answering, into)

    return frame.mapInArrow(work, _with_answers(frame, into))


def keyword_table(
    frame: Any,
    column: str,
    *,
    model: str | Path | None = None,
    use: Use | None = None,
    by_label: bool = True,
    min_frequency: int = 1,
    options: KeywordOptions | None = None,
    **path: Any,
) -> pd.DataFrame:
    """Rank the words that decide over the texts of a column of a Spark DataFrame.

    Each partition counts its own; counts are merged on the driver, where they are sums: the table
    is that of one machine, but for the order in which totals were added up. Records that are equal
    once normalised are counted once; rows that cannot be read are left out.

    Parameters
    ----------
    frame : pyspark.sql.DataFrame
    column : str
    model, use : optional
        As for :func:`predict`.
    by_label, min_frequency : optional
        As for :func:`gi_classifier.keyword_table`.
    options : KeywordOptions, optional
        What counts as a keyword.
    **path
        Options of :func:`gi_classifier.explain`, without ``label``.

    Returns
    -------
    pandas.DataFrame
        As :func:`gi_classifier.keyword_table` gives it.
    """
    _check_spark()
    check_column("DataFrame", frame.columns, column)
    from pyspark.sql import functions

    chosen = PathOptions.of(path, COUNTING)
    counting = options or KeywordOptions()
    directory = load_or_shipped(model)
    key, archive = _broadcast(frame, directory)

    def prints(batches: Iterator[Any]) -> Iterator[Any]:
        return _fingerprints(batches)

    def count(batches: Iterator[Any]) -> Iterator[Any]:
        explainer = _once(
            (key, "explainer", use),
            lambda: Explainer(from_archive(archive.value), use=use),
        )
        return _counts(batches, explainer, counting, chosen)

    quoted = column.replace("`", "``")
    texts = frame.select(functions.col(f"`{quoted}`").alias("text"))
    distinct = (
        texts.mapInArrow(prints, "text string, fingerprint string")
        .groupBy("fingerprint")
        .agg(functions.min("text").alias("text"))
    )
    counted = ", ".join(map(" ".join, _COUNT.items()))
    parts: dict[int, list[list[Any]]] = {}
    for part, *row in distinct.select("text").mapInArrow(count, counted).collect():
        parts.setdefault(part, []).append(row)
    whole = KeywordCounter()
    for _, rows in sorted(parts.items()):
        whole = whole.merged(KeywordCounter.from_dict({"rows": rows}))
    return whole.to_frame(by_label=by_label, min_frequency=min_frequency)


def _broadcast(frame: Any, directory: ModelDirectory) -> tuple[str, Any]:
    """A model as workers get it, and what it is known by in them."""
    content = archive_of(directory)
    context = frame.sparkSession.sparkContext
    return hashlib.sha256(content).hexdigest(), context.broadcast(content)


def archive_of(directory: ModelDirectory) -> bytes:
    """A model directory as one archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in directory.files.items():
            archive.writestr(zipfile.ZipInfo(name), content)
        archive.writestr(zipfile.ZipInfo(MANIFEST), to_json(directory.manifest()))
    return buffer.getvalue()


def from_archive(content: bytes) -> ModelDirectory:
    """What :func:`archive_of` made, checked file by file against its manifest."""
    with tempfile.TemporaryDirectory() as folder:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            archive.extractall(folder)
        return load(folder)


def _answering(directory: ModelDirectory, way: _Way) -> Answering:
    predictor = Predictor.from_directory(directory, way.engine, use=way.use, threads=1)
    cut = open_bulk(directory, predictor) if way.bulk else None
    return Answering(directory, predictor, way.decision, cut)


def _once(key: Any, opens: Callable[[], Any]) -> Any:
    """What was opened in this process, which Spark gives task after task."""
    key = repr(key)
    if key not in _opened:
        _opened[key] = opens()
    return _opened[key]


def _fingerprints(batches: Iterator[Any]) -> Iterator[Any]:
    """Texts that can be read, with what is equal of those that are equal once normalised."""
    import pyarrow as pa

    for batch in batches:
        texts = [text for text in batch.column("text").to_pylist() if not text_problem(text)]
        made = {"text": texts, "fingerprint": [fingerprint(text) for text in texts]}
        yield pa.RecordBatch.from_pydict(
            made, pa.schema([("text", pa.string()), ("fingerprint", pa.string())])
        )


def _counts(
    batches: Iterator[Any], explainer: Explainer, options: KeywordOptions, path: PathOptions
) -> Iterator[Any]:
    """The keywords of a partition, each with its counts, and the partition's number."""
    import pyarrow as pa
    from pyspark import TaskContext

    texts = (text for batch in batches for text in batch.column("text").to_pylist())
    progress = Progress()
    for _ in count_keywords(texts, explainer, options, path, progress):
        pass
    context = TaskContext.get()
    part = context.partitionId() if context else 0
    kinds = {"int": pa.int32(), "bigint": pa.int64(), "double": pa.float64(), "string": pa.string()}
    schema = pa.schema([(name, kinds[kind]) for name, kind in _COUNT.items()])
    counts = progress.whole.to_dict()["rows"]
    rows = [dict(zip(_COUNT, (part, *row), strict=True)) for row in counts]
    yield pa.RecordBatch.from_pylist(rows, schema)


def _with_answers(frame: Any, into: str) -> Any:
    """The schema of a DataFrame with a column of answers behind its own."""
    from pyspark.sql.types import StructField, StructType

    answers = StructField(into, StructType.fromDDL(_ANSWER))
    return StructType([*frame.schema.fields, answers])


def _check_spark() -> None:
    """Raise where Spark, or the Arrow that it needs, is not installed."""
    check_installed("Work on Spark", ["pyarrow", "pyspark"], "spark")
