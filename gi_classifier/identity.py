"""What long work depends on, and what differs where it is begun again.

In: two tables of plain values, ready for JSON. Out: nothing, or an error that names what differs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gi_classifier.errors import OutputExistsError


def check_same_work(path: Path | None, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Raise where what a stopped command left is of other work.

    Parameters
    ----------
    path : Path or None
        What it left.
    before, now : mapping
        All that the work depends on, then and now; of tables, each entry is compared by itself.

    Raises
    ------
    OutputExistsError
        With all that differs.
    """
    if found := differences(before, now):
        raise OutputExistsError(
            f"{path} is what a stopped command left, and that was begun with something else than "
            "is given now. Give that command again, or begin anew with restart (--restart). What "
            "differs:",
            found,
        )


def differences(before: Mapping[str, Any], now: Mapping[str, Any], called: str = "") -> list[str]:
    """What differs between two tables, entry by entry."""
    found = []
    for name in dict.fromkeys([*before, *now]):
        old, new = before.get(name), now.get(name)
        if old == new:
            continue
        if isinstance(old, dict) and isinstance(new, dict):
            found += differences(old, new, f"{called}{name}: ")
        else:
            found.append(f"{called}{name}: {json.dumps(old)} then, {json.dumps(new)} now")
    return found
