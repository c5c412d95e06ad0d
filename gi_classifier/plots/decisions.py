"""Pictures of decisions: where policies cut, and the error among the answered records.

In: rows of figures and arrays of what is drawn. Out: a PNG as bytes.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gi_classifier.plots.fonts import drawable
from gi_classifier.plots.style import BLUE, GREY, LARGE, RED, SMALL, canvas, png

# The line styles differ as well.
_VALIDATION, _TEST, _POINT = GREY, BLUE, RED
# Characters of the policies that share a point; beyond it, their number.
_LONGEST_NAMES = 36


def thresholds_figure(
    rows: Sequence[Mapping[str, Any]],
    validation: tuple[np.ndarray, np.ndarray],
    test: tuple[np.ndarray, np.ndarray],
    title: str,
) -> bytes:
    """Draw the ROC and the precision-recall curve, with every policy's point as test shows it.

    Parameters
    ----------
    rows : sequence of mapping
        Of :func:`~gi_classifier.decisions.policies.compare_policies`.
    validation, test : (positive, scores)
        Of each split: ndarray of bool (n,) and ndarray (n,). A split without the class, or
        without the rest, has no curve; a point that is undefined there is left out.
    title : str
        Which class.

    Returns
    -------
    bytes
        A PNG, in a font with Chinese: whole curves above, and below the part with the points.

    Raises
    ------
    MissingExtraError
        Matplotlib, seaborn or the font is not installed.
    """
    figure = canvas(15, 11)
    import seaborn

    figure.suptitle(drawable(title), fontsize=LARGE)
    panels = figure.subplots(2, 2)
    axes = {
        "ROC curve 曲线": ("fpr", "tpr", "FPR 假阳性率", "TPR, recall 真阳性率"),
        "Precision and recall 精确率与召回率": (
            "tpr",
            "precision_after",
            "TPR, recall 真阳性率",
            "precision 精确率",
        ),
    }
    for (whole, near), (name, (across, up, across_label, up_label)) in zip(
        panels.T, axes.items(), strict=True
    ):
        points = _points(rows, across, up)
        for panel in (whole, near):
            for split, data, colour, style in (
                ("validation 验证", validation, _VALIDATION, "--"),
                ("test 测试", test, _TEST, "-"),
            ):
                _draw_curve(panel, across, split, data, colour, style)
            panel.plot(*zip(*points, strict=True) if points else ((), ()), "o", color=_POINT)
            panel.set_xlabel(across_label)
            panel.set_ylabel(up_label)
            seaborn.despine(ax=panel)
        whole.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.02))
        whole.set_title(name)
        whole.legend(loc="lower right" if across == "fpr" else "lower left")
        near.set_title("the policies' points, on test 各策略的点（测试集）")
        if points:
            _zoom(near, points)
            _name_points(near, points)
    return png(figure)


def _points(
    rows: Sequence[Mapping[str, Any]], across: str, up: str
) -> dict[tuple[float, float], list[str]]:
    """Names of the policies at each point."""
    points: dict[tuple[float, float], list[str]] = {}
    for row in rows:
        point = row["test"]
        if point and point[across] is not None and point[up] is not None:
            points.setdefault((point[across], point[up]), []).append(row["policy"])
    return points


def _draw_curve(
    panel: Any,
    across: str,
    split: str,
    data: tuple[np.ndarray, np.ndarray],
    colour: str,
    style: str,
) -> None:
    from sklearn.metrics import (
        average_precision_score,
        precision_recall_curve,
        roc_auc_score,
        roc_curve,
    )

    positive, scores = data
    if positive.all() or not positive.any():
        return
    if across == "fpr":
        x, y, _ = roc_curve(positive, scores)
        label, drawstyle = f"{split}: AUC {roc_auc_score(positive, scores):.4f}", "default"
    else:
        y, x, _ = precision_recall_curve(positive, scores)
        label = f"{split}: AP {average_precision_score(positive, scores):.4f}"
        drawstyle = "steps-post"
    panel.plot(x, y, color=colour, linestyle=style, drawstyle=drawstyle, label=label)


def _zoom(panel: Any, points: Mapping[tuple[float, float], Any]) -> None:
    """Show the part of the unit square that holds the points, with a margin."""
    places = np.array(list(points))
    low, high = places.min(axis=0), places.max(axis=0)
    margin = np.maximum(0.08 * (high - low), 0.005)
    panel.set(
        xlim=(max(low[0] - margin[0], -0.002), min(high[0] + margin[0], 1.002)),
        ylim=(max(low[1] - margin[1], -0.002), min(high[1] + margin[1], 1.002)),
    )


def _name_points(panel: Any, points: Mapping[tuple[float, float], Sequence[str]]) -> None:
    """Name the points in a column beside the panel, in their order upwards, so none overlap."""
    ordered = sorted(points.items(), key=lambda entry: (entry[0][1], entry[0][0]))
    heights = np.linspace(0.02, 0.98, len(ordered)) if len(ordered) > 1 else np.array([0.5])
    for (place, names), height in zip(ordered, heights, strict=True):
        panel.annotate(
            textwrap.shorten(", ".join(names), _LONGEST_NAMES, placeholder=f" … ({len(names)})"),
            place,
            xytext=(1.04, height),
            textcoords="axes fraction",
            va="center",
            fontsize=SMALL,
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": _POINT, "linewidth": 0.6, "shrinkB": 3},
        )


def risk_coverage_figure(
    curves: Mapping[str, Mapping[str, Any]],
    rows: Mapping[str, Mapping[str, Any]] | None,
    alpha: float,
) -> bytes:
    """Draw the error among the answered against the share answered, on both splits.

    Parameters
    ----------
    curves : mapping
        ``validation`` and ``test``: ``coverage`` and ``risk``, each ndarray (m,), and ``area``,
        as of :func:`~gi_classifier.decisions.abstention.risk_coverage`.
    rows : mapping or None
        ``validation`` and ``test``: what the chosen least confidence does, of
        :func:`~gi_classifier.decisions.abstention.abstain_at`; None where none was chosen.
    alpha : float
        The largest error that was asked for, between 0 and 1.

    Returns
    -------
    bytes
        A PNG, in a font with Chinese.

    Raises
    ------
    MissingExtraError
        Matplotlib, seaborn or the font is not installed.
    """
    figure = canvas(8.5, 5.5)
    import seaborn

    panel = figure.subplots()
    for name, title, colour, style in (
        ("validation", "validation 验证", _VALIDATION, "--"),
        ("test", "test 测试", _TEST, "-"),
    ):
        curve = curves[name]
        label = f"{title}: AURC {curve['area']:.4f}"
        panel.plot(curve["coverage"], curve["risk"], color=colour, linestyle=style, label=label)
        row = (rows or {}).get(name)
        if not row or row["error"] is None:
            continue
        low, high = row["error_interval"]
        spread = [[row["error"] - low], [high - row["error"]]]
        panel.errorbar(row["coverage"], row["error"], spread, fmt="o", color=colour, capsize=4)
    panel.axhline(alpha, color=_POINT, linewidth=1, linestyle=":", label=f"α = {alpha:g}")
    panel.set(xlim=(0, 1.02), ylim=(0, None))
    panel.set_xlabel("coverage: share answered 覆盖率：给出答案的比例")
    panel.set_ylabel("error among the answered 所答中的错误率")
    title = "Risk and coverage 风险–覆盖率"
    if rows:
        chosen = rows["validation"]["min_confidence"]
        title += f"; points: min_confidence {chosen:.4f}, 95% interval 点：置信度下限"
    panel.set_title(title, fontsize=LARGE, loc="left")
    panel.legend(loc="upper left")
    seaborn.despine(ax=panel)
    return png(figure)
