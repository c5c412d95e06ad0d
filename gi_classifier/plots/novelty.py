"""A picture of novelty scores: one row of points for each set of texts.

In: scores in 0…1 by name of the set. Out: a PNG.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from gi_classifier.plots.style import CLASS_COLOURS, LARGE, canvas, png, shortened

# The axis ends here at the latest, and else where this share of some set lies beyond; such points
# are drawn at its end.
_NEAREST, _BEYOND = 1e-8, 0.02


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
    names = [shortened(name) for group in sets.values() for name in group]
    figure = canvas(10, max(3.2, 1.8 + 0.27 * len(names)))
    nearest = _nearest(sets, threshold)
    panel = figure.subplots()
    source = np.random.default_rng(seed)
    row = 0
    for index, (group, members) in enumerate(sets.items()):
        for name, scores in members.items():
            shares = np.clip(1 - scores, nearest, 1)
            panel.plot(
                shares,
                row + source.uniform(-0.3, 0.3, len(shares)),
                ".",
                markersize=3,
                alpha=0.5,
                color=CLASS_COLOURS[index % len(CLASS_COLOURS)],
                label=shortened(group, 40) if name == next(iter(members)) else None,
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
    panel.set_xlim(1.3, nearest / 1.3)
    panel.xaxis.set_major_formatter(
        lambda share, _: f"{100 * share:.6f}".rstrip("0").rstrip(".") + "%"
    )
    panel.xaxis.minorticks_off()
    panel.set_ylim(row - 0.4, -0.6)
    panel.set_yticks(range(row), names)
    panel.set_xlabel(
        "share of validation records at least as novel, 1 - score (dashed: threshold, bars: median)"
        "\n验证集中至少同样新异的记录所占比例（虚线：门限；竖线：中位数）",
    )
    panel.set_title(
        "Novelty by kind of text; right: share rejected 各类文本的新异程度（右：拒答比例）",
        fontsize=LARGE,
        loc="left",
    )
    if len(sets) > 1:
        panel.legend(loc="upper right", markerscale=4)
    return png(figure)


def _nearest(sets: Mapping[str, Mapping[str, np.ndarray]], threshold: float) -> float:
    """The share at which the axis ends: beyond it lie too few points to keep half of it empty."""
    every = [scores for members in sets.values() for scores in members.values() if len(scores)]
    end = min([(1 - threshold) / 3, *(float(np.quantile(1 - part, _BEYOND)) for part in every)])
    half_decades = np.floor(2 * np.log10(max(end, _NEAREST))) / 2
    return float(np.clip(10**half_decades, _NEAREST, 0.1))
