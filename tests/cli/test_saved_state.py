"""The state of a long command, and who may go on from it."""

import subprocess
import sys
from pathlib import Path

import pytest

from gi_classifier.cli.saved_state import SavedState
from gi_classifier.errors import OutputError, OutputExistsError

WORK = {"share": 0.2}
# Takes the state, says so, and waits to be killed.
HOLDER = """
import sys, time
from pathlib import Path
from gi_classifier.cli.saved_state import SavedState
state = SavedState(Path(sys.argv[1]), {"share": 0.2})
state.write("part", b"done so far")
print("ready", flush=True)
time.sleep(600)
"""


def stopped(output: Path, error: BaseException) -> None:
    state = SavedState(output, WORK)
    with state.noting_stops():
        state.write("part", b"done so far")
        raise error


def test_the_same_work_goes_on_from_its_parts(tmp_path: Path) -> None:
    output = tmp_path / "page.html"
    with pytest.raises(KeyboardInterrupt):
        stopped(output, KeyboardInterrupt())
    again = SavedState(output, WORK)
    assert again.read("part") == b"done so far"
    again.drop()
    assert not list(tmp_path.iterdir())


def test_other_work_is_refused_and_leaves_the_parts(tmp_path: Path) -> None:
    output = tmp_path / "page.html"
    with pytest.raises(ValueError, match="no"):
        stopped(output, ValueError("no"))
    with pytest.raises(OutputExistsError, match=r"page\.html\.state is what a stopped") as refused:
        SavedState(output, {"share": 0.5})
    assert refused.value.problems == ["share: 0.2 then, 0.5 now"]
    assert SavedState(output, WORK).read("part") == b"done so far"


def test_begun_anew_nothing_of_before_is_left(tmp_path: Path) -> None:
    output = tmp_path / "page.html"
    with pytest.raises(KeyboardInterrupt):
        stopped(output, KeyboardInterrupt())
    assert SavedState(output, {"share": 0.5}, restart=True).read("part") is None


def test_what_failed_at_once_leaves_no_state(tmp_path: Path) -> None:
    state = SavedState(tmp_path / "page.html", WORK)
    with pytest.raises(ValueError, match="no"), state.noting_stops():
        raise ValueError("no")
    assert not list(tmp_path.iterdir())


def test_two_processes_do_not_work_on_one_output_until_one_is_killed(tmp_path: Path) -> None:
    output = tmp_path / "page.html"
    command = [sys.executable, "-c", HOLDER, str(output)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "ready\n"
        for restart in (False, True):
            with pytest.raises(OutputError, match="Another process is working on .*page.html"):
                SavedState(output, WORK, restart=restart)
        holder.kill()
        holder.wait()
    assert SavedState(output, WORK).read("part") == b"done so far"
