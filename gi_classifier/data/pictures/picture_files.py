"""Files of pictures, opened: each page as pixels, upright as its camera says, on white.

In: a path, or a file's bytes: PNG, JPEG, TIFF, BMP, GIF, WebP, AVIF, JPEG 2000, or a PDF. Out:
pictures as arrays (height, width, 3) of uint8, RGB. Sizes are checked before anything is decoded.
"""

from __future__ import annotations

import io
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from gi_classifier.data.pictures.page import Picture
from gi_classifier.data.pictures.pdf_pages import pdf_pages
from gi_classifier.errors import GIClassifierError, InputError, MissingPathError, RecordsError
from gi_classifier.extras import check_installed

ENDINGS = (
    ".png .jpg .jpeg .jpe .jfif .tif .tiff .bmp .gif .webp .avif .jp2 .j2k .ppm .pgm .pdf".split()
)
# What Pillow may try: no format that runs a program or reads another file.
_FORMATS = "PNG JPEG MPO TIFF BMP GIF WEBP AVIF JPEG2000 PPM".split()
# A3 at 600 dots per inch has 70 million.
MOST_PIXELS = 100_000_000
# What Pillow raises where a file is not what it says.
_DAMAGES = (
    *(OSError, SyntaxError, ValueError, TypeError, EOFError, OverflowError, KeyError),
    *(IndexError, RuntimeError, struct.error),
)
_REMEDY = "Save it as PNG, JPEG, TIFF or PDF."


def check_ocr() -> None:
    """Raise where pictures cannot be read, before any work is done.

    Raises
    ------
    MissingExtraError
        With the command that installs what is missing.
    """
    check_installed("Reading pictures", ["rapidocr", "pypdfium2", "PIL"], "ocr")


def listed(path: Path) -> list[Path]:
    """A file itself; of a folder the pictures and PDFs in it and in its folders, by name.

    Raises
    ------
    MissingPathError
        Nothing is there.
    RecordsError
        The folder holds no such file.
    """
    if not path.exists():
        raise MissingPathError(f"There is no {path} to read. Name a picture, a PDF or a folder.")
    if not path.is_dir():
        return [path]
    found = sorted(
        each
        for each in path.rglob("*")
        if each.suffix.lower() in ENDINGS and not each.name.startswith(".") and each.is_file()
    )
    if not found:
        raise RecordsError(f"{path} holds no picture and no PDF ({', '.join(ENDINGS)}).")
    return found


def pictures_of(source: str | Path | bytes) -> Iterator[Picture]:
    """The pages of a file, one after the other.

    Parameters
    ----------
    source : str, Path or bytes
        A file, or what stands in one.

    Raises
    ------
    MissingPathError
        There is no such file.
    RecordsError
        It is no picture that can be read: of another format, damaged, encrypted, or too large.
    InputError
        ``source`` is no path and no bytes.
    MissingExtraError
        The extra ``ocr`` is not installed.
    """
    check_ocr()
    if isinstance(source, bytes):
        name, start = "the picture", source[:1024]
    elif isinstance(source, str | Path):
        source = Path(source)
        name = str(source)
        if source.is_dir():
            raise RecordsError(f"{name} is a folder. Name the pictures in it.")
        if not source.is_file():
            raise MissingPathError(f"There is no file {name}.")
        with _readable(name), source.open("rb") as file:
            start = file.read(1024)
    else:
        raise InputError(
            f"A picture is a path or a file's bytes. Received: {type(source).__name__}"
        )
    if not start:
        raise RecordsError(f"{name} is empty.")
    if b"%PDF-" in start:
        yield from pdf_pages(source, name)
    else:
        yield from _frames(source, name)


def _frames(source: Path | bytes, name: str) -> Iterator[Picture]:
    from PIL import Image

    file: Any = io.BytesIO(source) if isinstance(source, bytes) else source
    Image.init()
    with _readable(name):
        # One that was built without a format does not know its name.
        opened = Image.open(file, formats=[known for known in _FORMATS if known in Image.OPEN])
    with opened:
        with _readable(name):
            frames = int(getattr(opened, "n_frames", 1))
        pages = frames if opened.format == "TIFF" else 1
        notes = (f"of its {frames} pictures the first was read",) if pages < frames else ()
        for number in range(pages):
            with _readable(name):
                opened.seek(number)
                width, height = opened.size
                if width * height > MOST_PIXELS:
                    raise _too_large(name, width, height)
                pixels = _pixels(opened)
            yield Picture(pixels, name, number + 1, pages, notes)
            del pixels


@contextmanager
def _readable(name: str) -> Iterator[None]:
    """Say of errors that a picture's file causes which file it was."""
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            # Our bounds are checked; damaged metadata is no reason to refuse a picture.
            warnings.simplefilter("ignore")
            yield
    except UnidentifiedImageError:
        raise RecordsError(f"{name} is no picture that can be read. {_REMEDY}") from None
    except Image.DecompressionBombError as error:
        raise RecordsError(
            f"{name} has more than {MOST_PIXELS:,} pixels, too many for a page; it was not "
            "decoded. Scan at 600 dots per inch at most."
        ) from error
    except PermissionError as error:
        raise RecordsError(f"{name} may not be read: {error.strerror}.") from error
    except _DAMAGES as error:
        if isinstance(error, GIClassifierError):
            raise
        reason = " ".join(str(error).split())[:120]
        raise RecordsError(f"{name} is damaged or cut off ({reason}). {_REMEDY}") from error


def _too_large(name: str, width: int, height: int) -> RecordsError:
    return RecordsError(
        f"{name} has {width:,} × {height:,} pixels, more than {MOST_PIXELS:,}; it was not decoded. "
        "Scan at 600 dots per inch at most."
    )


def _turn(opened: Any) -> Any:
    """What makes a loaded picture upright as its camera says; None where nothing does."""
    from PIL import ExifTags, Image

    try:
        said = opened.getexif().get(ExifTags.Base.Orientation)
    except _DAMAGES:
        # Damaged metadata is no reason to refuse a picture.
        return None
    flip = Image.Transpose
    turns = (
        *(None, None, flip.FLIP_LEFT_RIGHT, flip.ROTATE_180, flip.FLIP_TOP_BOTTOM),
        *(flip.TRANSPOSE, flip.ROTATE_270, flip.TRANSVERSE, flip.ROTATE_90),
    )
    return turns[said] if isinstance(said, int) and 0 <= said < len(turns) else None


def _pixels(opened: Any) -> np.ndarray:
    """RGB on white, upright; 16 bits and floats are scaled to 8."""
    from PIL import Image

    # A TIFF is turned when it is loaded, and metadata of a PNG may be read by loading it.
    opened.load()
    turn = _turn(opened)
    image = opened if turn is None else opened.transpose(turn)
    if image.mode in ("I;16", "I;16B", "I;16L", "I", "F"):
        grey = np.asarray(image, dtype=np.float32)
        # 16 bits are often used up to 4,095 or so alone.
        low, high = float(grey.min()), float(grey.max())
        scaled = (grey - low) * (255 / (high - low)) if high > low else np.full_like(grey, 255)
        return np.repeat(scaled.astype(np.uint8)[:, :, None], 3, axis=2)
    if image.mode in ("LA", "PA", "RGBA", "RGBa", "La") or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, (255, 255, 255, 255))
        image = Image.alpha_composite(white, image)
    return np.array(image.convert("RGB"))
