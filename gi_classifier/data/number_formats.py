"""Numbers of a workbook as a spreadsheet displays them.

In: a number as written in the file, and its format's code (ECMA-376, part 1, 18.8.30 and 31).
Out: a :class:`~gi_classifier.data.cells.Cell`. Leading zeros, fixed digits, per cent and literals
are kept; dates and times are written as ISO 8601 says, whatever their order on the screen;
fractions and exponents are left as plain numbers, and so is what conditions do not decide for sure;
halves are rounded away from 0.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from functools import lru_cache

from gi_classifier.data.cells import Cell

GENERAL = "General"
# Codes that workbooks do not write out; the dates of Chinese Excel among them.
BUILT_IN = {
    1: "0",
    2: "0.00",
    3: "#,##0",
    4: "#,##0.00",
    9: "0%",
    10: "0.00%",
    **dict.fromkeys((14, 15, 16, 17, 27, 28, 29, 30, 31, 36), "yyyy-mm-dd"),
    **dict.fromkeys((50, 51, 52, 53, 54, 57, 58), "yyyy-mm-dd"),
    **dict.fromkeys((18, 20, 32, 34, 55), "h:mm"),
    **dict.fromkeys((19, 21, 33, 35, 56), "h:mm:ss"),
    22: "yyyy-mm-dd h:mm",
    45: "mm:ss",
    46: "[h]:mm:ss",
    47: "mm:ss",
    **dict.fromkeys((37, 38), "#,##0;-#,##0"),
    **dict.fromkeys((39, 40), "#,##0.00;-#,##0.00"),
}
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d{1,3})?", re.ASCII)
# A literal, in quotes, escaped, a filling or a space; colours, currencies and elapsed time.
_TOKEN = re.compile(r'"([^"]*)"|\\(.)|[_*].|\[([^\]]*)\]|(.)', re.DOTALL)
_CONDITION = re.compile(r"(<=|>=|<>|<|>|=)(-?\d+(?:\.\d+)?)", re.ASCII)
_COMPARED: dict[str, Callable[[Decimal, Decimal], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
    "<>": operator.ne,
}
_DIGITS = "0#?"
# Digits that floating point keeps; more were written by something else, and may be an id's.
_DIGITS_KEPT = 17
_EXACT = Context(prec=2000)
# Commas behind the last place for a digit, before the point or the end: in thousands.
_SCALE = re.compile(r"(?<=[0#?]),+(?=[^0#?,]*(?:\.|\Z))")
_WHOLE = re.compile("general|@", re.IGNORECASE)
_TOO_HARD = frozenset("eE/")


def displayed(written: str, code: str, *, since_1904: bool = False) -> Cell:
    """A number as it is displayed.

    Parameters
    ----------
    written : str
        As in the file.
    code : str
        The format; "General" for none.
    since_1904 : bool
        Whether days are counted from 1904, as old Macs did, not from 1900.
    """
    if not _NUMBER.fullmatch(written):
        return Cell(
            "number", "", problem="damaged: it is marked as a number and holds something else"
        )
    value = _shortest(Decimal(written))
    plain = written if written.isdigit() else _plain(value)
    section = None if code == GENERAL else _section(code, value)
    if section is None:
        return Cell("number", plain, plain)
    tokens = _tokens(section)
    if found := _moment(value, tokens, since_1904):
        return Cell("date", found, plain)
    return Cell("number", _formatted(value, tokens) or plain, plain)


def _shortest(value: Decimal) -> Decimal:
    """A fraction as short as floating point allows; whole numbers, and more digits, as written."""
    written = value.normalize(_EXACT)
    whole = written == written.to_integral_value()
    if whole or len(written.as_tuple().digits) > _DIGITS_KEPT or abs(value) >= Decimal("1e300"):
        return written
    return Decimal(repr(float(value)))


def _plain(value: Decimal) -> str:
    """All digits."""
    text = f"{value:f}" if value else "0"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _section(code: str, value: Decimal) -> str | None:
    """The part of a format for a number, by its sign or by conditions; None if that is unclear."""
    parts, conditional = _parts(code)
    if conditional:
        return _chosen(parts, value)
    if len(parts) > 2 and value == 0:
        return parts[2]
    return parts[1] if len(parts) > 1 and value < 0 else ("-" * (value < 0)) + parts[0]


@lru_cache(maxsize=1024)
def _parts(code: str) -> tuple[list[str], bool]:
    """The parts of a format, and whether any has a condition."""
    parts = re.split(r';(?=(?:[^"]*"[^"]*")*[^"]*\Z)', code)
    return parts, any(map(_conditions, parts))


def _conditions(section: str) -> list[str]:
    return [
        text for kind, text in _tokens(section) if kind == "bracket" and text[:1] in ("<", ">", "=")
    ]


def _chosen(parts: Sequence[str], value: Decimal) -> str | None:
    """The first part whose condition holds; the last may have none, and is for all else."""
    if value < 0:
        # Which of them writes the sign is another question.
        return None
    for place, part in enumerate(parts):
        conditions = _conditions(part)
        if not conditions:
            return part if place == len(parts) - 1 else None
        found = _CONDITION.fullmatch(conditions[0])
        if len(conditions) > 1 or not found:
            return None
        if _COMPARED[found[1]](value, Decimal(found[2])):
            return part
    return None


@lru_cache(maxsize=1024)
def _tokens(section: str) -> list[tuple[str, str]]:
    """Kind ("literal", "bracket" or "code") and characters of each part of a format."""
    found = []
    for quoted, escaped, bracket, plain in _TOKEN.findall(section):
        if quoted or escaped:
            found.append(("literal", quoted or escaped))
        elif bracket.startswith("$"):
            # A currency, and the language of the format behind a hyphen.
            found.append(("literal", bracket[1:].partition("-")[0]))
        elif bracket:
            found.append(("bracket", bracket))
        elif plain:
            found.append(("code", plain))
    return found


def _moment(value: Decimal, tokens: list[tuple[str, str]], since_1904: bool) -> str | None:
    """The number as a date, a time, or both, where its format is one."""
    letters = "".join(text.lower() for kind, text in tokens if kind == "code")
    elapsed = [text[:1].lower() for kind, text in tokens if kind == "bracket"]
    elapsed = [text for text in elapsed if text in ("h", "m", "s")]
    if re.search("general|[0#?]", letters) and not re.search("[yd]", letters):
        letters = re.sub("general|s?[.]0+", "", letters)
        if re.search("[0#?]", letters):
            return None
    has_time = bool(elapsed or re.search("[hs]", letters))
    has_date = bool(re.search("[yd]", letters) or ("m" in letters and not has_time))
    # The year 10000.
    end = 2_957_004 if since_1904 else 2_958_466
    if not (has_time or has_date) or not 0 <= value < end:
        return None
    seconds = int((value * 86_400).to_integral_value())
    days, rest = divmod(seconds, 86_400)
    if days == end:
        return None
    hours = seconds // 3600 if elapsed else rest // 3600
    clock = f"{hours:02d}:{rest % 3600 // 60:02d}"
    if rest % 60 or "s" in letters:
        clock += f":{rest % 60:02d}"
    if not has_date:
        return clock
    day = _day(days, since_1904)
    return f"{day} {clock}" if rest else day


def _day(days: int, since_1904: bool) -> str:
    if since_1904:
        return (date(1904, 1, 1) + timedelta(days)).isoformat()
    if days == 60:
        # A day that there was not, which spreadsheets keep from Lotus 1-2-3.
        return "1900-02-29"
    return (date(1899, 12, 30 + (days < 60)) + timedelta(days)).isoformat()


def _formatted(value: Decimal, tokens: list[tuple[str, str]]) -> str | None:
    """The number in a format of digits and literals; None where it has more."""
    pattern = "".join(text for kind, text in tokens if kind == "code")
    if not any(digit in pattern for digit in _DIGITS):
        kinds = ("literal", "code") if _WHOLE.search(pattern) else ("literal",)
        written = "".join(text for kind, text in tokens if kind in kinds)
        return _WHOLE.sub(_plain(value.copy_abs()), written).strip() or None
    if _TOO_HARD & set(pattern) or pattern.count(".") > 1:
        return None
    thousands = sum(map(len, _SCALE.findall(pattern)))
    pattern = _SCALE.sub("", pattern)
    whole, _, part = pattern.partition(".")
    decimals = sum(character in _DIGITS for character in part)
    scaled = value.copy_abs().scaleb(2 * pattern.count("%") - 3 * thousands, _EXACT)
    try:
        number = f"{scaled.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP, _EXACT):f}"
    except InvalidOperation:
        return None
    digits, _, fraction = number.partition(".")
    least = sum(character == "0" for character in whole)
    digits = digits.lstrip("0").rjust(least, "0")
    grouped = "," in whole
    if grouped:
        digits = re.sub(r"(?<=\d)(?=(?:\d{3})+\Z)", ",", digits)
    # A # shows no zero at the end.
    shown = len(fraction)
    while shown and fraction[shown - 1] == "0" and part.replace(",", "")[shown - 1 : shown] == "#":
        shown -= 1
    found = _filled(tokens, digits, fraction[:shown], grouped)
    return found.removeprefix("-") if value < 0 and not number.strip("0.") else found


def _filled(tokens: list[tuple[str, str]], digits: str, fraction: str, grouped: bool) -> str:
    """Put digits where a format has places for them, the literals between."""
    codes = [text for kind, text in tokens if kind == "code"]
    point = codes.index(".") if "." in codes else len(codes)
    places = sum(text in _DIGITS for text in codes[:point])
    # Commas stand in the digits already; then all go to the first place.
    first = max(0, len(digits) - places + 1)
    units = [digits] + [""] * places if grouped else [digits[:first], *digits[first:]]
    pad = 0 if grouped else places - len(units)
    units = [""] * pad + units
    found, seen = [], 0
    for place, (kind, text) in _numbered(tokens):
        if kind == "bracket" or (kind == "code" and text == ","):
            continue
        if kind == "literal" or text not in f"{_DIGITS}.":
            found.append(text)
        elif place < point and text in _DIGITS:
            found.append(units[seen])
            seen += 1
        elif text == ".":
            # Without a place of their own the digits stand before the point.
            found.append(("" if places else digits) + (f".{fraction}" if fraction else ""))
    return "".join(found).strip()


def _numbered(tokens: list[tuple[str, str]]) -> list[tuple[int, tuple[str, str]]]:
    """Each token with its place among those that are codes."""
    found, place = [], 0
    for token in tokens:
        found.append((place, token))
        place += token[0] == "code"
    return found
