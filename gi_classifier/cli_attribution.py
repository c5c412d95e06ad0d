"""The commands that explain: explain, keywords, rules and report."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text
from tqdm import tqdm

from gi_classifier.attribution.attribution import Attribution
from gi_classifier.attribution.heatmap import page as heatmap_page
from gi_classifier.attribution.heatmap import to_png
from gi_classifier.attribution.integrated_gradients import Explainer, PathOptions
from gi_classifier.attribution.keywords import (
    COUNTING,
    KeywordOptions,
    Progress,
    check_min_frequency,
    count_keywords,
    keyword_table,
    mark_of,
    stability,
)
from gi_classifier.attribution.rules import keyword_rules, measure_search, search
from gi_classifier.cli_options import (
    ForceOption,
    IdColumn,
    JsonOption,
    LabelColumn,
    ModelOption,
    SkipBlank,
    TextColumn,
    check_place,
    check_some,
    check_source,
    label_of,
    notes,
    read,
    read_source,
    read_unlabelled,
    results_console,
)
from gi_classifier.errors import RecordsError, SettingsError
from gi_classifier.model_dir import check_output, load, shipped, write_whole
from gi_classifier.plots import check_plots, keyword_figure
from gi_classifier.records import FORMATS, check_texts_of, encoding_of, iterate_texts
from gi_classifier.results import csv_for_excel, encode
from gi_classifier.settings import Settings
from gi_classifier.text import folded

# Seconds between two states of a count.
_STATE_SECONDS = 10.0
# Records explained between two steps of the progress bar.
_CHUNK = 64
# Shared keywords from which the ranks of two halves are compared.
_LEAST_SHARED = 10
# Columns that an example in its context needs on a screen.
_LEAST_EXAMPLE = 16

BaselineOption = Annotated[
    str, typer.Option(help="Where paths begin: mask, pad or zero (the reference's).")
]
StepsOption = Annotated[int, typer.Option(help="Points of the path, at first.")]
ToleranceOption = Annotated[
    float, typer.Option(help="Completeness error above which a record gets more points.")
]
ThresholdOption = Annotated[
    float, typer.Option(help="Share of a record's largest score from which a word counts.")
]


class By(StrEnum):
    """The parts that an explanation is summed over."""

    token = "token"
    word = "word"
    clause = "clause"
    sentence = "sentence"


class Format(StrEnum):
    """How the keyword table is printed."""

    table = "table"
    csv = "csv"
    json = "json"
    reference = "reference"


def _options(kind: Any, **values: Any) -> Any:
    """Build options; a value out of range is wrong use."""
    try:
        return kind(**values)
    except SettingsError as error:
        raise typer.BadParameter(str(error)) from error


def explain(
    text: Annotated[list[str] | None, typer.Argument(help="Records to explain.")] = None,
    input: Annotated[Path | None, typer.Option(help=f"A file: {', '.join(FORMATS)}.")] = None,
    label: Annotated[
        str | None,
        typer.Option(help="The label to explain, by number or name; without, the predicted one."),
    ] = None,
    by: Annotated[By, typer.Option(help="Sum the scores over these parts.")] = By.word,
    html: Annotated[Path | None, typer.Option(help="Also write a heatmap page.")] = None,
    png: Annotated[
        Path | None, typer.Option(help="Also write a picture (one record; extra 'plots').")
    ] = None,
    baseline: BaselineOption = PathOptions.baseline,
    steps: StepsOption = PathOptions.steps,
    tolerance: ToleranceOption = PathOptions.tolerance,
    text_column: TextColumn = "text",
    id_column: IdColumn = None,
    skip_blank: SkipBlank = False,
    model: ModelOption = None,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Say which words of a record speak for a label, and which against it."""
    path = _options(PathOptions, baseline=baseline, steps=steps, tolerance=tolerance)
    check_source(text, input, id_column)
    check_place("--html", html, [".html"])
    check_place("--png", png, [".png"])
    if png:
        check_plots()
    for output in (html, png):
        if output:
            check_output(output, force=force)
    texts, places = read_source(text, input, text_column, id_column, skip_blank)
    if png and len(texts) > 1:
        raise typer.BadParameter(f"--png draws one record. Received: {len(texts)}")
    bundle = load(model or shipped())
    number = None if label is None else label_of(label, bundle.settings.names)
    explainer = Explainer(bundle)
    found: list[Attribution] = []
    with tqdm(total=len(texts), unit="record", disable=None, leave=False) as bar:
        for begin in range(0, len(texts), _CHUNK):
            found += explainer.explain(texts[begin : begin + _CHUNK], number, **asdict(path))
            bar.update(len(found) - begin)
    if html:
        html.parent.mkdir(parents=True, exist_ok=True)
        write_whole(html, encode(heatmap_page(found, by.value)))
    if png:
        png.parent.mkdir(parents=True, exist_ok=True)
        write_whole(png, to_png(found[0], by=by.value))
    if as_json:
        items = [
            {
                **({"record": place} if place else {}),
                **item.to_dict(),
                "spans": [span._asdict() for span in item.spans(by.value)],
            }
            for place, item in zip(places, found, strict=True)
        ]
        typer.echo(json.dumps(items, ensure_ascii=False))
        return
    for place, attribution in zip(places, found, strict=True):
        if place:
            typer.echo(", ".join(f"{name} {value}" for name, value in place.items()))
        _show(attribution, by)
    for output in (html, png):
        if output:
            typer.echo(f"Written to {output}")


