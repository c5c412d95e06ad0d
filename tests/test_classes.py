from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from gi_classifier.classes import (
    are_numbered,
    class_number,
    class_numbers,
    class_titles,
    class_weights_of,
    classes_from_dict,
    classes_to_dict,
    label_array,
)
from gi_classifier.errors import LabelError, ModelError


@pytest.mark.parametrize(
    ("given", "dtype"),
    [
        (["心内科", "呼吸科"], "<U3"),
        (pd.Series(["心内科", "呼吸科"]), "<U3"),
        (np.array(["a", "b"], object), "<U1"),
        (pd.Series(["a", "b"]).astype("category"), "<U1"),
        ([5, 2], "int64"),
        (np.array([5, 2], np.uint8), "uint8"),
        (pd.Series([5, 2], dtype="Int64"), "int64"),
        (np.array([1, 2], np.float32), "float32"),
        ([1.0, 2.0], "float64"),
        ([np.float32(1), np.float32(2)], "float32"),
        ([True, False], "bool"),
        (np.array([True, False]), "bool"),
        ((np.str_("x"), "y"), "<U1"),
    ],
)
def test_labels_of_any_kind_come_back_as_given(given: object, dtype: str) -> None:
    found = label_array(given)
    assert found.dtype == np.dtype(dtype)
    assert found.tolist() == list(given)  # type: ignore[call-overload]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["a", None, "b"], "position 1: a missing label"),
        ([1.0, float("nan")], "position 1: a missing label"),
        (np.array([1.0, np.nan, np.inf], np.float32), r"(?s)position 1: a missing.*2: a number"),
        (pd.Series([1, None], dtype="Int64"), "position 1: a missing label"),
        (["a", " "], "position 1: an empty label"),
        ([1, 2.5], r"position 1: a number that is not whole \(continuous\)"),
        ([b"a", "b"], "position 0: not a label but bytes"),
        ([["a"], ["b"]], "position 0: not a label but list"),
        (["1", 2, 3], "one kind. Received: 1 words, 2 whole numbers"),
        ([True, 2], "one kind. Received: 1 truth values, 1 whole numbers"),
        ("abc", "Received: str"),
        ({"a": 1}, "Received: dict"),
        (3, "Received: int"),
        (None, "requires y to be passed, but the target y is None"),
        (np.ones((3, 2)), r"y should be a 1d array.*\(3, 2\)"),
    ],
)
def test_what_is_no_label_is_named_by_its_position(given: object, message: str) -> None:
    with pytest.raises(LabelError, match=message):
        label_array(given)


def test_an_error_never_holds_what_stood_where_a_label_should() -> None:
    with pytest.raises(LabelError) as caught:
        label_array(["患者便血三天", b"secret", None])
    assert "便血" not in str(caught.value)
    assert "secret" not in str(caught.value)
    with pytest.raises(LabelError) as caught:
        class_numbers(np.array(["患者便血三天"]), np.array(["a", "b"]), "the records")
    assert "便血" not in str(caught.value)


def test_classes_that_are_the_numbers_from_0_have_the_names_of_the_library() -> None:
    for kind in ("int64", "uint8", "float32"):
        assert are_numbered(np.arange(3, dtype=kind))
        assert class_titles(np.arange(3, dtype=kind)) is None
    assert class_titles(np.array([3, 5])) == ("3", "5")
    assert class_titles(np.array([3.0, 5.0])) == ("3", "5")
    assert class_titles(np.array([False, True])) == ("False", "True")
    assert class_titles(np.array(["a", "b"])) == ("a", "b")


def test_a_label_stands_for_its_class_and_never_for_the_number_of_another() -> None:
    names = ("neither 均非", "upper 上消化道", "lower 下消化道")
    numbered = np.arange(3)
    for given in (1, "1", "upper", "上消化道", np.int64(1), 1.0):
        assert class_number(given, numbered, names) == 1
    words = np.array(["1", "2", "3"])
    assert class_number("2", words, tuple(words)) == 1
    odd = np.array([3, 5])
    assert class_number(5, odd, ("c", "e")) == class_number("e", odd, ("c", "e")) == 1
    assert class_number(False, np.array([False, True]), ("n", "y")) == 0
    for given, classes in ((1, odd), (True, np.arange(2)), (2, words), ("x", words), (None, odd)):
        with pytest.raises(LabelError, match="No such label"):
            class_number(given, classes, [str(c) for c in classes])


def test_class_weights_go_by_label_and_a_label_that_nobody_has_is_an_error() -> None:
    classes = np.array(["a", "b", "c"])
    assert class_weights_of({"c": np.int64(2), "a": 0.5}, classes) == (0.5, 1.0, 2.0)
    assert class_weights_of("balanced", classes) == "balanced"
    assert class_weights_of(None, classes) is None
    with pytest.raises(LabelError, match="class_weight has 1 labels that no"):
        class_weights_of({"d": 1}, classes)


@pytest.mark.parametrize(
    "classes",
    [["心内科", "呼吸科"], [3, 5, 9], [False, True], np.array([0, 1], np.float32), [-1.0, 1.0]],
)
def test_classes_come_back_from_json(classes: list) -> None:
    given = np.array(classes)
    back = classes_from_dict(json.loads(json.dumps(classes_to_dict(given))), len(given))
    assert back.dtype == given.dtype
    assert back.tolist() == given.tolist()


@pytest.mark.parametrize(
    "stored",
    [
        {"dtype": "O", "values": ["a", "b"]},
        {"dtype": "<U1", "values": ["aa", "b"]},
        {"dtype": "<i8", "values": [1, 1]},
        {"dtype": "<i8", "values": [1]},
        {"dtype": "<i8", "values": ["x", "y"]},
        {"dtype": "nonsense", "values": [1, 2]},
        {"values": [1, 2]},
        [1, 2],
        3,
    ],
)
def test_damaged_classes_are_an_error(stored: object) -> None:
    with pytest.raises(ModelError, match="The manifest's classes"):
        classes_from_dict(stored, 2)
