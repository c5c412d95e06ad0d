"""Pictures of an evaluation and of keywords, as PNG.

In: an account, the labels (n,) and the first model's probabilities (n, classes); or a keyword
table. Out: bytes. Matplotlib and seaborn are the extra ``plots``, imported only when something is
drawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gi_classifier.evaluation.evaluation_report import titles

if TYPE_CHECKING:
    pass
from gi_classifier.plots.style import check_plots, png

# Beyond it, numbers in cells and names of curves hide what they stand in.
_MOST_CLASSES = 12
_LONGEST_NAME = 24


def evaluation_figure(
    table: Mapping[str, Any], labels: np.ndarray, probabilities: np.ndarray
) -> bytes:
    """Draw confusion, reliability, ROC and precision-recall curves, and macro-F1 of all models.

    Parameters
    ----------
    table : mapping
        What :func:`gi_classifier.evaluation.evaluation_report.account` returned.
    labels : ndarray of int, shape (n,)
    probabilities : ndarray, shape (n, classes)
        Of the account's first model.

    Returns
    -------
    bytes
        A PNG. Classes are shown by number and what of their names is ASCII, since a font with
        Chinese may not be installed.

    Raises
    ------
    MissingExtraError
        Matplotlib or seaborn is not installed.
    """
    check_plots()
    from matplotlib.figure import Figure

    figure = Figure(figsize=(15, 9), layout="constrained")
    panels: dict[str, Any] = figure.subplot_mosaic(
        [["confusion", "reliability", "models"], ["roc", "pr", "models"]]
    )
    names = [plain_name(label, name) for label, name in enumerate(table["labels"])]
    first = table[titles(table)[0]]
    _draw_confusion(panels["confusion"], first["confusion"], names)
    _draw_reliability(panels["reliability"], first)
    _draw_curves(panels["roc"], panels["pr"], first, names, labels, probabilities)
    _draw_models(panels["models"], table)
    return png(figure)


def plain_name(label: int, name: str) -> str:
    """Number of a class, and the words of its name that any font can show."""
    words = " ".join(word for word in name.split() if word.isascii() and word.isprintable())
    if words in ("", str(label)):
        return str(label)
    # A dollar sign would begin a formula.
    return f"{label} {words[:_LONGEST_NAME]}".replace("$", r"\$")


def _draw_confusion(panel: Any, confusion: Sequence[Sequence[int]], names: Sequence[str]) -> None:
    import seaborn

    matrix = np.array(confusion)
    # Colour is the share of the true class, so that a rare class shows as well.
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    options = {"vmin": 0, "vmax": 1, "cmap": "Blues", "square": True, "ax": panel}
    if len(names) <= _MOST_CLASSES:
        options |= {"annot": matrix, "fmt": "d"}
    seaborn.heatmap(
        shares, xticklabels=names, yticklabels=names, cbar_kws={"label": "share of row"}, **options
    )
    panel.set(title="Confusion (number of records)", xlabel="predicted", ylabel="truth")


def _draw_reliability(panel: Any, model: Mapping[str, Any]) -> None:
    rows = model["reliability"]
    left, right = (np.array([row[name] for row in rows]) for name in ("above", "up_to"))
    accuracy, confidence = (
        np.array([row[name] for row in rows]) for name in ("accuracy", "confidence")
    )
    panel.plot([0, 1], [0, 1], color="grey", linestyle="--", label="calibrated")
    panel.bar(
        left,
        accuracy,
        width=right - left,
        align="edge",
        alpha=0.4,
        edgecolor="white",
        label="accuracy in the bin",
    )
    panel.plot(confidence, accuracy, "o-", color="tab:red", label="at its mean probability")
    for x, y, row in zip(confidence, accuracy, rows, strict=True):
        panel.annotate(
            f"{row['records']:,}",
            (x, y),
            xytext=(0, 6),
            textcoords="offset points",
            ha="center",
            fontsize=7,
        )
    error = model["expected_calibration_error"]
    panel.set(
        title=f"Reliability (calibration error {error:.3f}; numbers: records)",
        xlabel="probability of the predicted label",
        ylabel="share that is right",
        xlim=(0, 1),
        ylim=(0, 1.08),
    )
    panel.legend(loc="upper left", fontsize=8)


def _draw_curves(
    roc: Any,
    precision_recall: Any,
    model: Mapping[str, Any],
    names: Sequence[str],
    labels: np.ndarray,
    probabilities: np.ndarray,
) -> None:
    from sklearn.metrics import precision_recall_curve, roc_curve

    for row, name in zip(model["classes"], names, strict=True):
        if row["roc_auc"] is None:
            continue
        positive, scores = labels == row["label"], probabilities[:, row["label"]]
        false, true, _ = roc_curve(positive, scores)
        roc.plot(false, true, label=f"{name}: AUC {row['roc_auc']:.3f}")
        precision, recall, _ = precision_recall_curve(positive, scores)
        precision_recall.plot(
            recall,
            precision,
            drawstyle="steps-post",
            label=f"{name}: AP {row['average_precision']:.3f}",
        )
    roc.plot([0, 1], [0, 1], color="grey", linestyle="--")
    roc.set(title="ROC, one class against the rest", xlabel="1 - specificity", ylabel="recall")
    precision_recall.set(
        title="Precision and recall, one class against the rest",
        xlabel="recall",
        ylabel="precision",
        ylim=(0, 1.05),
    )
    if len(names) <= _MOST_CLASSES:
        for panel in (roc, precision_recall):
            if panel.get_legend_handles_labels()[1]:
                panel.legend(loc="lower right" if panel is roc else "lower left", fontsize=8)


def _draw_models(panel: Any, table: Mapping[str, Any]) -> None:
    models = titles(table)
    values = np.array([table[title]["macro_f1"] for title in models])
    bounds = np.array([table[title]["macro_f1_interval"] for title in models])
    places = np.arange(len(models))
    panel.bar(places, values, width=0.6, alpha=0.4)
    # Percentiles need not enclose the value itself.
    spread = np.maximum([values - bounds[:, 0], bounds[:, 1] - values], 0)
    panel.errorbar(places, values, spread, fmt="o", color="tab:red", capsize=6)
    for place, value, top in zip(places, values, values + spread[1], strict=True):
        panel.annotate(
            f"{value:.3f}", (place, top), xytext=(0, 5), textcoords="offset points", ha="center"
        )
    panel.set_xticks(places, [title.replace(" + ", " +\n") for title in models])
    panel.set(title="Macro-F1, bootstrap 95% interval", ylim=(0, 1.08))
