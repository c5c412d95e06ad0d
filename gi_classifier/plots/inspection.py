"""The picture of a first look at the data, as PNG.

In: a table of the labels and arrays (n, ...) of the records. Out: bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gi_classifier.plots.style import CLASS_COLOURS, RED, canvas, png, shortened

# Shapes tell classes apart where colours run out or are not seen.
_MARKERS = "os^DvP*X<>"
_LOOKS = len(CLASS_COLOURS) * len(_MARKERS)
# A longer key would cover the map.
_MOST_KEYS = 12
# Dots beyond it only cover each other.
_MOST_DOTS = 10_000
# Colours and shapes a label, beyond which they repeat.
Parts = Sequence[tuple[str, np.ndarray, str, str]]


def inspection_figure(
    lengths: np.ndarray,
    labels: np.ndarray | None = None,
    names: Mapping[int, str] | None = None,
    *,
    flagged: np.ndarray | None = None,
    projection: np.ndarray | None = None,
    explained_variance: Sequence[float] = (0.0, 0.0),
    seed: int = 0,
) -> bytes:
    """Draw records by label, their lengths and, where there are embeddings, a map of them.

    Parameters
    ----------
    lengths : ndarray of int, shape (n,)
        Characters of each record, 1 or more.
    labels : ndarray of int, shape (n,), optional
        Without, the records are drawn as one.
    names : mapping of int to str, optional
        Of each label; one without a name goes by its number.
    flagged : ndarray of bool, shape (n,), optional
        Probable label errors.
    projection : ndarray, shape (n, 2), optional
        Places on the map. Of more than 10,000 records it shows so many, evenly drawn, and all that
        are flagged.
    explained_variance : (float, float)
        Of the map's axes, 0…1.
    seed : int
        Shuffles the dots, so that no label hides the others.

    Returns
    -------
    bytes
        A PNG, in a font with Chinese.

    Raises
    ------
    MissingExtraError
        Matplotlib, seaborn or the font is not installed.
    """
    parts = _parts(lengths, labels, names or {})
    layout = [["counts"], ["lengths"]]
    if projection is not None:
        layout = [["counts", "map", "map"], ["lengths", "map", "map"]]
    figure = canvas(5.5 if projection is None else 14, max(8, 0.5 * len(parts)))
    panels: dict[str, Any] = figure.subplot_mosaic(layout)
    _draw_counts(panels["counts"], parts)
    _draw_lengths(panels["lengths"], lengths, parts)
    if projection is not None:
        shown = _shown(len(projection))
        none = np.zeros(len(projection), dtype=bool)
        marked = none if flagged is None else flagged
        _draw_map(panels["map"], projection, shown, marked, parts, seed)
        _describe_map(panels["map"], shown, explained_variance)
    return png(figure)


def _parts(lengths: np.ndarray, labels: np.ndarray | None, names: Mapping[int, str]) -> Parts:
    """Name, rows (n,), colour and marker of each label; of all records where there are none."""
    if labels is None:
        everything = np.ones(len(lengths), dtype=bool)
        return [("no labels 无标签", everything, CLASS_COLOURS[0], _MARKERS[0])]
    parts = []
    numbers = np.unique(labels).tolist()
    for order, label in enumerate(numbers):
        name = names.get(label, str(label))
        title = name if name == str(label) else f"{label} {name}"
        # A label keeps its colour in every picture, as far as numbers go.
        place = label if label >= 0 and numbers[-1] < _LOOKS else order
        colour = CLASS_COLOURS[place % len(CLASS_COLOURS)]
        marker = _MARKERS[place // len(CLASS_COLOURS) % len(_MARKERS)]
        parts.append((shortened(title), labels == label, colour, marker))
    return parts


def _draw_counts(panel: Any, parts: Parts) -> None:
    import seaborn

    numbers = [int(rows.sum()) for _, rows, _, _ in parts]
    places = np.arange(len(parts))
    bars = panel.barh(places, numbers, color=[colour for _, _, colour, _ in parts])
    panel.bar_label(bars, [f"{n:,} ({n / sum(numbers):.1%})" for n in numbers], padding=3)
    panel.set_yticks(places, [name for name, *_ in parts])
    panel.invert_yaxis()
    panel.set_xticks([])
    panel.margins(x=0.45)
    panel.set_title("Records by label 各标签的记录数", loc="left")
    seaborn.despine(ax=panel, bottom=True)


def _draw_lengths(panel: Any, lengths: np.ndarray, parts: Parts) -> None:
    import seaborn

    low, high = lengths.min(), lengths.max()
    # Lengths are whole numbers, spread over three orders of magnitude.
    edges = np.unique(np.round(np.geomspace(low, high + 1, 30))) - 0.5
    for name, rows, colour, _ in parts:
        shares = np.histogram(lengths[rows], edges)[0] / max(rows.sum(), 1)
        panel.stairs(shares, edges, color=colour, linewidth=2, label=name)
    if high >= 10 * low:
        panel.set_xscale("log")
    else:
        panel.xaxis.get_major_locator().set_params(integer=True)
    panel.xaxis.set_major_formatter("{x:g}")
    panel.yaxis.set_major_formatter(lambda share, _: f"{100 * share:.3g}%")
    panel.set_xlabel("characters 字数")
    panel.set_ylabel("share of the label's records 占该标签的比例")
    panel.set_title("Lengths 文本长度", loc="left")
    seaborn.despine(ax=panel)


def _shown(count: int) -> np.ndarray:
    """Which records are dots, evenly drawn: bool (n,)."""
    chosen = np.zeros(count, dtype=bool)
    chosen[np.linspace(0, count - 1, min(count, _MOST_DOTS)).astype(int)] = True
    return chosen


def _draw_map(
    panel: Any,
    points: np.ndarray,
    shown: np.ndarray,
    flagged: np.ndarray,
    parts: Parts,
    seed: int,
) -> None:
    from matplotlib.lines import Line2D

    size = float(np.clip(4000 / len(points), 5, 40))
    key = []
    colours, markers = (np.empty(len(points), dtype=object) for _ in range(2))
    for name, rows, colour, marker in parts:
        colours[rows], markers[rows] = colour, marker
        key.append(Line2D([], [], color=colour, marker=marker, linestyle="", label=name))
    # All labels' dots in one shuffled order, or the last label would hide the others.
    order = np.random.default_rng(seed).permutation(np.flatnonzero(shown))
    for marker in dict.fromkeys(markers):
        rows = order[markers[order] == marker]
        panel.scatter(
            *points[rows].T, s=size, c=list(colours[rows]), marker=marker, alpha=0.6, linewidths=0
        )
    if flagged.any():
        panel.scatter(
            *points[flagged].T,
            s=3 * size + 12,
            c=list(colours[flagged]),
            marker="o",
            edgecolors=RED,
            linewidths=1.2,
        )
        title = f"probable label error 疑似标签错误 ({int(flagged.sum()):,})"
        ring: dict[str, Any] = {"marker": "o", "markerfacecolor": "none", "linestyle": ""}
        key.append(Line2D([], [], color=RED, label=title, **ring))
    if len(key) <= _MOST_KEYS:
        panel.legend(handles=key, loc="best")


def _describe_map(panel: Any, shown: np.ndarray, variance: Sequence[float]) -> None:
    import seaborn

    first, second = variance
    panel.set_xlabel(f"first principal component 第一主成分 ({first:.0%})")
    panel.set_ylabel(f"second principal component 第二主成分 ({second:.0%})")
    count = f"; {int(shown.sum()):,} of {len(shown):,} shown 图中 {int(shown.sum()):,} 条"
    which = "" if shown.all() else count
    panel.set_title(f"Map of the embeddings 嵌入的主成分图{which}", loc="left")
    panel.set(xticks=[], yticks=[])
    panel.margins(0.05)
    seaborn.despine(ax=panel)
