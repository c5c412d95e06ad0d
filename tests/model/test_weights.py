"""Weights files of anybody: read as numbers, or refused with the reason."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from gi_classifier.errors import ModelError
from gi_classifier.model.weights import HEAD, read_h5

Change = Callable[[h5py.File], object]


def written(change: Change = lambda _: None) -> bytes:
    """A Keras weights file with one layer, changed."""
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        file.attrs["layer_names"] = ["dense_7"]
        layer = file.create_group("dense_7")
        layer.attrs["weight_names"] = ["dense_7/kernel:0", "dense_7/bias:0"]
        layer["dense_7/kernel:0"] = np.arange(6, dtype=np.float32).reshape(2, 3)
        layer["dense_7/bias:0"] = np.zeros(3, np.float32)
        change(file)
    return content.getvalue()


def test_weights_are_read_and_a_numbered_head_is_found() -> None:
    found = read_h5(written())
    assert list(found) == [HEAD]
    np.testing.assert_array_equal(found[HEAD][0], np.arange(6).reshape(2, 3))


def replaced(make: Change) -> Change:
    def change(file: h5py.File) -> None:
        del file["dense_7/dense_7/kernel:0"]
        make(file)

    return change


KERNEL = "dense_7/dense_7/kernel:0"


def soft(file: h5py.File) -> None:
    file[KERNEL] = h5py.SoftLink("/dense_7/dense_7/bias:0")


def other_file(file: h5py.File) -> None:
    file[KERNEL] = h5py.ExternalLink("/etc/passwd", "/x")


def stored_elsewhere(file: h5py.File) -> None:
    file.create_dataset(KERNEL, (2, 3), "f4", external=[("/etc/passwd", 0, 24)])


def virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((2, 3), "f4")
    layout[:] = h5py.VirtualSource("/tmp/other.h5", "x", (2, 3))
    file.create_virtual_dataset(KERNEL, layout)


def text(file: h5py.File) -> None:
    file[KERNEL] = "text"


def group(file: h5py.File) -> None:
    file.create_group(KERNEL)


def bomb(file: h5py.File) -> None:
    file.create_dataset(KERNEL, (10**6, 10**6), "f4", chunks=(1000, 1000), compression="gzip")


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (soft, "is a link"),
        (other_file, "is a link"),
        (stored_elsewhere, "is stored in another file"),
        (virtual, "is stored in another file"),
        (text, "is no array of numbers"),
        (group, "is no array of numbers"),
        (bomb, "far more room than the file has"),
        (lambda _: None, "is a link"),
    ],
    ids=["soft", "external link", "external", "virtual", "text", "group", "bomb", "missing"],
)
def test_a_file_that_reads_others_or_holds_no_numbers_is_refused(make: Change, reason: str) -> None:
    with pytest.raises(ModelError, match=rf"model\.h5: not a Keras \.h5 weights file.*{reason}"):
        read_h5(written(replaced(make)), name="model.h5")


def test_a_linked_layer_is_refused() -> None:
    def change(file: h5py.File) -> None:
        file.move("dense_7", "moved")
        file["dense_7"] = h5py.SoftLink("/moved")

    with pytest.raises(ModelError, match="is a link"):
        read_h5(written(change))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with a name are POSIX's")
def test_a_pipe_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "model.h5")
    with pytest.raises(ModelError, match=r"model\.h5: not a Keras .* no regular file"):
        read_h5(tmp_path / "model.h5")
