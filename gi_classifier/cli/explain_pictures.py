"""What explain does with pictures: the reason of an answer, drawn over the page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, get_args

import typer

from gi_classifier.attribution.attribution import SpanUnit
from gi_classifier.attribution.integrated_gradients import Explainer, PathOptions
from gi_classifier.attribution.page_heatmap import (
    Explained,
    scan_png,
    scans_html,
)
from gi_classifier.cli.outputs import notes, print_json, progress, say, write_file
from gi_classifier.cli.strongest import strongest
from gi_classifier.data.pictures.page import page_problem
from gi_classifier.data.pictures.page_reading import read_picture
from gi_classifier.data.pictures.picture_files import pictures_of
from gi_classifier.display import shown
from gi_classifier.errors import GIClassifierError, RecordsError
from gi_classifier.files import encode

PICTURE_ENDINGS = (".html", ".png")
ForceAnswerOption = Annotated[
    bool,
    typer.Option(
        "--force-answer",
        help="With --image: answer even where deciding characters or the page were read poorly.",
    ),
]


def explain_pictures(
    files: Sequence[Path],
    explainer: Explainer,
    label: int | None,
    path: PathOptions,
    unit: str,
    *,
    output: Path | None,
    force_answer: bool,
    made: Mapping[str, Any],
    as_json: bool,
) -> None:
    """Explain pages, print and draw them.

    Raises
    ------
    RecordsError
        No page has text.
    typer.BadParameter
        A ``.png`` is asked for, and there is more than one page.
    """
    parts: SpanUnit = next(each for each in get_args(SpanUnit) if each == unit)
    as_png = output is not None and output.suffix.lower() == ".png"
    if as_png:
        _check_single(files)
    found: list[Explained] = []
    problems: list[str] = []
    with progress(len(files), "files") as step:
        for file in files:
            try:
                found += _explained(file, explainer, label, path, problems)
            except GIClassifierError as error:
                problems.append(str(error))
            step(1, shown(file.name))
    for problem in problems:
        notes.print(f"  {shown(problem)}")
    if not found:
        raise RecordsError("No page could be read.")
    if output and as_png:
        write_file(output, scan_png(found[0], parts, force=force_answer), made)
    elif output:
        page = scans_html(found, parts, force=force_answer, origin=made)
        write_file(output, encode(page))
    if as_json:
        print_json([_row(one, force_answer) for one in found])
    else:
        for one in found:
            _show(one, parts, force_answer)
    if problems:
        raise typer.Exit(1)


def _check_single(files: Sequence[Path]) -> None:
    """Raise where there is more than one page, before any is recognised."""
    if len(files) > 1:
        raise typer.BadParameter(f"A .png shows one page. Received: {len(files)} files")
    pages = next(pictures_of(files[0])).of
    if pages > 1:
        raise typer.BadParameter(f"A .png shows one page. Received: {pages} pages")


def _explained(
    file: Path, explainer: Explainer, label: int | None, path: PathOptions, problems: list[str]
) -> Iterator[Explained]:
    for picture in pictures_of(file):
        page = read_picture(picture)
        if problem := page_problem(page.text):
            problems.append(f"{page.name}, page {page.number}: {problem}")
            continue
        (attribution,) = explainer.explain([page.text], label, **asdict(path))
        yield Explained.of(page, picture, attribution)


def _row(one: Explained, force: bool) -> dict[str, Any]:
    withheld = "" if force else one.withheld
    item = one.attribution
    return {
        **one.page.place(),
        "label": None if withheld else item.label,
        "name": "" if withheld else item.label_name,
        "probability": None if withheld else round(float(item.probability), 6),
        "withheld": withheld,
        "poor": [{"text": c.text, "confidence": round(c.confidence, 4)} for c in one.poor],
        "attribution": item.to_dict(),
        "characters": [
            None if c is None else {"box": c.box, "confidence": round(c.confidence, 4)}
            for c in one.page.characters
        ],
    }


def _show(one: Explained, unit: SpanUnit, force: bool) -> None:
    where = f"{shown(one.page.name)}, page {one.page.number}"
    if one.withheld and not force:
        say(f"{where}: no answer. {one.withheld}")
        say("  --force-answer answers all the same.")
        return
    item = one.attribution
    say(
        f"{where}: {item.label} {shown(item.label_name)}, probability {item.probability:.4f}, "
        f"completeness error {item.error:.2%}"
    )
    if one.withheld:
        say(f"  {one.withheld}")
    for row in strongest(item.spans(unit)):
        say("\t".join(row))
