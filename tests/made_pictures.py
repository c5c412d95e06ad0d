"""Small pictures of pages for tests: a few printed lines in the font of the extra ``plots``."""

from __future__ import annotations

import io
from functools import cache
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from gi_classifier.plots.fonts import cjk_font

LINES = ("电子胃镜检查报告单", "胃窦黏膜充血水肿，见一溃疡", "十二指肠球部未见异常")


@cache
def printed(lines: tuple[str, ...] = LINES, size: int = 28, width: int = 560) -> Image.Image:
    """Lines of text on white."""
    image = Image.new("RGB", (width, 60 + 2 * size * len(lines)), "white")
    pen = ImageDraw.Draw(image)
    for number, line in enumerate(lines):
        font = ImageFont.truetype(str(cjk_font()), size)
        pen.text((40, 30 + 2 * size * number), line, font=font, fill="black")
    return image


def file_of(image: Image.Image, form: str = "PNG", **options: Any) -> bytes:
    """A picture as the bytes of a file."""
    content = io.BytesIO()
    image.save(content, form, **options)
    return content.getvalue()


def pdf(objects: list[bytes], trailer: bytes = b"") -> bytes:
    """A PDF of some objects, the first of them its catalogue."""
    found, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(found))
        found += b"%d 0 obj\n%b\nendobj\n" % (number, content)
    start = len(found)
    found += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    found += b"".join(b"%010d 00000 n \n" % place for place in places)
    return found + b"trailer\n<</Size %d/Root 1 0 R%b>>\nstartxref\n%d\n%%%%EOF" % (
        len(objects) + 1,
        trailer,
        start,
    )


def pdf_with_text(*pages: str, packed: bool = True) -> bytes:
    """A PDF whose pages hold their text, line by line; a tab parts a row's cells."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_pdf import PdfPages
    from matplotlib.figure import Figure
    from matplotlib.font_manager import FontProperties

    content = io.BytesIO()
    font = FontProperties(fname=str(cjk_font()))
    options = {"pdf.fonttype": 42, "pdf.compression": 6 if packed else 0}
    with rc_context(options), PdfPages(content) as file:
        for text in pages:
            figure = Figure(figsize=(6, 4))
            for number, line in enumerate(text.splitlines()):
                for place, cell in enumerate(line.split("\t")):
                    height = 0.9 - 0.07 * number
                    figure.text(0.1 + 0.45 * place, height, cell, fontproperties=font)
            file.savefig(figure)
    return content.getvalue()
