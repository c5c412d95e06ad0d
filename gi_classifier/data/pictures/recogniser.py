"""The recogniser: PP-OCR's networks as the package ``rapidocr`` ships them, run offline.

In: pixels. Out: where lines stand, which of them stand upside down, and what each says, with the
confidence and the place of every character. No model is fetched: the files are named outright.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gi_classifier.cpus import thread_count
from gi_classifier.data.pictures.picture_files import check_ocr
from gi_classifier.errors import MissingExtraError
from gi_classifier.onnx_runtime import onnx_runtime

_MODELS = {
    "Det.model_path": "PP-OCRv6_det_small.onnx",
    "Rec.model_path": "PP-OCRv6_rec_small.onnx",
    "Cls.model_path": "ch_ppocr_mobile_v2.0_cls_mobile.onnx",
}


class ReadLine(NamedTuple):
    """What a picture of a line says.

    ``confidences`` and ``places`` (its centre, as a share of the line's length) are those of each
    character, white space included; the place of white space is None.
    """

    text: str
    confidences: list[float]
    places: list[float | None]


class Recogniser:
    """The networks, opened; calls from several threads take turns.

    Parameters
    ----------
    threads : int, optional
        See :func:`gi_classifier.cpus.thread_count`.

    Raises
    ------
    MissingExtraError
        The extra ``ocr`` is not installed, or rapidocr brings other networks.
    """

    def __init__(self, threads: int | None = None) -> None:
        check_ocr()
        onnx_runtime()
        import rapidocr

        folder = Path(rapidocr.__file__).parent / "models"
        paths = {key: folder / name for key, name in _MODELS.items()}
        if lacking := [path.name for path in paths.values() if not path.is_file()]:
            raise MissingExtraError(
                f"The package rapidocr lacks {', '.join(lacking)}, which it brings since 3.10. "
                "Install with: pip install 'gi_classifier[ocr]'"
            )
        self._turn = threading.Lock()
        self._engine = rapidocr.RapidOCR(
            params={
                **{key: str(path) for key, path in paths.items()},
                "Global.log_level": "critical",
                "Global.return_word_box": True,
                # Without, small pictures are blown up; the caller knows how large they should be.
                "Det.limit_type": "max",
                "Det.limit_side_len": 2048,
                "EngineConfig.onnxruntime.intra_op_num_threads": thread_count(threads),
            }
        )
        # Its messages are about files and boxes alone, but nobody asked for them.
        logging.getLogger("RapidOCR").setLevel(logging.CRITICAL)

    def lines(self, pixels: np.ndarray) -> np.ndarray:
        """The corners of lines (n, 4, 2), from the top left of the picture on, clockwise."""
        with self._turn:
            found = self._engine(_blue_first(pixels), use_det=True, use_cls=False, use_rec=False)
        if found.boxes is None:
            return np.zeros((0, 4, 2))
        return np.asarray(found.boxes, dtype=np.float64)

    def upside_down(self, crops: Sequence[np.ndarray]) -> float:
        """How surely lines stand upside down: above 0 they do, below they do not."""
        if not crops:
            return 0.0
        with self._turn:
            _, found = self._engine.cls_and_rotate([_blue_first(crop) for crop in crops])
        return float(sum(score if label == "180" else -score for label, score in found.cls_res))

    def read(self, crops: Sequence[np.ndarray]) -> list[ReadLine]:
        """Read pictures of lines, each upright."""
        if not crops:
            return []
        with self._turn:
            found = self._engine.recognize_txt([_blue_first(crop) for crop in crops])
        return [_read_line(*each) for each in zip(found.txts, found.word_results, strict=True)]


def _blue_first(pixels: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(pixels[:, :, ::-1])


def _read_line(text: str, info: Any) -> ReadLine:
    columns = iter([c for word in info.word_cols for c in word])
    length = info.line_txt_len or 1
    places = [None if c.isspace() else (next(columns) + 0.5) / length for c in text]
    return ReadLine(text, list(info.confs)[: len(text)], places)


_opened: dict[tuple[int, int], Recogniser] = {}
_opening = threading.Lock()


def recogniser(threads: int | None = None) -> Recogniser:
    """The recogniser of this process, opened by the first call that needs it.

    A forked process opens its own: threads of its parent's are not there.
    """
    key = os.getpid(), thread_count(threads)
    with _opening:
        if key not in _opened:
            _opened[key] = Recogniser(key[1])
        return _opened[key]
