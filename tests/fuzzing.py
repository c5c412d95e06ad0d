"""Damages one file of a model directory in many ways, and tells what became of each.

``python tests/fuzzing.py DIRECTORY FILE COUNT [SEED]``: a process of its own, which may use 8 GB
and 60 s of a processor for each damage. Hashes are made anew, as whoever forges a directory would.
"""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from gi_classifier.attribution.integrated_gradients import Explainer
from gi_classifier.errors import ModelError
from gi_classifier.model.directory import MANIFEST, ModelDirectory, load
from gi_classifier.model.predictor import Predictor

TEXTS = ["胃窦黏膜充血糜烂，ercp 3cm", "患者直肠息肉"]
_ODD = [0, 1, -1, 2**31, 2**63, 1e308, "", "胃", None, True, [], {}, [[]], float("nan")]


def damaged(content: bytes, source: random.Random) -> bytes:
    """One random damage: of bytes, of length, or of what JSON says."""
    kind = source.randrange(8)
    if kind >= 5 and content[:1] == b"{":
        return _other_json(content, source)
    changed = bytearray(content)
    if kind == 0 or not changed:
        return bytes(changed[: source.randrange(len(changed) + 1)])
    at = source.randrange(len(changed))
    if kind == 1:
        size = source.choice([1, 8, 200])
        changed[at : at + size] = source.randbytes(size)
    elif kind == 2:
        changed[at:at] = source.randbytes(source.choice([1, 4, 60]))
    elif kind == 3:
        del changed[at : at + source.choice([1, 4, 60])]
    else:
        for _ in range(source.choice([1, 3, 20])):
            # What tells names, sizes and kinds stands at the beginning, or between the numbers.
            place = source.randrange(min(len(changed), source.choice([64, 2048, 10**9])))
            changed[place] ^= 1 << source.randrange(8)
    return bytes(changed)


def _other_json(content: bytes, source: random.Random) -> bytes:
    table = json.loads(content)
    place = table
    while isinstance(place, (dict, list)) and place:
        keys = list(place) if isinstance(place, dict) else range(len(place))
        key = source.choice(keys)
        if not isinstance(place[key], (dict, list)) or not place[key] or source.random() < 0.3:
            kind = source.randrange(3)
            if kind == 0:
                del place[key]
            elif kind == 1 and isinstance(place, dict):
                place[source.choice([*keys, "odd"])] = place.pop(key)
            else:
                place[key] = source.choice(_ODD)
            break
        place = place[key]
    found = json.dumps(table, ensure_ascii=False).encode("utf-8", "surrogatepass")
    return b"[" * 100_000 if source.random() < 0.02 else found


def use(directory: ModelDirectory) -> None:
    """Predict and explain; raise AssertionError where an answer is none."""
    _ = directory.splits, directory.digest
    predictor = Predictor.from_directory(directory)
    found = predictor.predict_proba(TEXTS)
    assert found.shape == (2, directory.settings.num_classes)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found.sum(axis=1), 1)
    explained = Explainer(directory).explain(TEXTS[1:], steps=2, max_steps=2)
    assert np.isfinite(explained[0].scores).all()


def of_file(directory: ModelDirectory, name: str) -> tuple[bytes, Callable[[bytes], None]]:
    """A file's content, and what uses a directory with another content."""
    if name != MANIFEST:
        return directory.files[name], lambda content: use(
            ModelDirectory({**directory.files, name: content}, directory.metadata)
        )
    assert directory.path is not None
    place = Path(tempfile.mkdtemp()) / "model"
    place.mkdir()
    for file in directory.path.iterdir():
        (place / file.name).write_bytes(file.read_bytes())

    def load_and_use(content: bytes) -> None:
        (place / MANIFEST).write_bytes(content)
        use(load(place))

    return (place / MANIFEST).read_bytes(), load_and_use


def main(path: str, name: str, count: int, seed: int = 0) -> int:
    """Print how many damages were refused and answered; stop at the first that is neither."""
    content, uses = of_file(load(path), name)
    uses(content)
    resource.setrlimit(resource.RLIMIT_AS, (2**33, 2**33))
    refused = 0
    for number in range(seed, seed + count):
        changed = damaged(content, random.Random(number))
        sys.stderr.write(f"{name}: damage {number}\n")
        signal.setitimer(signal.ITIMER_PROF, 60)
        try:
            uses(changed)
        except ModelError:
            refused += 1
        signal.setitimer(signal.ITIMER_PROF, 0)
    sys.stdout.write(json.dumps({"refused": refused, "answered": count - refused}))
    return 0


if __name__ == "__main__":
    os.environ["GI_CLASSIFIER_THREADS"] = "1"
    sys.exit(main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:])))
