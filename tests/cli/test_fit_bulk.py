from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from command_line import call_command
from samples import CHARACTERS

from gi_classifier.cli.fit_bulk import fit_bulk
from gi_classifier.errors import OutputExistsError, RecordsError
from gi_classifier.model.directory import BULK, load
from gi_classifier.model.shipped import shipped

pytestmark = pytest.mark.slow
call = partial(call_command, fit_bulk)


@pytest.fixture(scope="module")
def passages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """10,000 lines of random characters."""
    letters, source = np.array(list(CHARACTERS)), np.random.default_rng(0)
    lines = {"".join(source.choice(letters, 12)) for _ in range(10_000)}
    path = tmp_path_factory.mktemp("passages") / "passages.txt"
    path.write_text("\n".join(sorted(lines)), encoding="utf-8")
    return path


def test_the_cut_is_stored_with_what_it_promises(model: Path, passages: Path) -> None:
    found = json.loads(call(passages, "--model", model, "--json")[0])
    assert found["passages"] == 10_000
    assert found["changed"] <= 4
    assert found["upper_bound"] <= 0.001
    directory = load(model)
    stored = directory.read_json(BULK)
    assert stored["model_sha256"] == directory.digest
    assert stored["origin"]["settings"]["command"] == "fit-bulk"
    assert {name: stored[name] for name in found} == found
    with pytest.raises(OutputExistsError, match="Choose it anew with --force"):
        call(passages, "--model", model)
    out, err = call(passages, "--model", model, "--force")
    assert "of 10,000 passages alone" in out
    assert "Stored in" in err
    assert "bulk.npz" not in err
    assert load(model).files[BULK] != b""


def test_too_few_passages_are_an_error(model: Path, tmp_path: Path) -> None:
    few = tmp_path / "few.txt"
    few.write_text("胃窦\n直肠\n", encoding="utf-8")
    with pytest.raises(RecordsError, match=r"10,000 distinct passages .* Received: 2"):
        call(few, "--model", model)
    assert BULK not in load(model).files


def test_the_model_that_ships_is_never_changed(passages: Path) -> None:
    _, err = call(passages, "--model", shipped(), code=2)
    assert "never changes the model that ships" in err
