"""Files of arrays, of anybody: numbers and text, or the reason why not."""

from __future__ import annotations

import io
import random
import zipfile
from pathlib import Path

import numpy as np
import pytest

from gi_classifier.arrays import read_npz

ARRAYS = {
    "matrix": np.arange(6, dtype=np.float32).reshape(2, 3),
    "columns": np.asfortranarray(np.arange(6).reshape(2, 3)),
    "text": np.array("上消化道"),
    "names": np.array(["a", "上"]),
    "empty": np.zeros((0, 3)),
    "flags": np.array([True, False]),
}


def packed(**arrays: np.ndarray) -> bytes:
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)  # type: ignore[arg-type]
    return content.getvalue()


def zipped(**parts: bytes) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as file:
        for name, part in parts.items():
            file.writestr(f"{name}.npy", part)
    return content.getvalue()


def test_arrays_come_back_as_numpy_wrote_them(tmp_path: Path) -> None:
    (tmp_path / "file.npz").write_bytes(packed(**ARRAYS))
    for source in (packed(**ARRAYS), tmp_path / "file.npz"):
        found = read_npz(source)
        assert list(found) == list(ARRAYS)
        for name, array in ARRAYS.items():
            assert found[name].dtype == array.dtype
            np.testing.assert_array_equal(found[name], array)
        found["matrix"][0] = 1


def test_a_pickle_is_refused_unread() -> None:
    content = packed(a=np.array([{"a": 1}], dtype=object))
    with pytest.raises(ValueError, match="an array of object, which is neither numbers nor text"):
        read_npz(content)


def test_what_unpacks_to_too_much_is_refused_before_it_is_unpacked() -> None:
    content = packed(a=np.zeros(10**7))
    assert len(content) < 100_000
    with pytest.raises(ValueError, match="unpacks to more than 1,000,000 bytes"):
        read_npz(content, most=10**6)


def test_a_header_that_promises_more_than_there_is_is_refused() -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f8", "fortran_order": False, "shape": (10**9, 10**3)}
    )
    with pytest.raises(ValueError, match="is not whole"):
        read_npz(zipped(a=header.getvalue()))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"no zip", zipped(a=b"no array")])
def test_what_is_no_npz_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"no whole \.npz|magic"):
        read_npz(content)


def test_damage_is_refused_or_read() -> None:
    content = packed(**ARRAYS)
    for number in range(500):
        source = random.Random(number)
        changed = bytearray(content)
        for _ in range(source.choice([1, 5])):
            changed[source.randrange(len(changed))] ^= 1 << source.randrange(8)
        try:
            read_npz(bytes(changed[: source.randrange(len(changed))] if number % 2 else changed))
        except ValueError:
            continue
