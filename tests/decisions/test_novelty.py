from __future__ import annotations

import io
import json
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from samples import made_up_records

from gi_classifier._version import __version__
from gi_classifier.decisions.novelty import Novelty, mahalanobis, open_novelty
from gi_classifier.decisions.novelty_fit import fit_novelty
from gi_classifier.errors import ModelError
from gi_classifier.model.directory import NOVELTY, WEIGHTS, ModelDirectory, load, save

TEXTS = [text for text, _ in made_up_records()]
OUT_OF_DISTRIBUTION = [
    "hello world, how are you?",
    "x = (a << 3) ^ 15;",
    "0123456789" * 3,
    "骨骨骨骨骨骨骨骨骨骨骨",
]


@pytest.fixture(scope="module")
def directory(trained: Path) -> ModelDirectory:
    return load(trained)


@pytest.fixture(scope="module")
def content(directory: ModelDirectory) -> bytes:
    return fit_novelty(directory, TEXTS[:90], TEXTS[90:], seed=3)


@pytest.fixture(scope="module")
def fitted(directory: ModelDirectory, content: bytes) -> ModelDirectory:
    return ModelDirectory({**directory.files, NOVELTY: content}, directory.metadata)


def test_distance_is_that_to_the_nearest_class() -> None:
    centres = np.array([[0.0, 0.0], [10.0, 0.0]])
    found = mahalanobis(np.array([[1.0, 0.0], [9.0, 2.0]]), centres, np.eye(2))
    np.testing.assert_allclose(found, [1, 5])


def test_out_of_distribution_texts_are_more_novel_than_records(fitted: ModelDirectory) -> None:
    scorer = open_novelty(fitted)
    records, other = scorer.scores(TEXTS), scorer.scores(OUT_OF_DISTRIBUTION)
    assert other.min() > np.median(records)
    assert (other > scorer.threshold).mean() >= 0.75
    assert ((records >= 0) & (records <= 1)).all()
    assert records.dtype == np.float64


def test_at_most_the_promised_share_of_the_validation_records_is_rejected(
    fitted: ModelDirectory,
) -> None:
    scorer = open_novelty(fitted)
    # Of 30 records, one is the least that can be above the threshold.
    assert (scorer.scores(TEXTS[90:]) > scorer.threshold).sum() <= 1


def test_scores_do_not_depend_on_order_or_company(fitted: ModelDirectory) -> None:
    scorer = open_novelty(fitted)
    texts = [*TEXTS[:6], *OUT_OF_DISTRIBUTION, TEXTS[0]]
    found = scorer.scores(texts)
    assert found[0] == found[-1]
    np.testing.assert_allclose(scorer.scores(texts[::-1]), found[::-1], atol=1e-5)
    np.testing.assert_allclose([scorer.scores([t])[0] for t in texts], found, atol=1e-5)


def test_no_text_has_no_score(fitted: ModelDirectory) -> None:
    assert open_novelty(fitted).scores([]).shape == (0,)


def test_a_text_without_a_token_has_a_score(fitted: ModelDirectory) -> None:
    # A combining mark alone is dropped from the tokens.
    assert np.isfinite(open_novelty(fitted).scores(["\u0301", "胃"])).all()


def test_several_threads_get_the_same_scores(fitted: ModelDirectory) -> None:
    scorer, found = open_novelty(fitted), {}
    expected = scorer.scores(TEXTS[:20])
    threads = [
        threading.Thread(target=lambda i=i: found.update({i: scorer.scores(TEXTS[:20])}))
        for i in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i in range(4):
        np.testing.assert_array_equal(found[i], expected)


def test_a_model_without_it_says_how_to_fit_it(directory: ModelDirectory) -> None:
    files = {name: found for name, found in directory.files.items() if name != NOVELTY}
    with pytest.raises(ModelError, match=r"holds no novelty\.npz.*fit-novelty TRAIN --val VAL"):
        open_novelty(ModelDirectory(files, directory.metadata))


def test_another_classifiers_is_refused(fitted: ModelDirectory, content: bytes) -> None:
    other = replace(Novelty.from_bytes(content), digest="0" * 64).to_bytes()
    changed = ModelDirectory({**fitted.files, NOVELTY: other}, fitted.metadata)
    with pytest.raises(ModelError, match=r"another classifier .*000000000000….*fit-novelty"):
        open_novelty(changed)
    retrained = ModelDirectory(
        {**fitted.files, WEIGHTS: fitted.files[WEIGHTS] + b" "}, fitted.metadata
    )
    with pytest.raises(ModelError, match=r"another classifier"):
        open_novelty(retrained)


def test_another_format_is_refused(content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gi_classifier.decisions.novelty.FORMAT", 2)
    with pytest.raises(ModelError, match=r"format 1; .* reads 2"):
        Novelty.from_bytes(content)


@pytest.mark.parametrize("stored", [b"", b"not an archive", b"PK\x03\x04 cut off"])
def test_what_is_no_archive_is_refused(stored: bytes) -> None:
    with pytest.raises(ModelError, match=r"novelty\.npz cannot be read"):
        Novelty.from_bytes(stored)


def test_a_changed_or_cut_archive_is_refused(content: bytes) -> None:
    middle = len(content) // 2
    changed = content[:middle] + bytes([content[middle] ^ 255]) + content[middle + 1 :]
    for stored in (changed, content[: len(content) - 40]):
        with pytest.raises(ModelError, match=r"cannot be read"):
            Novelty.from_bytes(stored)


def test_nothing_pickled_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "evil.npz"
    np.savez(path, format=np.array([{"a": 1}], dtype=object))
    with pytest.raises(ModelError, match=r"cannot be read"):
        Novelty.from_bytes(path.read_bytes())


def test_scoring_imports_neither_scikit_learn_nor_tensorflow(
    fitted: ModelDirectory, tmp_path: Path
) -> None:
    place = save(fitted, tmp_path / "model")
    code = (
        "import sys; from gi_classifier.model.directory import load;"
        "from gi_classifier.decisions.novelty import open_novelty;"
        f"open_novelty(load({str(place)!r})).scores(['胃']);"
        "print([m for m in ('sklearn', 'tensorflow', 'pandas', 'matplotlib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_file_says_what_it_was_made_with(content: bytes, directory: ModelDirectory) -> None:
    with np.load(io.BytesIO(content), allow_pickle=False) as stored:
        origin = json.loads(str(stored["origin"]))
    assert origin["library"] == f"gi_classifier {__version__}"
    assert origin["model"] == directory.digest
    assert origin["settings"] == {"seed": 3, "train_records": 90, "val_records": 30}


def test_a_file_that_version_0_1_0_wrote_is_read(content: bytes) -> None:
    # As that version wrote it: no origin.
    with np.load(io.BytesIO(content), allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files if name != "origin"}
    old = io.BytesIO()
    np.savez_compressed(old, **arrays)
    np.testing.assert_array_equal(
        Novelty.from_bytes(old.getvalue()).knots, Novelty.from_bytes(content).knots
    )
