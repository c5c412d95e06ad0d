"""The picture of a first look at the data, as PNG.

In: an :class:`~gi_classifier.evaluation.inspection.Inspection`. Out: bytes. Matplotlib and seaborn
are the extra ``plots``, imported only when something is drawn.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gi_classifier.evaluation.inspection import Inspection
from gi_classifier.plots.fonts import cjk_font, drawable
from gi_classifier.plots.style import CLASS_COLOURS, check_plots, png

# Shapes tell classes apart where colours run out or are not seen.
_MARKERS = "os^DvP*X<>"
_LOOKS = len(CLASS_COLOURS) * len(_MARKERS)
_LONGEST_NAME = 24
# A longer key would cover the map.
_MOST_KEYS = 12
# Dots beyond it only cover each other.
_MOST_DOTS = 10_000
_FLAGGED = "#d55e00"


def inspection_figure(found: Inspection) -> bytes:
    """Draw records by label, their lengths and, where there are embeddings, a map of them.

    Parameters
    ----------
    found : Inspection
        Of a file above 10,000 records, the map shows so many, evenly drawn, and all that are
        flagged.

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

    texts = {"font": FontProperties(fname=cjk_font(), size=10), "parse_math": False}
    layout = [["counts"], ["lengths"]]
    if found.projection is not None:
        layout = [["counts", "map", "map"], ["lengths", "map", "map"]]
    width = 14 if found.projection is not None else 5.5
    parts = _parts(found)
    figure = Figure(figsize=(width, max(8, 0.5 * len(parts))), layout="constrained")
    panels: dict[str, Any] = figure.subplot_mosaic(layout)
    _draw_counts(panels["counts"], parts, texts)
    _draw_lengths(panels["lengths"], found, parts, texts)
    if found.projection is not None:
        _draw_map(panels["map"], found, found.projection, parts, texts)
    return png(figure)


def _parts(found: Inspection) -> list[tuple[str, np.ndarray, str, str]]:
    """Name, rows (n,), colour and marker of each label; of all records where there are none."""
    if found.labels is None:
        everything = np.ones(len(found.lengths), dtype=bool)
        return [("no labels 无标签", everything, CLASS_COLOURS[0], _MARKERS[0])]
    parts: list[tuple[str, np.ndarray, str, str]] = []
    for row in found.table["labels"]:
        label, name = row["label"], row["name"]
        title = name if name == str(label) else f"{label} {name}"
        title = title if len(title) <= _LONGEST_NAME else title[: _LONGEST_NAME - 1] + "…"
        # A label keeps its colour in every picture, as far as numbers go.
        place = label if found.table["labels"][-1]["label"] < _LOOKS else len(parts)
        colour = CLASS_COLOURS[place % len(CLASS_COLOURS)]
        marker = _MARKERS[place // len(CLASS_COLOURS) % len(_MARKERS)]
        parts.append((drawable(title), found.labels == label, colour, marker))
    return parts


def _draw_counts(panel: Any, parts: list[Any], texts: dict[str, Any]) -> None:
    import seaborn

    numbers = [int(rows.sum()) for _, rows, _, _ in parts]
    places = np.arange(len(parts))
    bars = panel.barh(places, numbers, color=[colour for _, _, colour, _ in parts])
    panel.bar_label(bars, [f"{n:,} ({n / sum(numbers):.1%})" for n in numbers], padding=3)
    panel.set_yticks(places, [name for name, *_ in parts], **texts)
    panel.invert_yaxis()
    panel.set_xticks([])
    panel.margins(x=0.45)
    panel.set_title("Records by label 各标签的记录数", loc="left", **texts)
    seaborn.despine(ax=panel, bottom=True)


def _draw_lengths(panel: Any, found: Inspection, parts: list[Any], texts: dict[str, Any]) -> None:
    import seaborn

    low, high = found.lengths.min(), found.lengths.max()
    # Lengths are whole numbers, spread over three orders of magnitude.
    edges = np.unique(np.round(np.geomspace(low, high + 1, 30))) - 0.5
    for name, rows, colour, _ in parts:
        shares = np.histogram(found.lengths[rows], edges)[0] / max(rows.sum(), 1)
        panel.stairs(shares, edges, color=colour, linewidth=2, label=name)
    if high >= 10 * low:
        panel.set_xscale("log")
    else:
        panel.xaxis.get_major_locator().set_params(integer=True)
    panel.xaxis.set_major_formatter("{x:g}")
    panel.yaxis.set_major_formatter(lambda share, _: f"{100 * share:.3g}%")
    panel.set_xlabel("characters 字数", **texts)
    panel.set_ylabel("share of the label's records 占该标签的比例", **texts)
    panel.set_title("Lengths 文本长度", loc="left", **texts)
    seaborn.despine(ax=panel)


def _draw_map(
    panel: Any,
    found: Inspection,
    points: np.ndarray,
    parts: list[Any],
    texts: dict[str, Any],
) -> None:
    import seaborn
    from matplotlib.lines import Line2D

    count = len(points)
    chosen = np.zeros(count, dtype=bool)
    chosen[np.linspace(0, count - 1, min(count, _MOST_DOTS)).astype(int)] = True
    size = float(np.clip(4000 / count, 5, 40))
    key = []
    colours, markers = np.empty(count, dtype=object), np.empty(count, dtype=object)
    for name, rows, colour, marker in parts:
        colours[rows], markers[rows] = colour, marker
        key.append(Line2D([], [], color=colour, marker=marker, linestyle="", label=name))
    # All labels' dots in one shuffled order, or the last label would hide the others.
    order = np.random.default_rng(found.table["seed"]).permutation(np.flatnonzero(chosen))
    for marker in dict.fromkeys(markers):
        rows = order[markers[order] == marker]
        panel.scatter(
            *points[rows].T, s=size, c=list(colours[rows]), marker=marker, alpha=0.6, linewidths=0
        )
    if found.flagged.any():
        flagged = np.flatnonzero(found.flagged)
        panel.scatter(
            *points[flagged].T,
            s=3 * size + 12,
            c=list(colours[flagged]),
            marker="o",
            edgecolors=_FLAGGED,
            linewidths=1.2,
        )
        title = f"probable label error 疑似标签错误 ({len(flagged):,})"
        ring = Line2D(
            [], [], color=_FLAGGED, marker="o", markerfacecolor="none", linestyle="", label=title
        )
        key.append(ring)
    first, second = found.table["explained_variance"]
    panel.set_xlabel(f"first principal component 第一主成分 ({first:.0%})", **texts)
    panel.set_ylabel(f"second principal component 第二主成分 ({second:.0%})", **texts)
    shown = f", {int(chosen.sum()):,} of {count:,} shown" if not chosen.all() else ""
    panel.set_title(f"Map of the embeddings 嵌入的主成分图{shown}", loc="left", **texts)
    panel.set(xticks=[], yticks=[])
    panel.margins(0.05)
    if len(key) <= _MOST_KEYS:
        for entry in panel.legend(handles=key, prop=texts["font"], loc="best").get_texts():
            entry.set_parse_math(False)
    seaborn.despine(ax=panel)
