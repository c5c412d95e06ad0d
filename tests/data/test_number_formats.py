from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl.styles.numbers import BUILTIN_FORMATS, is_date_format
from openpyxl.utils.datetime import to_excel

from gi_classifier.data.number_formats import BUILT_IN, GENERAL, displayed

# As Excel shows them, but for dates, which are ISO 8601.
SHOWN = [
    ("42", GENERAL, "42"),
    ("42.0", GENERAL, "42"),
    ("0.1", GENERAL, "0.1"),
    ("1.10101199003077E+17", GENERAL, "110101199003077000"),
    ("12", "0000000", "0000012"),
    ("-12", "0000", "-0012"),
    ("13800001234", "000-0000-0000", "138-0000-1234"),
    ("20240501", '0000"-"00"-"00', "2024-05-01"),
    ("7", '"No."0000', "No.0007"),
    ("7", '"住院"000号', "住院007号"),
    ("7", "\\A000", "A007"),
    ("3.14159", "0.00", "3.14"),
    ("5", "0.##", "5"),
    ("5.5", "0.##", "5.5"),
    ("1234567.891", "#,##0.00", "1,234,567.89"),
    ("1234567", "0,000", "1,234,567"),
    ("0.256", "0%", "26%"),
    ("-3.5", "0.0;(0.0)", "(3.5)"),
    ("0", '0;-0;"零"', "零"),
    ("5", "[Red]000", "005"),
    ("5", "_(* 000_)", "005"),
    ("123", "@", "123"),
    ("100000", "0.00E+00", "100000"),
    ("0.5", "# ?/?", "0.5"),
    ("45413", "yyyy-mm-dd", "2024-05-01"),
    ("45413", "m/d/yy", "2024-05-01"),
    ("45413", "m月d日", "2024-05-01"),
    ("45413", '[$-804]yyyy"年"m"月"d"日"', "2024-05-01"),
    ("45413.5", 'yyyy"年"m"月"d"日" h:mm', "2024-05-01 12:00"),
    ("45413.354166666664", "yyyy/m/d h:mm:ss", "2024-05-01 08:30:00"),
    ("0.75", "h:mm", "18:00"),
    ("1.5", "[h]:mm:ss", "36:00:00"),
    ("1", "yyyy-mm-dd", "1900-01-01"),
    ("59", "yyyy-mm-dd", "1900-02-28"),
    ("60", "yyyy-mm-dd", "1900-02-29"),
    ("61", "yyyy-mm-dd", "1900-03-01"),
    ("-1", "yyyy-mm-dd", "-1"),
    ("99999999", "yyyy-mm-dd", "99999999"),
    ("110101199001011234", GENERAL, "110101199001011234"),
    ("110101199001011234", "0", "110101199001011234"),
    ("1.10101199001011234E+17", GENERAL, "110101199001011234"),
    ("0012", GENERAL, "0012"),
    ("20240501.123456789012", GENERAL, "20240501.123456789012"),
    ("2.5", "0", "3"),
    ("-1.5", "0", "-2"),
    ("0.125", "0.00", "0.13"),
    ("1.005", "0.00", "1.01"),
    ("1.0049999999999999", "0.00", "1.01"),
    ("1234567.5", "#,##0", "1,234,568"),
    ("12345", "0,", "12"),
    ("1234567", "#,##0,,", "1"),
    ("12345678", '#,##0,"K"', "12,346K"),
    ("12345", "0.0,", "12.3"),
    ("-0.4", "0", "0"),
    ("-0.4", "0;-0", "0"),
    ("-0.004", "0.00", "0.00"),
    ("-0", GENERAL, "0"),
    ("5", 'General"岁"', "5岁"),
    ("5", '"ID"@', "ID5"),
    ("12", "0,000", "0,012"),
    ("0", "#,##0", "0"),
    ("1234", "[$¥-804]#,##0.00", "¥1,234.00"),
    ("1", '[=1]"男";[=2]"女"', "男"),
    ("2", '[=1]"男";[=2]"女"', "女"),
    ("3", '[=1]"男";[=2]"女"', "3"),
    ("3", '[=1]"男";[=2]"女";"不详"', "不详"),
    ("0", '[=1]"是";[=0]"否"', "否"),
    ("-1", '[=1]"是";[=0]"否";0', "-1"),
    ("7", '[>5]0"高";0;0', "7高"),
    ("3", '[>5]0"高";0;0', "3"),
    ("3", '[Red][>5]0"高";[Blue]0"低"', "3低"),
    ("13812345678", "[<=9999999]0;000-0000-0000", "138-1234-5678"),
    ("5", '0"[<9]"', "5[<9]"),
    ("2958465.999999", "yyyy-mm-dd", "2958465.999999"),
    ("45413", "[>0]yyyy-mm-dd;;", "2024-05-01"),
    ("5", "[<1]h:mm;yyyy-mm-dd", "1900-01-05"),
    ("1.5", ".00", "1.50"),
    ("0.5", ".00", ".50"),
    ("0.853", ".0%", "85.3%"),
    ("12", ".#", "12"),
]


@pytest.mark.parametrize(("written", "code", "shown"), SHOWN)
def test_numbers_are_shown_as_a_spreadsheet_shows_them(written: str, code: str, shown: str) -> None:
    found = displayed(written, code)
    assert (found.shown, found.problem) == (shown, None)


def test_days_may_be_counted_from_1904() -> None:
    assert displayed("0", "yyyy-mm-dd", since_1904=True).shown == "1904-01-01"
    assert displayed("43951", "yyyy-mm-dd", since_1904=True).shown == "2024-05-01"
    assert displayed("2957003", "yyyy-mm-dd", since_1904=True).shown == "9999-12-31"
    assert displayed("2957004", "yyyy-mm-dd", since_1904=True).shown == "2957004"
    assert displayed("2958465", "yyyy-mm-dd").shown == "9999-12-31"


@pytest.mark.parametrize(
    "written", ["张三", "nan", "inf", "1_000", "", "0x10", "٣", "1e9999", "--1"]
)
def test_what_is_no_number_is_said_without_it(written: str) -> None:
    found = displayed(written, "0")
    assert (found.problem or "").startswith("damaged: it is marked as a number")
    assert found.shown == found.plain == ""


def test_built_in_codes_are_dates_where_another_library_says_so() -> None:
    for number, code in BUILTIN_FORMATS.items():
        if number in BUILT_IN:
            kind = displayed("45413.25", BUILT_IN[number]).kind
            assert (kind == "date") == is_date_format(code), number


@given(st.dates(min_value=date(1900, 3, 1)))
def test_dates_are_those_that_another_library_writes(day: date) -> None:
    assert displayed(str(to_excel(day)), "d.m.yyyy").shown == str(day)


@given(st.integers(0, 10**15), st.integers(1, 18))
def test_leading_zeros_are_kept_for_any_width(number: int, width: int) -> None:
    assert displayed(str(number), "0" * width).shown == f"{number:0{width}d}"


@given(st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=12))
def test_any_format_gives_something_and_keeps_the_number(number: float, code: str) -> None:
    found = displayed(repr(number), code)
    assert found.problem is None
    assert float(found.plain) == number
