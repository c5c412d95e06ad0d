"""The command screen run: the kind of each page, from cheap evidence, and whether it is wanted."""

from __future__ import annotations

import hashlib
import statistics
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gi_classifier._version import __version__
from gi_classifier.cli.options import ForceOption, JsonOption, RestartOption
from gi_classifier.cli.outputs import (
    check_file,
    notes,
    options_of,
    print_json,
    say,
    say_columns,
    say_written,
    write_origin,
)
from gi_classifier.cli.pictures import rows_of_files, stamps_of
from gi_classifier.cli.saved_state import SavedState
from gi_classifier.data.pictures.picture_files import check_ocr, listed, pictures_of
from gi_classifier.data.writers import check_holds, write_rows
from gi_classifier.display import shown
from gi_classifier.errors import GIClassifierError
from gi_classifier.model.origin import origin

if TYPE_CHECKING:
    from gi_classifier.heads.page_gate import PageGate

OUTPUTS = (".csv", ".jsonl", ".xlsx")
# From which probability on a page is wanted where nobody says; sums of probabilities are rounded.
_THRESHOLD, _ROUNDING = 0.5, 1e-9
# Rows that are also printed when they are written to a file.
_SHOWN = 100
_COLUMNS = ("file", "page", "kind", "name", "probability", "wanted", "evidence", "seconds", "error")
GateOption = Annotated[
    Path | None,
    typer.Option(
        "--gate",
        metavar="FILE",
        help="A gate that `screen train` wrote: .npz; without it, the one that ships.",
    ),
]


def run(
    context: typer.Context,
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE…", help="Pictures, PDFs and folders of them.")
    ],
    wanted: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KIND", help="A kind that is worth recognising: gastroscopy; may be repeated."
        ),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            metavar="NUMBER",
            help="A page is wanted from this probability of the wanted kinds on; 0.5 without.",
        ),
    ] = None,
    gate: GateOption = None,
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help=f"Write the rows: {', '.join(OUTPUTS)}.")
    ] = None,
    restart: RestartOption = False,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Say of which kind each page is, and which are worth recognising."""
    from gi_classifier.heads.page_gate import SHIPPED_GATE, PageGate

    if threshold is not None and not wanted:
        raise typer.BadParameter("--threshold is that of wanted kinds; add --wanted KIND.")
    least = _THRESHOLD if threshold is None else threshold
    check_ocr()
    found = list(dict.fromkeys(file for each in files for file in listed(each)))
    inputs = [*found, gate] if gate else found
    check_file("--output", output, OUTPUTS, *inputs, force=force)
    opened = PageGate.load(gate)
    asked = _checked_kinds(wanted or [], opened)
    made = hashlib.sha256((gate or SHIPPED_GATE).read_bytes()).hexdigest()
    identity = {
        "version": __version__,
        "input": stamps_of(found),
        "gate": made,
        "wanted": asked,
        "threshold": least,
    }
    state = SavedState(output, identity, restart=restart)
    rows = rows_of_files(found, state, lambda file: page_rows(file, opened, asked, least))
    _say_bad(rows)
    if output:
        check_holds(output, rows)
        write_rows(rows, _COLUMNS, output, no_formula=True)
        write_origin(output, origin(**options_of(context), gate_sha256=made))
        say_written(output)
    state.drop()
    summary = _summary(rows, opened, asked)
    if as_json:
        print_json({"pages": rows, "summary": summary, "output": output and str(output)})
    else:
        _show(rows, summary, everything=not output or len(rows) <= _SHOWN)
    if summary["not_read"]:
        raise typer.Exit(1)


def page_rows(
    file: Path, gate: PageGate, wanted: Sequence[str], threshold: float
) -> Iterator[dict[str, Any]]:
    """A row for each page of a file; what cannot be read, with its reason."""
    from gi_classifier.heads.title_words import KIND_NAMES

    kinds = [str(kind) for kind in gate.classes_.tolist()]
    number = 0
    try:
        for page in pictures_of(file):
            number = page.number
            answer = gate.answer(page)
            kind = str(answer.kind)
            shares = dict(zip(kinds, answer.probabilities.tolist(), strict=True))
            share = sum(shares[one] for one in wanted)
            is_wanted = share >= threshold - _ROUNDING if wanted else None
            yield {
                "file": str(file),
                "page": number,
                "kind": kind,
                "name": KIND_NAMES.get(kind, ""),
                "probability": round(answer.probability, 4),
                "wanted": is_wanted,
                "evidence": answer.evidence,
                "seconds": round(answer.seconds, 3),
                "error": None,
            }
    except GIClassifierError as error:
        empty = dict.fromkeys(_COLUMNS)
        yield {**empty, "file": str(file), "page": number + 1, "error": str(error)}


def _checked_kinds(wanted: Sequence[str], gate: PageGate) -> list[str]:
    """The kinds that are asked for, each once."""
    kinds = [str(kind) for kind in gate.classes_.tolist()]
    if unknown := [kind for kind in wanted if kind not in kinds]:
        raise typer.BadParameter(
            f"--wanted is one of {', '.join(kinds)}. Received: {', '.join(unknown)}"
        )
    return list(dict.fromkeys(wanted))


def _say_bad(rows: Sequence[Mapping[str, Any]]) -> None:
    for row in rows:
        if row["error"]:
            notes.print(f"  {shown(row['file'])}: {shown(row['error'])}")


def _summary(
    rows: Sequence[Mapping[str, Any]], gate: PageGate, wanted: Sequence[str]
) -> dict[str, Any]:
    good = [row for row in rows if not row["error"]]
    kinds = Counter(row["kind"] for row in good)
    return {
        "pages": len(rows),
        "not_read": len(rows) - len(good),
        "kinds": {str(kind): kinds[str(kind)] for kind in gate.classes_.tolist()},
        "wanted": sum(bool(row["wanted"]) for row in good) if wanted else None,
        "by_picture": sum(row["evidence"] == "picture" for row in good),
        "by_title": sum(row["evidence"] == "title" for row in good),
        "seconds": round(statistics.median([row["seconds"] for row in good]), 3) if good else None,
    }


def _show(
    rows: Sequence[Mapping[str, Any]], summary: Mapping[str, Any], *, everything: bool
) -> None:
    good = [row for row in rows if not row["error"]]
    if everything and good:
        heads = ("kind", "probability", "wanted", "evidence", "seconds", "page", "file")
        say_columns(heads, [_cells(row) for row in good], ("kind", "wanted", "evidence", "file"))
    counts = ", ".join(f"{shown(kind)} {count}" for kind, count in summary["kinds"].items())
    say(f"{summary['pages']} pages: {counts}; not read: {summary['not_read']}")
    if summary["wanted"] is not None:
        say(f"wanted: {summary['wanted']}, passed over: {len(good) - summary['wanted']}")
    taken = summary["seconds"]
    say(
        f"decided by the picture: {summary['by_picture']}, by the title: {summary['by_title']}"
        + (f"; median seconds of processor time a page: {taken}" if good else "")
    )


def _cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    kind = f"{row['kind']} {row['name']}".strip()
    wanted = {None: "", True: "yes", False: "no"}[row["wanted"]]
    return (
        shown(kind),
        f"{row['probability']:.4f}",
        wanted,
        row["evidence"],
        f"{row['seconds']:.3f}",
        str(row["page"]),
        shown(row["file"]),
    )
