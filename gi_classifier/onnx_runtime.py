"""The package ``onnxruntime``, imported in one place: it opens no network connection."""

from __future__ import annotations

import os
from typing import Any


def onnx_runtime() -> Any:
    """Import the package ``onnxruntime``, which opens network connections unless told not to."""
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime

    return onnxruntime


def onnx_quantisation() -> Any:
    """Import ``onnxruntime.quantization``, under the same condition."""
    onnx_runtime()
    from onnxruntime import quantization

    return quantization
