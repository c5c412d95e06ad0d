"""The confusion matrix of a user's own labels as an annotated heatmap, as PNG.

In: the matrix and the labels. Out: bytes. Unlike the pictures of
:mod:`gi_classifier.plots.evaluation`, which
show what of a name is ASCII, this one shows labels in Chinese.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gi_classifier.plots.fonts import cjk_font, drawable
from gi_classifier.plots.style import check_plots, png

# Beyond it, a label takes the room of the matrix.
_LONGEST = 12


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
    check_plots()
    import seaborn
    from matplotlib.figure import Figure
    from matplotlib.font_manager import FontProperties

    matrix = np.array(confusion)
    # Colour is the share of the true class, so that a rare class shows as well.
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    cells = [
        [f"{count:,}\n{share:.0%}" for count, share in zip(*row, strict=True)]
        for row in zip(matrix, shares, strict=True)
    ]
    names = [
        drawable(label if len(label) <= _LONGEST else label[: _LONGEST - 1] + "…")
        for label in labels
    ]
    plain: dict[str, Any] = {
        "font": FontProperties(fname=cjk_font(), size=10),
        "parse_math": False,
    }
    side = 2.2 + 0.85 * len(names)
    figure = Figure(figsize=(side + 1.2, side), layout="constrained")
    panel = figure.subplots()
    seaborn.heatmap(
        shares, annot=np.array(cells), fmt="", vmin=0, vmax=1, cmap="Blues", square=True, ax=panel
    )
    places = np.arange(len(names)) + 0.5
    panel.set_xticks(places, names, rotation=0 if len(names) < 4 else 45, **plain)
    panel.set_yticks(places, names, rotation=0, **plain)
    panel.set_xlabel("predicted 预测", **plain)
    panel.set_ylabel("truth 真实", **plain)
    panel.set_title("Records, share of the row\n记录数与占该行的比例", **plain)
    return png(figure)
