"""The package ``openvino``, imported in one place: it opens no network connection."""

from __future__ import annotations

import sys
from threading import Lock
from typing import Any

_TELEMETRY = "openvino_telemetry"
_MISSING = object()
# Two threads that import at once would each restore what the other hid.
_IMPORTING = Lock()


def openvino_runtime() -> Any:
    """Import the package ``openvino``, which sends word of being imported where it finds the means.

    Without its package of telemetry, which is hidden meanwhile, it uses a stub of its own.
    """
    with _IMPORTING:
        if "openvino" in sys.modules:
            # Waits where another's import of it is not done.
            import openvino

            return openvino
        before: Any = sys.modules.get(_TELEMETRY, _MISSING)
        # An import of what is None fails as that of a missing package does.
        sys.modules[_TELEMETRY] = None  # type: ignore[assignment]
        try:
            import openvino
        finally:
            if before is _MISSING:
                del sys.modules[_TELEMETRY]
            else:
                sys.modules[_TELEMETRY] = before
        return openvino
