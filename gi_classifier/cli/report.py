"""The command report: one page about a file of records."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from gi_classifier.attribution.integrated_gradients import Explainer, PathOptions
from gi_classifier.attribution.keyword_table import COUNTING
from gi_classifier.attribution.keywords import KeywordOptions
from gi_classifier.attribution.report_records import ReportRecords
from gi_classifier.cli.attribution_options import BaselineOption, ShareOption, checked_options
from gi_classifier.cli.chunked import open_files, read_through
from gi_classifier.cli.inputs import form_of
from gi_classifier.cli.keyword_count import counted, state_of_count
from gi_classifier.cli.options import (
    ForceOption,
    HeaderRow,
    IdColumn,
    ModelOption,
    RecordsArgument,
    RestartOption,
    SheetOption,
    SkipBlank,
    StrictOption,
    TextColumn,
    UseOption,
)
from gi_classifier.cli.outputs import check_file, options_of, write_file
from gi_classifier.cli.saved_state import SavedState
from gi_classifier.data.chunks import Tally
from gi_classifier.data.records import Records
from gi_classifier.files import encode
from gi_classifier.model.origin import origin
from gi_classifier.model.shipped import load_or_shipped
from gi_classifier.pipelines.file_answers import FileAnswers
from gi_classifier.plots.style import check_plots

_RECORDS = "records"


def report(
    context: typer.Context,
    file: RecordsArgument,
    output: Annotated[Path, typer.Option(metavar="FILE", help="The page to write: .html.")],
    share: ShareOption = KeywordOptions.share,
    baseline: BaselineOption = PathOptions.baseline,
    text_column: TextColumn = "text",
    id_column: IdColumn = None,
    sheet: SheetOption = None,
    header_row: HeaderRow = None,
    skip_blank: SkipBlank = False,
    strict: StrictOption = False,
    model: ModelOption = None,
    use: UseOption = None,
    force: ForceOption = False,
    restart: RestartOption = False,
) -> None:
    """Write one page about a file: counts, keywords, explained examples, doubtful records."""
    from gi_classifier.attribution.report_page import report as page

    checked_options(KeywordOptions, share=share)
    checked_options(PathOptions, baseline=baseline)
    check_file("--output", output, [".html"], file, force=force)
    check_plots()
    directory = load_or_shipped(model)
    work = open_files([file], several=False, **form_of(context, directory.settings.names))
    work.check(None)
    options, path = KeywordOptions(share), PathOptions.of({"baseline": baseline}, COUNTING)
    # First: what it refuses leaves no state behind.
    explainer = Explainer(directory, use=use)
    state = state_of_count(work, directory, use, options, path, output, restart)
    records, tally = _read(work, explainer, state)
    found = counted(work.texts(), tally.readable, explainer, options, path, state)
    content = page(
        records,
        explainer,
        found.whole.to_frame(),
        duplicates=found.duplicates,
        left_out=tally.blank + tally.bad,
        source=file.name,
        model=str(model) if model else "the model that ships 随库模型",
        date=date.today().isoformat(),
        origin=origin(directory, **options_of(context)),
        baseline=baseline,
    )
    write_file(output, encode(content))
    state.drop()
    if tally.bad:
        raise typer.Exit(1)


def _read(
    work: FileAnswers, explainer: Explainer, state: SavedState
) -> tuple[ReportRecords, Tally]:
    """What is said of the records beside their keywords, from where the state stands."""
    found, tally = ReportRecords(len(explainer.settings.names)), Tally()
    if stored := state.read(_RECORDS):
        table = json.loads(stored)
        found.go_on_from(table["records"])
        tally = Tally(**table["tally"])

    def content() -> bytes:
        return json.dumps({"records": found.to_dict(), "tally": asdict(tally)}).encode()

    def add(chunk: Records) -> None:
        records = chunk.take(chunk.readable)
        probabilities = explainer.predictor.predict_proba(records.texts)
        found.add(records.texts, probabilities, records.lines, records.ids)
        state.write_seldom(_RECORDS, content)

    with state.noting_stops():
        read_through(work, tally, add)
    state.write(_RECORDS, content())
    return found, tally
