"""Files of any length answered into a file, from Python.

In: files of records. Out: a file of answers that is whole or not there, and a summary. What the
command ``predict`` does with files is this, with a bar of its own.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from gi_classifier.data.columns import TEXT
from gi_classifier.data.parquet import PARQUET, check_parquet
from gi_classifier.data.writers import OUTPUT_FORMATS, write_rows
from gi_classifier.decisions.bulk_fit import bulk_or_none
from gi_classifier.decisions.decision import Decision
from gi_classifier.errors import RecordsError, SettingsError
from gi_classifier.files import beside, check_output, to_json, write_whole
from gi_classifier.model.origin import ORIGIN_FILE, origin
from gi_classifier.model.predictor import Predictor
from gi_classifier.model.shipped import load_or_shipped
from gi_classifier.pipelines.answering import Answering, check_bulk
from gi_classifier.pipelines.file_answers import FileAnswers, State
from gi_classifier.pipelines.journal import Journal, open_journal
from gi_classifier.pipelines.rows import is_written
from gi_classifier.pipelines.sources import files_of
from gi_classifier.settings import EngineName, Use


@dataclass(frozen=True)
class Summary:
    """What was answered.

    Attributes
    ----------
    records, bad : int
        Rows of the output, and those of them without an answer since they are bad.
    names : dict
        How often each label was answered, by its name, and why there is no answer.
    output : Path
    """

    records: int
    bad: int
    names: dict[str, int]
    output: Path


def predict_file(
    source: str | Path | Sequence[str | Path],
    output: str | Path,
    *,
    model: str | Path | None = None,
    text_column: str = TEXT,
    id_column: str | None = None,
    keep_columns: bool = False,
    sheet: str | None = None,
    header_row: int | None = None,
    skip_blank: bool = False,
    strict: bool = False,
    engine: EngineName | None = None,
    use: Use | None = None,
    bulk: bool = False,
    prior: Sequence[float] | None = None,
    label: int | str | None = None,
    threshold: float | Literal["stored"] | None = None,
    min_confidence: float | None = None,
    reject_novel: bool = False,
    force: bool = False,
    restart: bool = False,
) -> Summary:
    r"""Classify the records of files of any length into a file.

    They are read some at a time, in memory that their number does not change. Where the process
    is stopped, the same call goes on: rows that were done are in a journal beside the output,
    ``.NAME.journal``, which its owner alone may read, until the output is written at once.

    Parameters
    ----------
    source : str, Path or a sequence of them
        Files, folders or patterns.
    output : str or Path
        ``.csv``, ``.jsonl``, ``.xlsx``, ``.parquet``, ``.tsv`` or ``.txt``. A bad row stands in its
        place with an empty label and its reason in the column ``error``.
    model : str or Path, optional
        A model directory; without, the one that ships.
    text_column, id_column, keep_columns, sheet, header_row, skip_blank
        How files are read, and which columns stand beside the answers; see
        :func:`gi_classifier.read_records`.
    strict : bool
        Raise if any row is bad, before anything is answered.
    engine : {"fp32", "int8", "openvino"}, optional
    use : {"both", "albert", "linear"}, optional
        Which of the model's members answer.
    bulk : bool
        Let the linear member answer alone where it is sure; a column ``member`` says where. The
        model's own cut decides, or one that 10,000 of the records choose; of fewer, both members
        read all, and a warning says so.
    prior, label, threshold, min_confidence, reject_novel : optional
        How to decide, see :class:`gi_classifier.Decision`.
    force : bool
        Replace an output that is there.
    restart : bool
        Begin anew where a stopped call left its journal.

    Returns
    -------
    Summary

    Raises
    ------
    MissingPathError, RecordsError, SettingsError, ModelError
        A file, an option or the model cannot be used; no record can be read.
    MissingExtraError
        The output is a ``.parquet``, and pyarrow is not installed.
    OutputExistsError
        The output is there; or a journal is, of other files, another model or other options: what
        differs is named.

    Examples
    --------
    >>> from pathlib import Path
    >>> from gi_classifier import predict_file
    >>> _ = Path("many.csv").write_text("text\n胃窦糜烂\n结肠息肉\n", "utf-8")
    >>> summary = predict_file("many.csv", "answers.jsonl")
    >>> summary.records, summary.bad
    (2, 0)
    """
    told = json.loads(json.dumps(locals(), default=str))
    for name in ("source", "output", "model", "force", "restart"):
        del told[name]
    output = Path(output)
    if output.suffix.lower() not in OUTPUT_FORMATS:
        raise SettingsError(
            f"output ends in one of {', '.join(OUTPUT_FORMATS)}. Received: {output}"
        )
    if id_column is not None and is_written(id_column):
        raise SettingsError(f"A column of the output is called {id_column!r} itself. Rename yours.")
    decision = Decision(prior, label, threshold, min_confidence, reject_novel)
    if bulk:
        check_bulk(use, decision)
    given = [source] if isinstance(source, (str, Path)) else list(source)
    files, several = files_of(given, but=[output])
    if any(output.resolve() == file.resolve() for file in files):
        raise SettingsError(f"output {output} is one of the files to be read; name another.")
    if output.suffix.lower() == PARQUET:
        check_parquet()
    check_output(output, force=force)
    directory = load_or_shipped(model)
    predictor = Predictor.from_directory(directory, engine, use=use)
    answering = Answering(directory, predictor, decision)
    work = FileAnswers(
        files,
        several=several,
        strict=strict,
        text_column=text_column,
        id_column=id_column,
        skip_blank=skip_blank,
        keep_columns=keep_columns,
        num_classes=directory.settings.num_classes,
        label_names=directory.settings.names,
        sheet=sheet,
        header_row=header_row,
    )
    work.check(output)
    if bulk:
        answering.bulk = bulk_or_none(directory, predictor, work.texts())
    answering.check()
    with open_journal(output, work.identity(directory, told), restart=restart) as journal:
        _answer(work, answering, journal)
        counts = Counts()
        rows = counts.counting(work.shown(journal.rows()))
        write_rows(rows, work.shown_columns(), output)
    made_from = origin(directory, command="predict_file", source=list(map(str, files)), **told)
    write_whole(beside(output, ORIGIN_FILE), to_json(made_from))
    return Summary(
        work.state.records, work.state.bad, counts.by_name(directory.settings.names), output
    )


class Counts:
    """Counts answers by their names as rows go by."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def counting(self, rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """The same rows, each counted."""
        for row in rows:
            if not row.get("error"):
                self._counts[row["name"]] += 1
            yield row

    def by_name(self, names: Sequence[str]) -> dict[str, int]:
        """How often each label was answered, and why there is no answer."""
        return {name: self._counts[name] for name in dict.fromkeys([*names, *self._counts])}


def _answer(work: FileAnswers, answering: Answering, journal: Journal) -> None:
    """Answer what is left to do, with a bar on a terminal."""
    from tqdm import tqdm

    done = State.from_dict(journal.state).records
    with tqdm(initial=done, unit="record", disable=None, leave=False) as bar:
        for part in work.parts(answering, answering.columns, journal):
            bar.total = part.total
            bar.update(len(part.rows))
    if not work.state.records:
        raise RecordsError(f"No record in {', '.join(map(str, work.files))}")
