r"""Tells the name of a file or folder from a medical text, where a text is asked for.

In: an argument. Out: what it looks like, or "". A name is what is there; what ends as files do
(``recrods.csv``, ``*.xls?``); what begins as places do (``C:\``, ``~/``, ``https://``); and what
lies below a folder that is there. 血压120/80mmHg, Hp(+)/(-) and 3*4cm are texts.
"""

from __future__ import annotations

import os
import re
from fnmatch import fnmatchcase

ENDINGS = frozenset(
    "txt text csv tsv tab jsonl ndjson json xml yaml yml toml html htm mht mhtml md rtf log "
    "xlsx xlsm xlsb xls xlt ods et ett docx docm doc dot odt wps wpt pptx ppt dps pdf ofd "
    "gz tgz zip 7z rar tar bz2 xz zst bak tmp dat db sqlite sql dbf mdb accdb sav dta "
    "parquet feather arrow pkl pickle npy npz h5 hdf5 onnx py ipynb sh bat exe lnk "
    "png jpg jpeg gif bmp tif tiff webp dcm svg".split()
)
_LONGEST_NAME = 255
_MAGIC = re.compile(r"[*?\[]")
_ENDING = re.compile(r"[.．](\{[\w,]+\}|[\w*?\[\]!-]{1,16})~?$")
_PLACE = re.compile(
    # A drive; a server; a home, this or the upper folder; an address; /data/records; data/.
    r"[A-Za-z]:[\\/]|\\\\\w|(~|\.{1,2})[\\/]|[A-Za-z][A-Za-z0-9+-]*://"
    r"|/[A-Za-z0-9_.-]+(/[\w.-]+)+/?$|[A-Za-z0-9_.-]+([\\/][A-Za-z0-9_.-]+)*[\\/]$"
)


def path_like(text: str) -> str:
    """Say what a text looks like that is the name of a file or folder; "" where it is none."""
    name = text.strip().strip("\"'“”").strip()
    if not name or "\n" in name or "\r" in name:
        return ""
    for place in (text, os.path.expanduser(name) if name.startswith("~/") else name):
        if os.path.isdir(place):
            return "a folder"
        if os.path.lexists(place):
            return "a file"
    bare = name.rstrip("/\\")
    if _ends_as_a_file(bare):
        return "a pattern of files" if _MAGIC.search(bare) else "the name of a file"
    return "a place of files" if _PLACE.match(name) or _is_below_a_folder(name) else ""


def _ends_as_a_file(name: str) -> bool:
    found = _ENDING.search(name)
    if not found or len(re.split(r"[\\/]", name)[-1].encode("utf-8", "replace")) > _LONGEST_NAME:
        return False
    for ending in found[1].lower().strip("{}").split(","):
        if ending in ENDINGS:
            return True
        # 3.0*2.* is a size.
        size = not re.search(r"\w", ending) and name[: found.start()][-1:].isdigit()
        if not size and _MAGIC.search(ending) and any(fnmatchcase(e, ending) for e in ENDINGS):
            return True
    return False


def _is_below_a_folder(name: str) -> bool:
    folder = os.path.dirname(name.replace("\\", "/"))
    return bool(folder.strip("/")) and os.path.isdir(folder)
