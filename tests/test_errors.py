from __future__ import annotations

import inspect

import pytest

from gi_classifier import errors
from gi_classifier.errors import SHOWN_PROBLEMS, GIClassifierError, RecordsError

KINDS = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if kind.__module__ == errors.__name__
]


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_is_of_the_one_tree(kind: type) -> None:
    assert issubclass(kind, GIClassifierError)


@pytest.mark.parametrize(
    ("name", "builtin"),
    [
        ("SettingsError", ValueError),
        ("InputError", ValueError),
        ("InputError", TypeError),
        ("RecordsError", ValueError),
        ("OutputExistsError", FileExistsError),
        ("MissingExtraError", ImportError),
    ],
)
def test_errors_are_caught_as_the_builtin_ones_too(name: str, builtin: type) -> None:
    with pytest.raises(builtin, match="^why$"):
        raise getattr(errors, name)("why")


@pytest.mark.parametrize("extra", [-1, 0, 3])
def test_the_first_problems_are_shown_and_the_rest_counted(extra: int) -> None:
    problems = [f"problem {i}" for i in range(SHOWN_PROBLEMS + extra)]
    shown = str(RecordsError("Summary:", problems)).split("\n")
    assert shown[:2] == ["Summary:", "  problem 0"]
    assert ("  … and 3 more" in shown) == (extra == 3)
    assert len(shown) == 1 + min(len(problems), SHOWN_PROBLEMS) + (extra == 3)
    assert RecordsError("Summary:", problems).problems == problems
