"""Words of titles: which kind a line names, and words that are learned."""

from __future__ import annotations

import numpy as np
import pytest

from gi_classifier.heads.title_words import (
    KIND_NAMES,
    TITLE_WORDS,
    first_named,
    learned_words,
    named_kind,
    said_table,
    sure_from,
)


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("电子胃镜检查报告单", "gastroscopy"),
        ("食管胃十二指肠镜检查报告单", "gastroscopy"),
        ("Ｇａｓｔｒｏｓｃｏｐｙ Report", "gastroscopy"),
        ("江城区中心医院   电子结肠镜检查报告", "colonoscopy"),
        ("胃镜活检病理报告", "pathology"),
        ("胃镜检查知情同意书", "other"),
        ("胸部CT检查报告单", "other"),
        ("EGD Report", "gastroscopy"),
        ("CT Scan", "other"),
        ("Doctor Infectious", None),
        ("海州市消化病医院", None),
        ("科室：胃镜室", None),
        ("患者因腹痛行胃镜检查，见胃窦溃疡", None),
        ("胃镜" * 30, None),
    ],
)
def test_a_title_names_its_kind_and_other_lines_none(line: str, kind: str | None) -> None:
    assert named_kind(line, TITLE_WORDS) == kind


def test_lines_are_asked_for_until_one_names_a_kind() -> None:
    lines = iter(["某医院", "肠镜报告单", "胃镜报告单"])
    assert first_named(lines, TITLE_WORDS) == ("colonoscopy", True)
    assert list(lines) == ["胃镜报告单"]
    assert first_named(["某医院"], TITLE_WORDS) == (None, True)
    assert first_named([], TITLE_WORDS) == (None, False)


def test_the_kinds_that_ship_have_names_and_no_word_in_common() -> None:
    words = [word for those in TITLE_WORDS.values() for word in those]
    assert len(words) == len(set(words))
    assert set(KIND_NAMES) == {*TITLE_WORDS, "none"}


def test_words_are_learned_that_one_kind_alone_says() -> None:
    titles = [
        *[["某医院入院评估单", f"第{i}号"] for i in range(6)],
        *[["某医院护理评估单", f"第{i}号"] for i in range(6)],
        *[[] for _ in range(6)],
    ]
    kinds = ["admission"] * 6 + ["nursing"] * 6 + ["photo"] * 6
    found = learned_words(titles, kinds)
    assert {kind: len(words) for kind, words in found.items()} == {
        "admission": 1,
        "nursing": 1,
        "photo": 0,
    }
    assert named_kind("另一家医院入院评估单", found) in ("admission", None)
    assert named_kind(titles[7][0], found) == "nursing"
    # What one page alone says is no word of its kind.
    assert not any(c.isdigit() for words in found.values() for word in words for c in word)


def test_learned_words_in_latin_letters_are_whole() -> None:
    titles = [[f"{word} Report"] for word in ("EGD", "MRI") for _ in range(4)]
    found = learned_words(titles, ["upper"] * 4 + ["other"] * 4)
    assert found == {"other": ["mri"], "upper": ["egd"]}
    assert named_kind("EGD 2", found) == "upper"


def test_shares_of_what_titles_say_are_never_0_and_sum_to_1() -> None:
    found = said_table(np.array([0, 0, 2, 3]), np.array([0, 0, 0, 1]), 2)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert (found > 0).all()
    assert found[0].argmax() == 0
    assert found[1].argmax() == 3


def test_the_picture_decides_from_where_it_is_right_often_enough() -> None:
    values = np.linspace(0.99, 0.6, 80)
    probabilities = np.stack([values, 1 - values], axis=1)
    codes = (np.arange(80) >= 40).astype(int)
    sure = sure_from(probabilities, codes, 0.9)
    # 43 pages with two errors would be too few.
    assert values[41] < sure[0] < values[39]
    # Of the other kind there is no page that was told by the picture.
    assert np.isinf(sure[1])
    assert np.isinf(sure_from(probabilities[:28], codes[:28], 0.9)).all()
