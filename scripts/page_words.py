"""What stands on drawn pages: titles, fields and records, by kind and layout.

In: a kind, a layout and rows of ``data/test.csv``. Out: the words of a page. No name is a person's.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

KINDS = ("gastroscopy", "colonoscopy", "pathology", "other", "none")
HOSPITALS = (
    "东湖市第一人民医院",
    "青山医科大学附属医院",
    "江城区中心医院",
    "北岭县中医医院",
    "海州市消化病医院",
    "南华大学第三医院",
)
NAMES = "陈一 李二 张三 王四 赵五 钱六 孙七 周八 吴九 郑十".split()
DOCTORS = "刘医师 何医师 高医师 林医师 罗医师 梁医师".split()
WARDS = "消化内科 普外科 肛肠外科 体检中心 急诊科 老年科".split()
# By layout (in turn), so that a layout left out of training has titles of its own.
TITLES = {
    "gastroscopy": (
        "电子胃镜检查报告单",
        "胃镜检查报告",
        "上消化道内镜检查报告",
        "无痛胃镜诊疗报告单",
        "电子胃十二指肠镜报告",
        "胃镜报告单",
        "内镜中心胃镜诊断报告",
        "超细经鼻胃镜检查报告",
        "Gastroscopy Report 胃镜报告",
        "食管胃十二指肠镜检查报告单",
    ),
    "colonoscopy": (
        "电子结肠镜检查报告单",
        "肠镜检查报告",
        "下消化道内镜检查报告",
        "无痛肠镜诊疗报告单",
        "全结肠镜检查报告",
        "肠镜报告单",
        "内镜中心结肠镜诊断报告",
        "电子乙状结肠镜检查报告",
        "Colonoscopy Report 肠镜报告",
        "结直肠镜检查报告单",
    ),
    "pathology": (
        "病理检查报告单",
        "组织病理学诊断报告",
        "活检病理报告",
        "病理诊断报告书",
        "病理会诊意见书",
        "手术标本病理报告",
        "病理科检查报告单",
        "免疫组化病理报告",
        "Pathology Report 病理报告",
        "快速病理诊断报告单",
    ),
    "other": (
        "血液生化检验报告单",
        "胸部CT检查报告单",
        "处方笺",
        "住院病案首页",
        "疾病诊断证明书",
        "彩色多普勒超声检查报告",
        "出院小结",
        "心电图检查报告",
        "Laboratory Report 检验报告",
        "磁共振成像检查报告单",
    ),
}
LABORATORY = (
    ("白细胞", "WBC", "6.21", "10^9/L", "3.5-9.5"),
    ("血红蛋白", "HGB", "132", "g/L", "115-150"),
    ("血小板", "PLT", "210", "10^9/L", "125-350"),
    ("丙氨酸氨基转移酶", "ALT", "23", "U/L", "7-40"),
    ("天门冬氨酸氨基转移酶", "AST", "19", "U/L", "13-35"),
    ("总胆红素", "TBIL", "11.2", "umol/L", "0-21"),
    ("白蛋白", "ALB", "42.5", "g/L", "40-55"),
    ("肌酐", "CREA", "66", "umol/L", "41-73"),
    ("尿素", "UREA", "5.1", "mmol/L", "2.6-7.5"),
    ("葡萄糖", "GLU", "5.3", "mmol/L", "3.9-6.1"),
    ("钾", "K", "4.1", "mmol/L", "3.5-5.3"),
    ("钠", "NA", "140", "mmol/L", "137-147"),
)
# The label of a kind's record, and which kinds of records it shows, under which headings.
_CONTENT = {
    "gastroscopy": (1, (("检查所见", "findings"), ("诊断意见", "impression"))),
    "colonoscopy": (2, (("检查所见", "findings"), ("诊断意见", "impression"))),
    "pathology": (None, (("病理诊断", "pathology"), ("临床诊断", "impression"))),
    "other": (0, (("主要内容", "admission"), ("诊断", "impression"))),
}


@dataclass(frozen=True)
class Words:
    """What stands on a page; ``kind`` "none" has no words."""

    kind: str
    label: int | None
    hospital: str = ""
    title: str = ""
    fields: tuple[tuple[str, str], ...] = ()
    sections: tuple[tuple[str, str], ...] = ()
    table: tuple[tuple[str, ...], ...] = ()
    signed: str = ""
    date: str = ""
    body: str = field(default="", repr=False)


def words_of(
    kind: str, layout: str, rows: list[dict[str, str]], random: np.random.Generator
) -> Words:
    """Choose the words of a page; the title is the layout's own."""
    from page_drawing import layouts

    if kind == "none":
        return Words(kind, None)
    at = list(layouts()).index(layout)
    label, parts = _CONTENT[kind]
    label = int(random.integers(1, 3)) if label is None else label
    sections = tuple((heading, _record(rows, part, label, random)) for heading, part in parts)
    title = TITLES[kind][at]
    table: tuple[tuple[str, ...], ...] = ()
    if "检验" in title or "Laboratory" in title:
        chosen = np.sort(random.permutation(len(LABORATORY))[:9])
        table = tuple(LABORATORY[i] for i in chosen)
        sections = sections[1:]
    day = f"202{random.integers(0, 6)}-{random.integers(1, 13):02d}-{random.integers(1, 29):02d}"
    fields = (
        ("姓名", _one(NAMES, random)),
        ("性别", _one(("男", "女"), random)),
        ("年龄", f"{random.integers(18, 90)}岁"),
        ("科室", _one(WARDS, random)),
        ("住院号", f"{random.integers(10**6, 10**7)}"),
        ("检查号", f"E{random.integers(10**5, 10**6)}"),
    )
    body = "\n".join(text for _, text in sections)
    return Words(
        kind,
        label,
        _one(HOSPITALS, random),
        title,
        fields,
        sections,
        table,
        _one(DOCTORS, random),
        day,
        body,
    )


def _one(of: tuple[str, ...] | list[str], random: np.random.Generator) -> str:
    return of[int(random.integers(len(of)))]


def _record(rows: list[dict[str, str]], kind: str, label: int, random: np.random.Generator) -> str:
    """A record's text on one line, of a length that a report has."""
    fitting = [
        " ".join(row["text"].split())
        for row in rows
        if row["kind"] == kind and int(row["label"]) == label and 8 <= len(row["text"]) <= 260
    ]
    return fitting[int(random.integers(len(fitting)))]
