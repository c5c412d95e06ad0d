"""The keyword table under the reference's name."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import run
from samples import made_up_records


@pytest.mark.slow
def test_it_prints_the_list_of_the_reference_from_a_threshold_on(
    trained: Path, tmp_path: Path
) -> None:
    corpus = tmp_path / "records.txt"
    corpus.write_text("".join(f"{text}\n" for text, _ in made_up_records(12)), encoding="utf-8")
    script = Path(__file__).parent.parent.parent / "scripts" / "feature_importance.py"
    arguments = [str(corpus), "--model", str(trained), "--format", "reference", "--unit", "span"]
    arguments += ["--threshold", "0.3"]
    done = subprocess.run([sys.executable, script, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert all(isinstance(count, int) for _, count in ast.literal_eval(done.stdout))
    own = run("keywords", *arguments[:-2], "--share", "0.3").stdout
    assert ast.literal_eval(done.stdout) == ast.literal_eval(own)
