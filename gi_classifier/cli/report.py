"""The command report: one page about a file of records."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from gi_classifier.attribution.integrated_gradients import Explainer, PathOptions
from gi_classifier.attribution.keyword_table import keyword_table
from gi_classifier.attribution.keywords import KeywordOptions
from gi_classifier.cli.attribution_options import BaselineOption, ShareOption, checked_options
from gi_classifier.cli.inputs import check_readable, form_of, read
from gi_classifier.cli.options import (
    ForceOption,
    HeaderRow,
    IdColumn,
    ModelOption,
    RecordsArgument,
    SheetOption,
    SkipBlank,
    StrictOption,
    TextColumn,
    UseOption,
)
from gi_classifier.cli.outputs import check_file, options_of, write_file
from gi_classifier.files import encode
from gi_classifier.model.origin import origin
from gi_classifier.model.shipped import load_or_shipped
from gi_classifier.plots.style import check_plots


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
) -> None:
    """Write one page about a file: counts, keywords, explained examples, doubtful records."""
    from gi_classifier.attribution.report_page import report as page

    checked_options(KeywordOptions, share=share)
    checked_options(PathOptions, baseline=baseline)
    check_file("--output", output, [".html"], file, force=force)
    check_plots()
    directory = load_or_shipped(model)
    everything = read(file, labelled=False, **form_of(context, directory.settings.names))
    records = everything.take(everything.readable)
    check_readable(len(records.texts))
    explainer = Explainer(directory, use=use)
    content = page(
        records.texts,
        explainer.predictor.predict_proba(records.texts),
        explainer,
        keyword_table(records.texts, threshold=share, explainer=explainer, baseline=baseline),
        lines=records.lines,
        ids=records.ids,
        left_out=records.blank + len(everything.bad),
        source=file.name,
        model=str(model) if model else "the model that ships 随库模型",
        date=date.today().isoformat(),
        origin=origin(directory, **options_of(context)),
        baseline=baseline,
    )
    write_file(output, encode(content))
    if everything.bad:
        raise typer.Exit(1)
