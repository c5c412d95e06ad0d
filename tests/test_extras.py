"""Optional packages that are missing."""

from __future__ import annotations

import sys

import pytest

from gi_classifier.errors import MissingExtraError
from gi_classifier.extras import check_installed


def test_each_missing_package_is_named_with_the_command_that_installs_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    check_installed("This", ["numpy"], "train")
    monkeypatch.setitem(sys.modules, "onnx", None)
    expected = (
        r"^Writing needs onnx and no_such_package\. "
        r"Install with: pip install 'gi_classifier\[train\]'$"
    )
    with pytest.raises(MissingExtraError, match=expected):
        check_installed("Writing", ["numpy", "onnx", "no_such_package"], "train")
