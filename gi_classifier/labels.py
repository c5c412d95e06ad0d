"""The three labels, and the names that users see for them."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Any

from gi_classifier.errors import LabelError
from gi_classifier.option_checks import is_integer


class Label(IntEnum):
    """What a record describes.

    Attributes
    ----------
    NEITHER, UPPER, LOWER
        0, 1 and 2: neither tract, the upper GI tract, the lower GI tract.

    Examples
    --------
    >>> from gi_classifier import Label
    >>> Label(1).title, Label.LOWER.chinese, int(Label.NEITHER)
    ('upper 上消化道', '下消化道', 0)
    """

    NEITHER = 0
    UPPER = 1
    LOWER = 2

    @property
    def chinese(self) -> str:
        """The Chinese name: 均非, 上消化道 or 下消化道."""
        return ("均非", "上消化道", "下消化道")[self]

    @property
    def title(self) -> str:
        """Both names, as shown to users: ``upper 上消化道``."""
        return f"{self.name.lower()} {self.chinese}"


DEFAULT_NAMES: tuple[str, ...] = tuple(label.title for label in Label)


def names_for(num_classes: int, names: tuple[str, ...] | None) -> tuple[str, ...]:
    """Return one name for each class: the given ones, the default three, or the numbers."""
    if names is not None:
        return names
    return DEFAULT_NAMES if num_classes == len(Label) else tuple(map(str, range(num_classes)))


def label_number(given: Any, names: Sequence[str]) -> int:
    """The label that a number or a name, English or Chinese, stands for.

    Parameters
    ----------
    given : int or str
        ``1``, ``"1"``, ``"upper"``, ``"上消化道"`` or the whole name.
    names : sequence of str
        One for each label.

    Raises
    ------
    LabelError
        It stands for none, or for several; the message names what there is.
    """
    if is_integer(given):
        found = [int(given)] if 0 <= given < len(names) else []
    elif isinstance(given, str):
        wanted = given.strip().casefold()
        spellings = [(name.casefold(), *name.casefold().split()) for name in names]
        found = [i for i in range(len(names)) if wanted == str(i)] or [
            i for i, spelling in enumerate(spellings) if wanted in spelling
        ]
    else:
        found = []
    if len(found) != 1:
        listed = ", ".join(f"{i} ({name})" for i, name in enumerate(names))
        raise LabelError(f"No such label; this model has {listed}. Received: {given!r}")
    return found[0]
