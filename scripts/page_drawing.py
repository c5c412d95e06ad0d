"""Words drawn as a page, in ten layouts, at 150 dots per inch; and pictures of no document.

In: words and a layout's name. Out: pixels and the text in reading order.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from page_words import Words

A4 = (1240, 1754)
_NOTO, _TRUE = "/usr/share/fonts/opentype/noto", "/usr/share/fonts/truetype"
FONTS = {
    "sans": f"{_NOTO}/NotoSansCJK-Regular.ttc",
    "bold": f"{_NOTO}/NotoSansCJK-Bold.ttc",
    "serif": f"{_NOTO}/NotoSerifCJK-Regular.ttc",
    "heavy": f"{_NOTO}/NotoSerifCJK-Bold.ttc",
    "zenhei": f"{_TRUE}/wqy/wqy-zenhei.ttc",
    "microhei": f"{_TRUE}/wqy/wqy-microhei.ttc",
    "song": f"{_TRUE}/arphic/uming.ttc",
    "kai": f"{_TRUE}/arphic/ukai.ttc",
}
# The simplified Chinese face of a collection.
_FACES = {"sans": 2, "bold": 2, "serif": 2, "heavy": 2}
BLACK, GREY, BLUE, RED = (20, 20, 20), (110, 110, 110), (30, 60, 140), (190, 30, 40)


class Painted(NamedTuple):
    """A page: pixels, and what is printed on it."""

    pixels: np.ndarray
    text: str


@lru_cache(maxsize=64)
def font(name: str, size: int) -> Any:
    """A font at a size in pixels."""
    from PIL import ImageFont

    return ImageFont.truetype(FONTS[name], size, index=_FACES.get(name, 0))


class Sheet:
    """A page under the pen: what is written is kept in order."""

    def __init__(self, size: tuple[int, int] = A4, paper: tuple[int, int, int] = (255, 255, 255)):
        from PIL import Image, ImageDraw

        self.image = Image.new("RGB", size, paper)
        self.pen = ImageDraw.Draw(self.image)
        self.size = size
        self.written: list[str] = []

    def write(
        self,
        x: float,
        y: float,
        text: str,
        face: str = "sans",
        size: int = 26,
        ink: tuple[int, int, int] = BLACK,
        anchor: str = "la",
    ) -> None:
        """Write one line."""
        self.pen.text((x, y), text, font=font(face, size), fill=ink, anchor=anchor)
        self.written.append(text)

    def paragraph(
        self,
        x: float,
        y: float,
        text: str,
        width: float,
        face: str = "sans",
        size: int = 26,
        spacing: float = 1.55,
        indent: float = 0.0,
    ) -> float:
        """Write a text on lines of a width; returns where the next may begin."""
        lines, line, room = [], "", width - indent
        for character in text:
            if (
                font(face, size).getlength(line + character) > room
                and character not in "，。；、）"
            ):
                lines.append(line)
                line, room = "", width
            line += character
        for number, part in enumerate([*lines, line]):
            shift = 0.0 if number else indent
            self.pen.text((x + shift, y), part, font=font(face, size), fill=BLACK, anchor="la")
            y += size * spacing
        self.written.append(text)
        return y

    def rule(self, y: float, left: float, right: float, width: int = 2) -> None:
        """Draw a line across."""
        self.pen.line((left, y, right, y), fill=BLACK, width=width)

    def frame(self, box: tuple[float, float, float, float], width: int = 2) -> None:
        """Draw a rectangle."""
        self.pen.rectangle(box, outline=BLACK, width=width)

    def picture(self, box: tuple[int, int, int, int], random: np.random.Generator) -> None:
        """Paste what an endoscope might show: reddish, round, dark at the rim."""
        from PIL import Image

        self.image.paste(Image.fromarray(endoscopic(box[2] - box[0], box[3] - box[1], random)), box)

    def fields(
        self, words: Words, x: float, y: float, columns: int, step: float, face: str, size: int = 24
    ) -> float:
        """Write fields side by side; names in the hand of ``kai``."""
        for number, (name, value) in enumerate(words.fields):
            across, down = number % columns, number // columns
            left, top = x + across * step, y + down * size * 1.8
            self.pen.text((left, top), f"{name}：", font=font(face, size), fill=BLACK)
            after = left + font(face, size).getlength(f"{name}：")
            hand = "kai" if name == "姓名" else face
            self.pen.text((after, top), value, font=font(hand, size), fill=BLACK)
            self.written.append(f"{name}：{value}")
        return y + ((len(words.fields) - 1) // columns + 1) * size * 1.8

    def table(self, words: Words, x: float, y: float, width: float, face: str) -> float:
        """Write rows of a laboratory, framed."""
        step = width / 5
        for row in (("项目", "缩写", "结果", "单位", "参考值"), *words.table):
            for column, cell in enumerate(row):
                self.write(x + column * step, y, cell, face, 22)
            y += 40
            self.rule(y - 6, x, x + width, 1)
        return y + 10

    def done(self) -> Painted:
        """The page."""
        return Painted(np.array(self.image), "\n".join(self.written))


def endoscopic(width: int, height: int, random: np.random.Generator) -> np.ndarray:
    """A smooth reddish picture, dark at the rim."""
    import cv2

    noise = random.normal(size=(6, 6, 3)).astype(np.float32)
    soft = cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    rim = np.clip(1.25 - np.hypot(x, y), 0, 1)[..., None]
    base = np.array([205, 105, 80]) + 28 * soft
    return np.asarray(np.clip(base * rim**0.7, 0, 255), dtype=np.uint8)


def _his_print(words: Words, random: np.random.Generator) -> Painted:
    sheet = Sheet()
    sheet.write(620, 90, words.hospital, "zenhei", 34, anchor="ma")
    sheet.write(620, 145, words.title, "zenhei", 40, anchor="ma")
    sheet.rule(215, 90, 1150)
    y = sheet.fields(words, 100, 235, 3, 350, "zenhei") + 5
    sheet.rule(y, 90, 1150)
    y = _sections(sheet, words, 100, y + 30, 1040, "zenhei")
    return _signed(sheet, words, 100, max(y + 60, 1560), "zenhei")


def _framed(words: Words, random: np.random.Generator) -> Painted:
    """Two columns: the report on the left, the endoscope's pictures on the right."""
    sheet = Sheet()
    sheet.write(620, 70, words.hospital, "bold", 36, BLUE, "ma")
    sheet.write(620, 130, words.title, "bold", 32, anchor="ma")
    y = sheet.fields(words, 80, 200, 3, 380, "sans") + 10
    sheet.rule(y, 70, 1170, 3)
    top = y + 30
    below = _sections(sheet, words, 80, top, 640, "sans")
    for number in range(4):
        left, upper = 770, int(top + number * 285)
        if words.kind in ("gastroscopy", "colonoscopy"):
            sheet.picture((left, upper, left + 360, upper + 240), random)
        else:
            sheet.frame((left, upper, left + 360, upper + 240))
        sheet.write(left + 180, upper + 246, f"图{number + 1}", "sans", 20, GREY, "ma")
    return _signed(sheet, words, 80, max(below + 60, 1600), "sans")


