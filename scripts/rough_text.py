"""Gives composed records the surface of real ones: variants, slips, misreadings, removed names.

In: a text and a source of random choices. Out: a text of the same meaning.
"""

from __future__ import annotations

import random
import re

SIMPLIFIED = (
    "镜肠检术变肿溃疡阑门贲胆脏结状后扩张动静脉内医师诊断发现无异见观点处约个壁层过还运达选复杂难预质"
    "浅缩烂狭块围边缘触压气体温头颅脑肾叶关节损伤传药剂岁余齿线红闭钛夹电凝导丝钳创陈旧怀孕产妇儿缝"
)
TRADITIONAL = (
    "鏡腸檢術變腫潰瘍闌門賁膽臟結狀後擴張動靜脈內醫師診斷發現無異見觀點處約個壁層過還運達選複雜難預質"
    "淺縮爛狹塊圍邊緣觸壓氣體溫頭顱腦腎葉關節損傷傳藥劑歲餘齒線紅閉鈦夾電凝導絲鉗創陳舊懷孕產婦兒縫"
)
# What a scanner reads for what was printed.
MISREAD = dict(
    zip(
        "胃肠肛阑食管门贲溃疡腺肉炎瘤见未日入人0156I口末己壁回",
        "冒肤肚兰贪菅问责遗疬脉内淡榴贝末曰人入OlSbl囗未已璧囘",
        strict=True,
    )
)
# What a hurried hand types for what was meant: sounds alike, or chosen wrongly from a list.
MISTYPED = {
    "十二指肠": "12指肠",
    "黏膜": "粘莫",
    "溃疡": "溃殇",
    "息肉": "熄肉",
    "阑尾": "兰尾",
    "憩室": "气室",
    "贲门": "喷门",
    "幽门": "优门",
    "痔疮": "痣疮",
    "直肠": "值肠",
    "结肠": "接肠",
    "胃窦": "胃豆",
    "反流": "翻流",
    "内镜": "内境",
    "患者": "换者",
    "活检": "活捡",
    "糜烂": "弥烂",
    "切除": "切出",
    "胆囊": "胆襄",
    "症状": "正状",
    "治疗": "治了",
    "检查": "捡查",
}
# What is left where names and numbers were taken out.
REMOVED = (
    "患者***",
    "患者XXX",
    "某某，",
    "【姓名】",
    "姓名：** ",
    "住院号：****** ",
    "20XX-XX-XX ",
)
REMOVED_DATE = ("XXXX年XX月XX日", "20**年*月", "****-**-**", "[日期]")


def roughen(text: str, source: random.Random) -> str:
    """Give some texts the surface of real ones: variants, punctuation, widths, slips, marks."""
    for one, other in (("黏膜", "粘膜"), ("食管", "食道"), ("反流", "返流"), ("降部", "降段")):
        if source.random() < 0.15:
            text = text.replace(one, other) if one in text else text.replace(other, one)
    if len(text) > 20 and source.random() < 0.04:
        text = source.choice(REMOVED) + text
    elif "前" in text and source.random() < 0.04:
        text = re.sub(
            "[0-9一二三四五六七八九十]+[年月天]前", source.choice(REMOVED_DATE), text, count=1
        )
    draw = source.random()
    if draw < 0.05:
        text = re.sub("[，。；、：]", "", text)
    elif draw < 0.10:
        text = re.sub("[，。；：]", " ", text).strip()
    elif draw < 0.20:
        text = text.translate(str.maketrans("，。；：（）", ",.;:()"))
    elif draw < 0.23:
        text = text.translate(str.maketrans("0123456789.%+", "０１２３４５６７８９．％＋"))
    elif draw < 0.27:
        text = text.translate(str.maketrans(SIMPLIFIED, TRADITIONAL))
    elif len(text) > 12:
        text = slip(text, source)
    return text


def slip(text: str, source: random.Random) -> str:
    """Make a mistake of a keyboard or a scanner in one text of eight."""
    draw = source.random()
    if draw < 0.04:
        place = source.randrange(len(text) - 1)
        one, two = text[place], text[place + 1]
        changed = source.choice((two, one + one + two, "*" + two, two + one))
        return text[:place] + changed + text[place + 2 :]
    if draw < 0.08 and (meant := [word for word in MISTYPED if word in text]):
        word = source.choice(meant)
        return text.replace(word, MISTYPED[word], 1)
    if draw < 0.12 and (places := [i for i, c in enumerate(text) if c in MISREAD]):
        chosen = set(source.sample(places, min(len(places), 1 + len(text) // 60)))
        return "".join(MISREAD[c] if i in chosen else c for i, c in enumerate(text))
    return text
