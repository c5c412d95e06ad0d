"""Commands with a model that is a linear member alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from command_line import run
from samples import made_up_records, write_pairs


@pytest.fixture(scope="module")
def linear(records_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("linear") / "model"
    run("train", records_file, "--use", "linear", "--output", output)
    return output


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder, rows = tmp_path_factory.mktemp("files"), made_up_records()
    texts = folder / "texts.txt"
    texts.write_text("".join(f"{text}\n" for text, _ in rows[:20]), encoding="utf-8")
    return {
        "texts": texts,
        "labelled": write_pairs(folder / "labelled.txt", rows[:60]),
        "other": write_pairs(folder / "other.txt", rows[60:]),
    }


def answered(linear: Path, *arguments: Any) -> str:
    done = run(*arguments, "--model", linear)
    return done.stdout + done.stderr


def test_info_says_the_member(linear: Path) -> None:
    found = json.loads(run("info", linear, "--json").stdout)
    assert found["members"] == ["linear"]
    assert "encoder" not in found


def test_what_answers_explains_and_measures_works(
    linear: Path, files: dict[str, Path], tmp_path: Path
) -> None:
    assert answered(linear, "predict", "--input", files["texts"]).count("\n") >= 20
    answered(linear, "predict", "--input", files["texts"], "--prior", "0.8,0.1,0.1")
    assert "[CLS]" not in answered(linear, "explain", "胃底溃疡")
    answered(linear, "evaluate", files["labelled"], "--resamples", 9)
    answered(linear, "keywords", files["texts"])
    answered(linear, "report", files["texts"], "--output", tmp_path / "report.html")
    answered(linear, "prior", files["texts"], "--resamples", 9)
    two = [files["labelled"], "--test", files["other"]]
    answered(linear, "thresholds", *two, "--label", "upper", "--policy", "f1", "--save", "f1")
    answered(linear, "predict", "--label", "upper", "--threshold", "stored", "胃底溃疡")
    answered(linear, "inspect", files["labelled"], "--no-embeddings")


def test_comparing_leaves_out_what_needs_the_encoder(linear: Path, files: dict[str, Path]) -> None:
    said = answered(linear, "compare", files["labelled"], "--models", "rule,logistic-l2-1")
    assert "embedding" in said
    assert "no encoder" in said


@pytest.mark.parametrize(
    "arguments",
    [
        ["novelty", "texts"],
        ["predict", "--input", "texts", "--engine", "fp32"],
        ["predict", "--input", "texts", "--reject-novel"],
        ["predict", "--input", "texts", "--use", "albert"],
        ["explain", "--input", "texts", "--use", "both"],
        ["inspect", "labelled"],
        ["head", "train", "labelled", "--output", "head.npz"],
        ["fit-novelty", "labelled", "--val", "other"],
    ],
    ids=" ".join,
)
def test_what_needs_albert_fails_with_one_line_that_says_what_to_do(
    linear: Path, files: dict[str, Path], arguments: list[str]
) -> None:
    given = [files.get(part, part) for part in arguments]
    done = run(*given, "--model", linear, code=2 if "--use" in arguments else 1)
    said = " ".join(done.stderr.split())
    assert "no ALBERT" in said
    assert "without --use linear" in said.replace("`", "")
