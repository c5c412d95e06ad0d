"""How much each member counts."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from gi_classifier.errors import ModelError
from gi_classifier.model.fusion import AlbertAlone, Fusion, from_file, to_file
from gi_classifier.training.fusion import fit_fusion, fit_fusions


def _members(records: int = 400) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, records)
    right = np.eye(3)[labels]
    return right * 2 + rng.normal(size=(records, 3)), right + rng.normal(size=(records, 3)), labels


def test_two_labels_are_fitted_as_scikit_learn_fits_them() -> None:
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 2, 300)
    odds = rng.normal(size=300) + labels
    found = fit_fusion(np.stack([-odds, odds], axis=1), None, labels)
    # The same prior on the weight alone: the slope of the difference of both scores.
    expected = LogisticRegression(C=1e6).fit(odds[:, None], labels)
    assert 2 * found.albert == pytest.approx(expected.coef_[0, 0], abs=0.02)
    gap = found.constants[1] - found.constants[0]
    assert gap == pytest.approx(expected.intercept_[0], abs=0.02)


def test_the_better_member_counts_more_and_both_are_better_than_one() -> None:
    albert, linear, labels = _members()
    fusions = fit_fusions(albert, linear, labels)
    assert set(fusions) == {"both", "albert", "linear"}
    both = fusions["both"]
    assert both.albert > both.linear > 0

    def loss(use: str) -> float:
        fusion = fusions[use]
        chances = fusion.probabilities(fusion.scores(albert, linear))
        return float(-np.log(chances[np.arange(len(labels)), labels]).mean())

    assert loss("both") < loss("albert") < loss("linear")


def test_a_member_that_misleads_has_no_part() -> None:
    albert, linear, labels = _members()
    assert fit_fusion(albert, -linear, labels).linear == 0


def test_records_that_are_all_right_leave_weights_finite() -> None:
    labels = np.array([0, 1, 2] * 5)
    odds = np.eye(3)[labels] * 10
    found = fit_fusion(odds, odds, labels)
    assert 0 < found.albert < 10
    assert np.isfinite(found.constants).all()


def test_one_member_alone_is_fitted_alone() -> None:
    _, linear, labels = _members()
    assert set(fit_fusions(None, linear, labels)) == {"linear"}


def test_albert_alone_gives_one_windows_probabilities_back() -> None:
    chances = np.array([[0.2, 0.5, 0.3], [0.9, 0.05, 0.05]])
    odds = np.log(chances / (1 - chances))
    alone = AlbertAlone(3)
    np.testing.assert_allclose(alone.probabilities(alone.scores(odds, None)), chances)


def test_the_file_holds_what_was_fitted() -> None:
    fusions = fit_fusions(*_members())
    assert from_file(to_file(fusions), 3) == fusions


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "cannot be read"),
        (b"[]", "cannot be read"),
        (b'{"both": {"albert": 1}}', "cannot be read"),
        (b'{"both": {"albert": 1, "linear": 1, "constants": [0]}}', "does not fit a model of 3"),
        (b'{"x": {"albert": 1, "linear": 1, "constants": [0, 0, 0]}}', "does not fit"),
        (b'{"both": {"albert": NaN, "linear": 1, "constants": [0, 0, 0]}}', "does not fit"),
    ],
)
def test_what_is_no_fusion_is_refused(content: bytes, said: str) -> None:
    with pytest.raises(ModelError, match=said):
        from_file(content, 3)


def test_scores_are_a_sum() -> None:
    albert, linear, _ = _members(5)
    found = Fusion(0.3, 0.6, (0.0, 1.0, -1.0)).scores(albert, linear)
    np.testing.assert_allclose(found, 0.3 * albert + 0.6 * linear + [0.0, 1.0, -1.0])
