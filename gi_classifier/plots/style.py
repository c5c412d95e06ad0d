"""What all pictures share: the labels' colours, the check for the extra, and PNG as bytes."""

from __future__ import annotations

import importlib.util
import io
from typing import TYPE_CHECKING, Any

from gi_classifier.errors import MissingExtraError

if TYPE_CHECKING:
    pass

# Of Okabe and Ito, which a colour-blind reader can tell apart, but not the orange and the blue
# that mean for and against in a heatmap; grey for the first class.
CLASS_COLOURS = ("#8c8c8c", "#009e73", "#cc79a7", "#b8a900", "#000000")


def check_plots() -> None:
    """Raise where nothing can be drawn, before any work is done.

    Raises
    ------
    MissingExtraError
        With the command that installs what is missing.
    """
    missing = [
        name for name in ("matplotlib", "seaborn", "zhplot") if not importlib.util.find_spec(name)
    ]
    if missing:
        raise MissingExtraError(
            f"A picture needs {' and '.join(missing)}. "
            "Install with: pip install 'gi_classifier[plots]'"
        )


def png(figure: Any) -> bytes:
    """A matplotlib figure as the bytes of a PNG."""
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=110)
    return content.getvalue()
