"""Outputs are checked before the work, written whole, private while they are drafts."""

from __future__ import annotations

import errno
import multiprocessing
import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from gi_classifier import files
from gi_classifier.errors import MissingPathError, OutputError, OutputExistsError
from gi_classifier.files import (
    beside,
    check_output,
    check_output_directory,
    check_owned,
    sibling,
    to_json,
    write_directory,
    write_whole,
)

posix = pytest.mark.skipif(os.name == "nt", reason="modes and signals of POSIX")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_free_place_is_let_through_and_left_free(tmp_path: Path) -> None:
    assert check_output(str(tmp_path / "new.csv")) == tmp_path / "new.csv"
    assert check_output_directory(tmp_path / "new") == tmp_path / "new"
    assert names(tmp_path) == []


def test_what_exists_is_refused_unless_forced(tmp_path: Path) -> None:
    file, folder = tmp_path / "file", tmp_path / "folder"
    file.write_bytes(b"old")
    folder.mkdir()
    for check, path in ((check_output, file), (check_output_directory, folder)):
        with pytest.raises(OutputExistsError, match=rf"{path.name} exists.*--force"):
            check(path)
        assert check(path, force=True) == path
    assert file.read_bytes() == b"old"


@pytest.mark.parametrize("force", [True, False])
def test_a_folder_where_a_file_is_asked_for_is_refused(tmp_path: Path, force: bool) -> None:
    with pytest.raises(OutputError, match="is a folder. Name a file in it"):
        check_output(tmp_path, force=force)


@pytest.mark.parametrize("check", [check_output, check_output_directory])
def test_a_missing_folder_is_named_and_not_made(tmp_path: Path, check: object) -> None:
    path = tmp_path / "a" / "b" / "out"
    with pytest.raises(MissingPathError, match=rf"no folder {path.parent}.*mkdir -p"):
        check(path)  # type: ignore[operator]
    assert names(tmp_path) == []


@posix
def test_a_pipe_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(OutputError, match="no regular file"):
        check_output(tmp_path / "pipe.csv", force=True)


@pytest.mark.parametrize("check", [check_output, check_output_directory])
def test_a_name_that_is_too_long_is_said_before_the_work(tmp_path: Path, check: object) -> None:
    with pytest.raises(OutputError, match="cannot be written: .*"):
        check(tmp_path / ("n" * 256))  # type: ignore[operator]


def test_what_another_program_holds_is_said_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def held(self: Path, *_: object) -> object:
        raise PermissionError(errno.EACCES, "Permission denied")

    path = tmp_path / "open.xlsx"
    path.write_bytes(b"old")
    monkeypatch.setattr(Path, "open", held)
    with pytest.raises(OutputError, match=r"open.xlsx.*close the file.*Excel"):
        check_output(path, force=True)


@pytest.mark.parametrize(
    ("check", "make"),
    [(check_output, "_empty_file"), (check_output_directory, "_empty_directory")],
)
def test_a_folder_without_permission_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, check: object, make: str
) -> None:
    def denied(_: Path) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(files, make, denied)
    with pytest.raises(OutputError, match="out cannot be written: Permission denied"):
        check(tmp_path / "out")  # type: ignore[operator]


@pytest.mark.parametrize(
    "name", ["字" * 85, "n" * 244, "n" * 255], ids=["characters", "244", "255"]
)
def test_names_of_255_bytes_are_written(tmp_path: Path, name: str) -> None:
    write_whole(check_output(tmp_path / name), b"content")
    assert (tmp_path / name).read_bytes() == b"content"
    folder = tmp_path / "folders"
    folder.mkdir()
    for content in (b"one", b"two"):
        write_directory({"file": content}, check_output_directory(folder / name, force=True))
        assert (folder / name / "file").read_bytes() == content
    assert names(folder) == [name]


def test_the_hidden_sibling_of_a_long_name_is_its_own() -> None:
    one, other = (
        sibling(Path("/a") / ("n" * 255), "draft"),
        sibling(Path("/a") / ("m" * 255), "draft"),
    )
    assert one != other
    assert len(one.name) < 40
    assert sibling(Path("/a/b.csv"), "draft") == Path("/a/.b.csv.draft")
    assert beside(Path("/a/b.csv"), "origin.json") == Path("/a/b.csv.origin.json")
    assert len(beside(Path("n" * 250), "origin.json").name) < 40


