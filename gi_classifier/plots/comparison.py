"""The picture of the rivals' table, as PNG.

In: what :func:`gi_classifier.evaluation.comparison_table.tabulate` returned. Out: bytes.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gi_classifier.evaluation.comparison_models import FAMILIES
from gi_classifier.plots.fonts import cjk_font, drawable
from gi_classifier.plots.style import CLASS_COLOURS, check_plots, png

_FEATURES = {
    "tfidf": (CLASS_COLOURS[1], "character TF-IDF 字符 TF-IDF"),
    "embedding": (CLASS_COLOURS[2], "frozen embeddings 冻结向量"),
    "text": (CLASS_COLOURS[0], "the text itself 原文"),
}


def compare_figure(table: Mapping[str, Any]) -> bytes:
    """Draw F1 of every rival with its interval, by score and by group.

    Parameters
    ----------
    table : mapping
        What :func:`gi_classifier.evaluation.comparison_table.tabulate` returned.

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
    from matplotlib.patches import Patch

    small, plain, large = (FontProperties(fname=cjk_font(), size=size) for size in (9, 11, 13))
    models = table["models"]
    figure = Figure(figsize=(14, max(4.5, 1.8 + 0.25 * len(models))), layout="constrained")
    scores, groups = figure.subplots(1, 2, width_ratios=[3, 2])
    _draw_bars(scores, models, small)
    scores.set_title("by score 按得分", font=large, loc="left")
    _draw_groups(groups, models, small)
    groups.set_title("by group 按模型组", font=large, loc="left")
    which = "macro-F1 宏平均" if table["label"] is None else f"F1 of label 标签 {table['label']}"
    for panel in (scores, groups):
        panel.set_xlabel(f"{which}, {table['folds']} folds 折, 95% interval 区间", font=plain)
        panel.set_xlim(0, 1.08)
        panel.spines[["top", "right"]].set_visible(False)
    used = {row["features"] for row in models}
    patches = [
        Patch(color=colour, label=title)
        for kind, (colour, title) in _FEATURES.items()
        if kind in used
    ]
    figure.legend(handles=patches, prop=plain, loc="outside upper center", ncols=3, frameon=False)
    if table["verdicts"]:
        lines = (drawable(part[name]) for part in table["verdicts"] for name in ("text", "text_zh"))
        text = "\n".join(textwrap.fill(line, 130) for line in lines)
        figure.supxlabel(text, font=plain, x=0.01, ha="left", parse_math=False)
    return png(figure)


def _spread(models: Sequence[Mapping[str, Any]]) -> np.ndarray:
    """Lengths of the error bars (2, models); percentiles need not enclose the value itself."""
    values = np.array([row["f1"] for row in models])
    bounds = np.array([row["f1_interval"] or (row["f1"], row["f1"]) for row in models])
    return np.maximum([values - bounds[:, 0], bounds[:, 1] - values], 0)


def _draw_bars(panel: Any, models: Sequence[Mapping[str, Any]], font: Any) -> None:
    places, values = np.arange(len(models)), [row["f1"] for row in models]
    spread = _spread(models)
    colours = [_FEATURES[row["features"]][0] for row in models]
    panel.barh(places, values, color=colours, height=0.75)
    panel.errorbar(values, places, xerr=spread, fmt="none", ecolor="black", capsize=2)
    for place, value, end in zip(places, values, values + spread[1], strict=True):
        panel.annotate(
            f"{value:.3f}", (end, place), xytext=(4, 0), textcoords="offset points", va="center"
        )
    panel.set_yticks(places, [row["title"] for row in models], font=font, parse_math=False)
    panel.set_ylim(len(models) - 0.4, -0.6)


def _draw_groups(panel: Any, models: Sequence[Mapping[str, Any]], font: Any) -> None:
    # By falling F1, so that the group of the best comes first.
    families = list(dict.fromkeys(row["family"] for row in models))
    shifts = dict(zip(_FEATURES, (-0.2, 0.2, 0.0), strict=True))
    for row in models:
        place = families.index(row["family"]) + shifts[row["features"]]
        low, high = _spread([row])
        panel.errorbar(
            row["f1"],
            place,
            xerr=[low, high],
            fmt="o",
            color=_FEATURES[row["features"]][0],
        )
    titles = [textwrap.fill(FAMILIES[family], 22) for family in families]
    panel.set_yticks(range(len(families)), titles, font=font)
    panel.set_ylim(len(families) - 0.4, -0.6)
    panel.hlines(np.arange(1, len(families)) - 0.5, 0, 1.08, color="lightgrey", linewidth=0.8)
    panel.grid(axis="x", alpha=0.3)
