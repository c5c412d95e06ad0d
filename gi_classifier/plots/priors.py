"""A picture of class priors: in training, among the predicted labels, and as estimated.

In: shares (classes,). Out: a PNG as bytes. Matplotlib and seaborn are the extra ``plots``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gi_classifier.plots.fonts import cjk_font, drawable
from gi_classifier.plots.style import check_plots, png

# Of Okabe and Ito, which a colour-blind reader can tell apart.
_COLOURS = {
    "training 训练": "#8c8c8c",
    "predicted labels 预测标签": "#56b4e9",
    "estimated 估计": "#d55e00",
}


def prior_figure(
    training: np.ndarray,
    predicted: np.ndarray,
    estimated: np.ndarray,
    interval: np.ndarray,
    names: Sequence[str],
) -> bytes:
    """Draw three shares of each class as bars, the estimate with its interval.

    Parameters
    ----------
    training, predicted, estimated : ndarray, shape (classes,)
        In 0…1.
    interval : ndarray, shape (2, classes)
        Of the estimate.
    names : sequence of str
        Of the classes.

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
    import seaborn
    from matplotlib.figure import Figure
    from matplotlib.font_manager import FontProperties

    font = FontProperties(fname=cjk_font(), size=10)
    plain: dict[str, Any] = {"font": font, "parse_math": False}
    figure = Figure(figsize=(max(5.5, 1.5 + 1.9 * len(names)), 4.2), layout="constrained")
    panel = figure.subplots()
    places, width = np.arange(len(names)), 0.27
    # Percentiles need not enclose the estimate itself.
    spread = np.maximum([estimated - interval[0], interval[1] - estimated], 0)
    heights = (training, predicted, estimated)
    for offset, (label, colour), height in zip((-1, 0, 1), _COLOURS.items(), heights, strict=True):
        left = places + offset * width
        panel.bar(left, height, width * 0.92, color=colour, label=label)
        above = np.zeros(len(names))
        if offset == 1:
            panel.errorbar(left, height, spread, fmt="none", ecolor="black", capsize=4)
            above = spread[1]
        for x, y, top in zip(left, height, height + above, strict=True):
            panel.annotate(
                f"{y:.1%}",
                (x, top),
                xytext=(0, 3),
                textcoords="offset points",
                ha="center",
                fontsize=8,
            )
    panel.set_xticks(places, map(drawable, names), **plain)
    panel.set_ylabel("share of records 记录占比", **plain)
    panel.set_ylim(0, 1.12)
    panel.set_title("Class prior 类别先验", font=font, loc="left")
    figure.legend(loc="outside lower center", ncols=3, prop=font, frameon=False)
    seaborn.despine(ax=panel)
    return png(figure)
