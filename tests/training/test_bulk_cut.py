from __future__ import annotations

import pytest

from gi_classifier.decisions.bulk import stored_bulk
from gi_classifier.model.directory import BULK, FUSION, LINEAR, ModelDirectory
from gi_classifier.model.shipped import shipped_directory
from gi_classifier.training.bulk_cut import bulk_file, held_for_bulk

MEMBER = (LINEAR, FUSION)


def test_passages_that_choose_the_cut_of_bulk_are_not_trained_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gi_classifier.training.bulk_cut.FEWEST_PASSAGES", 3)
    passages = [*"abcdef", "a"]
    held, rest = held_for_bulk(passages, 1)
    assert len(held) == 3
    assert not set(held) & set(rest)
    assert set(held) | set(rest) == set(passages)
    assert held_for_bulk(passages[:5], 1) == ([], passages[:5])


def test_a_model_of_two_members_is_given_its_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gi_classifier.decisions.bulk_fit.FEWEST_PASSAGES", 2)
    directory = shipped_directory()
    found = bulk_file(directory, ["胃窦溃疡", "直肠息肉"])
    assert list(found) == [BULK]
    assert stored_bulk(ModelDirectory({**directory.files, **found})).passages == 2
    assert bulk_file(directory, []) == {}
    one = {name: content for name, content in directory.files.items() if name not in MEMBER}
    assert bulk_file(ModelDirectory(one), ["胃窦溃疡", "直肠息肉"]) == {}
