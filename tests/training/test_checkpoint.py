"""The state of a long run, in one file."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from gi_classifier.errors import ModelError, OutputExistsError
from gi_classifier.training.checkpoint import flatten, read_checkpoint, unflatten, write_checkpoint

anything = arrays.arrays(
    st.sampled_from([np.float32, np.int64, np.uint8]), arrays.array_shapes(min_dims=0, max_side=3)
)
# Layer names, with the slashes that Keras allows and a digit for an end.
weights = st.dictionaries(
    st.text("ab/1", min_size=1, max_size=4), st.lists(anything, min_size=1, max_size=12), max_size=4
)


@given(one=weights, other=weights, step=st.integers(), text=st.text())
def test_arrays_and_state_come_back_as_they_were(
    tmp_path_factory: pytest.TempPathFactory,
    one: dict[str, list[np.ndarray]],
    other: dict[str, list[np.ndarray]],
    step: int,
    text: str,
) -> None:
    path = tmp_path_factory.mktemp("run") / "checkpoint.npz"
    state = {"step": step, "text": text, "rows": [{"loss": 0.1}]}
    write_checkpoint(path, {"run": "id"}, flatten("a", one) | flatten("ab", other), state)
    stored = read_checkpoint(path, {"run": "id"})
    assert stored is not None
    assert stored[1] == state
    for prefix, wanted in (("a", one), ("ab", other)):
        found = unflatten(prefix, stored[0])
        assert found.keys() == wanted.keys()
        for name, values in wanted.items():
            for value, again in zip(values, found[name], strict=True):
                assert value.dtype == again.dtype
                np.testing.assert_array_equal(value, again)


def test_without_a_file_there_is_no_checkpoint(tmp_path: Path) -> None:
    assert read_checkpoint(tmp_path / "checkpoint.npz", {"run": "id"}) is None


def test_a_checkpoint_of_another_run_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.npz"
    write_checkpoint(path, {"run": "one"}, {"x": np.zeros(3)}, {})
    with pytest.raises(OutputExistsError, match=r"begun with something else .*--restart") as error:
        read_checkpoint(path, {"run": "other"})
    assert error.value.problems == ['run: "one" then, "other" now']


def test_a_checkpoint_that_holds_a_pickle_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.npz"
    write_checkpoint(path, {"run": "id"}, {"x": np.array([{"evil": 1}], dtype=object)}, {})
    with pytest.raises(ModelError, match=r"checkpoint\.npz is damaged"):
        read_checkpoint(path, {"run": "id"})


@pytest.mark.parametrize("content", [b"", b"PK", b"no zip"])
def test_a_damaged_checkpoint_is_named_with_what_to_do(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "checkpoint.npz"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"checkpoint\.npz is damaged .*--restart"):
        read_checkpoint(path, {"run": "id"})


def test_a_checkpoint_of_an_earlier_release_is_said_to_be_one(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.npz"
    np.savez(path, state=np.frombuffer(b'{"digest": "0a", "step": 1}', dtype=np.uint8))
    with pytest.raises(ModelError, match=r"npz is of an earlier release\. .*--restart"):
        read_checkpoint(path, {"run": "id"})


def test_a_checkpoint_cut_off_or_changed_anywhere_is_refused_or_read(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.npz"
    write_checkpoint(path, {"run": "id"}, {"x": np.arange(20.0)}, {"step": 1})
    content = path.read_bytes()
    for place in range(0, len(content), 3):
        changed = bytearray(content)
        changed[place] ^= 255
        for damaged in (content[:place], bytes(changed)):
            path.write_bytes(damaged)
            try:
                read_checkpoint(path, {"run": "id"})
            except ModelError:
                continue


def test_a_full_disk_leaves_the_last_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "checkpoint.npz"
    write_checkpoint(path, {"run": "id"}, {"x": np.zeros(3)}, {"step": 1})
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_checkpoint(path, {"run": "id"}, {"x": np.ones(3)}, {"step": 2})
    stored = read_checkpoint(path, {"run": "id"})
    assert stored is not None
    assert stored[1] == {"step": 1}
    assert os.listdir(tmp_path) == ["checkpoint.npz"]
