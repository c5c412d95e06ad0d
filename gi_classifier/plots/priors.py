"""A picture of class priors: in training, among the predicted labels, and as estimated.

In: shares (classes,). Out: a PNG as bytes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gi_classifier.plots.style import GREY, LARGE, RED, SKY, canvas, png, shortened

_COLOURS = {
    "training 训练": GREY,
    "predicted labels 预测标签": SKY,
    "estimated 估计": RED,
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
    figure = canvas(max(5.5, 1.5 + 1.9 * len(names)), 4.2)
    import seaborn

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
    panel.set_xticks(places, map(shortened, names))
    panel.set_ylabel("share of records 记录占比")
    highest = max(float(np.max(part)) for part in (*heights, interval))
    panel.set_ylim(0, min(1.12, 1.2 * highest))
    panel.yaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    panel.set_title("Class prior 类别先验; 95% interval 区间", fontsize=LARGE, loc="left")
    figure.legend(loc="outside lower center", ncols=3, frameon=False)
    seaborn.despine(ax=panel)
    return png(figure)
