"""The commands that explain: explain, keywords, rules and report."""

from __future__ import annotations

import json
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from tqdm import tqdm

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
from gi_classifier.cli.inputs import check_source, read_source
from gi_classifier.cli.options import (
    ForceOption,
    IdColumn,
    InputOption,
    JsonOption,
    ModelOption,
    SkipBlank,
    TextColumn,
)
from gi_classifier.cli.outputs import check_file
from gi_classifier.data.writers import encode
from gi_classifier.files import write_whole
from gi_classifier.labels import label_number
from gi_classifier.model.shipped import load_or_shipped

# Records explained between two steps of the progress bar.
_CHUNK = 64


class By(StrEnum):
    """The parts that an explanation is summed over."""

    token = "token"
    word = "word"
    clause = "clause"
    sentence = "sentence"


def explain(
    text: Annotated[list[str] | None, typer.Argument(help="Records to explain.")] = None,
    input: InputOption = None,
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
    path = checked_options(PathOptions, baseline=baseline, steps=steps, tolerance=tolerance)
    check_source(text, input, id_column)
    check_file("--html", html, [".html"], *(input or ()), force=force)
    check_file("--png", png, [".png"], *(input or ()), force=force)
    source = read_source(text, input, text_column, id_column, skip_blank)
    texts, places = source.texts, source.places
    if png and len(texts) > 1:
        raise typer.BadParameter(f"--png draws one record. Received: {len(texts)}")
    directory = load_or_shipped(model)
    number = None if label is None else label_number(label, directory.settings.names)
    explainer = Explainer(directory)
    found: list[Attribution] = []
    with tqdm(total=len(texts), unit="record", disable=None, leave=False) as bar:
        for begin in range(0, len(texts), _CHUNK):
            found += explainer.explain(texts[begin : begin + _CHUNK], number, **asdict(path))
            bar.update(len(found) - begin)
    if html:
        write_whole(html, encode(heatmap_page(found, by.value)))
    if png:
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
