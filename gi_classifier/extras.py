"""Says which optional packages are missing, and the command that installs them.

In: names of packages and of the extra that brings them. Out: nothing, or an error.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence

from gi_classifier.errors import MissingExtraError


def check_installed(what: str, packages: Sequence[str], extra: str) -> None:
    """Raise where an optional package is missing, before any work is done.

    Parameters
    ----------
    what : str
        What needs them: the error's first words.
    packages : sequence of str
        As they are imported.
    extra : str
        Of ``setup.cfg``.

    Raises
    ------
    MissingExtraError
        With each that is missing, and the command that installs them.
    """
    missing = [name for name in packages if not importlib.util.find_spec(name)]
    if missing:
        raise MissingExtraError(
            f"{what} needs {' and '.join(missing)}. "
            f"Install with: pip install 'gi_classifier[{extra}]'"
        )
