"""The strongest parts of an explanation, as rows for people; the others in one row, summed."""

from __future__ import annotations

from collections.abc import Sequence

from gi_classifier.attribution.attribution import Span
from gi_classifier.display import shown

# Parts that a terminal shows of one record.
SHOWN = 12


def strongest(spans: Sequence[Span], most: int | None = SHOWN) -> list[tuple[str, str, str]]:
    """Score, start and text of parts, the strongest first.

    Parameters
    ----------
    spans : sequence of Span
        Of one record.
    most : int or None
        How many are shown; None for all. The last row sums the others, so that rows add up.
    """
    ordered = sorted(spans, key=lambda span: -abs(span.score))
    rows = [(f"{span.score:+8.3f}", str(span.start), shown(span.text)) for span in ordered[:most]]
    others = ordered[len(rows) :]
    if others:
        total = sum(span.score for span in others)
        rows.append((f"{total:+8.3f}", "", f"{len(others)} more, which the output and --json hold"))
    return rows
