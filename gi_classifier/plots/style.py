"""What all pictures share: colours, the check for the extra, an empty picture, and PNG as bytes.

A picture is begun by :func:`canvas` and ended by :func:`png`, which sets every text in the font
with Chinese and none as a formula.
"""

from __future__ import annotations

import io
from typing import Any

from gi_classifier.extras import check_installed
from gi_classifier.plots.fonts import cjk_font, drawable

# Of Okabe and Ito, which a colour-blind reader can tell apart, but not the orange and the blue
# that mean for and against in a heatmap; grey for the first class.
CLASS_COLOURS = ("#8c8c8c", "#009e73", "#cc79a7", "#b8a900", "#000000")
# Theirs too, for what is no class: what others are compared with, what is shown, what stands out.
GREY, BLUE, RED, SKY = "#8c8c8c", "#0072b2", "#d55e00", "#56b4e9"
# Characters of a name in a picture; a longer one takes the room of what it names.
LONGEST_NAME = 24
# Point sizes of notes beside points, of axes and keys, and of titles.
SMALL, PLAIN, LARGE = 9, 10, 12


def check_plots() -> None:
    """Raise where nothing can be drawn, before any work is done.

    Raises
    ------
    MissingExtraError
        With the command that installs what is missing.
    """
    check_installed("A picture", ["matplotlib", "seaborn", "zhplot"], "plots")


def canvas(width: float, height: float) -> Any:
    """An empty matplotlib figure of so many inches, outside pyplot's state.

    Raises
    ------
    MissingExtraError
        Matplotlib, seaborn or the font is not installed.
    """
    check_plots()
    cjk_font()
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def shortened(name: str, longest: int = LONGEST_NAME) -> str:
    """A name as the font can draw it, cut where it is too long."""
    return drawable(name if len(name) <= longest else name[: longest - 1] + "…")


def png(figure: Any) -> bytes:
    """A matplotlib figure as the bytes of a PNG, its texts in the font with Chinese."""
    _set_texts(figure)
    # Laid out, it may have further ticks.
    figure.draw_without_rendering()
    _set_texts(figure)
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=110)
    return content.getvalue()


def _set_texts(figure: Any) -> None:
    from matplotlib.text import Text

    for text in figure.findobj(Text):
        font = text.get_fontproperties().copy()
        font.set_file(str(cjk_font()))
        text.set_fontproperties(font)
        # A dollar sign in a name would begin a formula.
        text.set_parse_math(False)
