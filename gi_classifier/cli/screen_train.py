"""The command screen train: a gate of a user's own kinds of pages, from a folder for each."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import numpy as np
import typer

from gi_classifier.cli.measures import show_report
from gi_classifier.cli.options import ForceOption, JsonOption, SeedOption
from gi_classifier.cli.outputs import (
    check_file,
    notes,
    options_of,
    print_json,
    progress,
    say,
    say_written,
    write_file,
)
from gi_classifier.data.pictures.picture_files import check_ocr, listed, pictures_of
from gi_classifier.data.records import Records
from gi_classifier.display import shown
from gi_classifier.errors import GIClassifierError, MissingPathError, RecordsError
from gi_classifier.model.origin import origin

if TYPE_CHECKING:
    from gi_classifier.heads.page_gate import PageGate, Seen

# Of a kind: so many pages at least, and fewer than so many are noted.
_LEAST, _FEW = 5, 30


class Pages(NamedTuple):
    """Pages as a gate sees them, the kind of each, and the file that it stands in."""

    seen: list[Seen]
    kinds: list[str]
    files: list[Path]


def train(
    context: typer.Context,
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="FOLDER", help="A folder for each kind of page, with 30 to 50 pictures of it."
        ),
    ],
    output: Annotated[Path, typer.Option(metavar="FILE", help="The gate to write: .npz.")],
    titles: Annotated[
        bool,
        typer.Option(
            " /--picture-alone", help="Never read titles: for kinds that look different from afar."
        ),
    ] = True,
    plot: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Draw the confusion matrix: .png (needs the extra 'plots')."
        ),
    ] = None,
    seed: SeedOption = 0,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Train a gate of your own kinds of pages, and measure it by cross-validation."""
    from gi_classifier.heads.page_gate import PageGate
    from gi_classifier.heads.title_words import KIND_NAMES, TITLE_WORDS

    check_ocr()
    kinds = _kinds_of(folder)
    files = [file for those in kinds.values() for file in those]
    check_file("--output", output, (".npz",), *files, force=force)
    check_file("--plot", plot, (".png",), *files, force=force)
    # Of the kinds that ship, the words are known; of others, they are learned.
    known = set(kinds) <= set(KIND_NAMES)
    words = {kind: those for kind, those in TITLE_WORDS.items() if kind in kinds} if known else None
    gate = PageGate(words=words, titles=titles, random_state=seed)
    pages = _seen(gate, kinds)
    labels, groups = np.array(pages.kinds), _groups(pages)
    table = _measured(gate, pages, labels, groups, folder, seed)
    gate.fit_seen(pages.seen, labels, groups).save(output, force=force)
    say_written(output)
    if plot:
        write_file(plot, _picture(table), origin(**options_of(context)))
    table |= {"words": gate.words_}
    if as_json:
        print_json({**table, "output": str(output)})
    else:
        _show(table)


def _kinds_of(folder: Path) -> dict[str, list[Path]]:
    """The files of each kind; the same file is read once, and of one kind."""
    if not folder.is_dir():
        raise MissingPathError(
            f"There is no folder {folder}. Name one that holds a folder for each kind."
        )
    below = sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))
    if len(below) < 2:
        raise RecordsError(
            f"{folder} holds one folder for each kind, two or more. Received: {len(below)}"
        )
    kinds = {each.name: listed(each) for each in below}
    known: dict[bytes, tuple[str, Path]] = {}
    problems, dropped = [], 0
    for kind, files in kinds.items():
        for file in list(files):
            digest = hashlib.sha256(file.read_bytes()).digest()
            other, earlier = known.setdefault(digest, (kind, file))
            if earlier != file:
                files.remove(file)
                dropped += 1
            if other != kind:
                problems.append(f"{earlier} and {file}")
    if problems:
        raise RecordsError("Files that are the same stand under two kinds:", problems)
    if dropped:
        notes.print(f"{dropped} files that are there twice are left out.")
    return kinds


def _seen(gate: PageGate, kinds: Mapping[str, Sequence[Path]]) -> Pages:
    """Look at every page; those that cannot be read are named all at once."""
    found = Pages([], [], [])
    problems = []
    with progress(sum(map(len, kinds.values())), "files") as step:
        for kind, files in kinds.items():
            for file in files:
                try:
                    for page in pictures_of(file):
                        found.seen.append(gate.see(page))
                        found.kinds.append(kind)
                        found.files.append(file)
                except GIClassifierError as error:
                    problems.append(str(error))
                step(1, shown(file.name))
    if problems:
        raise RecordsError("Some files cannot be read; mend them or take them away:", problems)
    counts = Counter(found.kinds)
    few = {kind: count for kind, count in counts.items() if count < _LEAST}
    if few:
        raise RecordsError(
            f"Each kind needs at least {_LEAST} pages; {_FEW} to 50 are better. Fewer:",
            [f"{kind}: {count}" for kind, count in few.items()],
        )
    if thin := [kind for kind, count in counts.items() if count < _FEW]:
        notes.print(f"Fewer than {_FEW} pages: {shown(', '.join(thin))}; the figures are rough.")
    return found


def _groups(pages: Pages) -> np.ndarray:
    """Pages of a file are held out together, unless a kind has few files."""
    files: dict[str, set[Path]] = {kind: set() for kind in pages.kinds}
    for kind, file in zip(pages.kinds, pages.files, strict=True):
        files[kind].add(file)
    if min(map(len, files.values())) >= _LEAST:
        names = sorted(set(pages.files))
        return np.array([names.index(file) for file in pages.files])
    notes.print("A kind has few files: pages of one file are trained and tested on; this flatters.")
    return np.arange(len(pages.files))


def _measured(
    gate: PageGate, pages: Pages, labels: np.ndarray, groups: np.ndarray, folder: Path, seed: int
) -> dict[str, Any]:
    from gi_classifier.evaluation.evaluation_report import evaluation_report
    from gi_classifier.heads.cross_validation import FOLDS, cross_validated_gate

    classes, codes = np.unique(labels, return_inverse=True)
    whole, picture = cross_validated_gate(gate, pages.seen, labels, groups, seed)
    truth = Records(
        texts=tuple(str(file) for file in pages.files),
        labels=tuple(codes.tolist()),
        lines=tuple(range(1, len(codes) + 1)),
        source=str(folder),
        unit="page",
    )
    models = {"gate": whole, "picture alone": picture} if gate.titles else {"gate": whole}
    return {
        "folder": str(folder),
        "measured_on": f"{FOLDS}-fold cross-validation of {folder}",
        **evaluation_report(truth, models, classes.tolist()),
    }


def _picture(table: Mapping[str, Any]) -> bytes:
    from gi_classifier.plots.confusion import confusion_figure

    return confusion_figure(table["models"]["gate"]["confusion"], table["labels"])


def _show(table: Mapping[str, Any]) -> None:
    show_report(table)
    for kind, words in table["words"].items():
        said = ", ".join(map(shown, words)) or "none"
        say(f"words of titles that say {shown(kind)}: {said}")
