"""The top keywords of each label side by side, as PNG.

In: a keyword table and the labels' names. Out: bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gi_classifier.plots.fonts import cjk_font, drawable

if TYPE_CHECKING:
    import pandas as pd
from gi_classifier.plots.style import CLASS_COLOURS, check_plots, png

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
    check_plots()
    import seaborn
    from matplotlib.figure import Figure
    from matplotlib.font_manager import FontProperties

    font, title = (FontProperties(fname=cjk_font(), size=size) for size in (11, 13))
    plain: dict[str, Any] = {"font": font, "parse_math": False}
    against = bool((table["total"] < 0).any())
    columns = min(len(names), 3)
    rows = -(-len(names) // columns)
    parts = [table[table["label"] == label].head(top) for label in range(len(names))]
    height = 1.3 + 0.25 * max(len(part) for part in parts)
    figure = Figure(figsize=(4.4 * columns, max(height, 2.5) * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for panel in panels[len(names) :]:
        panel.set_axis_off()
    for label, (panel, part, name) in enumerate(zip(panels, parts, names, strict=False)):
        panel.set_title(
            drawable(f"against 反对: {name}" if against else name),
            font=title,
            parse_math=False,
            loc="left",
        )
        if part.empty:
            panel.set_axis_off()
            panel.text(0, 0.9, "no keyword 没有关键词", transform=panel.transAxes, **plain)
            continue
        places = np.arange(len(part))
        seaborn.barplot(
            x=part["total"].to_numpy(),
            y=places,
            orient="y",
            color=CLASS_COLOURS[label % len(CLASS_COLOURS)],
            saturation=1,
            width=0.75,
            ax=panel,
        )
        panel.bar_label(
            panel.containers[0], [f"×{n}" for n in part["frequency"]], padding=3, fontsize=8
        )
        panel.set_yticks(places, map(_short, part["keyword"]), **plain)
        panel.set_xlabel("total score 总分 (×: occurrences 次数)", **plain)
        panel.set_ylabel("")
        panel.margins(x=0.12)
        seaborn.despine(ax=panel)
    return png(figure)


def _short(keyword: str) -> str:
    cut = keyword if len(keyword) <= _LONGEST_KEYWORD else keyword[: _LONGEST_KEYWORD - 1] + "…"
    return drawable(cut)
