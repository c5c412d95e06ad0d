from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from pictures import drawn

from gi_classifier.errors import MissingExtraError
from gi_classifier.plots.fonts import BOX, cjk_font
from gi_classifier.plots.style import canvas, check_plots, png, shortened


@pytest.mark.parametrize("module", ["matplotlib", "seaborn"])
def test_a_missing_part_is_named_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    check_plots()
    monkeypatch.setitem(sys.modules, module, None)
    message = rf"needs {module}\. Install with: pip install 'gi_classifier\[plots\]'"
    with pytest.raises(MissingExtraError, match=message):
        check_plots()
    with pytest.raises(MissingExtraError, match=message):
        canvas(2, 2)


def test_nothing_is_imported_before_something_is_drawn() -> None:
    code = (
        "import sys, gi_classifier.plots.evaluation; "
        "print({'matplotlib', 'seaborn'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_every_text_is_set_in_the_font_with_chinese_and_none_as_a_formula() -> None:
    from matplotlib.text import Text

    figure = canvas(3, 3)
    panel = figure.subplots()
    panel.plot([0, 1e6], [0, 1], label="$x^ 胃")
    panel.set_title("费用 $5 到 $9")
    panel.legend()
    before = figure.get_size_inches().copy()
    assert drawn(lambda: png(figure)).shape == (330, 330, 3)
    texts = figure.findobj(Text)
    assert {text.get_fontproperties().get_file() for text in texts} == {str(cjk_font())}
    assert not any(text.get_parse_math() for text in texts)
    assert np.array_equal(before, figure.get_size_inches())


def test_drawing_leaves_the_callers_settings_of_matplotlib_alone() -> None:
    import matplotlib

    before = dict(matplotlib.rcParams)
    figure = canvas(1, 1)
    figure.subplots().set_title("胃")
    png(figure)
    # Asked for, the backend is found out.
    del before["backend"]
    assert all(matplotlib.rcParams[name] == value for name, value in before.items())


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("upper 上消化道", "upper 上消化道"),
        ("a" * 25, "a" * 23 + "…"),
        ("a" * 24, "a" * 24),
        ("胃\U0001f642", f"胃{BOX}"),
    ],
)
def test_names_are_cut_and_hold_only_what_the_font_has(name: str, shown: str) -> None:
    assert shortened(name) == shown
