"""Rows of a Parquet file, unchecked, and rows written as one.

In: a path and the wanted columns; or rows and their columns. Out: a
:class:`~gi_classifier.data.tables.Table`, read row group by row group; or a file. It needs the
extra ``parquet``.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from numbers import Integral, Real
from pathlib import Path
from typing import IO, Any

from gi_classifier.data.columns import Columns, check_columns, distinct
from gi_classifier.data.encodings import UTF8, Meter, line_problem
from gi_classifier.data.memory_file import Source
from gi_classifier.data.tables import Row, Table
from gi_classifier.errors import RecordsError, SettingsError
from gi_classifier.extras import check_installed
from gi_classifier.files import encode

PARQUET = ".parquet"
# Rows held at a time.
_ROWS = 4096
# Columns of results that hold whole numbers, and those that hold others.
_WHOLE = ("line", "row", "page", "label")
_SHARE = re.compile(r"probability(_\d+)?")
_SURROGATE = re.compile("[\ud800-\udfff]")


def check_parquet() -> None:
    """Raise where pyarrow is not installed."""
    check_installed("Parquet", ["pyarrow"], "parquet")


def open_parquet_table(path: Source, columns: Columns, header_row: int | None = None) -> Table:
    """Open a Parquet file; its rows are counted from 1, and a missing value is an empty cell.

    Raises
    ------
    RecordsError
        It is no such file, or a column is missing.
    SettingsError
        A row of names was asked for.
    MissingExtraError
        pyarrow is not installed.
    """
    check_parquet()
    import pyarrow as pa
    import pyarrow.parquet as pq

    if header_row is not None:
        raise SettingsError(f"{path}: a .parquet has no row of names; leave out --header-row.")
    try:
        # Bytes in memory are no path.
        file = pq.ParquetFile(path if isinstance(path, Path) else path.open())
    except (pa.ArrowException, OSError) as error:
        raise RecordsError(
            f"{path}: not a readable Parquet file ({type(error).__name__})."
        ) from error
    names = file.schema_arrow.names
    check_columns(columns, names, str(path))
    meter = Meter()
    return Table(_rows(path, file, distinct(names), meter), "parquet", (), meter)


def _rows(path: Source, file: Any, names: Sequence[str], meter: Meter) -> Iterator[Row]:
    import pyarrow as pa

    size = path.stat().st_size if isinstance(path, Path) else 0
    total = max(1, file.metadata.num_rows)
    number = 0
    try:
        for batch in file.iter_batches(_ROWS):
            for cells in zip(*map(_values, batch.columns), strict=True):
                number += 1
                problem = next(filter(None, map(_undecoded, cells)), None)
                yield Row(number, number, dict(zip(names, cells, strict=True)), problem)
            meter.read = size * number // total
    except (pa.ArrowException, OSError) as error:
        raise RecordsError(
            f"{path}, behind row {number}: not a readable Parquet file ({type(error).__name__})."
        ) from error
    finally:
        file.close()


def _values(column: Any) -> list[Any]:
    """A column's cells; bytes of a text that are no UTF-8 become lone surrogates."""
    import pyarrow as pa

    try:
        return list(column.to_pylist())
    except UnicodeDecodeError:
        cells = column.cast(pa.large_binary()).to_pylist()
        return [cell and cell.decode(UTF8, "surrogateescape") for cell in cells]


def _undecoded(cell: Any) -> str | None:
    """Why a cell is none, if some of its bytes did not decode."""
    if not isinstance(cell, str) or not _SURROGATE.search(cell):
        return None
    return line_problem(cell, UTF8)


def write_parquet(
    rows: Iterable[Mapping[str, Any]], columns: Sequence[str], file: IO[bytes]
) -> None:
    """Write rows as they come: numbers as numbers, all else as text.

    A column holds numbers where the first rows that have it do: all that is written is either
    counted here or text.

    Raises
    ------
    MissingExtraError
        pyarrow is not installed.
    """
    check_parquet()
    import pyarrow as pa
    import pyarrow.parquet as pq

    waiting = iter(rows)
    part = list(itertools.islice(waiting, _ROWS))
    kinds_of = {name: _kind(name, [row.get(name) for row in part]) for name in columns}
    schema = pa.schema(kinds_of.items())
    kinds = [_written_text if field.type == pa.string() else _as_it_is for field in schema]
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        while part:
            arrays = [
                pa.array([as_kind(row.get(name)) for row in part], field.type)
                for name, field, as_kind in zip(columns, schema, kinds, strict=True)
            ]
            writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=schema), _ROWS)
            part = list(itertools.islice(waiting, _ROWS))


def _kind(name: str, cells: Sequence[Any]) -> Any:
    """The type of a column, by its first cells; where all of them are empty, by its name."""
    import pyarrow as pa

    known = [cell for cell in cells if cell is not None]
    if not known and name in _WHOLE:
        return pa.int64()
    if not known and _SHARE.fullmatch(name):
        return pa.float64()
    if not known or any(isinstance(cell, bool) or not isinstance(cell, Real) for cell in known):
        return pa.string()
    return pa.int64() if all(isinstance(cell, Integral) for cell in known) else pa.float64()


def _written_text(cell: Any) -> str | None:
    """A cell as text; half of a character, which no file holds, becomes U+FFFD."""
    return None if cell is None else encode(str(cell)).decode()


def _as_it_is(cell: Any) -> Any:
    return cell