@posix
@pytest.mark.parametrize("kept", [0o600, 0o640, 0o664])
def test_a_replaced_file_keeps_its_mode(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "records.csv"
    path.write_bytes(b"old")
    path.chmod(kept)
    write_whole(path, b"new")
    assert (path.read_bytes(), mode(path)) == (b"new", kept)


@posix
def test_a_replaced_directory_keeps_its_modes(tmp_path: Path) -> None:
    path = tmp_path / "model"
    write_directory({"a": b"", "b": b""}, path)
    path.chmod(0o700)
    (path / "a").chmod(0o600)
    write_directory({"a": b"1", "c": b"2"}, path)
    assert [mode(path), mode(path / "a")] == [0o700, 0o600]
    assert mode(path / "c") == mode(tmp_path / "model" / "c") != 0o600


@posix
def test_a_new_file_has_the_mode_of_the_users_mask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_whole(tmp_path / "new", b"")
        write_directory({"file": b""}, tmp_path / "folder")
    finally:
        os.umask(before)
    assert mode(tmp_path / "new") == mode(tmp_path / "folder" / "file") == 0o640
    assert mode(tmp_path / "folder") == 0o750


def test_a_link_stays_a_link_and_its_file_is_replaced(tmp_path: Path) -> None:
    write_whole(tmp_path / "file", b"old")
    (tmp_path / "link").symlink_to("file")
    write_whole(check_output(tmp_path / "link", force=True), b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_bytes() == b"new"
    assert names(tmp_path) == ["file", "link"]


KILLED = """
import os, signal, sys
from pathlib import Path
from gi_classifier.files import write_directory, write_whole
os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)
path = Path(sys.argv[1])
write_directory({"file": b"records"}, path) if path.suffix == "" else write_whole(path, b"records")
"""


@posix
@pytest.mark.parametrize("name", ["out.csv", "out"])
@pytest.mark.parametrize("by", ["check", "write"])
def test_a_draft_of_a_killed_process_is_private_and_removed_by_the_next(
    tmp_path: Path, name: str, by: str
) -> None:
    path = tmp_path / name
    done = subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert names(tmp_path) == [f".{name}.draft"]
    assert mode(tmp_path / f".{name}.draft") == (0o600 if path.suffix else 0o700)
    if by == "check":
        (check_output if path.suffix else check_output_directory)(path)
        assert names(tmp_path) == []
    elif path.suffix:
        write_whole(path, b"new")
    else:
        write_directory({}, path)
    if by == "write":
        assert names(tmp_path) == [name]


@posix
@pytest.mark.parametrize("make", [files._empty_file, files._empty_directory])
def test_a_draft_of_a_living_process_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: object
) -> None:
    monkeypatch.setattr(files, "_PATIENCE_SECONDS", 0.1)
    with (
        files._draft(tmp_path / "out", make) as draft,  # type: ignore[arg-type]
        pytest.raises(OutputError, match=r"Another process is writing .*out.draft"),
    ):
        check_output(tmp_path / "out")
    assert not draft.exists()


def _write_often(path: Path, letter: bytes) -> None:
    for _ in range(20):
        write_whole(path, letter * 10_000)


def test_writers_of_one_name_take_turns(tmp_path: Path) -> None:
    path = tmp_path / "out"
    threads = [threading.Thread(target=_write_often, args=(path, b"t")) for _ in range(2)]
    context = multiprocessing.get_context("spawn")
    processes = [
        context.Process(target=_write_often, args=(path, letter)) for letter in (b"a", b"b")
    ]
    for work in [*processes, *threads]:
        work.start()
    for work in [*processes, *threads]:
        work.join(60)
    assert [process.exitcode for process in processes] == [0, 0]
    content = path.read_bytes()
    assert content == content[:1] * 10_000
    assert names(tmp_path) == ["out"]


@posix
def test_a_link_in_the_place_of_a_draft_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "victim").write_bytes(b"mine")
    (tmp_path / ".out.draft").symlink_to("victim")
    write_whole(tmp_path / "out", b"new")
    assert (tmp_path / "victim").read_bytes() == b"mine"
    assert names(tmp_path) == ["out", "victim"]


def busy(*_: object) -> None:
    raise OSError(errno.EBUSY, "Device or resource busy")


def test_a_mounted_file_is_written_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "mounted.csv"
    path.write_bytes(b"a longer text that was there")
    monkeypatch.setattr(Path, "replace", busy)
    inode = path.stat().st_ino
    write_whole(check_output(path, force=True), b"new")
    assert (path.read_bytes(), path.stat().st_ino) == (b"new", inode)
    assert names(tmp_path) == ["mounted.csv"]
    with pytest.raises(OSError, match="busy"):
        write_whole(tmp_path / "new", b"")


def test_a_mounted_directory_has_its_files_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "mounted"
    write_directory({"old": b"1", "both": b"1"}, path)
    monkeypatch.setattr(Path, "rename", busy)
    write_directory({"both": b"2", "last": b"2"}, check_output_directory(path, force=True))
    assert {entry.name: entry.read_bytes() for entry in path.iterdir()} == {
        "both": b"2",
        "last": b"2",
    }
    assert names(tmp_path) == ["mounted"]


def test_what_tools_leave_does_not_hinder_a_replacement(tmp_path: Path) -> None:
    write_directory({"file": b"1"}, tmp_path / "out")
    for name in (".DS_Store", "Thumbs.db", "._file"):
        (tmp_path / "out" / name).write_bytes(b"")
    (tmp_path / "out" / ".ipynb_checkpoints").mkdir()
    check_owned(tmp_path / "out", ["file"])
    (tmp_path / "out" / "mine.txt").write_bytes(b"")
    with pytest.raises(OutputExistsError, match="mine.txt"):
        check_owned(tmp_path / "out", ["file"])


def test_a_name_that_is_too_long_asks_for_a_shorter_one_not_to_close_excel(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"Choose a shorter name\.\Z"):
        check_output(tmp_path / f"{'a' * 300}.csv")


def test_json_for_people_replaces_what_no_file_holds() -> None:
    assert to_json({"胃": "a\ud800"}) == '{\n  "胃": "a\ufffd"\n}\n'.encode()
