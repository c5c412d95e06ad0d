"""The command compare, run in this process."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
import typer
from rich.console import Console
from samples import made_up_records
from typer.testing import CliRunner

from gi_classifier.cli import outputs
from gi_classifier.cli.compare import compare
from gi_classifier.errors import LabelError, MissingExtraError, OutputExistsError, RecordsError
from gi_classifier.evaluation.comparison import Comparison
from gi_classifier.evaluation.comparison_output import OWNED, terminal_tables
from gi_classifier.plots.comparison import compare_figure

app = typer.Typer()
app.command()(compare)
QUICK = ["--models", "rule,logistic-l2-10,tree", "--features", "tfidf"]


def invoke(*arguments: object, code: int = 0) -> Any:
    result = CliRunner().invoke(app, [*map(str, arguments)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    path = tmp_path / "records.txt"
    lines = [f"{text}\t{label}\n" for text, label in made_up_records(60)]
    path.write_text("".join(lines), encoding="utf-8")
    return path


def test_compare_prints_the_tables_and_the_verdict_in_both_languages(corpus: Path) -> None:
    done = invoke(corpus, *QUICK)
    assert "logistic L2, C = 10" in done.stdout
    assert "keyword rule 关键词规则" in done.stdout
    assert "A linear model on tfidf is" in done.stdout
    assert "对这些病历，tfidf 上的线性模型" in done.stdout
    assert "95% interval of 1000 bootstrap resamples" in done.stdout
    assert "groups are few: these intervals are too short" in done.stdout
    # No embeddings, so nothing to say of the encoder.
    assert "encoder" not in done.output


def test_compare_prints_json(corpus: Path) -> None:
    found = json.loads(invoke(corpus, *QUICK, "--json", "--label", 1).stdout)
    assert found["label"] == 1
    assert found["file"] == str(corpus)
    assert len(found["models"]) == 4
    assert all(len(row["folds"]) == 3 for row in found["models"])


@pytest.mark.slow
def test_compare_writes_its_files_and_leaves_no_state(corpus: Path, tmp_path: Path) -> None:
    output = tmp_path / "out" / "table"
    output.parent.mkdir()
    picture = tmp_path / "compare.png"
    invoke(corpus, *QUICK, "--output", output, "--plot", picture)
    assert {path.name for path in output.iterdir()} == {*OWNED, "origin.json"} - {"compare.png"}
    assert [path.name for path in output.parent.iterdir()] == ["table"]
    table = json.loads((output / "compare.json").read_text("utf-8"))
    with (output / "compare.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["name"] for row in rows] == [row["name"] for row in table["models"]]
    assert float(rows[0]["f1_low"]) == pytest.approx(table["models"][0]["f1_interval"][0])
    with (output / "folds.csv").open(encoding="utf-8-sig", newline="") as file:
        assert len(list(csv.DictReader(file))) == 12
    page = (output / "compare.md").read_text("utf-8")
    assert page.startswith("# Models compared 模型比较")
    assert page.index("## By score 按得分") < page.index("## By group 按模型组")
    assert "| keyword rule | text |" in page
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert json.loads((tmp_path / "compare.png.origin.json").read_text("utf-8"))["model"]
    # The first release wrote its picture there.
    (output / "compare.png").write_bytes(b"")
    with pytest.raises(OutputExistsError, match="exists"):
        invoke(corpus, *QUICK, "--output", output)
    invoke(corpus, *QUICK, "--output", output, "--force")


def test_a_directory_with_other_files_is_not_replaced(corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("x")
    with pytest.raises(OutputExistsError, match=r"letter.txt"):
        invoke(corpus, *QUICK, "--output", tmp_path / "mine", "--force")


def test_an_interrupted_comparison_goes_on_where_it_stood(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "table"
    whole = json.loads(invoke(corpus, *QUICK, "--json").stdout)
    fit, fitted = Comparison._fold, []

    def until(limit: int) -> Any:
        def limited(self: Comparison, *arguments: Any) -> Any:
            if len(fitted) == limit:
                raise KeyboardInterrupt
            fitted.append(arguments[1])
            return fit(self, *arguments)

        return limited

    monkeypatch.setattr(Comparison, "_fold", until(5))
    invoke(corpus, *QUICK, "--output", output, code=130)
    assert not output.exists()
    assert len(list((tmp_path / ".table.state").glob("*.npz"))) == 5
    fitted.clear()
    monkeypatch.setattr(Comparison, "_fold", until(99))
    done = invoke(corpus, *QUICK, "--output", output, "--json")
    assert "Going on after 5 of 12 fits." in done.stderr
    assert len(fitted) == 7
    found = json.loads(done.stdout)
    for row, expected in zip(found["models"], whole["models"], strict=True):
        assert row["f1_interval"] == expected["f1_interval"]
    assert not (tmp_path / ".table.state").exists()


def test_the_state_of_another_comparison_is_refused(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any) -> Any:
        raise KeyboardInterrupt

    output = ("--output", tmp_path / "table")
    with monkeypatch.context() as changed:
        changed.setattr(Comparison, "_fold", interrupted)
        done = invoke(corpus, *QUICK, *output, code=130)
    assert "The same command goes on where this one stood" in done.stderr
    state = tmp_path / ".table.state"
    with pytest.raises(OutputExistsError, match=r"\.table\.state is what a stopped") as error:
        invoke(corpus, *QUICK, *output, "--seed", 1)
    assert error.value.problems == ["option: seed: 42 then, 1 now"]
    (state / "rule.text.0.npz").write_bytes(b"PK")
    with pytest.raises(RecordsError, match=r"rule\.text\.0\.npz is no state of a comparison"):
        invoke(corpus, *QUICK, *output)
    invoke(corpus, *QUICK, *output, "--restart")
    assert not state.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--models", "rule,cnn"], "model 'cnn'"),
        (["--models", ""], "nothing"),
        (["--features", "bert"], "features 'bert'"),
        (["--features", ","], "nothing"),
        (["--folds", "1"], "--folds"),
        (["--sample", "1"], "--sample"),
    ],
)
def test_wrong_use_exits_with_2(corpus: Path, arguments: list[str], message: str) -> None:
    assert message in invoke(corpus, *arguments, code=2).stderr


def test_one_class_only_and_an_empty_file_are_errors(tmp_path: Path) -> None:
    path = tmp_path / "one.txt"
    lines = [f"{text}\t1\n" for text, _ in made_up_records(30)]
    path.write_text("".join(lines), encoding="utf-8")
    with pytest.raises(RecordsError, match=r"one.txt: all records have one label"):
        invoke(path, *QUICK)
    path.write_text("", encoding="utf-8")
    with pytest.raises(RecordsError, match=r"No record in .*one.txt"):
        invoke(path, *QUICK)


def test_what_is_left_out_is_said(corpus: Path, tmp_path: Path) -> None:
    path = tmp_path / "two.txt"
    lines = [f"{text}\t{label}\n" for text, label in made_up_records(39) if label]
    path.write_text("".join(lines), encoding="utf-8")
    done = invoke(path, "--models", "rule,knn", "--features", "tfidf")
    assert "rule.text is left out: it knows the labels 0, 1 and 2" in done.stderr
    assert "knn-30.tfidf is left out: a fold has only" in done.stderr
    assert "Left out: knn-30.tfidf" in done.stdout
    assert "No verdict" in done.stdout


@pytest.mark.slow
def test_the_leak_of_an_encoder_that_knew_the_records_is_said(
    records_file: Path, trained: Path, tmp_path: Path
) -> None:
    options = ["--models", "logistic-l2-1,tree-5", "--model", trained]
    done = invoke(records_file, *options)
    assert "of 120 records of the file were trained on, or chose the weights" in done.stderr
    assert "成绩偏高" in done.stderr
    # The verdict is of TF-IDF alone.
    said = next(line for line in done.stdout.splitlines() if line.startswith("A linear model"))
    assert "(embedding)" not in said
    path = tmp_path / "new.txt"
    lines = [f"{text[::-1]}术\t{label}\n" for text, label in made_up_records(60)]
    path.write_text("".join(lines), encoding="utf-8")
    assert "trained on none of the 60 records" in invoke(path, *options).stderr


def test_without_the_plots_extra_only_tables_are_written(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = ("--output", tmp_path / "table", "--models", "rule")

    def missing() -> None:
        raise MissingExtraError("A picture needs seaborn.")

    monkeypatch.setattr(outputs, "check_plots", missing)
    with pytest.raises(MissingExtraError, match="seaborn"):
        invoke(corpus, *output, "--plot", tmp_path / "a.png")
    assert not (tmp_path / ".table.state").exists()
    invoke(corpus, *output)
    assert (tmp_path / "table" / "compare.csv").is_file()


@pytest.mark.parametrize("models", [["rule"], ["rule", "tree-5", "logistic-l2-10"]])
def test_the_picture_draws_one_model_or_several(corpus: Path, models: list[str]) -> None:
    options = ["--models", ",".join(models), "--features", "tfidf", "--json"]
    table = json.loads(invoke(corpus, *options).stdout)
    assert compare_figure(table).startswith(b"\x89PNG")


def test_labels_are_words_of_the_users_own_too(corpus: Path, tmp_path: Path) -> None:
    path = tmp_path / "wards.csv"
    wards = ("心内科", "呼吸科", "[b]科")
    rows = [line.split("\t") for line in corpus.read_text("utf-8").splitlines()]
    lines = [f"{text},{wards[int(label)]}" for text, label in rows]
    path.write_text("\n".join(["text,label", *lines]) + "\n", encoding="utf-8")
    output = tmp_path / "out"
    done = invoke(path, "--models", "rule,tree", "--label", "心内科", "--output", output)
    assert "those of label 心内科" in done.stdout
    assert "rule.text is left out" in done.stderr
    assert "[b]科: 20，呼吸科: 20，心内科: 20" in (output / "compare.md").read_text("utf-8")
    table = json.loads((output / "compare.json").read_text("utf-8"))
    assert [part["name"] for part in table["classes"]] == sorted(wards)
    assert table["label"] == 2
    with pytest.raises(LabelError, match="No such label"):
        invoke(path, *QUICK, "--label", "儿科")
    with pytest.raises(LabelError, match="no record has the label 7"):
        invoke(corpus, *QUICK, "--label", "7")
    assert json.loads(invoke(corpus, *QUICK, "--label", "upper", "--json").stdout)["label"] == 1


def test_a_column_of_texts_is_not_taken_for_labels(corpus: Path, tmp_path: Path) -> None:
    path = tmp_path / "wrong.csv"
    rows = [f"{text},{text}" for text, _ in made_up_records(120)]
    path.write_text("\n".join(["text,label", *rows]) + "\n", encoding="utf-8")
    with pytest.raises(RecordsError, match=r"1\d\d different words.*--label-column") as error:
        invoke(path, *QUICK)
    assert made_up_records(1)[0][0] not in str(error.value)


def test_on_a_narrow_terminal_columns_are_left_out_and_none_is_cut(corpus: Path) -> None:
    table = json.loads(invoke(corpus, *QUICK, "--json").stdout)
    for width in (60, 80, 200):
        screen = Console(file=io.StringIO(), width=width)
        screen.print(next(iter(terminal_tables(table, screen.width))))
        shown = screen.file.getvalue()  # type: ignore[attr-defined]
        assert "…" not in shown
        assert ("predict, ms" in shown) == (width == 200)
        for row in table["models"]:
            assert f"{row['f1']:.3f} [" in shown
