"""Pages of reports and forms, drawn: the same number gives the same page.

In: ``data/test.csv`` (records that no model was trained on) and fonts of Debian packages
(``fonts-noto-cjk fonts-wqy-zenhei fonts-wqy-microhei fonts-arphic-ukai fonts-arphic-uming``). Out:
PNG and JPEG files, and ``pages.csv``: of each its kind, layout, level of damage, label and text.
"""

from __future__ import annotations

import argparse
import csv
import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from page_damage import LEVELS, damaged
from page_drawing import FONTS, draw_page, layouts
from page_words import KINDS, words_of

from gi_classifier.data.writers import write_results

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Drawn:
    """A page that was drawn.

    Attributes
    ----------
    number : int
    kind, layout, level : str
    label : int or None
        Of the record on it: 1 upper, 2 lower, 0 neither; None where there is no document.
    text : str
        What is printed on it, in reading order.
    body : str
        The part of it that is the record.
    pixels : ndarray of uint8, shape (height, width, 3)
    """

    number: int
    kind: str
    layout: str
    level: str
    label: int | None
    text: str
    body: str
    pixels: np.ndarray


@cache
def records() -> list[dict[str, str]]:
    """Rows of the test split."""
    with (ROOT / "data" / "test.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def page(number: int, level: str | None = None) -> Drawn:
    """Draw a page: kinds take turns, then layouts, then levels, so that all meet."""
    names = list(layouts())
    kind = KINDS[number % len(KINDS)]
    layout = names[number // len(KINDS) % len(names)]
    level = level or LEVELS[number // (len(KINDS) * len(names)) % len(LEVELS)]
    random = np.random.default_rng(zlib.crc32(f"page {number}".encode()))
    words = words_of(kind, layout, records(), random)
    drawn = draw_page(words, layout, random)
    pixels = damaged(drawn.pixels, level, random)
    return Drawn(number, kind, layout, level, words.label, drawn.text, words.body, pixels)


def encoded(drawn: Drawn) -> tuple[str, bytes]:
    """A page as a file: its name and its bytes, PNG when clean, else JPEG."""
    from PIL import Image

    content = io.BytesIO()
    image: Any = Image.fromarray(drawn.pixels)
    clean = drawn.level == "clean"
    options: dict[str, Any] = {"optimize": True} if clean else {"quality": 60}
    image = image.convert("L") if clean and drawn.layout != "framed" else image
    image.save(content, "PNG" if clean else "JPEG", **options)
    ending = "png" if clean else "jpg"
    name = f"{drawn.number:03d}-{drawn.kind}-{drawn.layout}-{drawn.level}.{ending}"
    return name, content.getvalue()


def write_pages(numbers: list[int], folder: Path, level: str | None = None) -> Iterator[Path]:
    """Write pages, and a table of what they are."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for number in numbers:
        drawn = page(number, level)
        name, content = encoded(drawn)
        (folder / name).write_bytes(content)
        yield folder / name
        rows.append(
            {
                "file": name,
                "kind": drawn.kind,
                "layout": drawn.layout,
                "level": drawn.level,
                "label": "" if drawn.label is None else drawn.label,
                "text": drawn.text,
            }
        )
    write_results(rows, folder / "pages.csv")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pages", type=int, default=300)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--level", choices=LEVELS, help="of all pages; else all levels in turn")
    parser.add_argument("--numbers", type=int, nargs="*", help="these pages alone")
    args = parser.parse_args()
    numbers = args.numbers or list(range(args.first, args.first + args.pages))
    missing = [path for path in FONTS.values() if not Path(path).is_file()]
    if missing:
        parser.error(f"fonts are missing: {', '.join(missing)}")
    for path in write_pages(numbers, args.folder, args.level):
        print(path)


if __name__ == "__main__":
    main()