def _show(attribution: Attribution, by: By) -> None:
    """A line about the record, and one for each part, the strongest first."""
    remark = "" if attribution.converged else ", above the tolerance"
    typer.echo(
        f"{attribution.label} {attribution.label_name}: probability "
        f"{attribution.probability:.4f} (at the baseline {attribution.baseline_probability:.4f}), "
        f"completeness error {attribution.error:.2%}{remark} in {attribution.steps} steps"
    )
    typer.echo("   score\tstart\ttext")
    for span in sorted(attribution.spans(by.value), key=lambda span: -abs(span.score)):
        typer.echo(f"{span.score:+8.3f}\t{span.start}\t{' '.join(span.text.split())}")
    typer.echo(f"{attribution.special:+8.3f}\t\t[CLS], [SEP]")
    total = attribution.scores.sum() + attribution.special
    typer.echo(
        f"{total:+8.3f}\t\tin all; log-odds {attribution.log_odds:+.3f}, at the baseline "
        f"{attribution.baseline_log_odds:+.3f}"
    )


def keywords(
    file: Annotated[Path, typer.Argument(help="Records; labels in it are passed over.")],
    output: Annotated[
        Path | None, typer.Option(help="Write the whole table there: .csv, for Excel too.")
    ] = None,
    threshold: ThresholdOption = KeywordOptions.threshold,
    extracts_max: Annotated[
        bool, typer.Option("--extracts-max", help="Of each record, only the strongest keyword.")
    ] = False,
    unit: Annotated[str, typer.Option(help="word, or span: the reference's runs of tokens.")] = (
        KeywordOptions.unit
    ),
    against: Annotated[
        bool, typer.Option("--against", help="Words that speak against the label that won.")
    ] = False,
    all_words: Annotated[
        bool, typer.Option("--all-words", help="Also words that name nothing alone: 右侧, 急性 …")
    ] = False,
    pooled: Annotated[
        bool, typer.Option("--pooled", help="One ranking for all labels together.")
    ] = False,
    min_frequency: Annotated[int, typer.Option(help="Leave out rarer keywords.")] = 1,
    top: Annotated[
        int,
        typer.Option(
            min=1, help="Rows of each label that the printed table shows; other formats have all."
        ),
    ] = 20,
    format: Annotated[
        Format, typer.Option(help="reference: its list of (keyword, frequency).")
    ] = Format.table,
    show_stability: Annotated[
        bool, typer.Option("--stability", help="Compare the tables of two halves of the records.")
    ] = False,
    plot: Annotated[
        Path | None, typer.Option(help="Draw the top keywords as PNG (extra 'plots').")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on where an interrupted run stood (--output).")
    ] = False,
    baseline: BaselineOption = COUNTING.baseline,
    steps: StepsOption = COUNTING.steps,
    tolerance: ToleranceOption = COUNTING.tolerance,
    text_column: TextColumn = "text",
    skip_blank: SkipBlank = False,
    model: ModelOption = None,
    force: ForceOption = False,
) -> None:
    """Rank the words that decide for each label over a file of records, of any size."""
    options = _options(
        KeywordOptions,
        threshold=threshold,
        extracts_max=extracts_max,
        unit=unit,
        against=against,
        all_words=all_words,
    )
    path = _options(PathOptions, baseline=baseline, steps=steps, tolerance=tolerance)
    _options(check_min_frequency, value=min_frequency)
    if resume and not output:
        raise typer.BadParameter("--resume needs --output, beside which the state is kept.")
    check_place("--output", output, [".csv"], file)
    check_place("--plot", plot, [".png"])
    if plot and pooled:
        raise typer.BadParameter("--plot draws the labels side by side; leave out --pooled.")
    if plot:
        check_plots()
    for place in (output, plot):
        if place:
            check_output(place, force=force)
    bundle = load(model or shipped())
    count, encoding, blank = check_texts_of(file, text_column=text_column, skip_blank=skip_blank)
    check_some(file, count, encoding, blank)
    for place in (output, plot):
        if place:
            place.parent.mkdir(parents=True, exist_ok=True)
    state = output.with_name(f".{output.name}.state") if output else None
    mark = mark_of(file, text_column, bundle, options, path) if state else ""
    progress = Progress()
    if resume and state and state.is_file():
        progress = Progress.from_json(state.read_bytes(), mark, str(state))
        notes.print(f"Going on after {progress.read} of {count} records.")
    elif resume:
        notes.print(f"There is no {state} to go on from: this begins anew.")
    texts = iterate_texts(file, text_column=text_column)
    written = time.monotonic()
    try:
        with tqdm(
            total=count, initial=progress.read, unit="record", disable=None, leave=False
        ) as bar:
            for done in count_keywords(texts, Explainer(bundle), options, path, progress):
                bar.update(done)
                if state and time.monotonic() - written > _STATE_SECONDS:
                    write_whole(state, progress.to_json(mark))
                    written = time.monotonic()
    except KeyboardInterrupt:
        if state and state.is_file():
            notes.print("Stopped. The same command with --resume goes on where this one stood.")
        raise
    table = progress.whole.to_frame(by_label=not pooled, min_frequency=min_frequency)
    if output:
        columns = list(table.columns)
        rows = [dict(zip(columns, row, strict=True)) for row in table.itertuples(index=False)]
        write_whole(output, csv_for_excel(rows, columns))
    if plot:
        write_whole(plot, keyword_figure(table, bundle.settings.names))
    if state:
        state.unlink(missing_ok=True)
    _print_table(table, bundle.settings, format, top, against)
    if table.empty:
        notes.print(f"No keyword occurs {min_frequency} times or more.")
    if show_stability:
        first, second = (half.to_frame(min_frequency=min_frequency) for half in progress.halves)
        for label, found in stability(first, second).items():
            agreement = (
                f"rank correlation {found.correlation:.2f} over all {found.compared}"
                if found.shared >= _LEAST_SHARED
                else "too few to compare their ranks"
            )
            notes.print(
                f"{bundle.settings.names[label]}: of two halves of the records, the top 50 share "
                f"{found.shared} keywords; {agreement}"
            )
    notes.print(
        f"{progress.read} records, {progress.duplicates} of them duplicates, counted once; "
        f"{progress.unconverged} with a completeness error above {tolerance:.2%}."
    )
    for place in (output, plot):
        if place:
            notes.print(f"Written to {place}")