def _dot_matrix(words: Words, random: np.random.Generator) -> Painted:
    sheet = Sheet((1240, 1400), (250, 252, 246))
    for bar in range(0, 1400, 120):
        sheet.pen.rectangle((0, bar, 1240, bar + 59), fill=(236, 245, 232))
    sheet.write(120, 80, f"{words.hospital}    {words.title}", "microhei", 30)
    sheet.write(120, 130, "-" * 60, "microhei", 24)
    sheet.written.pop()
    y = sheet.fields(words, 120, 165, 3, 330, "microhei")
    y = _sections(sheet, words, 120, y + 20, 1000, "microhei", size=25)
    painted = _signed(sheet, words, 120, max(y + 40, 1250), "microhei")
    pixels = painted.pixels.copy()
    # Pins leave gaps between their rows and columns.
    ink = pixels.min(axis=2) < 128
    ink[::3] = ink[:, ::4] = True
    gaps = (pixels.min(axis=2) < 160) & np.isin(np.arange(1400) % 4, [0])[:, None]
    pixels[gaps] = np.clip(pixels[gaps].astype(int) + 110, 0, 235)
    return Painted(pixels, painted.text)


def _table_form(words: Words, random: np.random.Generator) -> Painted:
    sheet = Sheet()
    sheet.write(620, 80, f"{words.hospital}{words.title}", "heavy", 34, anchor="ma")
    left, right, y = 80.0, 1160.0, 160.0
    for pair in (words.fields[:3], words.fields[3:]):
        for number, (name, value) in enumerate(pair):
            x = left + number * 360
            sheet.frame((x, y, x + 120, y + 56))
            sheet.frame((x + 120, y, x + 360, y + 56))
            sheet.write(x + 60, y + 14, name, "serif", 24, anchor="ma")
            sheet.write(x + 140, y + 14, value, "kai" if name == "姓名" else "serif", 24)
        y += 56
    for heading, text in words.sections:
        sheet.write(left + 20, y + 20, heading, "heavy", 24)
        end = sheet.paragraph(left + 160, y + 20, text, right - left - 190, "serif", 25) + 90
        sheet.frame((left, y, left + 140, end))
        sheet.frame((left + 140, y, right, end))
        y = end
    if words.table:
        y = sheet.table(words, left + 20, y + 20, right - left - 40, "serif")
    sheet.frame((left, 160, right, max(y, 1500)), 3)
    return _signed(sheet, words, left + 20, max(y, 1500) + 30, "serif")


