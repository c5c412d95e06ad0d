"""Predictions as rows, and as files that a hospital's programs open.

In: texts and probabilities. Out: dicts of text, label, name, probability and each class's
probability; ``.csv`` (UTF-8 with BOM, which Excel in China needs), ``.jsonl``, ``.xlsx``, or
``.txt``/``.tsv`` (``text<TAB>label``).
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gi_classifier.model_dir import write_whole
from gi_classifier.settings import Settings

OUTPUT_FORMATS = (".csv", ".jsonl", ".xlsx", ".tsv", ".txt")


def results(
    texts: Sequence[str], probabilities: np.ndarray, settings: Settings
) -> list[dict[str, Any]]:
    """Join texts and probabilities (n, classes) to one row for each record, in order."""
    return [
        {
            "text": text,
            "label": int(row.argmax()),
            "name": settings.names[int(row.argmax())],
            "probability": round(float(row.max()), 6),
            **{f"probability_{label}": round(float(p), 6) for label, p in enumerate(row)},
        }
        for text, row in zip(texts, probabilities, strict=True)
    ]


def write_results(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Write rows in the format that the path's ending names; whole or not at all.

    Lone surrogates, which no file encoding holds, are written as U+FFFD. A cell that a
    spreadsheet would take for a formula is written as text.
    """
    suffix = path.suffix.lower()
    if suffix == ".jsonl":
        content = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    elif suffix in (".txt", ".tsv"):
        content = "".join(f"{' '.join(row['text'].split())}\t{row['label']}\n" for row in rows)
    else:
        import pandas as pd

        table = pd.DataFrame(list(rows))
        table["text"] = [_printable(text) for text in table["text"]]
        if suffix == ".xlsx":
            buffer = io.BytesIO()
            with pd.ExcelWriter(buffer, engine="openpyxl") as writer:
                table.to_excel(writer, index=False)
                for row in writer.book.active.iter_rows(min_row=2, max_col=1):
                    row[0].data_type = "s"
            write_whole(path, buffer.getvalue())
            return
        content = "\ufeff" + table.to_csv(index=False)
    write_whole(path, content.encode("utf-8", "replace"))


def _printable(text: str) -> str:
    """The text without control characters and surrogates, which no spreadsheet holds."""
    kept = (c if c in "\t\n\r" or c.isprintable() or c.isspace() else "\ufffd" for c in text)
    return "".join(kept).replace("\x0b", " ").replace("\x0c", " ")