def _print_table(table: Any, settings: Settings, format: Format, top: int, against: bool) -> None:
    if format == Format.reference:
        pairs: dict[str, tuple[str, int]] = {}
        for word, count in zip(table["keyword"], table["frequency"], strict=True):
            shown, before = pairs.get(folded(word), (word, 0))
            pairs[folded(word)] = (shown, before + int(count))
        typer.echo(sorted(pairs.values(), key=lambda pair: -pair[1]))
        return
    if format == Format.json:
        typer.echo(table.to_json(orient="records", force_ascii=False))
        return
    if format == Format.csv:
        typer.echo(table.to_csv(index=False), nl=False)
        return
    parts = table.groupby("label") if "label" in table else [(None, table)]
    for label, part in parts:
        title = "all labels" if label is None else f"{label} {settings.names[int(label)]}"
        title = f"against {title}" if against else title
        rows = part.head(top)
        screen = results_console()
        cells = {
            name: [v if isinstance(v, str) else _number(v) for v in rows[name]]
            for name in table.columns
            if name != "label"
        }
        widths = {n: max(map(cell_len, [n, *column])) for n, column in cells.items()}
        room = screen.width - sum(widths.values()) + widths["example"] - 2 * len(widths)
        if room < _LEAST_EXAMPLE:
            del cells["example"]
        shown = Table(title=title, box=None, pad_edge=False, title_justify="left")
        for name in cells:
            text = name in ("keyword", "example")
            shown.add_column(
                name,
                justify="left" if text else "right",
                no_wrap=True,
                overflow="ellipsis",
                min_width=None if name == "example" else widths[name],
            )
        for row in zip(*cells.values(), strict=True):
            shown.add_row(*map(Text, row))
        screen.print(shown)
        if len(part) > top:
            typer.echo(f"… and {len(part) - top} more")


