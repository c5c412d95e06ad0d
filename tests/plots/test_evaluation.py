from __future__ import annotations

import io
import warnings

import numpy as np
import pytest

from gi_classifier.data.records import Records
from gi_classifier.evaluation.evaluation_report import account
from gi_classifier.plots.evaluation import evaluation_figure, plain_name


def drawn(classes: int, names: list[str], absent: int = 0) -> bytes:
    source = np.random.default_rng(classes)
    labels = source.integers(0, classes - absent, 60)
    shares = source.dirichlet([1] * classes, 60)
    records = Records(("x",) * 60, tuple(labels.tolist()), tuple(range(60)))
    models = {"this model": shares, "rule": np.eye(classes)[labels]}
    return evaluation_figure(account(records, models, names, resamples=20), labels, shares)


@pytest.mark.parametrize(
    ("classes", "names", "absent"),
    [
        (2, ["no", "yes"], 0),
        (3, ["neither 均非", "upper 上消化道", "lower 下消化道"], 1),
        (2, ["$x^$", "_"], 1),
        (14, [f"class {i}" for i in range(14)], 0),
    ],
)
def test_picture_is_a_png_with_something_in_it_and_draws_without_a_warning(
    classes: int, names: list[str], absent: int
) -> None:
    from matplotlib.image import imread

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        content = drawn(classes, names, absent)
    pixels = imread(io.BytesIO(content), format="png")
    assert pixels.shape[0] > 500
    # Every one of the six parts of the picture has dark and light pixels.
    for half in np.array_split(pixels[..., :3].mean(axis=2), 2):
        for part in np.array_split(half, 3, axis=1):
            assert part.min() < 0.5 < part.max()


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("upper 上消化道", "1 upper"),
        ("上消化道", "1"),
        ("1", "1"),
        ("cost $5", r"1 cost \$5"),
        ("a" * 40, "1 " + "a" * 24),
    ],
)
def test_classes_are_named_in_ascii(name: str, shown: str) -> None:
    assert plain_name(1, name) == shown
