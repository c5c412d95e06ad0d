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
# Rows among which the names may stand, below titles.
HEADER_ROWS = 5
# What names of columns are made of; nobody's name and no finding is.
_CHINESE = (
    "文本 报告 标签 标注 类别 类型 分类 科别 编号 序号 号码 院号 号 科室 病区 "
    "床位 病历 病案 病例 姓名 性别 年龄 日期 时间 主诉 病史 现病史 既往史 家族史 诊断 "
    "所见 结论 内容 描述 部位 名称 备注 意见 摘要 编码 代码 条码 记录 文字 正文 "
    "原文 结果 全文 提示 印象 情况 资料 信息 状态 标识 患者 病人 检查 检验 镜下 "
    "内镜 胃镜 肠镜 胃肠镜 病理 临床 入院 出院 住院 门诊 急诊 就诊 主要 初步 最终 "
    "送检 手术 影像 超声 放射 护理 医生 医师 医院 申请 登记 审核 导出 来源"
)
_ENGLISH = (
    "text texts label labels id ids no num number code name patient record records report reports "
    "diagnosis diagnoses history complaint chief present past illness date time day month year age "
    "sex gender department dept category class type result results finding findings note notes "
    "comment comments description content title group split source hospital ward doctor admission "
    "admitted discharge inpatient outpatient visit case exam examination endoscopy gastroscopy "
    "colonoscopy pathology impression conclusion summary index row line file path key value target "
    "score probability prediction error status clinical medical raw clean full body document doc "
    "unnamed column sentence unit site center centre the of"
)
_PIECES = "|".join(sorted([*_CHINESE.split(), *_ENGLISH.split()], key=len, reverse=True))
_KNOWN = re.compile(rf"(?:(?:{_PIECES})[\s_.:()（）/-]*)+[0-9]{{0,2}}|[a-z]", re.IGNORECASE)
_LONGEST_NAME = 30
# What a column's name may look like beyond those.
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
    further : tuple of str
        Others that must be there.
    """

    text: str = TEXT
    label: str | None = None
    group: str | None = None
    id: str | None = None
    given: tuple[str, ...] = ()
    further: tuple[str, ...] = ()

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
        found = (self.text, self.label, self.group, self.id, *self.further)
        return tuple(dict.fromkeys(one for one in found if one is not None))


def check_columns(
    columns: Columns, names: Sequence[str], source: str, below: int | None = None
) -> None:
    """Raise a RecordsError where a wanted column is missing among a header's, or there twice.

    ``below`` is a later row that looks like the header, if there is one.
    """
    if not any(names):
        raise RecordsError(f"{source}: the file is empty. Its first row names the columns.")
    twice = [repr(column) for column in columns.wanted if names.count(column) > 1]
    if twice:
        raise RecordsError(
            f"{source}: more than one column {', '.join(twice)}. Rename all but the one to read."
        )
    missing = [column for column in columns.wanted if column not in names]
    if missing:
        title = f" Row {below} looks like the row of names: say --header-row {below}."
        other = len(names) == 1 and re.search("[\t;]", names[0])
        raise RecordsError(
            f"{source}: no column {', '.join(map(repr, missing))}. {_shown(names)}"
            f"{case_hint(missing, names)}{title if below else ''} The first row names the columns; "
            "say which to read (text_column, --text-column and so on)."
            f"{' Are commas between the cells, not tabs or semicolons?' if other else ''}"
        )


def is_known(name: str) -> bool:
    """Whether a column's name is a common one, which may be shown: no record holds it alone."""
    return len(name) <= _LONGEST_NAME and _KNOWN.fullmatch(name) is not None


def reads_like_name(text: str) -> bool:
    """Whether a cell may be a column's name."""
    return is_known(text) or _NAME.fullmatch(text) is not None


def is_header(cells: Sequence[str]) -> bool:
    """Whether a row of several cells names columns: all may, and one is known, or two are."""
    filled = [cell for cell in cells if cell]
    known = sum(map(is_known, filled))
    return len(filled) > 1 and (known > 1 or (known == 1 and all(map(reads_like_name, filled))))


def _shown(names: Sequence[str]) -> str:
    """Say which columns there are; one that is not known may be a record's."""
    known = ", ".join(repr(name) for name in names if is_known(name))
    if all(not name or is_known(name) for name in names):
        return f"It has {len(names)}: {known}."
    among = f"among them {known}; the others are " if known else ""
    return f"It has {len(names)}, {among}not shown since they may be a record."


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
