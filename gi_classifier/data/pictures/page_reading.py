"""A page, read from a picture: the steps from pixels to text in reading order.

In: a path, bytes, or a picture that was opened. Out: a
:class:`~gi_classifier.data.pictures.page.Page`. Nothing leaves the machine.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gi_classifier.data.pictures.page import Box, Character, Line, Page, Picture
from gi_classifier.data.pictures.page_coverage import coverage_note, coverage_of
from gi_classifier.data.pictures.page_quality import quality_of
from gi_classifier.data.pictures.page_text import text_of
from gi_classifier.data.pictures.picture_files import pictures_of
from gi_classifier.data.pictures.recogniser import ReadLine, Recogniser, recogniser
from gi_classifier.errors import InputError

# Pixels of the longer side from which lines are read, and in which they are looked for: finding
# is most of the work, and needs fewer.
_LONGEST_SIDE, _DETECTED = 1760, 1056
# Surer than this, a line is text; what stands in pictures and stamps is read less surely.
_LEAST_CONFIDENCE = 0.5
# A line so many times as long as high tells its direction; so many of them are looked at.
_LONG, _LOOKED_AT = 2.0, 12
# Below this confidence a page is read the other way up as well, and the better reading kept.
_POOR = 0.6


def read_image(source: str | Path | bytes, page: int | None = None) -> Page:
    """Read the text of a picture of a page, a scan, a photo or a PDF, on this machine alone.

    Parameters
    ----------
    source : str, Path or bytes
        A file, or what stands in one: PNG, JPEG, TIFF, BMP, GIF, WebP, AVIF, JPEG 2000 or PDF.
    page : int, optional
        Which page of several, from 1.

    Returns
    -------
    Page
        Its text is "" where there is none.

    Raises
    ------
    InputError
        It has several pages and none was named, or no such page.
    RecordsError
        It is no picture that can be read, encrypted, damaged or too large.
    MissingPathError
        There is no such file.
    MissingExtraError
        The extra ``ocr`` is not installed.

    Examples
    --------
    >>> import io
    >>> from PIL import Image, ImageDraw, ImageFont
    >>> from gi_classifier import read_image
    >>> picture, file = Image.new("L", (600, 160), 255), io.BytesIO()
    >>> ImageDraw.Draw(picture).text((40, 50), "ESOPHAGUS 12", font=ImageFont.load_default(48))
    >>> picture.save(file, "PNG")
    >>> read_image(file.getvalue()).text
    'ESOPHAGUS 12'
    """
    pages = 0
    for picture in pictures_of(source):
        pages = picture.of
        if page is None and picture.of > 1:
            raise InputError(
                f"{picture.name} has {picture.of} pages. Name one, as in read_image(path, page=1), "
                "or read all with gi_classifier.data.pictures.page_reading.read_pages."
            )
        if page is None or picture.number == page:
            return read_picture(picture)
    raise InputError(f"There is no page {page!r}: it has {pages}, counted from 1.")


def read_pages(source: str | Path | bytes) -> Iterator[Page]:
    """Read every page of a file; see :func:`read_image`."""
    return map(read_picture, pictures_of(source))


def read_picture(picture: Picture, *, threads: int | None = None) -> Page:
    """Read a picture that was opened; a PDF's own text, where it has one, in its own order."""
    began = time.process_time()
    seconds: dict[str, float] = {}
    quality = quality_of(picture.pixels)
    seconds["quality"] = time.process_time() - began
    notes = picture.notes
    if picture.layer is None:
        found = _recognised(picture.pixels, seconds, threads)
        if found.poor:
            notes = (*notes, f"{found.poor} lines that could hardly be read are left out")
    else:
        found = _Recognised(list(picture.layer), 0, 0.0, 0)
    read = time.process_time()
    coverage = coverage_of(picture.pixels, found.lines)
    seconds["coverage"] = time.process_time() - read
    if said := coverage_note(coverage):
        notes = (*notes, said)
    height, width = picture.pixels.shape[:2]
    text, characters, corrections = text_of(
        found.lines, found.turn - found.skew, paper=None if picture.layer is None else width
    )
    seconds["all"] = time.process_time() - began
    return Page(
        text=text,
        characters=characters,
        lines=tuple(found.lines),
        orientation=found.turn,
        skew=round(found.skew, 2),
        quality=quality,
        recognised=picture.layer is None,
        name=picture.name,
        number=picture.number,
        of=picture.of,
        width=width,
        height=height,
        notes=notes,
        coverage=coverage,
        corrections=corrections,
        seconds={step: round(spent, 4) for step, spent in seconds.items()},
    )


class _Recognised(NamedTuple):
    """The lines of a picture, the turn that makes it upright, its skew, and lines left out."""

    lines: list[Line]
    turn: int
    skew: float
    poor: int


def _recognised(pixels: np.ndarray, seconds: dict[str, float], threads: int | None) -> _Recognised:
    small, scale = scaled(pixels, _LONGEST_SIDE)
    began = time.process_time()
    reader = recogniser(threads)
    opened = time.process_time()
    smaller, further = scaled(small, _DETECTED)
    corners = from_top_left(reader.lines(smaller) / further)
    found = time.process_time()
    turn, upside = turn_of(reader, small, corners)
    quads = turned_corners(corners, turn)
    directed = time.process_time()
    read = reader.read([crop(small, quad) for quad in quads])
    if quads.size and _confidence(read) < _POOR and abs(upside) < _LOOKED_AT / 2:
        # The direction was a guess.
        other = (turn + 180) % 360
        other_quads = turned_corners(corners, other)
        again = reader.read([crop(small, quad) for quad in other_quads])
        if _confidence(again) > _confidence(read):
            turn, quads, read = other, other_quads, again
    ended = time.process_time()
    seconds |= {
        "open": opened - began,
        "detect": found - opened,
        "direction": directed - found,
        "recognise": ended - directed,
    }
    lines = [
        line_of(quad / scale, each)
        for quad, each in zip(quads, read, strict=True)
        if each.text.strip()
    ]
    kept = [line for line in lines if line.confidence >= _LEAST_CONFIDENCE]
    return _Recognised(kept, turn, skew_of(quads, turn), len(lines) - len(kept))


