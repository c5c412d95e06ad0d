"""The command explain: which words of a record speak for a label, and which against it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from gi_classifier.attribution.attribution import Attribution
from gi_classifier.attribution.heatmap import page as heatmap_page
from gi_classifier.attribution.heatmap import to_png
from gi_classifier.attribution.integrated_gradients import Explainer, PathOptions
from gi_classifier.cli.attribution_options import (
    BaselineOption,
    StepsOption,
    ToleranceOption,
    checked_options,
)
from gi_classifier.cli.explain_pictures import (
    PICTURE_ENDINGS,
    ForceAnswerOption,
    explain_pictures,
)
from gi_classifier.cli.inputs import Source, checked_source, form_of, read_source
from gi_classifier.cli.options import (
    ForceOption,
    HeaderRow,
    IdColumn,
    InputOption,
    JsonOption,
    KeepColumns,
    ModelOption,
    SheetOption,
    SkipBlank,
    StrictOption,
    TextColumn,
    UseOption,
)
from gi_classifier.cli.outputs import (
    check_file,
    options_of,
    print_json,
    progress,
    say_columns,
    say_written,
    write_file,
    write_origin,
)
from gi_classifier.cli.pictures import ImageOption, check_pictures
from gi_classifier.cli.strongest import SHOWN, strongest
from gi_classifier.data.writers import write_results
from gi_classifier.display import shown
from gi_classifier.files import encode
from gi_classifier.labels import label_number
from gi_classifier.model.origin import origin
from gi_classifier.model.shipped import load_or_shipped
from gi_classifier.pipelines.sources import files_of

# Records explained between two steps of the progress bar.
_CHUNK = 64
_ENDINGS = (".html", ".jsonl", ".csv", ".xlsx")


class Unit(StrEnum):
    """The parts that scores are summed over."""

    token = "token"
    word = "word"
    clause = "clause"
    sentence = "sentence"


def explain(
    context: typer.Context,
    text: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="TEXT", help="Records to explain; - reads them from standard input."
        ),
    ] = None,
    input: InputOption = None,
    image: ImageOption = None,
    force_answer: ForceAnswerOption = False,
    label: Annotated[
        str | None,
        typer.Option(
            metavar="LABEL",
            help="The label to explain, by number or name; without it, the one that is predicted.",
        ),
    ] = None,
    unit: Annotated[
        Unit, typer.Option(help="The parts of a record that get a score each.")
    ] = Unit.word,
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write the records, coloured by their scores: .html; or the scores, "
            "a row a record: .jsonl, a row a part: .csv, .xlsx. With --image: .html or .png.",
        ),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Draw one record, coloured by its scores: .png (needs the extra 'plots').",
        ),
    ] = None,
    baseline: BaselineOption = PathOptions.baseline,
    steps: StepsOption = PathOptions.steps,
    tolerance: ToleranceOption = PathOptions.tolerance,
    text_column: TextColumn = "text",
    id_column: IdColumn = None,
    keep_columns: KeepColumns = False,
    sheet: SheetOption = None,
    header_row: HeaderRow = None,
    skip_blank: SkipBlank = False,
    strict: StrictOption = False,
    model: ModelOption = None,
    use: UseOption = None,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Say which words of a record speak for a label, and which against it."""
    path = checked_options(PathOptions, baseline=baseline, steps=steps, tolerance=tolerance)
    pictures = check_pictures(context, image)
    if pictures:
        check_file("--output", output, PICTURE_ENDINGS, *pictures, force=force)
        directory = load_or_shipped(model)
        explain_pictures(
            pictures,
            Explainer(directory, use=use),
            None if label is None else label_number(label, directory.settings.names),
            path,
            unit.value,
            output=output,
            force_answer=force_answer,
            made=origin(directory, **options_of(context)),
            as_json=as_json,
        )
        return
    given, named = checked_source(text, input, id_column)
    files, several = files_of(named, but=[output] if output else [])
    if not files and keep_columns:
        raise typer.BadParameter("--keep-columns is for --input FILE.")
    check_file("--output", output, _ENDINGS, *files, force=force)
    check_file("--plot", plot, [".png"], force=force)
    directory = load_or_shipped(model)
    number = None if label is None else label_number(label, directory.settings.names)
    form = form_of(context, directory.settings.names)
    source = read_source(given, files, several=several, **form)
    source.check_some()
    texts = source.texts
    if plot and len(texts) > 1:
        raise typer.BadParameter(f"--plot draws one record. Received: {len(texts)}")
    found = _explained(Explainer(directory, use=use), texts, number, path)
    made = origin(directory, **options_of(context))
    if output:
        _write(output, source, found, unit, made)
    if plot:
        write_file(plot, to_png(found[0], unit.value), made)
    if as_json:
        print_json(_items(source, found, unit))
    else:
        for place, error, attribution in _in_place(source, found):
            if place:
                typer.echo(_called(place))
            if attribution:
                _show(attribution, unit)
            else:
                typer.echo(f"– error: {shown(str(error))}")
    if source.bad:
        raise typer.Exit(1)


