"""The picture of an evaluation, as PNG.

In: measures of each model as plain dicts, the labels (n,) and the first model's probabilities
(n, classes). Out: bytes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from gi_classifier.plots.confusion import draw_confusion
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

# Beyond it, numbers in cells and names of curves hide what they stand in.
_MOST_CLASSES = 12
_LINES = ("-", "--", ":", "-.")
_MEASURES = {
    "macro_f1": "macro-F1\n宏平均 F1",
    "weighted_f1": "weighted F1\n加权 F1",
    "accuracy": "accuracy\n准确率",
    "roc_auc": "ROC AUC\nROC 曲线下面积",
    "average_precision": "average precision\n平均精确率",
}
_CHINESE = {
    "this model": "本模型",
    "keyword rule": "关键词规则",
    "TF-IDF + logistic regression": "TF-IDF + 逻辑回归",
}


def evaluation_figure(
    models: Mapping[str, Mapping[str, Any]],
    names: Sequence[str],
    labels: np.ndarray,
    probabilities: np.ndarray,
) -> bytes:
    """Draw confusion, reliability, ROC and precision-recall curves, and measures of all models.

    Parameters
    ----------
    models : mapping of str to mapping
        By title, the one in question first: what
        :func:`gi_classifier.metrics.measures.measure` returned, and of the first ``reliability``,
        a row for each bin: ``above``, ``up_to``, ``records``, ``confidence`` and ``accuracy``.
    names : sequence of str
        Of the classes.
    labels : ndarray of int, shape (n,)
    probabilities : ndarray, shape (n, classes)
        Of the first model.

    Returns
    -------
    bytes
        A PNG, in a font with Chinese. Of good models' curves it shows the corner that they are in.

    Raises
    ------
    MissingExtraError
        Matplotlib, seaborn or the font is not installed.
    """
    figure = canvas(16, 9.5)
    panels: dict[str, Any] = figure.subplot_mosaic(
        [["confusion", "reliability", "models"], ["roc", "precision_recall", "models"]]
    )
    titles = [str(i) if name == str(i) else f"{i} {name}" for i, name in enumerate(names)]
    first = next(iter(models.values()))
    few = len(names) <= _MOST_CLASSES
    draw_confusion(panels["confusion"], first["confusion"], titles, annotate=few)
    _draw_reliability(panels["reliability"], first)
    curves = [
        (row, shortened(title), labels == row["label"], probabilities[:, row["label"]])
        for row, title in zip(first["classes"], titles, strict=True)
        if row["roc_auc"] is not None
    ]
    _draw_roc(panels["roc"], curves)
    _draw_precision_recall(panels["precision_recall"], curves)
    for name in ("roc", "precision_recall"):
        if few and curves:
            panels[name].legend(loc="lower right" if name == "roc" else "lower left")
    _draw_models(panels["models"], models)
    return png(figure)


def _draw_reliability(panel: Any, model: Mapping[str, Any]) -> None:
    rows = model["reliability"]
    left, right, accuracy, confidence = (
        np.array([row[name] for row in rows])
        for name in ("above", "up_to", "accuracy", "confidence")
    )
    panel.plot([0, 1], [0, 1], color=GREY, linestyle="--", label="calibrated 完全校准")
    panel.bar(
        left,
        accuracy,
        width=right - left,
        align="edge",
        color=SKY,
        alpha=0.4,
        edgecolor="white",
        label="accuracy in the bin 组内正确率",
    )
    panel.plot(
        confidence, accuracy, "o-", color=RED, label="at its mean probability 组内平均概率处"
    )
    for x, y, row in zip(confidence, accuracy, rows, strict=True):
        _note(panel, f"{row['records']:,}", (x, y), (0, 6), ha="center")
    error = model["expected_calibration_error"]
    panel.set_title(f"Reliability 可靠性; calibration error 校准误差 {error:.3f}")
    panel.set_xlabel(
        "probability of the predicted label; numbers: records\n预测标签的概率（数字：记录数）"
    )
    panel.set_ylabel("share that is right 正确的比例")
    # The likeliest of k labels has a probability of 1/k at least.
    panel.set(xlim=(min(left), 1.02), ylim=(0, 1.1))
    panel.legend(loc="best", fontsize=SMALL)


def _draw_roc(panel: Any, curves: Sequence[tuple[Mapping[str, Any], str, Any, Any]]) -> None:
    from sklearn.metrics import roc_curve

    panel.plot([0, 1], [0, 1], color=GREY, linestyle="--")
    for row, title, positive, scores in curves:
        false, true, _ = roc_curve(positive, scores)
        panel.plot(false, true, **_look(row["label"]), label=f"{title}: AUC {row['roc_auc']:.3f}")
    part = _corner(row["roc_auc"] for row, *_ in curves)
    panel.set(xlim=(-0.01 * part, 1.01 * part), ylim=(1 - 1.01 * part, 1 + 0.02 * part))
    panel.set_title(_headed("ROC, one class against the rest 每类对其余", part))
    panel.set_xlabel("false positive rate, 1 - specificity 假阳性率")
    panel.set_ylabel("recall 召回率")


def _draw_precision_recall(
    panel: Any, curves: Sequence[tuple[Mapping[str, Any], str, Any, Any]]
) -> None:
    from sklearn.metrics import precision_recall_curve

    for row, title, positive, scores in curves:
        precision, recall, _ = precision_recall_curve(positive, scores)
        label = f"{title}: AP {row['average_precision']:.3f}"
        panel.plot(recall, precision, drawstyle="steps-post", **_look(row["label"]), label=label)
    part = _corner(row["average_precision"] for row, *_ in curves)
    panel.set(xlim=(-0.01, 1.01), ylim=(1 - 1.01 * part, 1 + 0.02 * part))
    panel.set_title(_headed("Precision and recall 精确率与召回率", part))
    panel.set_xlabel("recall 召回率")
    panel.set_ylabel("precision 精确率")


def _look(label: int) -> dict[str, Any]:
    return {
        "color": CLASS_COLOURS[label % len(CLASS_COLOURS)],
        "linestyle": _LINES[label // len(CLASS_COLOURS) % len(_LINES)],
    }


def _corner(areas: Iterable[float]) -> float:
    """The side of the corner that holds what there is to see of curves with these areas."""
    side = 3 * math.sqrt(1 - min(areas, default=0.0))
    return min(1.0, max(0.1, math.ceil(10 * side) / 10))


def _headed(title: str, part: float) -> str:
    return title if part == 1 else f"{title}\n(the corner with the curves 仅示曲线所在一角)"


def _draw_models(panel: Any, models: Mapping[str, Mapping[str, Any]]) -> None:
    colours = (BLUE, GREY, RED, *CLASS_COLOURS[1:])
    # Whole numbers are measures, and the models share the place around each.
    shifts = np.linspace(-0.25, 0.25, len(models)) if len(models) > 1 else [0.0]
    for place, (title, table) in enumerate(models.items()):
        colour = colours[place % len(colours)]
        said = f"{title} {_CHINESE.get(title, '')}".strip()
        for row, name in enumerate(_MEASURES):
            value, height = table[name], row + shifts[place]
            if value is None:
                continue
            low, high = table[f"{name}_interval"] or (value, value)
            # Percentiles need not enclose the value itself.
            spread = [[max(value - low, 0)], [max(high - value, 0)]]
            label = shortened(said, 60) if row == 0 else None
            panel.errorbar(
                value, height, xerr=spread, fmt="o", color=colour, capsize=3, label=label
            )
            _note(panel, f"{value:.3f}", (value, height), (0, 6), ha="center")
    panel.set_yticks(range(len(_MEASURES)), _MEASURES.values())
    panel.set_ylim(len(_MEASURES) - 0.5, -0.6)
    for row in range(1, len(_MEASURES)):
        panel.axhline(row - 0.5, color="lightgrey", linewidth=0.8)
    ends = [end for table in models.values() for name in _MEASURES for end in _ends(table, name)]
    low = min(ends, default=0.0)
    panel.set_xlim(low - 0.06 * (1 - low) - 0.005, 1 + 0.06 * (1 - low) + 0.005)
    panel.set_title("Measures with 95% interval 指标及 95% 区间", fontsize=LARGE)
    panel.legend(loc="upper center", bbox_to_anchor=(0.5, -0.04), frameon=False)


def _ends(table: Mapping[str, Any], name: str) -> list[float]:
    value = table[name]
    return [] if value is None else [value, *(table[f"{name}_interval"] or ())]


def _note(
    panel: Any, text: str, at: tuple[float, float], off: tuple[float, float], **how: Any
) -> None:
    panel.annotate(text, at, xytext=off, textcoords="offset points", fontsize=8, **how)
