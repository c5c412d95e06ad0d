from __future__ import annotations

import json

import pytest

from gi_classifier._version import __version__
from gi_classifier.decisions.operating_points import OperatingPoint
from gi_classifier.decisions.thresholds import stored_threshold, with_threshold
from gi_classifier.errors import ModelError
from gi_classifier.model.directory import THRESHOLDS, WEIGHTS, ModelDirectory
from gi_classifier.model.origin import origin

ALBERT = ["albert"]


def directory(weights: bytes = b"weights", **files: bytes) -> ModelDirectory:
    return ModelDirectory({WEIGHTS: weights, **files})


def stored() -> ModelDirectory:
    point = OperatingPoint(0.25, 3, 1, 5, 0).to_dict()
    found = with_threshold(directory(), 1, "youden", point, point, members=ALBERT)
    return with_threshold(found, 2, "f1", {**point, "threshold": 0.75}, point, members=ALBERT)


def test_a_stored_threshold_comes_back_beside_that_of_other_labels() -> None:
    found = stored()
    assert [stored_threshold(found, label, ALBERT) for label in (1, 2)] == [0.25, 0.75]
    entry = json.loads(found.files[THRESHOLDS])["1"]
    assert entry["policy"] == "youden"
    assert entry["model_sha256"] == found.digest
    assert entry["validation"]["tp"] == entry["test"]["tp"] == 3
    moved = {**entry["validation"], "threshold": 0.5}
    again = with_threshold(found, 1, "f2", moved, entry["test"], members=ALBERT)
    assert [stored_threshold(again, label, ALBERT) for label in (1, 2)] == [0.5, 0.75]


def test_a_threshold_chosen_on_other_members_answers_is_refused() -> None:
    for members in (["linear"], ["albert", "linear"]):
        with pytest.raises(ModelError, match=f"answers of albert, not of {' and '.join(members)}"):
            stored_threshold(stored(), 1, members)


def test_a_threshold_that_is_not_stored_is_an_error_with_the_command_that_stores_it() -> None:
    with pytest.raises(
        ModelError, match="no threshold for label 1. Choose one with: gi-classifier"
    ):
        stored_threshold(directory(), 1, ALBERT)
    with pytest.raises(ModelError, match=r"label 0 \(only for 1, 2\)"):
        stored_threshold(stored(), 0, ALBERT)


def test_a_threshold_of_other_weights_is_refused() -> None:
    changed = directory(b"other", **{THRESHOLDS: stored().files[THRESHOLDS]})
    with pytest.raises(ModelError, match="label 1 was chosen for other weights"):
        stored_threshold(changed, 1, ALBERT)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "thresholds.json is not JSON"),
        (b"\xff", "thresholds.json is not JSON"),
        (b"[]", "holds no JSON object"),
        (b'{"1": {}}', "entry of label 1 is incomplete"),
        (b'{"1": 0.5}', "entry of label 1 is incomplete"),
        (b'{"1": {"threshold": "x", "model_sha256": ""}}', "entry of label 1 is incomplete"),
    ],
)
def test_a_damaged_table_of_thresholds_is_an_error(content: bytes, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        stored_threshold(directory(**{THRESHOLDS: content}), 1, ALBERT)


def test_an_entry_says_what_it_was_made_with() -> None:
    point = OperatingPoint(0.25, 3, 1, 5, 0).to_dict()
    made_from = origin(directory(), val="val.csv")
    found = with_threshold(directory(), 1, "youden", point, point, made_from, members=ALBERT)
    assert json.loads(found.files[THRESHOLDS])["1"]["origin"] == {
        "library": f"gi_classifier {__version__}",
        "model": found.digest,
        "settings": {"val": "val.csv"},
    }


def test_a_table_that_version_0_1_0_wrote_is_read_and_added_to() -> None:
    # As that version wrote it: no origin.
    digest = directory().digest
    old = {"1": {"threshold": 0.37646484, "policy": "tpr-2fpr", "model_sha256": digest}}
    old["1"] |= {"validation": {"tp": 842}, "test": {"tp": 841}}
    found = directory(**{THRESHOLDS: json.dumps(old).encode()})
    assert stored_threshold(found, 1, ALBERT) == 0.37646484
    point = OperatingPoint(0.25, 3, 1, 5, 0).to_dict()
    both = with_threshold(found, 2, "youden", point, point, members=ALBERT)
    assert (stored_threshold(both, 1, ALBERT), stored_threshold(both, 2, ALBERT)) == (
        0.37646484,
        0.25,
    )
    assert json.loads(both.files[THRESHOLDS])["1"] == old["1"]
