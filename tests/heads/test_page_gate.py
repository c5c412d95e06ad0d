"""The gate: what it learns, when it reads titles, its conventions and its file."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import numpy as np
import pytest
from made_pictures import file_of, printed
from PIL import Image
from sklearn.base import clone

from gi_classifier.data.pictures.page import Picture
from gi_classifier.data.pictures.page_features import FEATURES
from gi_classifier.errors import (
    InputError,
    MissingPathError,
    ModelError,
    OutputExistsError,
    RecordsError,
    SettingsError,
)
from gi_classifier.heads import page_gate
from gi_classifier.heads.cross_validation import cross_validated_gate
from gi_classifier.heads.head_classifier import HeadClassifier
from gi_classifier.heads.page_gate import PageGate, Seen

TITLES = {"gastroscopy": "胃镜报告", "colonoscopy": "肠镜报告", "none": ""}


def _seen(count: int = 36) -> tuple[list[Seen], list[str]]:
    """Pages of two kinds that differ by their titles alone, and of one that looks different."""
    source = np.random.default_rng(0)
    kinds = [list(TITLES)[i % 3] for i in range(count)]
    features = source.standard_normal((count, FEATURES)) / 5
    features[[kind == "none" for kind in kinds]] += 3
    lines = [(TITLES[kind],) if TITLES[kind] else () for kind in kinds]
    return [Seen(f, t) for f, t in zip(features, lines, strict=True)], kinds


@pytest.fixture(scope="module")
def fitted() -> PageGate:
    head = HeadClassifier(hidden=6, epochs=20, learning_rate=0.02)
    return PageGate(head=head, random_state=0).fit_seen(*_seen(96))


def _pixels(brightness: int, number: int) -> np.ndarray:
    source = np.random.default_rng(number)
    return (source.random((40, 30, 3)) * 20 + brightness).astype(np.uint8)


def test_the_picture_decides_what_looks_different_and_titles_the_rest(fitted: PageGate) -> None:
    seen, kinds = _seen(90)
    answers = [fitted.weigh(page.features, page.lines) for page in seen]
    said = [str(fitted.classes_[p.argmax()]) for p, _ in answers]
    assert said == kinds
    evidence = {(kind, found) for kind, (_, found) in zip(kinds, answers, strict=True)}
    assert ("none", "picture") in evidence
    assert ("gastroscopy", "title") in evidence
    np.testing.assert_allclose([p.sum() for p, _ in answers], 1)
    assert fitted.words_ == {"colonoscopy": ["肠镜"], "gastroscopy": ["胃镜"], "none": []}


def test_no_title_is_asked_for_where_the_picture_is_sure(fitted: PageGate) -> None:
    seen, kinds = _seen(90)
    page = next(
        s
        for s, k in zip(seen, kinds, strict=True)
        if k == "none" and fitted.weigh(s.features, ())[1] == "picture"
    )
    lines = iter(["胃镜报告"])
    fitted.weigh(page.features, lines)
    assert next(lines) == "胃镜报告"


def test_a_kind_that_is_unlikelier_does_not_decide_for_another(fitted: PageGate) -> None:
    gate = copy.copy(fitted)
    gate.sure_ = np.array([0.0, np.inf, np.inf])
    page = next(s for s, k in zip(*_seen(90), strict=True) if k == "none")
    assert gate.weigh(page.features, page.lines)[1] == "title"


def test_words_that_are_given_are_searched_for_alone(tmp_path: Path) -> None:
    words = {"gastroscopy": ["胃镜", "E G D"]}
    gate = PageGate(words=words, head=HeadClassifier(hidden=3, epochs=2)).fit_seen(*_seen())
    assert gate.words_ == {"gastroscopy": ["胃镜", "egd"]}
    assert PageGate.load(gate.save(tmp_path / "gate.npz")).words == gate.words_


def test_words_of_no_kind_and_no_lists_of_words_are_named() -> None:
    words = {"stomach": ["胃镜"], "gastroscopy": "胃镜", "none": [" "]}
    with pytest.raises(SettingsError, match="words name kinds of the pages") as caught:
        PageGate(words=words).fit_seen(*_seen())
    assert caught.value.problems == [
        "'stomach': no page is of this kind",
        "'gastroscopy': give a list of words, none of them blank",
        "'none': give a list of words, none of them blank",
    ]
    with pytest.raises(SettingsError, match="words map each kind"):
        PageGate(words=("胃镜",)).fit_seen(*_seen())  # type: ignore[arg-type]


def test_a_head_may_weigh_and_judge_kinds_by_their_labels() -> None:
    head = HeadClassifier(
        hidden=3, epochs=2, class_weight={"gastroscopy": 5}, positive="gastroscopy"
    )
    assert PageGate(head=head).fit_seen(*_seen()).classes_.tolist() == sorted(TITLES)


def test_pages_are_arrays_files_or_bytes_and_labels_of_any_kind(tmp_path: Path) -> None:
    pages = [_pixels(20 if i % 2 else 220, i) for i in range(20)]
    gate = PageGate(titles=False, head=HeadClassifier(hidden=4, epochs=30, learning_rate=0.03))
    gate.fit(pages, [i % 2 for i in range(20)])
    path = tmp_path / "1.png"
    path.write_bytes(content := file_of(Image.fromarray(_pixels(20, 99))))
    picture = Picture(_pixels(220, 98), "", 1, 1)
    assert gate.predict([path, str(path), content, pages[0], picture]).tolist() == [1, 1, 1, 0, 0]
    assert gate.predict_proba([path]).shape == (1, 2)
    assert gate.score(pages, [i % 2 for i in range(20)]) > 0.8
    assert gate.answer(picture).evidence == "picture"
    assert clone(gate).get_params()["titles"] is False


def test_the_same_seed_gives_the_same_gate(fitted: PageGate) -> None:
    again = clone(fitted).fit_seen(*_seen(96))
    assert all((a == b).all() for a, b in zip(fitted.layers_, again.layers_, strict=True))
    assert (fitted.sure_ == again.sure_).all()


def test_a_saved_gate_answers_the_same_and_holds_no_pickle(
    fitted: PageGate, tmp_path: Path
) -> None:
    path = fitted.save(tmp_path / "gate.npz")
    with pytest.raises(OutputExistsError):
        fitted.save(path)
    found = PageGate.load(path)
    assert found.words is None
    for page in _seen()[0]:
        one, two = (gate.weigh(page.features, page.lines) for gate in (fitted, found))
        assert one[1] == two[1]
        np.testing.assert_allclose(one[0], two[0], atol=1e-4)
    with np.load(path, allow_pickle=False) as stored:
        assert json.loads(str(stored["words"])) == fitted.words_


def test_a_file_that_is_no_gate_or_of_a_later_format_is_refused(
    fitted: PageGate, tmp_path: Path
) -> None:
    with pytest.raises(MissingPathError, match="No gate at"):
        PageGate.load(tmp_path / "none.npz")
    with np.load(fitted.save(tmp_path / "gate.npz")) as stored:
        parts = dict(stored)
    for changes, message in (
        ({"format": 9}, "is of format 9"),
        ({"said": np.zeros_like(parts["said"])}, "is no gate that was saved here"),
        ({"layer_0": parts["layer_0"][1:]}, "is no gate that was saved here"),
        ({"settings": '{"command": 1}'}, "is no gate that was saved here"),
        ({"settings": '{"words": {}}'}, "is no gate that was saved here"),
        ({"settings": "[]"}, "is no gate that was saved here"),
        ({"words": '{"gastroscopy": 5}'}, "is no gate that was saved here"),
        ({"words": '{"gastroscopy": [""]}'}, "is no gate that was saved here"),
        ({"origin": "[" * 100_000}, "is no gate that was saved here"),
        ({"format": np.inf}, "is no gate that was saved here"),
        ({"classes": np.array(list("aab")), "words": "{}"}, "is no gate that was saved here"),
    ):
        np.savez(tmp_path / "changed.npz", **{**parts, **changes})
        with pytest.raises(ModelError, match=message):
            PageGate.load(tmp_path / "changed.npz")
    np.savez(tmp_path / "head.npz", format=2, classes=np.array(["甲", "乙"]), settings="{}")
    with pytest.raises(ModelError, match="is no gate that was saved here"):
        PageGate.load(tmp_path / "head.npz")
    with pytest.raises(ModelError, match="is no head that was saved here"):
        HeadClassifier.load(tmp_path / "gate.npz")


def test_kinds_with_too_few_pages_are_named_by_position() -> None:
    seen, kinds = _seen(12)
    with pytest.raises(RecordsError, match="3 kinds, 3 with fewer") as caught:
        PageGate().fit_seen(seen, kinds)
    assert caught.value.problems[0] == "that of position 1: 4"
    seen, kinds = _seen()
    with pytest.raises(RecordsError, match="groups of pages"):
        PageGate().fit_seen(seen, kinds, groups=[i % 3 for i in range(36)])
    with pytest.raises(RecordsError, match="36 pages but 35 groups"):
        PageGate().fit_seen(seen, kinds, groups=range(35))
    with pytest.raises(SettingsError, match="right must be a number"):
        PageGate(right=2).fit_seen(seen, kinds)


def test_five_pages_of_a_kind_are_enough_to_measure_a_gate() -> None:
    seen, kinds = _seen(15)
    gate = PageGate(head=HeadClassifier(hidden=3, epochs=2))
    found = cross_validated_gate(gate, seen, np.array(kinds), np.arange(15), 0)
    np.testing.assert_allclose([part.sum(axis=1) for part in found], 1)


def test_what_is_no_page_is_named(fitted: PageGate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_gate, "title_lines", lambda page: ())
    with pytest.raises(InputError, match="as a list"):
        fitted.predict("a.png")
    two = file_of(printed(), "TIFF", save_all=True, append_images=[printed()])
    pages = [np.zeros((9, 9, 3), np.uint8), np.zeros((9, 9)), two, b"none", "none.png"]
    for asked in (fitted.predict, lambda pages: PageGate().fit(pages, [0] * 5)):
        with pytest.raises(RecordsError, match="Some pages cannot be read") as caught:
            asked(pages)
        assert [problem[:11] for problem in caught.value.problems] == [
            f"position {place}:" for place in (1, 2, 3, 4)
        ]
        assert "has 2 pages" in caught.value.problems[1]
    assert fitted.predict([]).shape == (0,)
    with pytest.raises(RecordsError, match="1 pages but 2 labels"):
        PageGate().fit([printed()], [1, 2])
