from __future__ import annotations

import csv
import io
from functools import partial
from pathlib import Path

import pytest
from command_line import call_command

from gi_classifier.cli.predict import predict

pytestmark = pytest.mark.slow
call = partial(call_command, predict)


def test_each_row_says_which_member_answered(
    bulk: Path, records_file: Path, tmp_path: Path
) -> None:
    output = tmp_path / "answers.csv"
    out, _ = call("--input", records_file, "--model", bulk, "--bulk", "--output", output)
    rows = list(csv.DictReader(io.StringIO(output.read_text(encoding="utf-8-sig"))))
    members = [row["member"] for row in rows]
    assert set(members) == {"linear", "both"}
    assert f"the linear member answered {members.count('linear')} alone" in out
    plain = tmp_path / "plain.csv"
    call("--input", records_file, "--model", bulk, "--output", plain)
    assert "member" not in plain.read_text(encoding="utf-8-sig").splitlines()[0]


def test_too_few_records_are_read_by_both_members(both_members: Path, records_file: Path) -> None:
    out, err = call("--input", records_file, "--model", both_members, "--bulk")
    assert "Bulk is off, both members read all records. Bulk needs 10,000 distinct" in err
    assert "answered" not in out
    out, err = call("胃窦黏膜充血", "--model", both_members, "--bulk")
    assert "Bulk is off" in err


def test_unlabelled_text_chooses_the_cut(
    both_members: Path, records_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = tmp_path / "passages.txt"
    text.write_text("".join(f"胃窦{n}\n直肠{n}\n" for n in range(20)), encoding="utf-8")
    monkeypatch.setattr("gi_classifier.decisions.bulk_fit.FEWEST_PASSAGES", 40)
    monkeypatch.setattr("gi_classifier.decisions.bulk_fit.least_margin", lambda *_: 0.0)
    out, _ = call("--input", records_file, "--model", both_members, "--bulk", "--unlabelled", text)
    assert "120 records" in out
    assert "the linear member answered 120 alone" in out
    out, _ = call("--input", records_file, "--model", both_members, "--bulk")
    assert "the linear member answered 120 alone" in out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--unlabelled", "x.txt"], "--unlabelled is for --bulk"),
        (["--bulk", "--use", "albert"], "the likeliest label of both members"),
        (["--bulk", "--min-confidence", "0.9"], "the likeliest label of both members"),
    ],
)
def test_what_bulk_has_no_promise_for_is_wrong_use(
    both_members: Path, options: list[str], message: str
) -> None:
    assert message in call("胃窦", "--model", both_members, *options, code=2)[1]
