"""Pictures of no document, for the gate's training: of other families than those of drawn pages.

In: a number. Out: pixels; the same number gives the same picture. None of them has print on it.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import numpy as np

_SIZES = ((1240, 1754), (1400, 1050), (1000, 1000), (900, 1600), (1600, 1200))


def no_document(number: int) -> np.ndarray:
    """Draw a picture; families take turns."""
    random = np.random.default_rng(zlib.crc32(f"no document {number}".encode()))
    width, height = _SIZES[int(random.integers(len(_SIZES)))]
    picture = FAMILIES[number % len(FAMILIES)](width, height, random)
    light = random.uniform(0.6, 1.05) + random.uniform(-0.2, 0.2) * _soft(width, height, 2, random)
    noise = random.normal(0, random.uniform(0, 10), (height, width, 1))
    pixels = np.clip(picture * light[..., :1] + noise, 0, 255).astype(np.uint8)
    return np.ascontiguousarray(np.rot90(pixels, int(random.integers(4))))


def _cv2() -> Any:
    import cv2

    return cv2


def _soft(width: int, height: int, points: int, random: np.random.Generator) -> np.ndarray:
    """Smooth noise in three colours, about -2…2."""
    cv2 = _cv2()
    noise = random.normal(size=(points + 1, points + 1, 3)).astype(np.float32)
    return np.asarray(cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC))


def _colour(random: np.random.Generator) -> np.ndarray:
    """Any, but seldom a strong one."""
    strength = random.uniform(0, 1) ** 2
    return random.uniform(20, 245) + strength * random.uniform(-120, 120, 3)


def _plain(width: int, height: int, random: np.random.Generator) -> np.ndarray:
    """A wall, a sheet, a desk: one colour, hardly uneven."""
    grey = random.uniform(150, 255) + random.uniform(-12, 12, 3)
    base = grey if random.random() < 0.6 else _colour(random)
    return np.asarray(base + random.uniform(0, 8) * _soft(width, height, 4, random))


def _clouds(width: int, height: int, random: np.random.Generator) -> np.ndarray:
    """Noise of several sizes: cloth, stone, leaves, fur."""
    points = random.choice([6, 14, 30, 70, 160], size=2, replace=False)
    parts = [random.uniform(10, 45) * _soft(width, height, int(p), random) for p in points]
    return np.asarray(_colour(random) + sum(parts))


def _stripes(width: int, height: int, random: np.random.Generator) -> np.ndarray:
    """Boards, blinds, corduroy: waves in one direction, bent."""
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    angle = random.uniform(0, np.pi)
    along = np.cos(angle) * x + np.sin(angle) * y
    bent = along + random.uniform(0, 0.08) * _soft(width, height, 5, random)[..., 0]
    wave = np.sin(2 * np.pi * random.uniform(4, 40) * bent)
    wave = np.sign(wave) if random.random() < 0.4 else wave
    return np.asarray(_colour(random) + random.uniform(10, 60) * wave[..., None])


def _shapes(width: int, height: int, random: np.random.Generator) -> np.ndarray:
    """Things on a ground: filled polygons and ellipses, softened."""
    cv2 = _cv2()
    picture = _clouds(width, height, random).astype(np.float32)
    for _ in range(int(random.integers(3, 40))):
        centre = random.uniform(0, 1, 2) * [width, height]
        reach = random.uniform(0.02, 0.3) * min(width, height)
        colour = _colour(random).tolist()
        if random.random() < 0.5:
            corners = centre + random.uniform(-reach, reach, (int(random.integers(3, 7)), 2))
            cv2.fillPoly(picture, [corners.astype(np.int32)], colour)
        else:
            axes = (int(reach), max(1, int(reach * random.uniform(0.2, 1))))
            turn = random.uniform(0, 180)
            cv2.ellipse(picture, centre.astype(int).tolist(), axes, turn, 0, 360, colour, -1)
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), random.uniform(0.5, 4)))


def _grid(width: int, height: int, random: np.random.Generator) -> np.ndarray:
    """A window, a fence, squared paper: lines across and down, nothing in between."""
    picture = np.tile(_colour(random), (height, width, 1)) + 5 * _soft(width, height, 4, random)
    lines, thick = _colour(random), int(random.integers(1, 12))
    for axis, size in ((0, height), (1, width)):
        step = int(random.uniform(0.02, 0.3) * size) + thick + 1
        places = np.arange(size) % step < thick
        picture[(places, slice(None)) if axis == 0 else (slice(None), places)] = lines
    return np.asarray(picture)


def _round_view(width: int, height: int, random: np.random.Generator) -> np.ndarray:
    """Through a tube: a bright disc or octagon of any colour on black."""
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    apart = np.hypot(x * width / min(width, height), y * height / min(width, height))
    inside = np.clip((random.uniform(0.7, 1.3) - apart) * random.uniform(2, 30), 0, 1)[..., None]
    base = _colour(random) * [1.2, 0.8, 0.7] + 25 * _soft(width, height, 7, random)
    spots = _soft(width, height, 40, random)[..., :1] > 2.2
    return np.asarray(np.where(spots, 250, base) * inside)


FAMILIES: tuple[Callable[[int, int, np.random.Generator], np.ndarray], ...] = (
    _plain,
    _clouds,
    _stripes,
    _shapes,
    _grid,
    _round_view,
)
