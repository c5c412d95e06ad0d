"""The picture of the composite filter, as PNG.

In: rows of figures, scores of the test rows and a fitted decision tree. Out: bytes.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gi_classifier.plots.style import (
    BLUE,
    CLASS_COLOURS,
    GREY,
    LARGE,
    RED,
    SKY,
    SMALL,
    canvas,
    png,
    shortened,
)

_COLOURS = {"each": BLUE, "joint": SKY, "logistic": RED, "tree": CLASS_COLOURS[1]}
_MARKERS = {"each": "o", "joint": "s", "logistic": "^", "tree": "D"}
_CHINESE = {"each": "各自门限", "joint": "联合门限", "logistic": "逻辑回归", "tree": "决策树"}
ALL = "all 全部"
# Leaves and nodes with more valid rows, and with more others.
_YES, _NO = "#d5efe6", "#ececec"
# Groups beyond it would hide each other.
_MOST_GROUPS = 12


def filter_figure(
    rows: Sequence[Mapping[str, Any]],
    valid: np.ndarray,
    scores: Mapping[str, np.ndarray],
    tree: Any,
    names: Sequence[str],
) -> bytes:
    """Draw ROC curves with the point of each filter, TPR and precision by group, and the tree.

    Parameters
    ----------
    rows : sequence of mapping
        Of test, for each group, :data:`ALL` the first, and each filter: ``group``, ``filter``,
        ``tpr``, ``fpr``, ``precision_before`` and ``precision_after``; None where undefined.
    valid : ndarray of bool, shape (n,)
        Of the test rows.
    scores : mapping of str to ndarray, shape (n,)
        By filter, the higher the likelier valid.
    tree : DecisionTreeClassifier
        Fitted.
    names : sequence of str
        Of what the tree reads.

    Returns
    -------
    bytes
        A PNG, in a font with Chinese; of many groups, the first dozen.

    Raises
    ------
    MissingExtraError
        Matplotlib, seaborn or the font is not installed.
    """
    figure = canvas(16, 12)
    import seaborn

    panels: dict[str, Any] = figure.subplot_mosaic(
        [["roc", "tpr", "precision"], ["tree", "tree", "tree"]], height_ratios=[5, 6]
    )
    _draw_roc(panels["roc"], [row for row in rows if row["group"] == ALL], valid, scores)
    shown = list(dict.fromkeys(row["group"] for row in rows))[: _MOST_GROUPS + 1]
    for name, measure, title in (
        ("tpr", "tpr", "TPR, recall 真阳性率"),
        ("precision", "precision_after", "precision 精确率; before: grey 之前：灰"),
    ):
        _draw_groups(panels[name], rows, shown, measure)
        panels[name].set_title(title, fontsize=LARGE, loc="left")
    panels["precision"].set_yticklabels([])
    for name in ("roc", "tpr", "precision"):
        seaborn.despine(ax=panels[name])
    _draw_tree(panels["tree"], tree, names)
    return png(figure)


def _draw_roc(
    panel: Any,
    points: Sequence[Mapping[str, Any]],
    valid: np.ndarray,
    scores: Mapping[str, np.ndarray],
) -> None:
    from sklearn.metrics import roc_auc_score, roc_curve

    for row in points:
        name = row["filter"]
        x, y, _ = roc_curve(valid, scores[name])
        label = f"{name} {_CHINESE[name]}: AUC {roc_auc_score(valid, scores[name]):.3f}"
        panel.plot(x, y, color=_COLOURS[name], linewidth=1.2)
        panel.plot(
            row["fpr"], row["tpr"], _MARKERS[name], color=_COLOURS[name], markersize=8, label=label
        )
    panel.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    panel.set_xlabel("FPR 假阳性率")
    panel.set_ylabel("TPR, recall 真阳性率")
    panel.set_title("ROC on test, and where each filter cuts 测试集", fontsize=LARGE, loc="left")
    if points:
        panel.legend(loc="lower right", fontsize=SMALL)


def _draw_groups(
    panel: Any, rows: Sequence[Mapping[str, Any]], shown: Sequence[str], measure: str
) -> None:
    filters = list(dict.fromkeys(row["filter"] for row in rows))
    for row in rows:
        if row["group"] not in shown:
            continue
        middle = shown.index(row["group"])
        shift = 0.15 * (filters.index(row["filter"]) - (len(filters) - 1) / 2)
        if row[measure] is not None:
            name = row["filter"]
            panel.plot(row[measure], middle + shift, _MARKERS[name], color=_COLOURS[name])
        before = row["precision_before"]
        if measure == "precision_after" and before is not None:
            panel.plot([before] * 2, [middle - 0.4, middle + 0.4], color=GREY, linewidth=2)
    panel.set_yticks(range(len(shown)), [shortened(group) for group in shown])
    panel.set_ylim(len(shown) - 0.4, -0.6)
    panel.set_xlim(-0.02, 1.02)
    panel.grid(axis="x", alpha=0.3)


def _draw_tree(panel: Any, tree: Any, names: Sequence[str]) -> None:
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from sklearn.tree import plot_tree

    # It asks the figure's canvas how wide texts are, which only one that renders can say.
    FigureCanvasAgg(panel.figure)
    with warnings.catch_warnings(), rc_context({"text.parse_math": False}):
        # It measures texts before they get the font that holds them.
        warnings.filterwarnings("ignore", "Glyph")
        boxes = plot_tree(
            tree,
            feature_names=[shortened(name) for name in names],
            class_names=["not valid 无效", "valid 有效"],
            impurity=False,
            rounded=True,
            fontsize=SMALL,
            ax=panel,
        )
    for box in boxes:
        # Its own colours mean for and against in a heatmap.
        if (patch := box.get_bbox_patch()) and "class = " in box.get_text():
            patch.set_facecolor(_NO if "not valid" in box.get_text() else _YES)
    title = "decision tree of the validation rows 决策树（验证集）"
    panel.set_title(title, fontsize=LARGE, loc="left")
