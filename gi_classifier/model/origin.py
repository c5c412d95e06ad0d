"""Where a written file comes from: library version, model and settings, beside or inside it.

In: a model directory and the settings of the work. Out: a dict ready for JSON.
"""

from __future__ import annotations

from typing import Any

from gi_classifier._version import __version__
from gi_classifier.model.directory import ModelDirectory

# Of the file in a directory of results, and the end of one beside a file.
ORIGIN_FILE = "origin.json"


def origin(directory: ModelDirectory | None = None, **settings: Any) -> dict[str, Any]:
    """Say what a file was made with.

    Parameters
    ----------
    directory : ModelDirectory, optional
        The model that was used, where one was.
    **settings
        What the work was set to, of anything that JSON holds.

    Returns
    -------
    dict
        ``library`` (name and version), ``model`` (sha256 of its weights, or None) and
        ``settings``.
    """
    return {
        "library": f"gi_classifier {__version__}",
        "model": directory and directory.digest,
        "settings": settings,
    }
