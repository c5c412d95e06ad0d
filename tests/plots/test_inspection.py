from __future__ import annotations

import io
import warnings

import numpy as np
import pytest
from samples import made_up_records

from gi_classifier.data.records import Records
from gi_classifier.evaluation.inspection import Inspection, inspect
from gi_classifier.plots.inspection import inspection_figure

NAMES = ("neither 均非", "upper 上消化道", "lower 下消化道")


def looked(rows: list[tuple[str, int]], *, labelled: bool = True, hidden: int = 3) -> Inspection:
    texts, labels = zip(*rows, strict=True)
    records = Records(texts, labels if labelled else None, tuple(range(1, len(rows) + 1)))
    embeddings = np.random.default_rng(0).normal(size=(len(rows), hidden)) if hidden else None
    return inspect(records, names=NAMES, embeddings=embeddings)


def shape_of(content: bytes) -> tuple[int, ...]:
    from matplotlib.image import imread

    return imread(io.BytesIO(content)).shape


def flipped() -> list[tuple[str, int]]:
    rows = made_up_records(120)
    return [(rows[0][0], 2), *rows[1:]]


@pytest.mark.parametrize(
    "found",
    [
        looked(flipped()),
        looked(made_up_records(30), labelled=False),
        looked([("胃癌", 1)]),
        looked([("胃癌", 1)] * 12),
        looked([(f"第{'一二三四五六七八九十'[i % 10]}类记录", i) for i in range(12)]),
    ],
    ids=["flagged", "no labels", "one record", "one text", "more labels than colours"],
)
def test_everything_that_can_be_inspected_can_be_drawn_without_a_warning(found: Inspection) -> None:
    with warnings.catch_warnings():
        # A missing glyph is a warning, too.
        warnings.simplefilter("error")
        height, width, _ = shape_of(inspection_figure(found))
    assert width > height


def test_without_embeddings_there_is_no_map() -> None:
    height, width, _ = shape_of(inspection_figure(looked(made_up_records(30), hidden=0)))
    assert width < height
