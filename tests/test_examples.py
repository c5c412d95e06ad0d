"""The examples in the docstrings of the public names, run as they stand."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest

import gi_classifier

# They train for minutes, and need files.
NOT_RUN = {"train", "continue_training", "pretrain"}
NAMES = [
    name
    for name in gi_classifier.__all__
    if not name.startswith("_")
    and not (
        isinstance(getattr(gi_classifier, name), type)
        and issubclass(getattr(gi_classifier, name), Exception)
    )
]


@pytest.mark.parametrize("name", NAMES)
def test_the_examples_of_a_public_name_say_what_happens(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    thing = getattr(gi_classifier, name)
    doc = doctest.DocTestParser().get_doctest(thing.__doc__, {}, name, None, 0)
    assert doc.examples, f"{name} has no example"
    skipped = any(doctest.SKIP in example.options for example in doc.examples)
    assert skipped == (name in NOT_RUN)
    result = doctest.DocTestRunner().run(doc)
    assert result.failed == 0, capsys.readouterr().out
