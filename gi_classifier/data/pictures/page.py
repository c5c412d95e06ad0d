"""A page that was read from a picture: its text, and where each character of it stands.

Boxes are four corners (x, y) in the picture's pixels, from where the line begins, clockwise as it
is read: of an upright line top left, top right, bottom right, bottom left.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from gi_classifier.data.cells import text_problem

# Why a page without text has no answer.
NO_TEXT = "no text was found on it"
Corner = tuple[float, float]
Box = tuple[Corner, Corner, Corner, Corner]


class Character(NamedTuple):
    """A character of a line, where it stands, and how surely it was read (0…1)."""

    text: str
    box: Box
    confidence: float


class Line(NamedTuple):
    """A line of a page; its characters are those of ``text`` less white space."""

    text: str
    box: Box
    characters: tuple[Character, ...]

    @property
    def confidence(self) -> float:
        """The mean of its characters'."""
        return mean_confidence(self.characters)


class Picture(NamedTuple):
    """A page as pixels (height, width, 3), RGB; ``layer`` holds the lines of a PDF's own text."""

    pixels: np.ndarray
    name: str
    number: int
    of: int
    notes: tuple[str, ...] = ()
    layer: tuple[Line, ...] | None = None


class Correction(NamedTuple):
    """A slip of the recogniser that a dictionary made certain; ``start`` is in the page's text."""

    start: int
    read: str
    corrected: str


class Quality(NamedTuple):
    """How good a picture is to read.

    Attributes
    ----------
    sharpness : float
        The 99th percentile of the gradient's size, 0…1, of the picture scaled to 1,000 pixels at
        most: edges of printed letters are steep, blurred ones are not.
    contrast : float
        Between the 5th and the 95th percentile of brightness, 0…1.
    brightness : float
        The median, 0…1.
    ink : float
        Share of the picture that is darker than its surroundings.
    """

    sharpness: float
    contrast: float
    brightness: float
    ink: float


@dataclass(frozen=True, eq=False)
class Page:
    """A page, read.

    Attributes
    ----------
    text : str
        All lines in reading order; lines that were only wrapped are joined.
    characters : tuple of (Character or None)
        Of every character of ``text``; None where it is white space that joins lines or words.
    lines : tuple of Line
        In reading order.
    orientation : int
        Degrees, 0, 90, 180 or 270, to turn the picture clockwise so that it stands upright.
    skew : float
        Degrees that its lines fall to the right beyond that.
    quality : Quality
    confidence : float
        The mean of its characters', 0…1; 0 without any.
    recognised : bool
        False where the text is a PDF's own.
    name : str
        Of the file, or "".
    number, of : int
        The page's number in the file, from 1, and how many it has.
    width, height : int
        Of the picture, in pixels.
    notes : tuple of str
        What a reader should know: of an animation the first picture was read, and the like.
    coverage : float
        Share of what looks like text on the picture that stands in its lines, 0…1.
    corrections : tuple of Correction
    seconds : mapping of str to float
        Of processor time, by step; this process's other threads count too.

    Examples
    --------
    >>> import io
    >>> from PIL import Image, ImageDraw, ImageFont
    >>> from gi_classifier import read_image
    >>> picture, file = Image.new("L", (600, 160), 255), io.BytesIO()
    >>> ImageDraw.Draw(picture).text((40, 50), "ESOPHAGUS 12", font=ImageFont.load_default(48))
    >>> picture.save(file, "PNG")
    >>> page = read_image(file.getvalue())
    >>> page.orientation, page.characters[0].text, page.confidence > 0.8
    (0, 'E', True)
    """

    text: str = field(repr=False)
    characters: tuple[Character | None, ...] = field(repr=False)
    lines: tuple[Line, ...] = field(repr=False)
    orientation: int
    skew: float
    quality: Quality
    recognised: bool
    name: str
    number: int
    of: int
    width: int
    height: int
    notes: tuple[str, ...] = ()
    coverage: float = 1.0
    corrections: tuple[Correction, ...] = field(default=(), repr=False)
    seconds: Mapping[str, float] = field(default_factory=dict, repr=False)

    @property
    def confidence(self) -> float:
        """The mean of its characters'; 0 without any."""
        return mean_confidence([c for c in self.characters if c is not None])

    def place(self) -> dict[str, Any]:
        """What it is called, and how well it was read: columns of a table of pages."""
        corrected = ", ".join(f"{slip.read}→{slip.corrected}" for slip in self.corrections)
        return {
            "file": self.name,
            "page": self.number,
            "confidence": round(self.confidence, 4),
            "coverage": round(self.coverage, 4),
            "corrected": corrected,
        }


def page_problem(text: str) -> str | None:
    """Say why the text of a page has no answer: there is none, or it says as much."""
    return text_problem(text) if text else NO_TEXT


def mean_confidence(characters: tuple[Character, ...] | list[Character]) -> float:
    """The mean of some characters'; 0 without any."""
    return float(np.mean([c.confidence for c in characters])) if characters else 0.0
