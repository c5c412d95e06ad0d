from __future__ import annotations

import subprocess
import sys

import pytest

from gi_classifier.errors import MissingExtraError
from gi_classifier.plots.style import check_plots


@pytest.mark.parametrize("module", ["matplotlib", "seaborn"])
def test_a_missing_part_is_named_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    check_plots()
    monkeypatch.setitem(sys.modules, module, None)
    message = rf"needs {module}\. Install with: pip install 'gi_classifier\[plots\]'"
    with pytest.raises(MissingExtraError, match=message):
        check_plots()


def test_nothing_is_imported_before_something_is_drawn() -> None:
    code = (
        "import sys, gi_classifier.plots.evaluation; "
        "print({'matplotlib', 'seaborn'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
