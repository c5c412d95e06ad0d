"""The three labels, and the names that users see for them."""

from __future__ import annotations

from enum import IntEnum


class Label(IntEnum):
    """What a record describes.

    Attributes
    ----------
    NEITHER, UPPER, LOWER
        0, 1 and 2: neither tract, the upper GI tract, the lower GI tract.
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
