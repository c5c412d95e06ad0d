"""What a job makes of an uploaded file: answers, a keyword table, a report; all in memory.

In: bytes and their format. Out: files by name, in the job.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from gi_classifier.attribution.keyword_counts import Progress, count_keywords
from gi_classifier.attribution.keyword_table import COUNTING
from gi_classifier.attribution.keywords import KeywordOptions
from gi_classifier.data.memory_file import MemoryFile
from gi_classifier.data.readers import read_records
from gi_classifier.data.records import Records, place_of, with_kept
from gi_classifier.data.writers import check_holds, csv_for_excel, workbook
from gi_classifier.decisions.rows import results
from gi_classifier.errors import SHOWN_PROBLEMS, RecordsError
from gi_classifier.files import encode
from gi_classifier.model.origin import origin
from gi_classifier.plots.style import check_plots
from gi_classifier.server.jobs import Job, Work
from gi_classifier.server.limits import CHARACTERS
from gi_classifier.server.service import Service
from gi_classifier.server.worker import checkpoint

# Records computed between two looks at whether the job was cancelled.
_STEP = 64
MEDIA_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "json": "application/json",
    "html": "text/html; charset=utf-8",
}


@dataclass(frozen=True)
class Upload:
    """A file that was sent, and how it is to be read.

    Attributes
    ----------
    content : bytes
    format : str
        Its ending, without the point.
    text_column : str
    sheet : str, optional
    """

    content: bytes
    format: str
    text_column: str = "text"
    sheet: str | None = None

    def read(self, service: Service, job: Job, most: int) -> Records:
        """The records, those that cannot be read kept in their places; notes go to the job.

        Raises
        ------
        RecordsError
            The file is none of records, has none, too many, or too long ones.
        """
        records = read_records(
            MemoryFile(f"upload.{self.format}", self.content),
            labelled=False,
            strict=False,
            text_column=self.text_column,
            sheet=self.sheet,
            num_classes=service.settings.num_classes,
            label_names=service.settings.names,
            keep_columns=True,
        )
        checkpoint()
        if not records.readable:
            raise RecordsError("The upload holds no record that can be read.", records.bad)
        if len(records) > most:
            raise RecordsError(
                f"At most {most:,} records are taken here; the upload holds {len(records):,}. Run "
                "gi-classifier on the file itself."
            )
        long = [
            f"line {records.lines[i]}: {len(records.texts[i]):,} characters"
            for i in records.readable
            if len(records.texts[i]) > CHARACTERS
        ]
        if long:
            raise RecordsError(f"At most {CHARACTERS:,} characters a record are taken here.", long)
        more = len(records.bad) - SHOWN_PROBLEMS
        job.notes = [
            *records.notes,
            *(f"no answer: {problem}" for problem in records.bad[:SHOWN_PROBLEMS]),
            *([f"no answer: {more} more"] if more > 0 else []),
        ]
        job.total = len(records.readable)
        return records


def predictions(service: Service, upload: Upload, most: int) -> Work:
    """Classify each record; a row for each row of the upload, with its columns."""

    def work(job: Job) -> None:
        records = upload.read(service, job, most)
        texts = [records.texts[i] for i in records.readable]
        answers = iter(results(texts, _probabilities(service, texts, job), service.settings))
        nothing = {"label": None, "name": "", "probability": None}
        rows = []
        for place in range(len(records)):
            problem = records.problems[place] if records.problems else None
            unread = records.unread[place] if records.unread else ""
            answer = {"text": unread, **nothing} if problem else next(answers)
            row = {**place_of(records, place), **answer, "error": problem or ""}
            rows.append((row, with_kept(_without_text(records, upload), place, row)))
        job.files = answer_files([row for row, _ in rows], [table for _, table in rows], job)

    return work


def answer_files(
    rows: Sequence[Mapping[str, Any]], tables: Sequence[Mapping[str, Any]], job: Job
) -> dict[str, bytes]:
    """Answers for programs, and with the columns of their upload for spreadsheets."""
    columns = list(dict.fromkeys(name for table in tables for name in table))
    return {
        "predictions.json": to_json(rows),
        "predictions.csv": csv_for_excel(tables, columns),
        **_workbook("predictions.xlsx", tables, job),
    }


def keywords(service: Service, upload: Upload, most: int) -> Work:
    """Rank the words that decide for each label."""

    def work(job: Job) -> None:
        records = upload.read(service, job, most)
        found = _counted(service, [records.texts[i] for i in records.readable], job)
        table = found.whole.to_frame()
        rows = table.to_dict("records")
        names = service.settings.names
        shown = [{**row, "name": names[row["label"]]} for row in _plain(rows)]
        job.files = {
            "keywords.json": to_json(shown),
            "keywords.csv": csv_for_excel(_plain(rows), list(table.columns)),
            **_workbook("keywords.xlsx", _plain(rows), job),
        }

    return work


def report(service: Service, upload: Upload, most: int) -> Work:
    """Write the page about all records."""

    def work(job: Job) -> None:
        from gi_classifier.attribution.report_page import report as page
        from gi_classifier.attribution.report_records import ReportRecords

        check_plots()
        records = upload.read(service, job, most)
        readable = records.take(records.readable)
        found = _counted(service, list(readable.texts), job)
        explainer = service.explainer
        shown = ReportRecords(len(service.settings.names))
        shown.add(
            readable.texts,
            _in_steps(explainer.predictor.predict_proba, readable.texts),
            readable.lines,
        )
        content = page(
            shown,
            explainer,
            found.whole.to_frame(),
            duplicates=found.duplicates,
            left_out=records.blank + len(records.bad),
            source=f"upload.{upload.format}",
            model=service.directory.digest[:12],
            date=date.today().isoformat(),
            origin=origin(service.directory),
        )
        job.files = {"report.html": encode(content)}

    return work


WORKS = {"predictions": predictions, "keywords": keywords, "report": report}


def _probabilities(service: Service, texts: Sequence[str], job: Job) -> np.ndarray:
    return _in_steps(service.background.predict_proba, texts, job)


def _in_steps(work: Any, texts: Sequence[str], job: Job | None = None) -> np.ndarray:
    """What ``work`` makes of all texts, a few at a time."""
    parts = []
    for start in range(0, len(texts), _STEP):
        parts.append(work(texts[start : start + _STEP]))
        checkpoint()
        if job:
            job.advance(len(parts[-1]))
    return np.concatenate(parts)


def _counted(service: Service, texts: list[str], job: Job) -> Progress:
    progress = Progress()
    counted = count_keywords(iter(texts), service.explainer, KeywordOptions(), COUNTING, progress)
    for done in counted:
        job.advance(done)
    if progress.unconverged:
        job.notes.append(f"{progress.unconverged} records did not converge")
    return progress


def _without_text(records: Records, upload: Upload) -> Records:
    """The records, whose kept columns no longer hold the text, which stands in the answer."""
    if records.kept is None:
        return records
    kept = ({k: v for k, v in row.items() if k != upload.text_column} for row in records.kept)
    return replace(records, kept=tuple(kept))


def _workbook(name: str, rows: Sequence[Mapping[str, Any]], job: Job) -> dict[str, bytes]:
    """The rows as .xlsx, or a note that says why they cannot be."""
    try:
        check_holds(Path(name), rows)
    except RecordsError as error:
        job.notes.append(error.summary)
        return {}
    return {name: workbook(rows)}


def _plain(rows: Sequence[Mapping[Any, Any]]) -> list[dict[str, Any]]:
    """Rows whose numbers JSON holds: what is not finite is None."""
    return [
        {
            str(name): None if isinstance(value, float) and not np.isfinite(value) else value
            for name, value in row.items()
        }
        for row in rows
    ]


def to_json(rows: Any) -> bytes:
    """A file of JSON."""
    return encode(json.dumps(rows, ensure_ascii=False))