def _number(value: float) -> str:
    return f"{value:,}" if float(value).is_integer() else f"{value:.3f}"


def rules(
    table: Annotated[Path, typer.Argument(help="A .csv that keywords wrote.")],
    file: Annotated[Path, typer.Argument(help="Records with their true labels.")],
    top: Annotated[int, typer.Option(min=1, help="Keywords of each label.")] = 20,
    text_column: TextColumn = "text",
    label_column: LabelColumn = "label",
    as_json: JsonOption = False,
) -> None:
    """Measure how far a plain search for a table's keywords would go."""
    import pandas as pd

    if not table.is_file():
        raise FileNotFoundError(f"No keyword table at {table}")
    try:
        ranked = pd.read_csv(table, encoding=encoding_of(table), keep_default_na=False)
    except ValueError as error:
        raise RecordsError(f"{table} is no keyword table ({error})") from error
    chosen = keyword_rules(ranked, top)
    records = read(file, text_column=text_column, label_column=label_column)
    labels = np.array(records.labels)
    found = measure_search(labels, search(records.texts, chosen))
    if as_json:
        typer.echo(json.dumps({**found, "rules": chosen}, ensure_ascii=False))
        return
    for label, words in chosen.items():
        typer.echo(f"{label}: {' '.join(words)}")
    typer.echo(
        f"{found['records']} records: {found['coverage']:.1%} hold a keyword that decides; "
        f"accuracy {found['accuracy']:.3f} of all, macro-F1 {found['macro_f1']:.3f}"
    )
    for row in found["classes"]:
        precision = "–" if row["precision"] is None else f"{row['precision']:.3f}"
        coverage = "–" if row["coverage"] is None else f"{row['coverage']:.1%}"
        typer.echo(
            f"  {row['label']}: precision {precision}  recall {row['recall']:.3f}  "
            f"F1 {row['f1']:.3f}  covered {coverage} of {row['support']}"
        )


def report(
    file: Annotated[Path, typer.Argument(help="Records; labels in it are passed over.")],
    output: Annotated[Path, typer.Option(help="The page to write: .html.")],
    threshold: ThresholdOption = KeywordOptions.threshold,
    baseline: BaselineOption = PathOptions.baseline,
    text_column: TextColumn = "text",
    id_column: IdColumn = None,
    skip_blank: SkipBlank = False,
    model: ModelOption = None,
    force: ForceOption = False,
) -> None:
    """Write one self-contained page: counts, keywords, heatmaps, doubtful records."""
    from gi_classifier.report import report as page

    _options(KeywordOptions, threshold=threshold)
    _options(PathOptions, baseline=baseline)
    check_place("--output", output, [".html"])
    check_plots()
    check_output(output, force=force)
    records = read_unlabelled(file, text_column, id_column, skip_blank)
    explainer = Explainer(load(model or shipped()))
    table = keyword_table(
        records.texts, threshold=threshold, explainer=explainer, baseline=baseline
    )
    content = page(
        records.texts,
        explainer.predictor.predict_proba(records.texts),
        explainer,
        table,
        lines=records.lines,
        ids=records.groups,
        left_out=records.blank,
        source=file.name,
        model=str(model) if model else "the model that ships 随库模型",
        date=date.today().isoformat(),
        baseline=baseline,
    )
    output.parent.mkdir(parents=True, exist_ok=True)
    write_whole(output, encode(content))
    typer.echo(f"Written to {output}")
