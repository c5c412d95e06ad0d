"""What stands in a cell of a file: as text, as a label, or what is wrong with it.

In: a string, a JSON value, or a :class:`Cell` of a workbook. Out: text or a problem that says the
kind of what was found, never its content.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gi_classifier.errors import LabelError
from gi_classifier.labels import label_number
from gi_classifier.text import normalise
from gi_classifier.text_checks import is_missing

EMPTY_TEXT = "the text is empty"
_NUMBER = re.compile(r"[+-]?[0-9]+(?:[.,][0-9]+)?", re.ASCII)
# Digits and the full stop as Chinese input methods write them.
_FULL_WIDTH = str.maketrans("０１２３４５６７８９．", "0123456789.")
_WORD = re.compile(r"\w")


@dataclass(frozen=True)
class Cell:
    """A workbook's cell that is no plain text.

    Attributes
    ----------
    kind : str
        "number", "date", "truth value", "error" and the like, for messages.
    shown : str
        As the spreadsheet displays it.
    plain : str
        A number without its format.
    problem : str or None
        Why it has no value.
    """

    kind: str
    shown: str
    plain: str = ""
    problem: str | None = None


def as_text(cell: Any) -> str:
    """A cell as text; "" where it is empty."""
    if isinstance(cell, Cell):
        return cell.shown
    if cell is None or cell != cell:
        return ""
    if isinstance(cell, (dict, list)):
        return json.dumps(cell, ensure_ascii=False)
    return str(cell).strip()


def is_nothing(cell: Any) -> bool:
    """Whether nothing at all stands in a cell; ``nan`` and 无 are something."""
    if isinstance(cell, Cell):
        return False
    if not isinstance(cell, str):
        return cell is None or bool(cell != cell)
    # Normalising leaves letters and digits where they are.
    return not _WORD.search(cell) and not normalise(cell)


def is_blank(cell: Any) -> bool:
    """Whether a cell has no text: nothing, or a word that says that the value is missing."""
    return is_nothing(cell) or (isinstance(cell, str) and is_missing(cell))


def text_problem(cell: Any) -> str | None:
    """Say why a cell is no record's text."""
    if is_blank(cell):
        return EMPTY_TEXT if is_nothing(cell) else f"{EMPTY_TEXT}: it says that a value is missing"
    if isinstance(cell, Cell):
        return f"the text is {cell.problem or f'not text but a {cell.kind}'}"
    if isinstance(cell, str):
        return None
    return f"not text but {'float' if isinstance(cell, float) else type(cell).__name__}"


def further_problem(name: str, cell: Any) -> str | None:
    """Say why a cell beside the text has no value; what is displayed there counts as one."""
    lost = isinstance(cell, Cell) and cell.problem and not cell.shown
    return f"column {name!r} is {cell.problem}" if lost else None


def label_text_problem(cell: Any) -> str | None:
    """Say why a cell is no label, whatever labels are."""
    if isinstance(cell, Cell) and cell.problem:
        return f"the label is {cell.problem}"
    return "the label is missing" if is_blank(cell) or not as_text(cell) else None


def read_label(
    cell: Any, num_classes: int | None, names: Sequence[str] = ()
) -> tuple[int, str | None]:
    """The number of a label, and what is wrong with it.

    Parameters
    ----------
    cell : object
        An integer from 0 up, however written, or one of the names.
    num_classes : int, optional
        Labels must lie below it.
    names : sequence of str
        Of the labels, as :func:`gi_classifier.labels.label_number` takes them.
    """
    if problem := label_text_problem(cell):
        return 0, problem
    text = (cell.plain or cell.shown) if isinstance(cell, Cell) else as_text(cell)
    number = re.sub(r"\.0+\Z", "", text.translate(_FULL_WIDTH))
    if not (number.isascii() and number.isdigit() and len(number) < 10):
        try:
            return label_number(text, names), None
        except LabelError:
            pass
        shown = "a number" if _NUMBER.fullmatch(number) else f"{len(text)} characters"
        known = f" or one of {', '.join(names)}" if names else ""
        return 0, f"the label is not an integer from 0 up{known}: {shown}"
    if num_classes is not None and int(number) >= num_classes:
        return 0, f"the label is out of range 0…{num_classes - 1}"
    return int(number), None
