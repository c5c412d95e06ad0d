"""A picture of novelty scores: one row of points for each set of texts.

In: scores in 0…1 by name of the set. Out: a PNG.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from gi_classifier.plots.fonts import cjk_font, drawable
from gi_classifier.plots.style import CLASS_COLOURS, check_plots, png

# Scores nearer to 1 than this are drawn there.
_NEAREST = 1e-8


def novelty_figure(
    sets: Mapping[str, Mapping[str, np.ndarray]], threshold: float, seed: int = 0
) -> bytes:
    """Draw the share of validation records that are as novel, on a logarithmic scale.

    Parameters
    ----------
    sets : mapping of str to mapping of str to ndarray
        Groups, of which each has a colour, of sets, each a row: their scores (n,) in 0…1.
    threshold : float
        Scores above it are novel.
    seed : int
        Scatters the points of a row.

    Returns
    -------
    bytes
        A PNG, in a font with Chinese.

    Raises
    ------
    MissingExtraError
        Matplotlib, seaborn or the font is not installed.
    """
    check_plots()
    from matplotlib.figure import Figure
    from matplotlib.font_manager import FontProperties

    font, title = (FontProperties(fname=cjk_font(), size=size) for size in (9, 12))
    names = [drawable(name) for group in sets.values() for name in group]
    figure = Figure(figsize=(10, 1.6 + 0.27 * len(names)), layout="constrained")
    panel = figure.subplots()
    source = np.random.default_rng(seed)
    row = 0
    for index, (group, members) in enumerate(sets.items()):
        for name, scores in members.items():
            shares = np.clip(1 - scores, _NEAREST, 1)
            panel.plot(
                shares,
                row + source.uniform(-0.3, 0.3, len(shares)),
                ".",
                markersize=3,
                alpha=0.5,
                color=CLASS_COLOURS[index % len(CLASS_COLOURS)],
                label=drawable(group) if name == next(iter(members)) else None,
                rasterized=True,
            )
            if len(shares):
                panel.plot([np.median(shares)] * 2, [row - 0.4, row + 0.4], color="black", lw=1.5)
                rejected = f"{np.mean(scores > threshold):.1%}"
                panel.annotate(
                    rejected,
                    (1.01, row),
                    xycoords=("axes fraction", "data"),
                    va="center",
                    fontsize=8,
                )
            row += 1
    panel.axvline(1 - threshold, color="black", linestyle="--", lw=1)
    panel.set_xscale("log")
    panel.set_xlim(1.5, _NEAREST / 2)
    panel.set_ylim(row - 0.4, -0.6)
    panel.set_yticks(range(row), names, font=font, parse_math=False)
    panel.set_xlabel(
        "share of validation records at least as novel, 1 - score (dashed: threshold, bars: median)"
        "\n验证集中至少同样新异的记录所占比例（虚线：门限；竖线：中位数）",
        font=font,
    )
    panel.set_title(
        "Novelty by kind of text; right: share rejected 各类文本的新异程度（右：拒答比例）",
        font=title,
        loc="left",
    )
    panel.legend(prop=font, loc="upper right", markerscale=4)
    return png(figure)
