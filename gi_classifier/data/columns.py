"""Which columns of a file are wanted, and whether they are there.

In: names that a user gives and those that a file's header has. Out: checked names, or one error
that says which are missing; a first row that may be a record is never shown.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from gi_classifier.errors import RecordsError

TEXT, LABEL = "text", "label"
# What a Chinese column name ends in; a record or a person's name does not.
_NAME = re.compile(
    r"[A-Za-z_][A-Za-z0-9_.-]{0,19}|[\w（）()]{0,6}(?:文本|报告|标签|标注|类别|分类|编号|序号|号码|院号|"
    r"科室|病历|姓名|性别|年龄|日期|时间|主诉|病史|诊断|所见|结论|内容|描述|部位|名称|备注|意见|摘要|编码|记录|"
    r"文字|正文|原文|结果|全文)"
)


@dataclass(frozen=True)
class Columns:
    """Names of the columns to read.

    Attributes
    ----------
    text : str
    label, group, id : str or None
        None where none is wanted.
    given : tuple of str
        Those that a user named: a file without named columns cannot have them.
    """

    text: str = TEXT
    label: str | None = None
    group: str | None = None
    id: str | None = None
    given: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, text: str, label: str | None, group: str | None = None, own: str | None = None
    ) -> Columns:
        """The columns of these names; those that are no defaults were given."""
        given = (one for one in (text, label, group, own) if one not in (None, TEXT, LABEL))
        return cls(text, label, group, own, tuple(one for one in given if one))

    @property
    def wanted(self) -> tuple[str, ...]:
        """The names, the text's first."""
        found = (self.text, self.label, self.group, self.id)
        return tuple(dict.fromkeys(one for one in found if one is not None))


def check_columns(columns: Columns, names: Sequence[str], source: str) -> None:
    """Raise a RecordsError where a wanted column is missing among a header's, or there twice."""
    if not any(names):
        raise RecordsError(f"{source}: the file is empty. Its first row names the columns.")
    twice = [repr(column) for column in columns.wanted if names.count(column) > 1]
    if twice:
        raise RecordsError(
            f"{source}: more than one column {', '.join(twice)}. Rename all but the one to read."
        )
    missing = [column for column in columns.wanted if column not in names]
    if missing:
        other = len(names) == 1 and re.search("[\t;]", names[0])
        raise RecordsError(
            f"{source}: no column {', '.join(map(repr, missing))}. {_shown(names)}"
            f"{case_hint(missing, names)} The first row names the columns; say which one to read "
            "(text_column, --text-column and so on)."
            f"{' Are commas between the cells, not tabs or semicolons?' if other else ''}"
        )


def is_name(text: str) -> bool:
    """Whether a cell reads like a column's name and not like a record."""
    return _NAME.fullmatch(text) is not None


def _shown(names: Sequence[str]) -> str:
    """Say which columns there are, unless the row may be a record."""
    if all(not name or is_name(name) for name in names):
        return f"It has {len(names)}: {', '.join(map(repr, names))}."
    return f"It has {len(names)}, not shown since they may be a record."


def case_hint(missing: Sequence[str], names: Sequence[str]) -> str:
    """Say which of the missing names are there but for upper and lower case."""
    pairs = [
        f" {name!r} is no {column!r}: case differs."
        for column in missing
        for name in names
        if name != column and name.casefold() == column.casefold()
    ]
    return "".join(pairs)


def distinct(names: Sequence[str]) -> list[str]:
    """Names of all columns, made different: those without one by place, repeated ones counted."""
    found: dict[str, None] = {}
    counts: dict[str, int] = {}
    for place, name in enumerate(names, 1):
        name = name or f"column {place}"
        number = counts.get(name, 1)
        while (new := name if number == 1 else f"{name} ({number})") in found:
            number += 1
        counts[name] = number
        found[new] = None
    return list(found)
