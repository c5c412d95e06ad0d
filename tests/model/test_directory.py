"""Model directories: whole or not at all, whatever happens while they are written."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gi_classifier.errors import ModelError, OutputExistsError
from gi_classifier.files import to_json, write_whole
from gi_classifier.model.directory import (
    MANIFEST,
    REQUIRED,
    SPLITS,
    WEIGHTS,
    ModelDirectory,
    load,
    save,
)
from gi_classifier.settings import AlbertConfig, Settings
from gi_classifier.text import Vocabulary


def directory(mark: str = "one") -> ModelDirectory:
    """All required files, with contents that only a sha256 looks at."""
    return ModelDirectory(
        {name: f"{mark} {name}".encode() * 99 for name in REQUIRED}, {"mark": mark}
    )


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_model_directory_comes_back_byte_for_byte(tmp_path: Path) -> None:
    saved = ModelDirectory(
        {**directory().files, "empty": b"", "字.bin": bytes(range(256))}, {"事": [1, None]}
    )
    path = save(saved, tmp_path / "model")
    found = load(path)
    assert dict(found.files) == dict(saved.files)
    assert found.metadata == saved.metadata
    manifest = json.loads((path / MANIFEST).read_text("utf-8"))
    for name, entry in manifest["files"].items():
        content = (path / name).read_bytes()
        assert entry == {
            "bytes": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
        }
    assert names(tmp_path) == ["model"]


def test_a_directory_gives_what_its_files_hold(
    settings: Settings, config: AlbertConfig, vocabulary: Vocabulary
) -> None:
    files = {
        "settings.json": to_json(settings.to_dict()),
        "config.json": to_json(config.to_dict()),
        "vocab.txt": vocabulary.to_text().encode(),
    }
    made = ModelDirectory(files)
    assert made.settings == settings
    assert made.config == config
    assert made.vocabulary.tokens == vocabulary.tokens
    assert made.splits == {}
    assert ModelDirectory({SPLITS: b'{"train": ["a"]}'}).splits == {"train": ["a"]}


def test_missing_and_changed_files_are_all_named(tmp_path: Path) -> None:
    path = save(directory(), tmp_path / "model")
    (path / WEIGHTS).unlink()
    content = bytearray((path / "vocab.txt").read_bytes())
    content[-1] ^= 1
    (path / "vocab.txt").write_bytes(content)
    with pytest.raises(ModelError, match="not a whole model directory") as caught:
        load(path)
    assert sorted(str(caught.value).splitlines()[1:]) == [
        f"  {WEIGHTS}: missing",
        "  vocab.txt: changed since it was saved (sha256 differs)",
    ]


def test_a_required_file_that_the_manifest_lacks_is_named(tmp_path: Path) -> None:
    files = {name: content for name, content in directory().files.items() if name != WEIGHTS}
    path = save(ModelDirectory(files), tmp_path / "model")
    with pytest.raises(ModelError, match=rf"{WEIGHTS}: not in the manifest"):
        load(path)


@pytest.mark.parametrize("name", ["../secret", "/etc/hostname", "sub/file", "..", "."])
def test_a_manifest_cannot_point_out_of_its_directory(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    path = save(directory(), tmp_path / "model")
    (path / "sub").mkdir()
    (path / "sub" / "file").write_bytes(b"secret")
    manifest = json.loads((path / MANIFEST).read_text("utf-8"))
    target = path / name
    content = target.read_bytes() if target.is_file() else b""
    manifest["files"][name] = {
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    (path / MANIFEST).write_bytes(to_json(manifest))
    with pytest.raises(ModelError, match=rf"  {name}: missing"):
        load(path)


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        ('{"format": 2, "files": []}', "is of format 2; this version of gi_classifier reads 1"),
        ('{"format": 1}', "is no manifest"),
        ('{"format": 1, "files": ["model.h5"]}', "is no manifest"),
        ('{"format": 1, "files": {"model.h5": "abc"}}', "is no manifest"),
        ("[1, 2]", "is no manifest"),
        ("{", "is no manifest"),
        ("\ud800", "is no manifest"),
    ],
)
def test_a_manifest_of_another_kind_is_refused(tmp_path: Path, manifest: str, message: str) -> None:
    path = save(directory(), tmp_path / "model")
    (path / MANIFEST).write_bytes(manifest.encode("utf-8", "surrogatepass"))
    with pytest.raises(ModelError, match=message):
        load(path)


def test_what_is_no_model_directory_is_not_loaded(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="No model directory at"):
        load(tmp_path / "nowhere")
    with pytest.raises(ModelError, match=f"has no {MANIFEST}"):
        load(tmp_path)


def test_a_model_directory_is_replaced_only_by_force(tmp_path: Path) -> None:
    path = save(directory("old"), tmp_path / "model")
    with pytest.raises(OutputExistsError, match=r"model exists.*--force"):
        save(directory("new"), path)
    assert load(path).metadata == {"mark": "old"}
    save(directory("new"), path, force=True)
    assert load(path).metadata == {"mark": "new"}
    assert names(tmp_path) == ["model"]


def test_a_link_to_a_model_directory_is_replaced_behind_the_link(tmp_path: Path) -> None:
    save(directory("old"), tmp_path / "model")
    link = tmp_path / "latest"
    link.symlink_to("model")
    for mark in ("new", "newest"):
        assert save(directory(mark), link, force=True) == link
        assert load(link).metadata == load(tmp_path / "model").metadata == {"mark": mark}
    assert link.is_symlink()
    assert names(tmp_path) == ["latest", "model"]


@pytest.mark.parametrize("kind", ["directory", "file"])
def test_anything_else_is_never_replaced(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "thesis"
    if kind == "file":
        path.write_text("mine")
    else:
        path.mkdir()
        (path / "mine.txt").write_text("mine")
    with pytest.raises(OutputExistsError, match="is not replaced, since|is no directory"):
        save(directory(), path, force=True)
    assert (path if kind == "file" else path / "mine.txt").read_text() == "mine"
    assert names(tmp_path) == ["thesis"]


FULL_DISK = """
import resource, sys
from pathlib import Path
from gi_classifier.files import write_whole
from gi_classifier.model.directory import REQUIRED, ModelDirectory, save
path = Path(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    if path.suffix:
        write_whole(path, bytes(2000))
    else:
        files = {name: bytes(400 * i) for i, name in enumerate(REQUIRED)}
        save(ModelDirectory(files), path, force=True)
except OSError as error:
    print(error.errno)
"""


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("name", ["model", "model.npz"])
def test_a_disk_that_fills_leaves_what_was_there(tmp_path: Path, name: str, there: bool) -> None:
    path = tmp_path / name
    if there:
        if path.suffix:
            path.write_bytes(b"old")
        else:
            save(directory("old"), path)
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(path)], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) == errno.EFBIG
    assert names(tmp_path) == ([name] if there else [])
    if there:
        assert (
            path.read_bytes() == b"old" if path.suffix else load(path).metadata == {"mark": "old"}
        )


def test_no_space_when_syncing_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    path = save(directory("old"), tmp_path / "model")
    write_whole(tmp_path / "file", b"old")
    monkeypatch.setattr(os, "fsync", full)
    writes: list[Callable[[], object]] = [
        lambda: save(directory("new"), path, force=True),
        lambda: write_whole(tmp_path / "file", b"new"),
    ]
    for write in writes:
        with pytest.raises(OSError, match="No space left"):
            write()
    assert load(path).metadata == {"mark": "old"}
    assert (tmp_path / "file").read_bytes() == b"old"
    assert names(tmp_path) == ["file", "model"]


KILLED = """
import os, signal, sys
from pathlib import Path
from gi_classifier.model.directory import REQUIRED, ModelDirectory, save
wanted, rename, calls = int(sys.argv[2]), Path.rename, []
def stopping(self, target):
    calls.append(target)
    if len(calls) > wanted:
        os.kill(os.getpid(), signal.SIGKILL)
    found = rename(self, target)
    if len(calls) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return found
Path.rename = stopping
save(ModelDirectory({name: b"new" for name in REQUIRED}, {"mark": "new"}), sys.argv[1], force=True)
"""


@pytest.mark.parametrize(
    ("renames", "mark"), [(0, "old"), (1, "old"), (2, "new")], ids=["before", "between", "after"]
)
@pytest.mark.parametrize("first", ["load", "save"])
def test_a_replacement_killed_around_its_renames_leaves_one_whole_model(
    tmp_path: Path, renames: int, mark: str, first: str
) -> None:
    path = save(directory("old"), tmp_path / "model")
    done = subprocess.run([sys.executable, "-c", KILLED, str(path), str(renames)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert path.exists() == (renames != 1)
    if first == "save":
        with pytest.raises(OutputExistsError, match="exists"):
            save(directory("third"), path)
    assert load(path).metadata == {"mark": mark}
    save(directory("third"), path, force=True)
    assert load(path).metadata == {"mark": "third"}
    assert not (tmp_path / ".model.before").exists()


def forged(path: Path, name: str, **entry: object) -> None:
    """Let the manifest say something else of a file."""
    manifest = json.loads((path / MANIFEST).read_text("utf-8"))
    manifest["files"][name] |= entry
    (path / MANIFEST).write_bytes(to_json(manifest))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with a name are POSIX's")
@pytest.mark.parametrize("name", [WEIGHTS, MANIFEST])
@pytest.mark.parametrize("kind", ["pipe", "device", "terabyte", "directory"])
def test_only_regular_files_of_their_size_are_read(tmp_path: Path, name: str, kind: str) -> None:
    path = save(directory(), tmp_path / "model")
    (path / name).unlink()
    if kind == "pipe":
        os.mkfifo(path / name)
    elif kind == "device":
        (path / name).symlink_to("/dev/zero")
    elif kind == "directory":
        (path / name).mkdir()
    else:
        with (path / name).open("wb") as file:
            file.truncate(2**40)
    reason = "it has 1,099,511,627,776 bytes" if kind == "terabyte" else "it is no regular file"
    with pytest.raises(ModelError, match=rf"(?s){name}.*{reason}.*"):
        load(path)


def test_a_manifest_that_declares_what_no_model_has_is_refused(tmp_path: Path) -> None:
    path = save(directory(), tmp_path / "model")
    with (path / WEIGHTS).open("r+b") as file:
        file.truncate(2**40)
    for size in (2**40, -1, "99", None, True, 1e3):
        forged(path, WEIGHTS, bytes=size)
        with pytest.raises(ModelError, match="is no manifest: sizes that no model has"):
            load(path)


def test_a_link_to_a_file_is_read_as_caches_of_models_have_them(tmp_path: Path) -> None:
    path = save(directory(), tmp_path / "model")
    (path / WEIGHTS).rename(tmp_path / "blob")
    (path / WEIGHTS).symlink_to(tmp_path / "blob")
    assert load(path) == directory()


def test_what_file_managers_leave_is_said_and_passed_over(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = save(directory(), tmp_path / "model")
    for name in (".DS_Store", "Thumbs.db"):
        (path / name).write_bytes(b"")
    (path / ".ipynb_checkpoints").mkdir()
    assert load(path) == directory()
    assert "passed over, no part of the model: .DS_Store, .ipynb_checkpoints, Thumbs.db" in (
        caplog.text
    )
    assert names(save(directory("new"), path, force=True).parent) == ["model"]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("settings.json", b"[" * 100_000, "it is no JSON"),
        ("settings.json", b"[1]", "it holds no JSON object"),
        ("settings.json", b"", "it is no JSON"),
        ("settings.json", b'{"maxlen": "long"}', "maxlen must be an integer"),
        ("settings.json", b'{"odd": 1}', "No such settings"),
        ("settings.json", b'{"label_names": [[], 1, 2]}', "label_names must be 3"),
        ("settings.json", b'{"num_classes": 1000000000}', "num_classes is 1000000000"),
        ("config.json", b"{}", "holds no vocab_size"),
        ("config.json", b'{"vocab_size": -1}', "must be an integer of at least 1"),
        ("vocab.txt", b"\xff\xfe", "codec"),
        ("vocab.txt", b"", "A vocabulary starts with"),
        ("splits.json", b'{"train": 1}', "does not hold fingerprints"),
        ("splits.json", b'{"train": "0123"}', "does not hold fingerprints"),
    ],
)
def test_a_malformed_file_is_named_with_what_to_do(name: str, content: bytes, reason: str) -> None:
    made = ModelDirectory({**directory().files, name: content}, path=Path("/models/one"))
    attribute = {"vocab.txt": "vocabulary"}.get(name, name.removesuffix(".json"))
    with pytest.raises(ModelError, match=f"(?s)/models/one/{name}.*{reason}.*Get the model dir"):
        getattr(made, attribute)


def test_a_manifest_that_is_nested_without_end_is_refused(tmp_path: Path) -> None:
    path = save(directory(), tmp_path / "model")
    (path / MANIFEST).write_bytes(b'{"a":' * 100_000)
    with pytest.raises(ModelError, match=r"manifest\.json is no manifest \(RecursionError\)"):
        load(path)


@pytest.mark.parametrize("engine", [None, [], {"default": "fp16"}, {"default": 1}])
def test_an_engine_that_does_not_exist_is_refused(engine: object) -> None:
    with pytest.raises(ModelError, match=r"manifest\.json cannot be used: its engine is none of"):
        _ = ModelDirectory({}, {"engine": engine}).engine
