"""Puts normal findings, values, histories, nursing, headers and signatures around a record.

In: a record and what draws a piece of such text. Out: one text; its subject is still the record's.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence

# Characters of all pieces around one record together, and how many pieces at most.
LEAST, MOST, PIECES = 40, 200, 3
_HEAD = 4
# Behind these a piece may be cut, or a record's sentences parted.
_BREAK = re.compile("(?<=[，；。])(?=.)")
_ENDS = ("。", "；", "，", "：", " ", ",", ".", ";")
# What stands between two parts, each as often as it is written here.
MARKS = "。。，； "
# What a writer puts before the subject of a record, if anything.
LEADS = (
    "",
    "",
    "",
    "",
    "",
    "诊断：",
    "考虑",
    "记录：",
    "内容：",
    "现：",
    "结果：",
    "1、",
    "【】",
    "目前",
)


def pieces(draw: Callable[[], str], source: random.Random) -> list[str]:
    """One to three pieces, as a rule 40 to 200 characters together."""
    most = source.choice((1, 1, 2, 2, PIECES))
    found = [_fitting(draw, MOST)]
    while len(found) < PIECES and (len(found) < most or sum(map(len, found)) < LEAST):
        if (room := MOST - sum(map(len, found))) < LEAST // 2:
            break
        # What says the same again is drawn once more.
        drawn = [_fitting(draw, room) for _ in range(4)]
        known = {piece[:_HEAD] for piece in found}
        found.append(next((piece for piece in drawn if piece[:_HEAD] not in known), drawn[0]))
    return found


def _fitting(draw: Callable[[], str], room: int) -> str:
    """A piece of at most so many characters, cut at a break where none is short enough."""
    piece = draw().strip()
    while len(piece) > room and (places := [m.start() for m in _BREAK.finditer(piece)]):
        piece = piece[: max((p for p in places if p <= room), default=places[0])]
        if len(places) == 1:
            break
    return piece


def joined(parts: list[str], source: random.Random, marks: str = MARKS) -> str:
    """The parts one behind the other, a mark between two where the first has none."""
    text = parts[0]
    for part in parts[1:]:
        text += ("" if text.endswith(_ENDS) else source.choice(marks)) + part
    return text


def surround(
    text: str,
    draw: Callable[[], str],
    source: random.Random,
    marks: str = MARKS,
    leads: Sequence[str] = LEADS,
) -> str:
    """A record before, behind, between or inside pieces; or one inside the record.

    Parameters
    ----------
    text : str
        If it is empty, only the pieces come back.
    draw : callable
        Composes one piece.
    source : random.Random
    marks : str
        What is put between two parts, each character as often as it stands here.
    leads : sequence of str
        What is put before the record, each as often as it stands here.

    Returns
    -------
    str
        It holds every sentence of the record unchanged and in order.
    """
    found = pieces(draw, source)
    if not text:
        return joined(found, source, marks)
    subject = source.choice(leads).replace("【】", "【诊疗】") + text
    place = source.choice(("front", "behind", "between", "inside", "within"))
    if place == "front":
        return joined([*found, subject], source, marks)
    if place == "behind":
        return joined([subject, *found], source, marks)
    if place == "within" and (sentences := [m.start() for m in re.finditer("(?<=。)(?=.)", text)]):
        cut = source.choice(sentences)
        return joined([text[:cut], *found, text[cut:]], source, marks)
    if place != "between" and (breaks := [m.start() for m in _BREAK.finditer(found[0])]):
        cut = source.choice(breaks)
        found[:1] = [found[0][:cut], found[0][cut:]]
    cut = source.randrange(1, len(found)) if len(found) > 1 else source.randrange(2)
    return joined([*found[:cut], subject, *found[cut:]], source, marks)