def _letter(words: Words, random: np.random.Generator) -> Painted:
    sheet = Sheet(paper=(255, 254, 250))
    sheet.write(620, 150, words.title, "song", 46, anchor="ma")
    sheet.rule(230, 150, 1090, 4)
    sheet.rule(240, 150, 1090, 1)
    y = sheet.fields(words, 160, 280, 2, 480, "song", 28)
    for heading, text in words.sections:
        sheet.write(160, y + 30, heading, "song", 28)
        y = sheet.paragraph(160, y + 85, text, 920, "song", 28, 1.8, 56)
    if words.table:
        y = sheet.table(words, 160, y + 30, 920, "song")
    sheet.write(1080, max(y + 120, 1450), words.hospital, "song", 28, anchor="ra")
    return _signed(sheet, words, 640, max(y + 180, 1510), "song")


def _kai_form(words: Words, random: np.random.Generator) -> Painted:
    sheet = Sheet((1240, 1600))
    sheet.write(90, 80, words.title, "kai", 44)
    sheet.write(1150, 95, words.hospital, "kai", 26, anchor="ra")
    y = sheet.fields(words, 100, 180, 2, 520, "kai", 28)
    for _ in range(9):
        sheet.rule(y + 20, 90, 1150, 1)
        y += 3
    y = _sections(sheet, words, 100, y + 40, 1040, "kai", size=30)
    return _signed(sheet, words, 100, max(y + 60, 1450), "kai")


def _strip(words: Words, random: np.random.Generator) -> Painted:
    """A strip of pictures under the title."""
    sheet = Sheet()
    sheet.pen.rectangle((0, 0, 1240, 120), fill=(225, 234, 246))
    sheet.write(60, 38, words.hospital, "microhei", 30, BLUE)
    sheet.write(1180, 34, words.title, "microhei", 36, BLUE, "ra")
    y = sheet.fields(words, 60, 145, 6, 195, "microhei", 19)
    for number in range(4):
        left = 60 + number * 285
        if words.kind in ("gastroscopy", "colonoscopy", "pathology"):
            sheet.picture((left, int(y) + 15, left + 260, int(y) + 225), random)
    y = _sections(sheet, words, 60, y + 255, 1120, "microhei", size=24)
    return _signed(sheet, words, 60, max(y + 60, 1640), "microhei")


def _receipt(words: Words, random: np.random.Generator) -> Painted:
    """A5, on its side."""
    sheet = Sheet((1240, 874))
    sheet.write(620, 40, words.hospital, "serif", 26, anchor="ma")
    sheet.write(620, 78, words.title, "heavy", 32, anchor="ma")
    y = sheet.fields(words, 50, 135, 6, 195, "serif", 19)
    y = _sections(sheet, words, 50, y + 15, 1140, "serif", size=22)
    return _signed(sheet, words, 50, max(y + 20, 815), "serif", 20)


def _boxed(words: Words, random: np.random.Generator) -> Painted:
    sheet = Sheet()
    sheet.write(90, 70, words.hospital, "sans", 24, GREY)
    sheet.write(90, 110, words.title, "bold", 42)
    y = sheet.fields(words, 90, 190, 3, 360, "sans") + 20
    for heading, text in words.sections:
        sheet.pen.rectangle((80, y, 1160, y + 48), fill=(214, 228, 220))
        sheet.write(100, y + 8, heading, "bold", 24)
        end = sheet.paragraph(100, y + 70, text, 1030) + 30
        sheet.pen.rounded_rectangle((80, y, 1160, end), 12, outline=(120, 150, 130), width=2)
        y = end + 30
    if words.table:
        y = sheet.table(words, 90, y, 1060, "sans")
    return _signed(sheet, words, 90, max(y + 40, 1600), "sans")


