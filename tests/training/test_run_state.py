from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gi_classifier.errors import OutputError
from gi_classifier.training.run_state import working_directory

HOLD = """
import sys, time
from pathlib import Path
from gi_classifier.training.run_state import working_directory
with working_directory(Path(sys.argv[1])) as work:
    (work / "checkpoint.npz").write_bytes(b"state")
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_run_into_one_output_is_refused_while_the_first_lives(tmp_path: Path) -> None:
    output = tmp_path / "model"
    command = [sys.executable, "-c", HOLD, str(output)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout
        assert first.stdout.readline() == "held\n"
        with (
            pytest.raises(OutputError, match=r"training into .*model and is still running"),
            working_directory(output, restart=True),
        ):
            pass
        assert (tmp_path / "model.training" / "checkpoint.npz").read_bytes() == b"state"
        first.send_signal(signal.SIGKILL)
        first.wait()
    with working_directory(output) as work:
        assert (work / "checkpoint.npz").read_bytes() == b"state"
    assert list(tmp_path.iterdir()) == []


def fail_after_writing(output: Path, names: list[str]) -> None:
    with working_directory(output) as work:
        for name in names:
            (work / name).write_bytes(b"")
        raise KeyError


def test_state_stays_where_the_work_stops_and_nothing_where_it_had_not_begun(
    tmp_path: Path,
) -> None:
    for content in ([], ["checkpoint.npz", "train.log"]):
        with pytest.raises(KeyError):
            fail_after_writing(tmp_path / "model", content)
        assert (tmp_path / "model.training").exists() == bool(content)


def test_restart_drops_what_an_earlier_run_left(tmp_path: Path) -> None:
    (tmp_path / "model.training").mkdir()
    (tmp_path / "model.training" / "checkpoint.npz").write_bytes(b"old")
    with working_directory(tmp_path / "model", restart=True) as work:
        assert not (work / "checkpoint.npz").exists()
