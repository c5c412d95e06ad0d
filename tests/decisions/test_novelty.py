from __future__ import annotations

import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import made_up_records
from scipy.special import logsumexp
from sklearn.covariance import LedoitWolf

from gi_classifier.decisions.novelty import (
    THRESHOLD,
    Novelty,
    active_share,
    at_length,
    class_means,
    energy,
    fit_length_scale,
    fit_logistic,
    fit_novelty,
    knots_of,
    mahalanobis,
    one_less_max_softmax,
    open_novelty,
    share_below,
    whiten,
)
from gi_classifier.decisions.pairs import Pairs
from gi_classifier.errors import ModelError, RecordsError
from gi_classifier.model.activations import ActivationReader, encode
from gi_classifier.model.directory import NOVELTY, WEIGHTS, ModelDirectory, load, save

TEXTS = [text for text, _ in made_up_records()]
OUTSIDERS = [
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


# Scores


def test_mahalanobis_distance_is_scikit_learns() -> None:
    vectors = np.random.default_rng(0).normal(size=(60, 5)) @ np.diag([1, 2, 3, 4, 5])
    model = LedoitWolf().fit(vectors)
    centre = vectors.mean(axis=0, keepdims=True)
    found = mahalanobis(vectors, centre, whiten(vectors - centre))
    # A ridge of a millionth of the mean variance is added.
    np.testing.assert_allclose(found, model.mahalanobis(vectors), rtol=1e-4)


def test_distance_is_that_to_the_nearest_class() -> None:
    centres = np.array([[0.0, 0.0], [10.0, 0.0]])
    found = mahalanobis(np.array([[1.0, 0.0], [9.0, 2.0]]), centres, np.eye(2))
    np.testing.assert_allclose(found, [1, 5])


@pytest.mark.parametrize("records", [1, 2, 5])
def test_few_or_equal_vectors_still_have_a_distance(records: int) -> None:
    vectors = np.ones((records, 8))
    centre = vectors.mean(axis=0, keepdims=True)
    found = mahalanobis(np.array([np.ones(8), np.zeros(8)]), centre, whiten(vectors - centre))
    assert np.isfinite(found).all()
    assert found[1] > found[0]


def test_class_means_pass_over_classes_without_records() -> None:
    centres, rest = class_means(np.array([[1.0], [3.0], [7.0]]), np.array([0, 0, 2]))
    np.testing.assert_allclose(centres, [[2], [7]])
    np.testing.assert_allclose(rest, [[-1], [1], [0]])


@given(st.lists(st.lists(st.floats(-500, 500), min_size=3, max_size=3), min_size=1, max_size=9))
def test_energy_is_minus_logsumexp(logits: list[list[float]]) -> None:
    np.testing.assert_allclose(
        energy(np.array(logits)), -logsumexp(np.array(logits), axis=1), rtol=1e-9, atol=1e-9
    )


def test_softmax_score_of_sure_and_of_unsure_answers() -> None:
    found = one_less_max_softmax(np.array([[1.0, 0.0], [0.5, 0.5]]))
    np.testing.assert_allclose(found, [0, 0.5])


def test_active_share_counts_units_above_their_usual_level() -> None:
    found = active_share(np.array([[2.0, 0.0, 5.0, 1.0], [0, 0, 0, 0]]), np.array([1, 1, 1, 1]))
    np.testing.assert_allclose(found, [0.5, 0])


def test_logistic_regression_finds_outsiders_that_lie_apart() -> None:
    source = np.random.default_rng(1)
    records, outsiders = source.normal(size=(60, 4)), source.normal(3, 1, size=(12, 4))
    novel = np.repeat([0, 1], [60, 12])
    model = fit_logistic(np.concatenate([records, outsiders]), novel, seed=0)
    assert model.decision_function(outsiders).min() > model.decision_function(records).mean()
    assert model.scoring == "neg_log_loss"


# Pairs of tokens


def test_surprise_of_a_hand_computed_example() -> None:
    rows = [np.array([0, 1, 2]), np.array([0, 1, 1])]
    pairs = Pairs.fit(rows, vocabulary=4)
    # Only 0→1 stands in two records. Tokens: 2, 3, 1, 0 of 6, each half a time more.
    np.testing.assert_array_equal(pairs.keys, [0 * 4 + 1])
    np.testing.assert_array_equal(pairs.counts, [2])
    after_0, alone = (2 + 1 * 3.5 / 8) / 3, 1.5 / 8
    found = pairs.surprise([np.array([0, 1, 2]), np.array([0, 1])])
    np.testing.assert_allclose(
        found, [-(np.log(after_0) + np.log(alone)) / 2, -np.log(after_0)], rtol=1e-12
    )


@given(st.lists(st.lists(st.integers(0, 4), min_size=2, max_size=6), min_size=1, max_size=8))
def test_probabilities_after_each_token_sum_to_one(rows: list[list[int]]) -> None:
    pairs = Pairs.fit([np.array(row) for row in rows], vocabulary=5)
    for first in range(5):
        surprise = pairs.surprise([np.array([first, second]) for second in range(5)])
        assert np.exp(-surprise).sum() == pytest.approx(1, abs=1e-9)


def test_a_pair_of_one_record_alone_is_not_kept() -> None:
    pairs = Pairs.fit([np.array([0, 7, 7, 7, 7, 1]), np.array([0, 2, 1])], vocabulary=8)
    assert len(pairs.keys) == 0
    assert np.isfinite(pairs.surprise([np.array([0, 7])])).all()


# Length and scale


def test_at_each_length_the_usual_score_becomes_nought() -> None:
    source = np.random.default_rng(2)
    lengths = source.integers(3, 300, 4000)
    usual = 5 - np.log(lengths)
    scores = usual + source.normal(0, 1 / np.log(lengths))
    found = at_length(scores, lengths, fit_length_scale(scores, lengths))
    short = lengths < 30
    assert abs(found[short].mean()) < 0.1
    assert abs(found[~short].mean()) < 0.1
    assert np.corrcoef(found, np.log(lengths))[0, 1] == pytest.approx(0, abs=0.05)


def test_lengths_never_seen_count_as_the_nearest() -> None:
    lengths = np.arange(10, 90)
    scale = fit_length_scale(np.sqrt(lengths), lengths)
    ends = at_length(np.array([3.0, 3.0]), np.array([10, 89]), scale)
    np.testing.assert_allclose(at_length(np.array([3.0, 3.0]), np.array([1, 9999]), scale), ends)


@pytest.mark.parametrize("count", [1, 2, 50])
def test_equal_scores_at_one_length_are_not_unusual(count: int) -> None:
    scores, lengths = np.full(count, 2.0), np.full(count, 13)
    found = at_length(scores, lengths, fit_length_scale(scores, lengths))
    np.testing.assert_allclose(found, 0, atol=1e-6)


@given(st.lists(st.floats(-50, 50), min_size=1, max_size=60), st.lists(st.floats(-99, 99)))
def test_shares_lie_in_the_unit_interval_and_rise(values: list[float], wanted: list[float]) -> None:
    knots = np.quantile(values, np.linspace(0, 0.99, 100))
    found = share_below(np.sort(wanted), knots)
    assert ((found >= 0) & (found <= 1)).all()
    assert (np.diff(found) >= -1e-12).all()


def test_shares_are_those_of_the_validation_records() -> None:
    values = np.random.default_rng(3).normal(size=5000)
    knots = np.quantile(values, np.linspace(0, 0.99, 100))
    wanted = np.quantile(values, [0.1, 0.5, 0.98])
    np.testing.assert_allclose(share_below(wanted, knots), [0.1, 0.5, 0.98], atol=2e-3)
    assert np.mean(share_below(values, knots) > THRESHOLD) == pytest.approx(0.02, abs=1e-3)


@pytest.mark.parametrize("count", [5, 10, 20, 50, 200, 2000])
def test_few_validation_records_do_not_make_new_ones_novel(count: int) -> None:
    source = np.random.default_rng(0)
    shares = [
        np.mean(share_below(source.standard_normal(500), knots_of(known)) > THRESHOLD)
        for known in source.standard_normal((300, count))
    ]
    # Of a tail that falls faster than the exponential one, less than the 2% are rejected.
    assert 0 < np.mean(shares) < (0.035 if count < 20 else 0.025)


def test_one_validation_record_has_a_scale() -> None:
    found = share_below(np.array([0.0, 1.0, 2.0]), knots_of(np.array([1.0])))
    assert (np.diff(found) >= 0).all()
    assert ((found >= 0) & (found <= 1)).all()


def test_beyond_all_validation_records_the_order_is_kept() -> None:
    knots = np.linspace(-2, 2, 100)
    found = share_below(np.array([2.0, 2.1, 3, 5]), knots)
    assert (np.diff(found) > 0).all()
    assert found[-1] < 1


def test_a_record_like_all_others_is_not_novel() -> None:
    found = share_below(np.array([1.0, 1.0, 1.5]), np.full(100, 1.0))
    assert (found[:2] <= THRESHOLD).all()
    assert found[2] > THRESHOLD


# The score that is stored


def test_outsiders_are_more_novel_than_records(fitted: ModelDirectory) -> None:
    scorer = open_novelty(fitted)
    records, outsiders = scorer.scores(TEXTS), scorer.scores(OUTSIDERS)
    assert outsiders.min() > np.median(records)
    assert (outsiders > scorer.threshold).mean() >= 0.75
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
    texts = [*TEXTS[:6], *OUTSIDERS, TEXTS[0]]
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


def test_the_same_seed_gives_the_same_bytes(directory: ModelDirectory, content: bytes) -> None:
    assert fit_novelty(directory, TEXTS[:90], TEXTS[90:], seed=3) == content
    assert len(content) < 2_000_000


def test_equal_texts_count_once(directory: ModelDirectory, content: bytes) -> None:
    assert fit_novelty(directory, TEXTS[:90] * 2, TEXTS[90:] * 3, seed=3) == content


def test_progress_is_told_of_every_text_read(directory: ModelDirectory) -> None:
    told: list[int] = []
    fit_novelty(directory, TEXTS[:10], TEXTS[90:95], 0, told.append)
    assert sum(told) == 15


def test_one_record_of_each_is_enough(directory: ModelDirectory) -> None:
    stored = fit_novelty(directory, TEXTS[:1], TEXTS[1:2], seed=0)
    scorer = open_novelty(ModelDirectory({**directory.files, NOVELTY: stored}, directory.metadata))
    found = scorer.scores(TEXTS[:4])
    assert np.isfinite(found).all()
    assert found[1] <= scorer.threshold


def test_nothing_to_fit_on_is_an_error(directory: ModelDirectory) -> None:
    with pytest.raises(RecordsError, match="Received: 0 and 1"):
        fit_novelty(directory, [], TEXTS[:1], seed=0)
    with pytest.raises(RecordsError, match="Received: 2 and 0"):
        fit_novelty(directory, TEXTS[:2], [], seed=0)


def test_what_is_stored_scores_as_what_was_fitted(
    directory: ModelDirectory, content: bytes
) -> None:
    reader = ActivationReader(directory)
    read = reader.read(TEXTS)
    means, ids = read.means[:, 1], encode(directory.vocabulary, TEXTS)
    novelty = Novelty.fit(
        means[:90],
        ids[:90],
        means[90:],
        ids[90:],
        vocabulary=len(directory.vocabulary),
        layer=1,
        digest=directory.digest,
    )
    again = Novelty.from_bytes(novelty.to_bytes())
    np.testing.assert_array_equal(again.scores(means, ids), novelty.scores(means, ids))
    assert (again.digest, again.layer) == (directory.digest, 1)


def test_a_model_without_it_says_how_to_fit_it(directory: ModelDirectory) -> None:
    files = {name: found for name, found in directory.files.items() if name != NOVELTY}
    with pytest.raises(ModelError, match=r"holds no novelty\.npz.*novelty --fit TRAIN --val VAL"):
        open_novelty(ModelDirectory(files, directory.metadata))


def test_another_classifiers_is_refused(fitted: ModelDirectory, content: bytes) -> None:
    other = replace(Novelty.from_bytes(content), digest="0" * 64).to_bytes()
    changed = ModelDirectory({**fitted.files, NOVELTY: other}, fitted.metadata)
    with pytest.raises(ModelError, match=r"another classifier .*000000000000….*--fit"):
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


# The picture


def test_the_picture_is_a_png_whatever_the_scores() -> None:
    from gi_classifier.plots.novelty import novelty_figure

    sets = {
        "records 记录": {"test 测试集": np.array([0.0, 0.5, 0.99]), "none": np.zeros(0)},
        "far $x$": {"one": np.array([1.0])},
    }
    assert novelty_figure(sets, THRESHOLD).startswith(b"\x89PNG")