def _logo(words: Words, random: np.random.Generator) -> Painted:
    """A round mark, lines of address, the title far down."""
    sheet = Sheet()
    sheet.pen.ellipse((90, 70, 230, 210), outline=BLUE, width=8)
    sheet.pen.line((160, 95, 160, 185), fill=BLUE, width=14)
    sheet.pen.line((115, 140, 205, 140), fill=BLUE, width=14)
    sheet.write(260, 90, words.hospital, "song", 38)
    sheet.write(260, 150, "地址：人民路88号  电话：0000-1234567", "song", 22, GREY)
    sheet.write(620, 300, words.title, "zenhei", 38, anchor="ma")
    y = sheet.fields(words, 130, 390, 2, 500, "song", 27)
    y = _sections(sheet, words, 130, y + 30, 980, "song", size=28)
    return _signed(sheet, words, 130, max(y + 80, 1600), "song")


_LAYOUTS: dict[str, Callable[[Words, np.random.Generator], Painted]] = {
    "his_print": _his_print,
    "framed": _framed,
    "dot_matrix": _dot_matrix,
    "table_form": _table_form,
    "letter": _letter,
    "kai_form": _kai_form,
    "strip": _strip,
    "receipt": _receipt,
    "boxed": _boxed,
    "logo": _logo,
}


def layouts() -> tuple[str, ...]:
    """The names of the layouts."""
    return tuple(_LAYOUTS)


def draw_page(words: Words, layout: str, random: np.random.Generator) -> Painted:
    """Draw a page; where there are no words, a picture of something else."""
    if words.kind == "none":
        return Painted(_no_document(layout, random), "")
    return _LAYOUTS[layout](words, random)


def _sections(
    sheet: Sheet, words: Words, x: float, y: float, width: float, face: str, size: int = 26
) -> float:
    for heading, text in words.sections:
        sheet.write(x, y, f"{heading}：", face, size)
        y = sheet.paragraph(x, y + size * 1.6, text, width, face, size, 1.55, size * 2) + size
    return sheet.table(words, x, y, width, face) if words.table else y


def _signed(sheet: Sheet, words: Words, x: float, y: float, face: str, size: int = 24) -> Painted:
    sheet.pen.text((x, y), "报告医师：", font=font(face, size), fill=BLACK)
    after = x + font(face, size).getlength("报告医师：")
    sheet.pen.text((after, y), words.signed, font=font("kai", size), fill=BLUE)
    sheet.written.append(f"报告医师：{words.signed}")
    sheet.write(after + 220, y, f"日期：{words.date}", face, size)
    return sheet.done()


def _no_document(layout: str, random: np.random.Generator) -> np.ndarray:
    """What people send by mistake: a blank sheet, a table top, tiles, an endoscope's view."""
    import cv2

    width, height = A4 if random.integers(2) else (1400, 1050)
    which = layouts().index(layout) % 5
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    soft = cv2.resize(
        random.normal(size=(8, 8, 3)).astype(np.float32),
        (width, height),
        interpolation=cv2.INTER_CUBIC,
    )
    if which == 0:  # a blank sheet
        base = np.full((height, width, 3), 244.0) + 2 * soft
    elif which == 1:  # wood
        grain = np.sin(40 * y + 6 * soft[..., 0] + 25 * x)[..., None]
        base = np.array([150, 105, 65]) + 22 * grain + 8 * soft
    elif which == 2:  # something out of doors
        base = np.where((y > 0.55)[..., None], [95, 130, 70], [140, 175, 215]) + 30 * soft
    elif which == 3:  # tiles
        joint = (np.abs(np.sin(14 * x * np.pi)) < 0.06) | (np.abs(np.sin(14 * y * np.pi)) < 0.06)
        base = np.where(joint[..., None], 120.0, 205.0) + 6 * soft
    else:
        return endoscopic(width, height, random)
    noise = random.normal(0, 3, (height, width, 1))
    return np.asarray(np.clip(base + noise, 0, 255), dtype=np.uint8)
