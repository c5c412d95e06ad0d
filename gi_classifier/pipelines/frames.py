"""A table in memory answered into another, row for row.

In: a pandas DataFrame and the name of the column that holds the texts. Out: a DataFrame with the
same index and the columns that a file of answers has.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from gi_classifier.data.cells import as_text, text_problem
from gi_classifier.data.chunks import CHUNK_ROWS
from gi_classifier.decisions.bulk_fit import bulk_or_none
from gi_classifier.decisions.decision import Decision
from gi_classifier.errors import InputError
from gi_classifier.model.predictor import Predictor
from gi_classifier.model.shipped import load_or_shipped, open_shipped
from gi_classifier.pipelines.answering import Answering, check_bulk
from gi_classifier.pipelines.rows import check_column, placed
from gi_classifier.settings import EngineName, Use

if TYPE_CHECKING:
    import pandas as pd


def predict_frame(
    frame: pd.DataFrame,
    column: str,
    *,
    model: str | Path | None = None,
    engine: EngineName | None = None,
    use: Use | None = None,
    bulk: bool = False,
    prior: Sequence[float] | None = None,
    label: int | str | None = None,
    threshold: float | Literal["stored"] | None = None,
    min_confidence: float | None = None,
    reject_novel: bool = False,
) -> pd.DataFrame:
    """Classify the texts of a DataFrame's column.

    Parameters
    ----------
    frame : DataFrame
    column : str
        Holds the texts.
    model, engine, use, bulk, prior, label, threshold, min_confidence, reject_novel : optional
        As for :func:`gi_classifier.predict_file`.

    Returns
    -------
    DataFrame
        With the same index and order: text, label (Int64, missing where there is no answer), name,
        probability, one column for each label's probability, with ``bulk`` member, and error: "",
        or why a row has no answer. ``frame.join(…)`` sets them beside the others.

    Raises
    ------
    InputError
        It is no DataFrame with one such column.
    SettingsError, ModelError
        An option or the model cannot be used.

    Examples
    --------
    >>> import pandas as pd
    >>> from gi_classifier import predict_frame
    >>> frame = pd.DataFrame({"诊断": ["胃窦糜烂", None, "结肠息肉"]}, index=[7, 8, 9])
    >>> predict_frame(frame, "诊断")[["label", "error"]]  # doctest: +NORMALIZE_WHITESPACE
       label              error
    7      1
    8   <NA>  the text is empty
    9      2
    """
    import pandas as pd

    if not isinstance(frame, pd.DataFrame):
        raise InputError(
            "predict_frame takes a pandas DataFrame; others have a method to_pandas, or the like. "
            f"Received: {type(frame).__module__}.{type(frame).__qualname__}"
        )
    check_column("DataFrame", list(frame.columns), column)
    decision = Decision(prior, label, threshold, min_confidence, reject_novel)
    if bulk:
        check_bulk(use, decision)
    directory = load_or_shipped(model)
    if model is None and engine is None and use is None:
        predictor = open_shipped(Predictor.from_directory)
    else:
        predictor = Predictor.from_directory(directory, engine, use=use)
    answering = Answering(directory, predictor, decision)
    texts = frame[column]
    cells = texts.astype(object).where(texts.notna(), None).tolist()
    if bulk:
        readable = (cell for cell in cells if not text_problem(cell))
        answering.bulk = bulk_or_none(directory, predictor, readable)
    answering.check()
    rows: list[dict[str, Any]] = []
    for start in range(0, len(cells), CHUNK_ROWS):
        rows += answer_cells(cells[start : start + CHUNK_ROWS], answering)
    table = pd.DataFrame(rows, columns=[*answering.columns, "error"], index=frame.index)
    return table.astype({"label": "Int64"})


def answer_cells(cells: Sequence[Any], answering: Answering) -> list[dict[str, Any]]:
    """A row for each cell: its answer, or empty with its reason in ``error``."""
    errors = [text_problem(cell) for cell in cells]
    texts = [str(cell) for cell, error in zip(cells, errors, strict=True) if not error]
    unread = [as_text(cell) if error else "" for cell, error in zip(cells, errors, strict=True)]
    return placed(({} for _ in cells), answering(texts), errors, unread, answering.columns)
