r"""What people see of texts from outside: nothing in them moves the cursor or turns the reading
direction.

In: text of a record, a label's name, an id or a path. Out: the same with control characters and
those that override the direction spelt out, as ``\\x1b`` or ``\\u202e``. Files stay verbatim.
"""

from __future__ import annotations

import json
import re
from typing import Any

# Controls but tab and line ends; marks, embeddings, overrides and isolates of the direction, and
# the deprecated ones that switch shapes.
_ACTIVE = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u206f"
_NOT_SHOWN = re.compile(f"[{_ACTIVE}]")
# What JSON leaves raw, though it may spell it out as well.
_NOT_IN_JSON = re.compile(r"[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ud800-\udfff]")


def visible(text: str) -> str:
    """The text with its lines, for a page or a picture; nothing in it acts."""
    return _NOT_SHOWN.sub(_spelt, text)


def shown(text: str) -> str:
    """The text on one line, for a terminal or a cell; nothing in it acts."""
    return " ".join(visible(text).split())


def _spelt(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def json_text(table: Any, *, ascii_only: bool = False) -> str:
    r"""JSON that loses nothing and moves no terminal: what would act is written ``\\uXXXX``."""
    text = json.dumps(table, ensure_ascii=ascii_only)
    return _NOT_IN_JSON.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
