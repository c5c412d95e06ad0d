r"""Says whether lines without a row of names are text, or text and a label with a tab between.

In: the path of a ``.txt`` or ``.tsv``. Out: a :class:`LineForm`, one answer for the whole file.
Lines that do not decode have no say.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from gi_classifier.data.cells import read_label
from gi_classifier.data.encodings import Encoding, line_problem, text_lines
from gi_classifier.data.memory_file import Source
from gi_classifier.labels import Label, names_for
from gi_classifier.text_checks import is_missing

_IDEOGRAPH = re.compile("[\u3400-\u9fff]")
# Before a tab, what is no text: a number, a code, a date.
_CODE = re.compile(r"[^\u3400-\u9fff]*[0-9][^\u3400-\u9fff]*")
# A longer cell is no label.
_LONGEST_LABEL = 100


@dataclass(frozen=True)
class LineForm:
    """How many lines of a file have what between tabs.

    Attributes
    ----------
    lines : int
        That hold something and decode.
    tabs, labelled, coded : int
        Of these, those with a tab, those that end in a tab and a label, and those that begin with
        a number or a code and a tab.
    inner : int
        Of those that end in a label, those with a tab in the text before it.
    returns : int
        Lines with a carriage return within.
    """

    lines: int = 0
    tabs: int = 0
    labelled: int = 0
    coded: int = 0
    inner: int = 0
    returns: int = 0

    @property
    def is_labelled(self) -> bool:
        """Whether every line ends in a label."""
        return 0 < self.lines == self.labelled

    @property
    def is_coded(self) -> bool:
        """Whether every line begins with a code."""
        return 0 < self.lines == self.coded

    def notes(self, wanted: bool) -> tuple[str, ...]:
        """Say what stays in texts; ``wanted`` if what stands behind the last tab is no text."""
        said = []
        if self.returns:
            said.append(
                f"{self.returns} lines hold carriage returns and are one text each; if those end "
                "records, save the file with other line ends"
            )
        if wanted or self.is_labelled:
            said += [f"{self.inner} texts hold tabs"] if self.inner else []
        elif self.tabs:
            said.append(
                f"{self.tabs} of {self.lines} lines have tabs, {self.labelled} end in a tab and a "
                "label: not every line does, so all are read as text, with what stands behind the "
                "tab"
            )
        return tuple(said)


def line_form(
    path: Source, encoding: Encoding, names: Sequence[str], num_classes: int | None
) -> LineForm:
    """Count what the lines of a file have between tabs.

    Parameters
    ----------
    path : Path or MemoryFile
    encoding : Encoding
    names : sequence of str
        Of labels, which may stand for their numbers; without, the default names.
    num_classes : int, optional
        Labels lie below it; without, they are the three.
    """
    most = num_classes or len(names) or len(Label)
    known = [name.casefold() for name in names_for(most, tuple(names) or None)]
    spellings = {*known, *(part for name in known for part in name.split())}

    @lru_cache(maxsize=1000)
    def is_label(cell: str) -> bool:
        return len(cell) <= _LONGEST_LABEL and (
            cell.strip().casefold() in spellings or read_label(cell, most)[1] is None
        )

    lines = tabs = labelled = coded = inner = returns = 0
    for line in text_lines(path, encoding.name):
        if is_missing(line) or line_problem(line, encoding.name):
            continue
        lines += 1
        returns += "\r" in line.rstrip("\r\n")
        body, tab, last = line.rstrip("\r\n").rpartition("\t")
        if tab:
            has_label = is_label(last)
            tabs += 1
            labelled += has_label
            inner += has_label and "\t" in body.strip()
            coded += is_coded(line)
    return LineForm(lines, tabs, labelled, coded, inner, returns)


def is_coded(line: str) -> bool:
    """Whether a number or a code and a tab stand before a Chinese text."""
    first, tab, rest = line.partition("\t")
    return bool(tab and _CODE.fullmatch(first) and _IDEOGRAPH.search(rest))
