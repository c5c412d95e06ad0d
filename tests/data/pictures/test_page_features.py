"""What a page looks like from afar."""

from __future__ import annotations

import numpy as np
import pytest
from made_pictures import printed
from PIL import Image

from gi_classifier.data.pictures.page_features import FEATURES, page_features


@pytest.mark.parametrize("size", [(1, 1), (3, 2000), (2000, 3), (400, 283), (30, 40)])
def test_a_picture_of_any_size_gives_as_many_finite_numbers(size: tuple[int, int]) -> None:
    found = page_features(np.full((*size, 3), 200, dtype=np.uint8))
    assert found.shape == (FEATURES,)
    assert np.isfinite(found).all()


def test_a_page_on_its_side_looks_like_one_that_stands() -> None:
    text = "胃窦黏膜充血水肿见一溃疡，十二指肠球部未见异常。" * 2
    page = np.array(printed(tuple(text[i:] + text[:i] for i in range(16)), 16, 900))
    standing, lying = page_features(page), page_features(np.rot90(page, 3))
    np.testing.assert_allclose(standing, lying, atol=0.02)
    assert np.abs(standing - page_features(np.full_like(page, 255))).max() > 0.1


def test_the_same_page_scanned_finer_looks_alike() -> None:
    page = printed()
    finer = page.resize((page.width * 3, page.height * 3), Image.Resampling.BICUBIC)
    one, two = page_features(np.array(page)), page_features(np.array(finer))
    assert np.abs(one - two).mean() < 0.05
