from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
import typer
from samples import made_up_records
from typer.testing import CliRunner, Result

from gi_classifier.cli.inspect import inspect
from gi_classifier.errors import LabelError, OutputExistsError, RecordsError
from gi_classifier.evaluation.inspection_output import OWNED

app = typer.Typer()
app.command()(inspect)


def look(*arguments: object) -> Result:
    return CliRunner().invoke(app, [*map(str, arguments)])


def fine(*arguments: object) -> str:
    done = look(*arguments)
    if done.exception:
        raise done.exception
    return done.stdout


def file_of(folder: Path, rows: list[tuple[str, int]]) -> Path:
    path = folder / "rows.txt"
    path.write_text("".join(f"{text}\t{label}\n" for text, label in rows), encoding="utf-8")
    return path


@pytest.fixture
def flipped(tmp_path: Path) -> Path:
    """Made-up records; the label of line 8 is wrong, and lines 121 and 122 are one text."""
    rows = made_up_records(120)
    rows[7] = (rows[7][0], (rows[7][1] + 1) % 3)
    return file_of(tmp_path, [*rows, ("食管癌", 1), ("食管癌", 2)])


def test_tables_name_lines_but_show_no_text(trained: Path, flipped: Path) -> None:
    shown = fine(flipped, "--model", trained)
    assert "Records; lengths in characters" in shown
    assert "121: 1, 122: 2" in shown
    assert "Probable label errors" in shown
    assert not any(text in shown for text, _ in made_up_records(120))


def test_json_says_that_a_model_trained_on_the_records_has_no_say(
    trained: Path, records_file: Path
) -> None:
    found = json.loads(fine(records_file, "--model", trained, "--json"))
    verdict = found["label_errors"]
    assert found["records"] == 120
    assert verdict["judged"] == 120
    # Only its test split is unknown to it, which is too little.
    assert verdict["with_embeddings"] == 0
    assert len(found["explained_variance"]) == 2


@pytest.mark.slow
def test_output_holds_texts_in_two_tables_only(
    trained: Path, flipped: Path, tmp_path: Path
) -> None:
    place = tmp_path / "deep" / "look"
    place.parent.mkdir()
    picture = tmp_path / "inspection.png"
    fine(flipped, "--model", trained, "--output", place, "--plot", picture)
    assert {path.name for path in place.iterdir()} == {*OWNED, "origin.json"} - {picture.name}
    assert picture.read_bytes().startswith(b"\x89PNG")
    tables = {}
    for name in ("label_errors.csv", "conflicts.csv", "terms.csv"):
        content = (place / name).read_text(encoding="utf-8-sig")
        tables[name] = list(csv.DictReader(io.StringIO(content)))
    text = made_up_records(120)[7][0]
    assert [row["text"] for row in tables["label_errors.csv"] if row["line"] == "8"] == [text]
    assert [row["line"] for row in tables["conflicts.csv"]] == ["121", "122"]
    assert tables["terms.csv"][0]["rank"] == "1"
    assert text not in (place / "inspection.json").read_text(encoding="utf-8")
    with pytest.raises(OutputExistsError, match="--force"):
        fine(flipped, "--model", trained, "--output", place)
    fine(flipped, "--model", trained, "--output", place, "--force", "--no-embeddings")
    assert json.loads((place / "inspection.json").read_text("utf-8"))["explained_variance"] is None


def test_output_replaces_no_foreign_files(trained: Path, flipped: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("")
    with pytest.raises(OutputExistsError, match=r"thesis\.txt"):
        fine(flipped, "--model", trained, "--output", tmp_path / "mine", "--force")


def test_a_file_without_labels_asks_for_the_option_and_gets_the_rest(
    trained: Path, tmp_path: Path
) -> None:
    path = tmp_path / "plain.txt"
    path.write_text("".join(f"{text}\n" for text, _ in made_up_records(30)), encoding="utf-8")
    with pytest.raises(LabelError, match="say --no-labels"):
        fine(path, "--model", trained)
    shown = fine(path, "--model", trained, "--no-labels")
    assert "Without labels: no priors" in shown
    assert "Probable label errors" not in shown


def test_a_short_list_says_how_much_is_missing(trained: Path, tmp_path: Path) -> None:
    twins = [(text, i % 2) for i, (text, _) in enumerate(made_up_records(20)) for _ in range(2)]
    rows = [(text, place % 2) for place, (text, _) in enumerate(twins)]
    shown = fine(file_of(tmp_path, rows), "--model", trained, "--no-embeddings", "--top", 3)
    assert "Conflicting labels (groups): 20; the first 3" in shown
    assert shown.count("same text") == 3 + 1


def test_labels_beyond_the_models_go_by_their_numbers(trained: Path, tmp_path: Path) -> None:
    rows = [(text, label + 5) for text, label in made_up_records(30)]
    shown = fine(file_of(tmp_path, rows), "--model", trained, "--no-embeddings", "--json")
    assert [row["name"] for row in json.loads(shown)["labels"]] == ["5", "6", "7"]


@pytest.mark.parametrize("rows", [[("胃癌", 1)], [("胃癌", 1)] * 12], ids=["one", "one text"])
def test_degenerate_files_say_why_nothing_is_judged(
    trained: Path, tmp_path: Path, rows: list[tuple[str, int]]
) -> None:
    shown = fine(file_of(tmp_path, rows), "--model", trained)
    assert "Probable label errors: 0 of 0 judged" in shown
    assert "Judging needs two labels or more" in " ".join(shown.split())


def test_an_empty_or_missing_file_is_an_error(trained: Path, tmp_path: Path) -> None:
    with pytest.raises(RecordsError, match="No record in"):
        fine(file_of(tmp_path, []), "--model", trained)
    with pytest.raises(FileNotFoundError, match="No file of records"):
        fine(tmp_path / "none.txt", "--model", trained)


def test_notes_show_no_text(trained: Path, flipped: Path) -> None:
    noted = look(flipped, "--model", trained).stderr
    assert "122 records, read as utf-8" in noted
    assert not any(text in noted for text, _ in made_up_records(120))


def test_records_stand_with_what_their_file_calls_them(trained: Path, tmp_path: Path) -> None:
    rows = made_up_records(60)
    rows[7] = (rows[7][0], (rows[7][1] + 1) % 3)
    lines = [f"{text},{label},A{i:03},密{i}" for i, (text, label) in enumerate(rows)]
    path, output = tmp_path / "rows.csv", tmp_path / "look"
    content = "\n".join(["text,label,号,科", *lines, "食管癌,1,[b],密", "食管癌,2,B1,密"]) + "\n"
    path.write_text(content, encoding="utf-8")
    shown = fine(
        path, "--model", trained, "--id-column", "号", "--output", output, "--keep-columns"
    )
    assert "密" not in shown
    assert "62 ([b]): 1, 63 (B1): 2" in shown
    for name in ("conflicts.csv", "label_errors.csv"):
        content = (output / name).read_text(encoding="utf-8-sig")
        assert "密" in content
        found = {row["line"]: row["id"] for row in csv.DictReader(io.StringIO(content))}
        assert set(found.items()) & {("63", "B1"), ("9", "A007")}
    table = json.loads((output / "inspection.json").read_text("utf-8"))
    assert "密" not in str(table)
    assert [row["id"] for row in table["conflicts"]] == ["[b]", "B1"]
    origin = json.loads((output / "origin.json").read_text("utf-8"))
    assert origin["settings"]["id_column"] == "号"