def scaled(pixels: np.ndarray, longest: int) -> tuple[np.ndarray, float]:
    """The picture, no side longer, and how many of its pixels are one of the given."""
    import cv2

    height, width = pixels.shape[:2]
    scale = min(1.0, longest / max(height, width))
    if scale == 1.0:
        return pixels, 1.0
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), scale


def from_top_left(corners: np.ndarray) -> np.ndarray:
    """The same corners (n, 4, 2), clockwise, each from the one behind which a side runs right.

    The detector begins a line that is slanted and runs down at another corner the longer it is.
    """
    sides = np.roll(corners, -1, axis=1) - corners
    lengths = np.linalg.norm(sides, axis=2)
    first = (sides[:, :, 0] / np.where(lengths > 0, lengths, 1.0)).argmax(axis=1)
    order = (first[:, None] + np.arange(4)) % 4
    return np.take_along_axis(corners, order[:, :, None], axis=1)


def turn_of(reader: Recogniser, pixels: np.ndarray, corners: np.ndarray) -> tuple[int, float]:
    """Degrees to turn a picture clockwise so that its lines are upright, and how sure that is.

    Lines higher than wide run down or up; which end is their beginning, a network votes on.
    """
    if not len(corners):
        return 0, 0.0
    wide, high = _sizes(corners)
    long = np.maximum(wide, high) > _LONG * np.minimum(wide, high)
    chosen = np.flatnonzero(long) if long.any() else np.arange(len(corners))
    vertical = high[chosen].sum() > wide[chosen].sum()
    along = (high > wide) if vertical else (wide >= high)
    chosen = chosen[along[chosen]]
    # The longest, whose beginnings, which the network looks at, are surely text.
    longest = chosen[np.argsort(-np.maximum(wide, high)[chosen])][:_LOOKED_AT]
    turn = 270 if vertical else 0
    crops = [crop(pixels, quad) for quad in turned_corners(corners[longest], turn)]
    upside = reader.upside_down(crops)
    return ((turn + 180) % 360 if upside > 0 else turn), upside


def turned_corners(corners: np.ndarray, turn: int) -> np.ndarray:
    """Corners (n, 4, 2) in the picture's order, from where lines begin once it is turned."""
    # Turned by 90° clockwise, the bottom left corner becomes the top left.
    return np.roll(corners, {0: 0, 90: 1, 180: 2, 270: 3}[turn], axis=1)


def _sizes(corners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    sides = np.linalg.norm(np.roll(corners, -1, axis=1) - corners, axis=2)
    return np.maximum(sides[:, 0], sides[:, 2]), np.maximum(sides[:, 1], sides[:, 3])


def crop(pixels: np.ndarray, quad: np.ndarray) -> np.ndarray:
    """The part of a picture inside four corners, upright."""
    import cv2

    wide, high = (max(2, round(float(size[0]))) for size in _sizes(quad[None]))
    target = np.array([[0, 0], [wide, 0], [wide, high], [0, high]], dtype=np.float32)
    matrix = cv2.getPerspectiveTransform(quad.astype(np.float32), target)
    return np.asarray(
        cv2.warpPerspective(
            pixels,
            matrix,
            (wide, high),
            flags=cv2.INTER_CUBIC,
            borderMode=cv2.BORDER_REPLICATE,
        )
    )


def skew_of(quads: np.ndarray, turn: int) -> float:
    """Degrees that lines fall to the right, once the picture is turned: the median."""
    if not len(quads):
        return 0.0
    along = quads[:, 1] - quads[:, 0]
    angle = np.degrees(np.arctan2(along[:, 1], along[:, 0])) + turn
    return float(np.median((angle + 180) % 360 - 180))


def _confidence(read: Sequence[ReadLine]) -> float:
    found = [c for line in read for c in line.confidences]
    return float(np.mean(found)) if found else 0.0


def line_of(quad: np.ndarray, read: ReadLine) -> Line:
    """A line with the box of each character: from halfway to the one before it, to the next."""
    places = [place for place in read.places if place is not None]
    pairs = zip(read.text, read.confidences, strict=True)
    shown = [(c, confidence) for c, confidence in pairs if not c.isspace()]
    halves = [(a + b) / 2 for a, b in itertools.pairwise(places)]
    # A character at a gap is not as wide as the gap.
    half = (float(np.median(np.diff(places))) if len(places) > 1 else 1.0) * 0.6
    starts = [max(at - half, edge) for at, edge in zip(places, [0.0, *halves], strict=True)]
    ends = [min(at + half, edge) for at, edge in zip(places, [*halves, 1.0], strict=True)]
    characters = tuple(
        Character(c, _part(quad, start, end), float(confidence))
        for (c, confidence), start, end in zip(shown, starts, ends, strict=True)
    )
    return Line(read.text.strip(), _part(quad, 0.0, 1.0), characters)


def _part(quad: np.ndarray, start: float, end: float) -> Box:
    top, bottom = quad[1] - quad[0], quad[2] - quad[3]
    corners = (
        quad[0] + top * start,
        quad[0] + top * end,
        quad[3] + bottom * end,
        quad[3] + bottom * start,
    )
    one, two, three, four = ((float(x), float(y)) for x, y in corners)
    return one, two, three, four