def _in_place(
    source: Source, found: Sequence[Attribution]
) -> Iterator[tuple[dict[str, Any], str | None, Attribution | None]]:
    """Each row, why it has no answer, and its explanation."""
    waiting = iter(found)
    for row, error in zip(source.rows, source.errors, strict=True):
        yield row, error, None if error else next(waiting)


def _write(
    path: Path, source: Source, found: Sequence[Attribution], unit: Unit, made: dict[str, Any]
) -> None:
    """Write a page of coloured records, or rows with their origin beside them."""
    if path.suffix.lower() == ".html":
        called = [_called(place) for place in source.rows]
        shown_rows = [item or str(error) for _, error, item in _in_place(source, found)]
        write_file(path, encode(heatmap_page(shown_rows, unit.value, called=called, origin=made)))
        return
    if path.suffix.lower() == ".jsonl":
        rows = _items(source, found, unit)
    else:
        rows = _parts(source, found, unit)
    write_results(rows, path)
    write_origin(path, made)
    say_written(path)


def _parts(source: Source, found: Sequence[Attribution], unit: Unit) -> list[dict[str, Any]]:
    """A row for each part of each record; of a bad row, one with its reason."""
    answers = [
        {
            "text": span.text,
            "start": span.start,
            "score": round(float(span.score), 6),
            "label": item.label,
            "name": item.label_name,
            "probability": round(float(item.probability), 6),
        }
        for item in found
        for span in item.spans(unit.value)
    ]
    counts = iter(len(item.spans(unit.value)) for item in found)
    times = [1 if error else next(counts) for error in source.errors]

    def repeated(values: Sequence[Any]) -> list[Any]:
        return [v for v, count in zip(values, times, strict=True) for _ in range(count)]

    rows, errors = repeated(source.rows), repeated(source.errors)
    return Source(source.texts, rows, errors, repeated(source.unread)).answered(answers)


def _items(source: Source, found: Sequence[Attribution], unit: Unit) -> list[dict[str, Any]]:
    """One for each row, a bad one with its reason."""
    unread = zip(_in_place(source, found), source.unread, strict=True)
    return [
        _row(row, item, unit)
        if item
        else {"record": row, "text": text, "label": None, "error": error}
        for (row, error, item), text in unread
    ]


def _explained(
    explainer: Explainer, texts: Sequence[str], label: int | None, path: PathOptions
) -> list[Attribution]:
    """Explain records, with a progress bar on a terminal."""
    found: list[Attribution] = []
    with progress(len(texts), "records") as step:
        for begin in range(0, len(texts), _CHUNK):
            found += explainer.explain(texts[begin : begin + _CHUNK], label, **asdict(path))
            step(len(found) - begin, "")
    return found


def _called(place: dict[str, Any]) -> str:
    """What a record is called: its file, its line and its own id."""
    return ", ".join(f"{shown(name)} {shown(str(value))}" for name, value in place.items())


def _row(place: dict[str, Any], item: Attribution, unit: Unit) -> dict[str, Any]:
    spans = [span._asdict() for span in item.spans(unit.value)]
    return {**({"record": place} if place else {}), **item.to_dict(), "spans": spans}


def _show(attribution: Attribution, unit: Unit) -> None:
    """A line about the record, and one for each part, the strongest first.

    On a terminal weak parts are summed and a long one is cut, never its score; in a pipe lines are
    tab-separated, and all are there.
    """
    piped = not sys.stdout.isatty()
    warning = "" if attribution.converged else ", above the tolerance"
    typer.echo(
        f"{attribution.label} {shown(attribution.label_name)}: probability "
        f"{attribution.probability:.4f} (at the baseline {attribution.baseline_probability:.4f}), "
        f"completeness error {attribution.error:.2%}{warning} in {attribution.steps} steps"
    )
    total = attribution.scores.sum() + attribution.special
    rows = [
        *strongest(attribution.spans(unit.value), None if piped else SHOWN),
        # A linear member alone reads no special tokens.
        *([(f"{attribution.special:+8.3f}", "", "[CLS], [SEP]")] if attribution.special else []),
        (
            f"{total:+8.3f}",
            "",
            f"in all; score {attribution.score:+.3f}, at the baseline "
            f"{attribution.baseline_score:+.3f}",
        ),
    ]
    if piped:
        typer.echo("   score\tstart\ttext")
        for row in rows:
            typer.echo("\t".join(row))
        return
    say_columns(("score", "start", "text"), rows, left=())
