"""Arrays by name as ``.npz`` files, read as if somebody else wrote them: no pickles, no surprises.

In: bytes or a path. Out: arrays, or ValueError with the reason; and arrays as bytes.
"""

from __future__ import annotations

import io
import math
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import numpy as np

from gi_classifier.files import read_regular

# Far above all that this library writes.
MOST_BYTES = 2**31
_KINDS = "biufU"
# What making sense of a damaged file may raise.
DAMAGED = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    zipfile.BadZipFile,
    zlib.error,
)


def to_npz(arrays: Mapping[str, np.ndarray]) -> bytes:
    """Arrays by name as a compressed ``.npz``."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def read_npz(source: bytes | Path, most: int = MOST_BYTES) -> dict[str, np.ndarray]:
    """Read all arrays of an ``.npz``.

    Parameters
    ----------
    source : bytes or Path
    most : int
        Bytes that all arrays together may take; refused before any is unpacked.

    Raises
    ------
    OSError
        The file cannot be read.
    ValueError
        It is no ``.npz``, is damaged, takes too much, or holds anything but numbers and text.
    """
    content = source if isinstance(source, bytes) else read_regular(source)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as parts:
            entries = parts.infolist()
            if sum(entry.file_size for entry in entries) > most:
                raise ValueError(f"it unpacks to more than {most:,} bytes")
            found = {}
            for entry in entries:
                with parts.open(entry) as file:
                    found[entry.filename.removesuffix(".npy")] = _array(file, entry.file_size)
            return found
    except (
        OSError,
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        NotImplementedError,
        RuntimeError,
        RecursionError,
        SyntaxError,
        TypeError,
        KeyError,
        OverflowError,
        MemoryError,
    ) as error:
        raise ValueError(f"it is no whole .npz file ({type(error).__name__})") from error


def _array(file: IO[bytes], size: int) -> np.ndarray:
    """Read one array, once its header says that it fills its place in the file exactly."""
    version = np.lib.format.read_magic(file)
    readers = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    if version not in readers:
        raise ValueError(f"it holds an array of version {version}")
    shape, by_columns, kind = readers[version](file)
    if kind.kind not in _KINDS or kind.hasobject:
        raise ValueError(f"it holds an array of {kind}, which is neither numbers nor text")
    content = file.read()
    if min(shape, default=0) < 0 or math.prod(shape) * kind.itemsize != len(content):
        raise ValueError(f"an array of shape {shape} is not whole")
    array = np.frombuffer(content, dtype=kind) if kind.itemsize else np.zeros(shape, dtype=kind)
    return array.reshape(shape, order="F" if by_columns else "C").copy()
