"""What happens to a page on its way: three levels, from the printer to a bad photo.

In: pixels of a clean page. Out: pixels as a scanner or a phone gives them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

LEVELS = ("clean", "scan", "photo")


def damaged(pixels: np.ndarray, level: str, random: np.random.Generator) -> np.ndarray:
    """A page at a level: "clean", "scan" (an office's scanner) or "photo" (a bad one)."""
    if level == "clean":
        return pixels
    if level == "scan":
        pixels = _stamped(pixels, random) if random.random() < 0.5 else pixels
        pixels = _turned(pixels, float(random.uniform(-3, 3)), (250, 250, 248))
        pixels = _blurred(pixels, float(random.uniform(0.3, 0.9)))
        pixels = _noisy(pixels, float(random.uniform(2, 7)), random)
        pixels = _quarter(pixels, random, 0.15)
        return _through_jpeg(pixels, int(random.integers(45, 80)))
    pixels = _stamped(pixels, random) if random.random() < 0.7 else pixels
    pixels = _folded(pixels, random)
    pixels = _turned(pixels, float(random.uniform(-10, 10)), (96, 84, 70))
    pixels = _seen_aslant(pixels, random)
    pixels = _shadowed(pixels, random)
    pixels = _blurred(pixels, float(random.uniform(0.8, 2.0)))
    pixels = _noisy(pixels, float(random.uniform(6, 16)), random)
    pixels = _quarter(pixels, random, 0.25)
    return _through_jpeg(pixels, int(random.integers(25, 55)))


def _cv2() -> Any:
    import cv2

    return cv2


def _turned(pixels: np.ndarray, degrees: float, around: tuple[int, int, int]) -> np.ndarray:
    cv2 = _cv2()
    height, width = pixels.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    cosine, sine = abs(matrix[0, 0]), abs(matrix[0, 1])
    size = int(height * sine + width * cosine), int(height * cosine + width * sine)
    matrix[:, 2] += (size[0] - width) / 2, (size[1] - height) / 2
    return np.asarray(cv2.warpAffine(pixels, matrix, size, borderValue=around))


def _quarter(pixels: np.ndarray, random: np.random.Generator, share: float) -> np.ndarray:
    """By 90°, 180° or 270°, a share of pages."""
    turns = int(random.integers(1, 4)) if random.random() < share else 0
    return np.ascontiguousarray(np.rot90(pixels, turns))


def _seen_aslant(pixels: np.ndarray, random: np.random.Generator) -> np.ndarray:
    cv2 = _cv2()
    height, width = pixels.shape[:2]
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float32)
    inward = (
        random.uniform(0.0, 0.06, (4, 2)) * [width, height] * [[1, 1], [-1, 1], [-1, -1], [1, -1]]
    )
    matrix = cv2.getPerspectiveTransform(corners, (corners + inward).astype(np.float32))
    return np.asarray(
        cv2.warpPerspective(pixels, matrix, (width, height), borderValue=(96, 84, 70))
    )


def _shadowed(pixels: np.ndarray, random: np.random.Generator) -> np.ndarray:
    height, width = pixels.shape[:2]
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    angle = random.uniform(0, 2 * np.pi)
    along = np.cos(angle) * x + np.sin(angle) * y
    edge = random.uniform(along.min(), along.max())
    light = random.uniform(0.6, 0.9) - random.uniform(0.15, 0.35) / (
        1 + np.exp((along - edge) * random.uniform(8, 40))
    )
    return np.asarray(np.clip(pixels * light[..., None], 0, 255), dtype=np.uint8)


def _folded(pixels: np.ndarray, random: np.random.Generator) -> np.ndarray:
    height, width = pixels.shape[:2]
    factor = np.ones((height, width), dtype=np.float32)
    for place in (random.uniform(0.3, 0.7) * height,):
        apart = (np.arange(height) - place) / 18
        factor *= (1 - 0.28 * np.exp(-(apart**2)) + 0.05 * np.sign(apart))[:, None]
    return np.asarray(np.clip(pixels * factor[..., None], 0, 255), dtype=np.uint8)


def _stamped(pixels: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """A round red stamp, over whatever stands there."""
    from page_drawing import font
    from PIL import Image, ImageDraw

    height, width = pixels.shape[:2]
    stamp = Image.new("RGBA", (260, 260), (255, 255, 255, 0))
    pen = ImageDraw.Draw(stamp)
    ink = (200, 30, 40, 150)
    pen.ellipse((6, 6, 254, 254), outline=ink, width=7)
    pen.text((130, 110), "检查专用章", font=font("heavy", 34), fill=ink, anchor="mm")
    pen.text((130, 160), "★", font=font("zenhei", 40), fill=ink, anchor="mm")
    stamp = stamp.rotate(float(random.uniform(-25, 25)))
    page = Image.fromarray(pixels).convert("RGBA")
    place = int(random.uniform(0.3, 0.75) * width), int(random.uniform(0.35, 0.85) * height)
    page.alpha_composite(stamp, (min(place[0], width - 260), min(place[1], height - 260)))
    return np.array(page.convert("RGB"))


def _blurred(pixels: np.ndarray, sigma: float) -> np.ndarray:
    return np.asarray(_cv2().GaussianBlur(pixels, (0, 0), sigma))


def _noisy(pixels: np.ndarray, sigma: float, random: np.random.Generator) -> np.ndarray:
    noise = random.normal(0, sigma, (*pixels.shape[:2], 1))
    return np.asarray(np.clip(pixels + noise, 0, 255), dtype=np.uint8)


def _through_jpeg(pixels: np.ndarray, quality: int) -> np.ndarray:
    cv2 = _cv2()
    _, content = cv2.imencode(".jpg", pixels[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.ascontiguousarray(cv2.imdecode(content, cv2.IMREAD_COLOR)[:, :, ::-1])
