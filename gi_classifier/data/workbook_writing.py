"""A table as an ``.xlsx``, written row by row: no record goes through a temporary file.

In: rows of plain values. Out: a workbook of one worksheet; equal rows make equal bytes.
"""

from __future__ import annotations

import math
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from numbers import Real
from typing import IO, Any
from xml.sax.saxutils import escape

from gi_classifier.data.workbook_xml import column_letters

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_PARTS = {
    "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types"><Default Extension="rels" '
    'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>'
    f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_TYPE}.worksheet+xml"/>'
    "</Types>",
    "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="rId1" '
    f'Type="{_RELATIONS}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_RELATIONS}"><sheets>'
    '<sheet name="Sheet1" sheetId="1" r:id="rId1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_RELATIONS}/worksheet" Target="worksheets/sheet1.xml"/>'
    "</Relationships>",
}
# What a zip can say of the earliest day: no clock goes into the bytes.
_DAY = (1980, 1, 1, 0, 0, 0)


def write_workbook(
    rows: Iterable[Mapping[str, Any]], columns: Sequence[str], file: IO[bytes]
) -> None:
    """Write rows below the names of their columns, as they come.

    Parameters
    ----------
    rows : iterable of mapping
        Of text that XML can hold, numbers, bool or None, which is an empty cell. Text is text,
        whatever it begins with.
    columns : sequence of str
    file : binary file
    """
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in _PARTS.items():
            archive.writestr(_entry(name), _HEAD + content)
        with archive.open(_entry("xl/worksheets/sheet1.xml"), "w", force_zip64=True) as part:
            part.write(f'{_HEAD}<worksheet xmlns="{_MAIN}"><sheetData>'.encode())
            letters = [column_letters(place) for place in range(len(columns))]
            for number, values in enumerate(_lines(rows, columns), 1):
                cells = (
                    _cell(f"{letter}{number}", value)
                    for letter, value in zip(letters, values, strict=True)
                )
                part.write(f'<row r="{number}">{"".join(cells)}</row>'.encode())
            part.write(b"</sheetData></worksheet>")


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _DAY)
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


def _lines(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> Iterator[list[Any]]:
    yield list(columns)
    for row in rows:
        yield [row.get(name) for name in columns]


def _cell(place: str, value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool):
        return f'<c r="{place}" t="b"><v>{value:d}</v></c>'
    if isinstance(value, Real) and math.isfinite(value):
        # Of NumPy's numbers, the plain one.
        plain = getattr(value, "item", lambda: value)()
        return f'<c r="{place}"><v>{plain!r}</v></c>'
    text = escape(str(value)).replace("\r", "&#13;")
    return f'<c r="{place}" t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>'
