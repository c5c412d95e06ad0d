"""One function on Arrow record batches, for every engine that speaks Arrow.

In: an iterator of record batches and the name of the column that holds the texts. Out: as many
batches with the same rows, and behind their columns one of answers. It needs the extra ``parquet``
or ``spark``, which bring pyarrow.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from gi_classifier.data.cells import text_problem
from gi_classifier.data.chunks import CHUNK_ROWS
from gi_classifier.decisions.rows import name_of
from gi_classifier.pipelines.answering import Answering
from gi_classifier.pipelines.rows import check_column

if TYPE_CHECKING:
    import pyarrow as pa


def answer_type() -> pa.StructType:
    """The type of the column of answers.

    label : int32, or null where there is no answer; name : string; probabilities : list of float64,
    in the order of the labels; member : string, what answered; error : string, why a row is bad, or
    null.
    """
    import pyarrow as pa

    return pa.struct(
        [
            ("label", pa.int32()),
            ("name", pa.string()),
            ("probabilities", pa.list_(pa.float64())),
            ("member", pa.string()),
            ("error", pa.string()),
        ]
    )


def answered_batches(
    batches: Iterable[pa.RecordBatch], column: str, answering: Answering, into: str
) -> Iterator[pa.RecordBatch]:
    """The same rows in the same order, with a column of answers behind theirs.

    Parameters
    ----------
    batches : iterable of RecordBatch
    column : str
        Holds the texts.
    answering : Answering
    into : str
        The column of answers, of :func:`answer_type`; a row that cannot be read has its reason in
        ``error`` and null for the rest.

    Yields
    ------
    RecordBatch
        Of at most :data:`gi_classifier.data.chunks.CHUNK_ROWS` rows.

    Raises
    ------
    InputError
        A batch has no such column, or several.
    """
    import pyarrow as pa

    for batch in batches:
        check_column("Arrow record batch", batch.schema.names, column)
        # Large batches would hold what is computed of all their rows at once.
        for start in range(0, max(1, batch.num_rows), CHUNK_ROWS):
            part = batch.slice(start, CHUNK_ROWS)
            answers = pa.array(answer_structs(part.column(column), answering), answer_type())
            fields = [*part.schema, pa.field(into, answer_type())]
            yield pa.RecordBatch.from_arrays(
                [*part.columns, answers], schema=pa.schema(fields, part.schema.metadata)
            )


def answer_structs(cells: pa.Array, answering: Answering) -> list[dict[str, Any]]:
    """An answer for each cell, as :func:`answer_type` has it."""
    values: Sequence[Any] = cells.to_pylist()
    problems = [text_problem(value) for value in values]
    texts = [value for value, problem in zip(values, problems, strict=True) if not problem]
    answers, probabilities, members = answering.answers(texts)
    waiting = iter(zip(answers.tolist(), probabilities.tolist(), members, strict=True))
    settings = answering.directory.settings
    found: list[dict[str, Any]] = []
    for problem in problems:
        if problem:
            found.append({"error": problem})
            continue
        answer, shares, member = next(waiting)
        found.append(
            {
                "label": answer if answer >= 0 else None,
                "name": name_of(answer, settings),
                "probabilities": shares,
                "member": member,
            }
        )
    return found
