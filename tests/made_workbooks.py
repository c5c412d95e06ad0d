"""Workbooks that tests write part by part, for what no library writes."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
STRICT = "http://purl.oclc.org/ooxml/spreadsheetml/main"
STRICT_RELATIONS = "http://purl.oclc.org/ooxml/officeDocument/relationships"


def text(place: str, content: str) -> str:
    """A cell that holds its text itself."""
    return f'<c r="{place}" t="inlineStr"><is><t>{content}</t></is></c>'


def row(number: int, *cells: str) -> str:
    """A row of cells."""
    return f'<row r="{number}">{"".join(cells)}</row>'


def sheet_xml(*rows: str, tail: str = "", main: str = MAIN) -> str:
    """A worksheet of rows; ``tail`` stands behind them."""
    body = "".join(rows)
    return f'<worksheet xmlns="{main}"><sheetData>{body}</sheetData>{tail}</worksheet>'


def write_workbook(
    path: Path,
    *sheets: str,
    names: Sequence[str] = (),
    states: Sequence[str] = (),
    kinds: Sequence[str] = (),
    styles: str = "",
    strings: str = "",
    main: str = MAIN,
    relations: str = RELATIONS,
) -> Path:
    """Write a workbook of worksheets (``kinds``: or chart sheets) given as XML."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{PACKAGE}"><Relationship Id="r0" '
            f'Type="{relations}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        )
        listed, related = "", ""
        for place, content in enumerate(sheets):
            name = names[place] if place < len(names) else f"Sheet{place + 1}"
            state = f' state="{states[place]}"' if place < len(states) and states[place] else ""
            kind = kinds[place] if place < len(kinds) else "worksheet"
            listed += f'<sheet name="{name}" sheetId="{place + 1}"{state} r:id="r{place}"/>'
            related += (
                f'<Relationship Id="r{place}" Type="{relations}/{kind}" '
                f'Target="{kind}s/sheet{place}.xml"/>'
            )
            archive.writestr(f"xl/{kind}s/sheet{place}.xml", content)
        for kind, content in (("styles", styles), ("sharedStrings", strings)):
            if content:
                archive.writestr(f"xl/{kind}.xml", content)
                related += (
                    f'<Relationship Id="{kind}" Type="{relations}/{kind}" Target="{kind}.xml"/>'
                )
        archive.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{main}" xmlns:r="{relations}"><sheets>{listed}</sheets></workbook>',
        )
        archive.writestr(
            "xl/_rels/workbook.xml.rels",
            f'<Relationships xmlns="{PACKAGE}">{related}</Relationships>',
        )
    return path
