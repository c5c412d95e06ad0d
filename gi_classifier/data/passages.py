"""Unlabelled text as plain lines: checked, normalised, each once.

In: ``.txt`` or ``.gz`` files. Out: passages, one by one.
Nothing here logs or prints a passage.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

from gi_classifier.data.encodings import STANDARD_INPUT, line_problem, recognise, text_lines
from gi_classifier.data.opening import FORMATS
from gi_classifier.errors import MissingPathError, RecordsError
from gi_classifier.text import normalise

logger = logging.getLogger(__name__)


def check_passages(paths: str | Path | Sequence[str | Path]) -> list[Path]:
    """Return the paths of unlabelled text, or raise where one cannot be read as plain lines.

    Raises
    ------
    MissingPathError
        All that are missing.
    RecordsError
        Some are tables, whose commas, braces and labels would be taken for text.
    """
    found = [Path(path) for path in ([paths] if isinstance(paths, (str, Path)) else paths)]
    if missing := [str(path) for path in found if path != STANDARD_INPUT and not path.is_file()]:
        raise MissingPathError(f"No text at {', '.join(missing)}")
    tables = [str(path) for path in found if path.suffix.lower() in FORMATS[1:]]
    if tables:
        raise RecordsError(
            "Unlabelled text is plain lines (.txt or .gz). Write the text column of these to "
            f"such a file: {', '.join(tables)}"
        )
    return found


def read_passages(paths: Sequence[Path]) -> Iterator[str]:
    """Yield the normalised, distinct, non-empty lines of text files, ``.gz`` or plain."""
    seen: set[bytes] = set()
    for path in paths:
        encoding, characters, bad = recognise(path).name, 0, 0
        for line in text_lines(path, encoding):
            if line_problem(line, encoding):
                bad += 1
                continue
            characters += len(line)
            passage = normalise(line)
            known = hashlib.sha256(passage.encode()).digest()[:12]
            if passage and known not in seen:
                seen.add(known)
                yield passage
        logger.info("%s: %d characters (%s)", path.name, characters, encoding)
        if bad:
            logger.warning("%s: %d lines that are not %s left out", path.name, bad, encoding)
