"""The top keywords of each label side by side, as PNG.

In: a keyword table and the labels' names. Out: bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gi_classifier.display import shown
from gi_classifier.plots.fonts import drawable
from gi_classifier.plots.style import CLASS_COLOURS, canvas, png, shortened

if TYPE_CHECKING:
    import pandas as pd

# Point sizes, larger than elsewhere: the words are what is looked at.
_PLAIN, _LARGE = 11, 13

# Inches of a class's panel.
_WIDTH = 4.4
# Keywords can be spans of any length.
_LONGEST_KEYWORD = 16


def keyword_figure(table: pd.DataFrame, names: Sequence[str], top: int = 20) -> bytes:
    """Draw the first keywords of each class as bars: one panel for each class.

    Parameters
    ----------
    table : DataFrame
        Columns keyword, label, frequency and total, ranked within each label. Where totals are
        below 0, the words speak against their label, and the panels say so.
    names : sequence of str
        Of the classes.
    top : int
        Keywords for each class.

    Returns
    -------
    bytes
        A PNG, in a font with Chinese. What that font does not have is drawn as a box.

    Raises
    ------
    MissingExtraError
        Matplotlib, seaborn or the font is not installed.
    """
    columns = min(len(names), 3)
    rows = -(-len(names) // columns)
    parts = [_first(table, label, top) for label in range(len(names))]
    figure = canvas(_WIDTH * columns, max(map(_height, parts)) * rows)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for panel in panels[len(names) :]:
        panel.set_axis_off()
    for label, (panel, part, name) in enumerate(zip(panels, parts, names, strict=False)):
        _draw(panel, part, label, _title(table, name))
    return png(figure)


def label_figure(table: pd.DataFrame, label: int, name: str, top: int = 20) -> bytes:
    """Draw the first keywords of one class; see :func:`keyword_figure`."""
    part = _first(table, label, top)
    figure = canvas(_WIDTH, _height(part))
    _draw(figure.subplots(), part, label, _title(table, name))
    return png(figure)


def _first(table: pd.DataFrame, label: int, top: int) -> pd.DataFrame:
    return table[table["label"] == label].head(top)


def _height(part: pd.DataFrame) -> float:
    return max(1.3 + 0.25 * len(part), 2.5)


def _title(table: pd.DataFrame, name: str) -> str:
    return f"against 反对: {name}" if (table["total"] < 0).any() else name


def _draw(panel: Any, part: pd.DataFrame, label: int, title: str) -> None:
    """The bars of one class."""
    # Without seaborn, whose import alone is a sixth of a report's memory.
    panel.set_title(drawable(shown(title)), fontsize=_LARGE, loc="left")
    if part.empty:
        panel.set_axis_off()
        panel.text(0, 0.9, "no keyword 没有关键词", transform=panel.transAxes, fontsize=_PLAIN)
        return
    places = np.arange(len(part))
    colour = CLASS_COLOURS[label % len(CLASS_COLOURS)]
    bars = panel.barh(places, part["total"].to_numpy(), height=0.75, color=colour)
    panel.bar_label(bars, [f"×{n}" for n in part["frequency"]], padding=3, fontsize=8)
    panel.set_ylim(len(part) - 0.5, -0.5)
    panel.set_yticks(
        places, [shortened(word, _LONGEST_KEYWORD) for word in part["keyword"]], fontsize=_PLAIN
    )
    panel.set_xlabel("total score 总分 (×: occurrences 次数)", fontsize=_PLAIN)
    panel.set_ylabel("")
    panel.margins(x=0.12)
    panel.spines[["top", "right"]].set_visible(False)
