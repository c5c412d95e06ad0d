"""The picture of a comparison of models, as PNG.

In: what :func:`gi_classifier.evaluation.comparison_table.tabulate` returned, plain dicts and lists.
Out: bytes.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gi_classifier.plots.fonts import drawable
from gi_classifier.plots.style import CLASS_COLOURS, LARGE, PLAIN, SMALL, canvas, png, shortened

_FEATURES = {
    "tfidf": (CLASS_COLOURS[1], "character TF-IDF 字符 TF-IDF"),
    "embedding": (CLASS_COLOURS[2], "frozen embeddings 冻结向量"),
    "text": (CLASS_COLOURS[0], "the text itself 原文"),
}
# Width of a line below the panels, in characters of English; one of Chinese counts as two.
_LINE = 190


def compare_figure(table: Mapping[str, Any]) -> bytes:
    """Draw F1 of every model with its interval, by score and by group.

    Parameters
    ----------
    table : mapping
        ``models`` by falling F1, each with ``title``, ``family``, ``family_title``, ``features``,
        ``f1`` and ``f1_interval``; ``label``, ``classes`` (``label``, ``name``), ``folds`` and
        ``verdicts`` (``text``, ``text_zh``).

    Returns
    -------
    bytes
        A PNG, in a font with Chinese. The axis begins a little below the lowest figure.

    Raises
    ------
    MissingExtraError
        Matplotlib, seaborn or the font is not installed.
    """
    models = table["models"]
    figure = canvas(15, max(5, 2.4 + 0.25 * len(models)))
    from matplotlib.patches import Patch

    scores, groups = figure.subplots(1, 2, width_ratios=[3, 2])
    _draw_scores(scores, models)
    scores.set_title("by score 按得分", fontsize=LARGE, loc="left")
    _draw_groups(groups, models)
    groups.set_title("by group 按模型组", fontsize=LARGE, loc="left")
    which = "macro-F1 宏平均" if table["label"] is None else f"F1 of label 标签 {_name(table)}"
    low = min(
        0.98, *(row["f1"] - spread for row, spread in zip(models, _spread(models)[0], strict=True))
    )
    room = 1 - low
    for panel in (scores, groups):
        panel.set_xlabel(f"{which}; {table['folds']} folds 折\n95% interval 区间", fontsize=PLAIN)
        panel.spines[["top", "right"]].set_visible(False)
        panel.grid(axis="x", alpha=0.3)
        panel.set_xlim(max(low - 0.05 * room, -0.01), 1 + 0.02 * room)
    # Figures stand right of the intervals.
    scores.set_xlim(right=1 + 0.12 * room)
    used = {row["features"] for row in models}
    patches = [
        Patch(color=colour, label=title)
        for kind, (colour, title) in _FEATURES.items()
        if kind in used
    ]
    figure.legend(handles=patches, loc="outside upper center", ncols=3, frameon=False)
    lines = [
        _wrapped(drawable(part[name])) for part in table["verdicts"] for name in ("text", "text_zh")
    ]
    if lines:
        figure.supxlabel("\n".join(lines), fontsize=PLAIN, x=0.01, ha="left", linespacing=1.5)
    return png(figure)


def _name(table: Mapping[str, Any]) -> str:
    names = {part["label"]: part["name"] for part in table["classes"]}
    return shortened(names[table["label"]])


def _wrapped(text: str) -> str:
    """Break a text into lines: English between words, Chinese anywhere."""
    lines, width = [""], 0
    for piece in re.findall(r"[\u2e80-\uffff]|[^\s\u2e80-\uffff]+\s*|\s+", text):
        wide = sum(1 + (character >= "\u2e80") for character in piece)
        if width + wide > _LINE:
            lines, width = [*lines, ""], 0
        lines[-1] += piece
        width += wide
    return "\n".join(line.strip() for line in lines)


def _spread(models: Sequence[Mapping[str, Any]]) -> np.ndarray:
    """Lengths of the error bars (2, models); percentiles need not enclose the value itself."""
    values = np.array([row["f1"] for row in models])
    bounds = np.array([row["f1_interval"] or (row["f1"], row["f1"]) for row in models])
    return np.maximum([values - bounds[:, 0], bounds[:, 1] - values], 0)


def _draw_scores(panel: Any, models: Sequence[Mapping[str, Any]]) -> None:
    spread = _spread(models)
    for place, row in enumerate(models):
        low, high = spread[:, place]
        colour = _FEATURES[row["features"]][0]
        panel.errorbar(
            row["f1"], place, xerr=[[low], [high]], fmt="o", markersize=5, color=colour, capsize=2
        )
        panel.annotate(
            f"{row['f1']:.3f}",
            (row["f1"] + high, place),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            fontsize=SMALL,
        )
    panel.set_yticks(range(len(models)), [shortened(row["title"], 40) for row in models])
    panel.tick_params(axis="y", labelsize=SMALL)
    panel.set_ylim(len(models) - 0.4, -0.6)


def _draw_groups(panel: Any, models: Sequence[Mapping[str, Any]]) -> None:
    # By falling F1, so that the group of the best comes first.
    families = dict.fromkeys(row["family"] for row in models)
    titles = {row["family"]: textwrap.fill(row["family_title"], 22) for row in models}
    places = {family: place for place, family in enumerate(families)}
    apart = 0.2 if len({row["features"] for row in models} - {"text"}) > 1 else 0.0
    shifts = {"tfidf": -apart, "embedding": apart, "text": 0.0}
    for row in models:
        panel.errorbar(
            row["f1"],
            places[row["family"]] + shifts[row["features"]],
            xerr=_spread([row]),
            fmt="o",
            color=_FEATURES[row["features"]][0],
        )
    panel.set_yticks(range(len(places)), [titles[family] for family in places])
    panel.tick_params(axis="y", labelsize=SMALL)
    panel.set_ylim(len(places) - 0.4, -0.6)
    for place in range(1, len(places)):
        panel.axhline(place - 0.5, color="lightgrey", linewidth=0.8)
