"""Confusion matrices as annotated heatmaps, as PNG.

In: the matrix (classes, classes) and the labels. Out: bytes, or a panel of a larger picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gi_classifier.plots.style import canvas, png, shortened

# Beyond it, a label takes the room of the matrix.
_LONGEST = 12
# Beyond it, labels below the matrix would run into each other.
_MOST_LEVEL = 3


def confusion_figure(confusion: Sequence[Sequence[int]], labels: Sequence[str]) -> bytes:
    """Draw a confusion matrix: in each cell the records and their share of the row.

    Parameters
    ----------
    confusion : sequence of sequence of int, shape (classes, classes)
        Rows truth, columns prediction.
    labels : sequence of str
        Of the classes.

    Returns
    -------
    bytes
        A PNG.

    Raises
    ------
    MissingExtraError
        Matplotlib, seaborn or the font with Chinese is not installed.
    """
    side = 2.2 + 0.85 * len(labels)
    figure = canvas(side + 1.2, side)
    draw_confusion(figure.subplots(), confusion, labels)
    return png(figure)


def draw_confusion(
    panel: Any,
    confusion: Sequence[Sequence[int]],
    labels: Sequence[str],
    *,
    annotate: bool = True,
) -> None:
    """Draw a confusion matrix into a panel; ``annotate`` writes numbers into its cells."""
    import seaborn

    matrix = np.array(confusion)
    # Colour is the share of the true class, so that a rare class shows as well.
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    cells = [
        [f"{count:,}\n{share:.0%}" for count, share in zip(*row, strict=True)]
        for row in zip(matrix, shares, strict=True)
    ]
    seaborn.heatmap(
        shares,
        annot=np.array(cells) if annotate else False,
        fmt="",
        vmin=0,
        vmax=1,
        cmap="Blues",
        square=True,
        cbar_kws={"label": "share of the row 占该行的比例"},
        ax=panel,
    )
    names = [shortened(label, _LONGEST) for label in labels]
    places = np.arange(len(names)) + 0.5
    panel.set_xticks(places, names, rotation=0 if len(names) <= _MOST_LEVEL else 45)
    panel.set_yticks(places, names, rotation=0)
    panel.set_xlabel("predicted 预测")
    panel.set_ylabel("truth 真实")
    panel.set_title("Records, share of the row 记录数与占该行的比例")
