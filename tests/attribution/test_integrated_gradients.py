from __future__ import annotations

import copy
import hashlib
import itertools
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from random_models import random_directory
from samples import CHARACTERS

import gi_classifier
from gi_classifier import GIClassifier
from gi_classifier.attribution.integrated_gradients import BASELINES, Explainer, path_integral
from gi_classifier.attribution.quadrature import RULES, quadrature
from gi_classifier.errors import InputError, LabelError, SettingsError
from gi_classifier.model.directory import FUSION, LINEAR, ModelDirectory, load, save
from gi_classifier.model.engine import open_engine, softmax
from gi_classifier.model.fusion import Fusion, to_file
from gi_classifier.model.predictor import Predictor
from gi_classifier.model.windows import window_weights
from gi_classifier.training.export import keras_gradient
from gi_classifier.training.linear import fit_linear

TEXTS = ["胃窦黏膜充血", "结肠息肉切除术后，便血", "肺", "ercp 1.5cm 十二指肠", "骨折。"]
LONG = "胃窦黏膜充血糜烂，结肠息肉。" * 8


@pytest.fixture(scope="module")
def tiny(config, vocabulary, settings) -> tuple[object, ModelDirectory]:  # type: ignore[no-untyped-def]
    return random_directory(config, vocabulary, settings)


@pytest.fixture(scope="module")
def directory(tiny: tuple[object, ModelDirectory]) -> ModelDirectory:
    return tiny[1]


@pytest.fixture(scope="module")
def explainer(directory: ModelDirectory) -> Explainer:
    return Explainer(directory)


def logit(p: float) -> float:
    return float(np.log(p) - np.log1p(-p))


def gap(found: gi_classifier.Attribution) -> float:
    """The relative distance of the scores' sum from what it should be."""
    change = found.score - found.baseline_score
    return abs(found.scores.sum() + found.special - change) / abs(change)


@pytest.mark.parametrize("label", [None, 0, 1, 2])
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("baseline", BASELINES)
def test_scores_sum_to_what_the_log_odds_gained(
    explainer: Explainer, baseline: str, rule: str, label: int | None
) -> None:
    options = {"baseline": baseline, "rule": rule, "max_steps": 5000}
    probabilities = explainer.predictor.predict_proba(TEXTS)
    for text, p, found in zip(
        TEXTS, probabilities, explainer.explain(TEXTS, label, **options), strict=True
    ):
        assert found.text == text
        assert found.label == (p.argmax() if label is None else label)
        assert found.label_name == explainer.settings.names[found.label]
        assert found.probability == pytest.approx(p[found.label], abs=1e-6)
        assert found.score == pytest.approx(logit(found.probability), abs=1e-5)
        base = explainer.gradient.logits(explainer.start(len(found.tokens) + 2, baseline)[None])  # type: ignore[arg-type]
        assert found.baseline_probability == pytest.approx(softmax(base)[0, found.label])
        assert found.baseline_score == pytest.approx(logit(found.baseline_probability))
        assert found.error == pytest.approx(gap(found), abs=1e-4)
        assert found.error <= 0.01
        assert found.converged
        assert found.baseline == baseline


@pytest.mark.parametrize("baseline", BASELINES)
def test_scores_are_those_of_tensorflow_in_a_plain_loop(
    tiny: tuple[object, ModelDirectory], explainer: Explainer, baseline: str
) -> None:
    model, directory = tiny
    found = explainer.explain(TEXTS[:2], 1, baseline=baseline, steps=90, tolerance=0.5)
    # The embeddings before normalisation, taken from the model itself.
    table = model.get_layer("Embedding-Token").get_weights()[0]  # type: ignore[attr-defined]
    for text, attribution in zip(TEXTS, found, strict=False):
        ids = directory.vocabulary.with_special(directory.vocabulary.encode([text])[0].ids)
        x = table[ids]
        start = np.zeros_like(x)
        if baseline != "zero":
            start[1:-1] = table[directory.vocabulary.ids[f"[{baseline.upper()}]"]]
            start[[0, -1]] = x[[0, -1]]
        alphas = (np.arange(90) + 0.5) / 90
        path = np.stack([start + alpha * (x - start) for alpha in alphas]).astype(np.float32)
        slopes = keras_gradient(model, path, np.ones(len(path), int))[1]
        expected = ((x - start) * slopes.mean(axis=0)).sum(axis=-1)
        size = float(abs(expected).max())
        assert attribution.steps == 90
        np.testing.assert_allclose(attribution.scores, expected[1:-1], atol=1e-4 * size)
        assert attribution.special == pytest.approx(expected[0] + expected[-1], abs=1e-4 * size)


class Polynomial:
    """Two classes whose log-odds are a power of the sum of the embeddings along a direction."""

    def __init__(self, table: np.ndarray, power: int) -> None:
        self.table, self.power = table, power
        self.direction = np.random.default_rng(2).normal(0, 1, table.shape[1]).astype(np.float32)

    def total(self, embeddings: np.ndarray) -> np.ndarray:
        return np.asarray((embeddings @ self.direction).sum(axis=1, dtype=np.float64))

    def logits(self, embeddings: np.ndarray) -> np.ndarray:
        odds = self.total(embeddings) ** self.power
        return np.stack([np.zeros_like(odds), odds], axis=1)

    def run(self, embeddings: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        sign = np.where(labels == 1, 1, -1)
        total = self.total(embeddings)
        slope = self.power * total ** (self.power - 1) * sign
        shape = embeddings.shape
        return sign * total**self.power, slope[:, None, None] * np.broadcast_to(
            self.direction, shape
        )


@pytest.mark.parametrize("baseline", BASELINES)
@pytest.mark.parametrize("power", [1, 2])
def test_what_is_linear_or_quadratic_in_the_embeddings_is_exact_with_one_point(
    explainer: Explainer, power: int, baseline: str
) -> None:
    gradient = Polynomial(explainer.gradient.table, power)
    # Both outputs of an engine: nothing here asks for the second, the [CLS] vectors.
    engine = SimpleNamespace(run=lambda ids: [gradient.logits(gradient.table[ids])] * 2)
    other = copy.copy(explainer)
    other.settings = replace(explainer.settings, num_classes=2, label_names=None)
    other.gradient = gradient  # type: ignore[assignment]
    other._baselines = {}
    other.predictor = Predictor(engine, explainer.vocabulary, other.settings)
    texts = [text for text in TEXTS if len(text) == 6]
    for found in other.explain(texts, 1, baseline=baseline, steps=1, tolerance=1e-3):
        ids = explainer.vocabulary.with_special(explainer.vocabulary.encode([found.text])[0].ids)
        x, start = gradient.table[ids], other.start(len(ids), baseline)  # type: ignore[arg-type]
        expected = (x - start) @ gradient.direction
        if power == 2:
            expected = expected * (gradient.total(x[None]) + gradient.total(start[None]))
        np.testing.assert_allclose(found.scores, expected[1:-1], rtol=1e-4, atol=1e-5)
        assert found.steps == 1
        assert found.error < 1e-4


def test_a_part_of_a_path_that_does_not_move_gets_nothing(explainer: Explainer) -> None:
    found = explainer.explain(["胃窦", "肠"], baseline="mask")
    assert [one.special for one in found] == [0, 0]
    assert all(one.special != 0 for one in explainer.explain(["胃窦", "肠"], baseline="zero"))
    [masked] = explainer.explain(["胃"], label=1)
    table = explainer.gradient.table
    ids = explainer.vocabulary.with_special(np.array([explainer.vocabulary.ids["[MASK]"]] * 2))
    points, weights = quadrature("midpoint", 5)
    still = path_integral(
        explainer.gradient, table[ids], table[ids][None], np.array([1]), points, weights, 64
    )
    assert (still == 0).all()
    assert masked.scores[0] != 0


def close(a: gi_classifier.Attribution, b: gi_classifier.Attribution, atol: float = 1e-5) -> None:
    assert (a.text, a.tokens, a.label, a.steps) == (b.text, b.tokens, b.label, b.steps)
    np.testing.assert_array_equal(a.offsets, b.offsets)
    np.testing.assert_allclose(a.scores, b.scores, atol=atol)
    for name in ("special", "probability", "score", "baseline_score"):
        assert getattr(a, name) == pytest.approx(getattr(b, name), abs=atol)


@pytest.mark.parametrize("batch_tokens", [1, 64, 4096])
def test_neither_order_nor_batches_change_the_result(
    explainer: Explainer, batch_tokens: int
) -> None:
    texts = [*TEXTS, LONG]
    expected = dict(zip(texts, explainer.explain(texts), strict=True))
    mixed = [texts[i] for i in (5, 2, 0, 4, 3, 1)]
    for found in explainer.explain(mixed, batch_tokens=batch_tokens):
        close(found, expected[found.text])


def test_equal_texts_get_equal_results_and_each_label_its_own(explainer: Explainer) -> None:
    a, b, c = explainer.explain([TEXTS[0], TEXTS[1], TEXTS[0]], [1, 1, 1])
    assert a is c
    assert a.text != b.text
    first, second = explainer.explain([TEXTS[0]] * 2, [0, 2])
    assert (first.label, second.label) == (0, 2)
    assert not np.allclose(first.scores, second.scores)


def test_numpys_integers_are_labels(explainer: Explainer) -> None:
    expected = explainer.explain(TEXTS[:2], [2, 1])
    for found, wanted in zip(explainer.explain(TEXTS[:2], np.array([2, 1])), expected, strict=True):
        close(found, wanted)
    close(explainer.explain(TEXTS[:1], np.int64(2))[0], expected[0])


@pytest.mark.parametrize("baseline", BASELINES)
def test_the_windows_of_a_long_text_are_joined(explainer: Explainer, baseline: str) -> None:
    found, short = explainer.explain([LONG, TEXTS[0]], 1, baseline=baseline)
    reading = explainer.predictor.read([LONG])
    shares = window_weights(softmax(reading.logits), explainer.settings.window_rule)
    odds = [logit(p) for p in softmax(reading.logits)[:, 1]]
    assert len(shares) > 3
    assert found.score == pytest.approx(shares @ odds, abs=1e-5)
    assert found.probability == pytest.approx(explainer.predictor.predict_proba([LONG])[0, 1])
    assert found.error == pytest.approx(gap(found), abs=1e-4)
    assert found.error <= 0.01
    assert len(found.tokens) == len(found.scores) == len(found.offsets) == len(LONG)
    assert found.offsets.tolist() == [[i, i + 1] for i in range(len(LONG))]
    assert (found.scores != 0).all()
    assert len(short.tokens) == len(TEXTS[0])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("胃", ["胃"]),
        ("乙", ["[UNK]"]),
        ("乙丙😀丁", ["[UNK]"] * 4),
        ("胃窦ab，" * 1000, ["胃", "窦", "a", "##b", ","] * 1000),
        ("\u0301", []),
    ],
    ids=["one character", "one unknown", "only unknown", "5,000 characters", "nothing to read"],
)
@pytest.mark.parametrize("baseline", BASELINES)
def test_texts_of_any_length_are_explained(
    explainer: Explainer, text: str, tokens: list[str], baseline: str
) -> None:
    [found] = explainer.explain([text], 2, baseline=baseline, max_steps=5000)
    # The full-width comma is read as the ASCII one.
    assert list(found.tokens) == tokens
    assert len(found.scores) == len(tokens)
    assert np.isfinite(found.scores).all()
    change = found.score - found.baseline_score
    assert found.scores.sum() + found.special == pytest.approx(change, rel=0.011, abs=1e-4)
    assert found.probability == pytest.approx(explainer.predictor.predict_proba([text])[0, 2])
    for unit in ("token", "word", "clause", "sentence"):
        total = sum(span.score for span in found.spans(unit))  # type: ignore[arg-type]
        assert total == pytest.approx(found.scores.sum(), abs=1e-9)


def test_no_texts_have_no_explanations(explainer: Explainer) -> None:
    assert explainer.explain([]) == []


@pytest.mark.parametrize(
    ("label", "message"),
    [
        (7, "Received: 7"),
        (-1, "Received: -1"),
        ("胃", "Received: '胃'"),
        (True, "Received: True"),
        (1.0, "Received: 1.0"),
        ([0, 3], "1 of 2 labels are none of this model's:\n  position 1: No such label"),
        ([-1, "胃"], "2 of 2 labels are none of this model's:\n  position 0: No such label"),
        ([True, np.bool_(False)], "position 1: No such label"),
        (np.array([0, 9]), "position 1: No such label"),
    ],
)
def test_a_label_that_the_model_lacks_is_named(
    explainer: Explainer, label: Any, message: str
) -> None:
    with pytest.raises(LabelError) as caught:
        explainer.explain(TEXTS[:2], label)
    assert "No such label; this model has 0 (neither 均非), 1 (upper 上消化道), 2" in str(
        caught.value
    )
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("label", "numbers"),
    [("upper", [1, 1]), ("下消化道", [2, 2]), (["1", 0], [1, 0]), ([None, "lower"], [None, 2])],
)
def test_a_label_goes_by_number_or_name(
    explainer: Explainer, label: Any, numbers: list[int | None]
) -> None:
    found, expected = (explainer.explain(TEXTS[:2], given) for given in (label, numbers))
    assert [item.label for item in found] == [item.label for item in expected]
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one.scores, other.scores)


@pytest.mark.parametrize("label", [[1], [0, 1, 2], []])
def test_labels_come_one_for_each_text(explainer: Explainer, label: list[int]) -> None:
    with pytest.raises(InputError, match=f"Received: {len(label)} for 2 texts"):
        explainer.explain(TEXTS[:2], label)


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("steps", 0, "steps must be an integer of at least 1. Received: 0"),
        ("steps", 2.5, "steps must be an integer of at least 1. Received: 2.5"),
        ("steps", True, "steps must be an integer of at least 1. Received: True"),
        ("max_steps", 0, "max_steps must be an integer of at least 1. Received: 0"),
        ("batch_tokens", 0, "batch_tokens must be an integer of at least 1. Received: 0"),
        ("tolerance", 0, "tolerance must be a number in (0, 1). Received: 0"),
        ("tolerance", 1, "tolerance must be a number in (0, 1). Received: 1"),
        ("tolerance", float("nan"), "Received: nan"),
        ("tolerance", "0.1", "Received: '0.1'"),
        ("baseline", "black", "one of mask, pad, zero. Received: 'black'"),
        ("rule", "simpson", "gauss-legendre, riemann, trapezoid. Received: 'simpson'"),
    ],
)
def test_an_option_out_of_range_is_named(
    explainer: Explainer, option: str, value: Any, message: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        explainer.explain(TEXTS[:1], **{option: value})
    assert message in str(caught.value)
    assert len(caught.value.problems) == 1


def test_all_options_out_of_range_are_named_at_once() -> None:
    wrong: dict[str, Any] = {
        "baseline": "black",
        "rule": "simpson",
        "steps": 0,
        "max_steps": 0,
        "tolerance": 2,
        "batch_tokens": 0,
    }
    with pytest.raises(SettingsError) as caught:
        gi_classifier.explain(TEXTS[:1], **wrong)
    assert [problem.split()[0] for problem in caught.value.problems] == [
        "baseline",
        "rule",
        "steps",
        "max_steps",
        "batch_tokens",
        "tolerance",
    ]


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ([TEXTS[0], " \n"], "position 1: an empty text"),
        ([None], "position 0: not text but NoneType"),
        ("胃窦", "Received: str"),
    ],
)
def test_what_is_no_text_is_named(explainer: Explainer, texts: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        explainer.explain(texts)


def test_too_few_points_are_admitted(explainer: Explainer) -> None:
    options = {"rule": "riemann", "steps": 2, "tolerance": 1e-6}
    for found in explainer.explain(TEXTS, baseline="zero", max_steps=2, **options):
        assert not found.converged
        assert found.steps == 2
        assert found.error > 1e-3
        assert found.error == pytest.approx(gap(found), rel=1e-3, abs=1e-5)


@pytest.mark.parametrize("rule", RULES)
def test_no_text_gets_more_points_than_allowed(explainer: Explainer, rule: str) -> None:
    for steps, limit in itertools.product((1, 3, 18), (1, 3, 10, 40)):
        for found in explainer.explain(
            TEXTS[:2], rule=rule, steps=steps, max_steps=limit, tolerance=1e-9
        ):
            assert min(steps, limit) <= found.steps <= limit


def test_only_the_texts_that_need_them_get_more_points(explainer: Explainer) -> None:
    once = explainer.explain(TEXTS, steps=3, max_steps=3)
    grown = explainer.explain(TEXTS, steps=3, max_steps=5000)
    needed = [not one.converged for one in once]
    assert any(needed)
    assert [one.steps > 3 for one in grown] == needed
    assert all(one.converged for one in grown)


def test_growing_gives_the_same_as_starting_with_as_many_points(explainer: Explainer) -> None:
    grown = explainer.explain(TEXTS, 1, steps=2, tolerance=1e-9, max_steps=18)
    whole = explainer.explain(TEXTS, 1, steps=18, tolerance=0.5, max_steps=18)
    for a, b in zip(grown, whole, strict=True):
        close(a, b)


def test_explaining_changes_neither_the_files_nor_the_answers(directory: ModelDirectory) -> None:
    def state() -> list[Any]:
        return [
            hashlib.sha256(b"".join(directory.files.values())).hexdigest(),
            explainer.gradient.table.tobytes(),
            explainer.predictor.predict_proba(TEXTS).tolist(),
            explainer.gradient.logits(explainer.gradient.table[ids]).tolist(),
        ]

    explainer, ids = Explainer(directory), np.array([[2, 9, 11, 3]])
    before = state()
    explainer.explain([*TEXTS, LONG], 1, baseline="zero")
    assert state() == before
    fresh = Predictor(open_engine(directory, "fp32"), directory.vocabulary, directory.settings)
    np.testing.assert_allclose(fresh.predict_proba(TEXTS), before[2], atol=1e-6)


def test_a_model_explains_alike_once_saved_and_loaded(
    directory: ModelDirectory, explainer: Explainer, tmp_path: Path
) -> None:
    save(directory, tmp_path / "model")
    loaded = Explainer(load(tmp_path / "model"))
    texts = [*TEXTS, LONG]
    for a, b in zip(explainer.explain(texts), loaded.explain(texts), strict=True):
        close(a, b, atol=1e-6)


def test_the_classifier_explains_as_its_explainer_does_before_and_after_saving(
    directory: ModelDirectory, explainer: Explainer, tmp_path: Path
) -> None:
    save(directory, tmp_path / "model")
    first = GIClassifier.load(tmp_path / "model")
    first.save(tmp_path / "again")
    expected = explainer.explain(TEXTS, 1, baseline="pad", steps=9)
    for classifier in (first, GIClassifier.load(tmp_path / "again")):
        found = classifier.explain(TEXTS, 1, baseline="pad", steps=9)
        for a, b in zip(found, expected, strict=True):
            close(a, b, atol=1e-6)


def test_the_model_that_ships_is_explained_alike_by_function_and_class() -> None:
    texts = ["胃窦黏膜充血", "结肠息肉切除术后"]
    classifier = GIClassifier.load()
    for a, b in zip(gi_classifier.explain(texts), classifier.explain(texts), strict=True):
        close(a, b, atol=1e-6)
        assert a.converged
        assert a.probability > 0.5


def test_start_keeps_what_is_special_except_from_zero(explainer: Explainer) -> None:
    table, ids = explainer.gradient.table, explainer.vocabulary.ids
    for baseline in ("mask", "pad"):
        found = explainer.start(5, baseline)  # type: ignore[arg-type]
        names = ["[CLS]", *[f"[{baseline.upper()}]"] * 3, "[SEP]"]
        np.testing.assert_array_equal(found, table[[ids[name] for name in names]])
    assert not explainer.start(5, "zero").any()
    assert explainer.start(5, "zero").shape == (5, table.shape[1])
    assert set(CHARACTERS) <= set(explainer.vocabulary.ids)


TWO_TEXTS = [
    "胃窦黏膜充血。结肠息肉切除术后，便血",
    "肺",
    "骨折 ℃。",
    "\u0301",
    "胃窦黏膜充血糜烂，结肠息肉。" * 8,
]


@pytest.fixture(scope="module")
def two_members(config, vocabulary, settings) -> ModelDirectory:  # type: ignore[no-untyped-def]
    _, found = random_directory(config, vocabulary, settings)
    words = [CHARACTERS[i : i + 3] for i in range(0, 39, 3)]
    linear = fit_linear([a + b for a in words for b in words], [i % 3 for i in range(169)], 3)
    fusions = {
        "both": Fusion(0.3, 0.7, (0.1, 0.0, -0.1)),
        "albert": Fusion(0.8, 0.0, (0.0, 0.1, 0.0)),
        "linear": Fusion(0.0, 1.1, (0.0, 0.0, 0.2)),
    }
    files = {**found.files, LINEAR: linear.to_npz(), FUSION: to_file(fusions)}
    return ModelDirectory(files, found.metadata)


@pytest.mark.slow
@pytest.mark.parametrize("use", ["both", "albert", "linear"])
def test_both_parts_add_up_to_the_score(two_members: ModelDirectory, use: str) -> None:
    explainer = Explainer(two_members, use=use)  # type: ignore[arg-type]
    scores = explainer.predictor.decision_function(TWO_TEXTS)
    chances = explainer.predictor.predict_proba(TWO_TEXTS)
    for label in (None, 0, 2):
        for row, found in enumerate(explainer.explain(TWO_TEXTS, label, max_steps=5000)):
            if label is None:
                assert found.label == scores[row].argmax() == chances[row].argmax()
            assert found.score == pytest.approx(scores[row, found.label], abs=1e-5)
            assert found.probability == pytest.approx(chances[row, found.label], abs=1e-5)
            np.testing.assert_allclose(found.albert + found.linear, found.scores, atol=1e-12)
            change = found.score - found.baseline_score
            total = found.scores.sum() + found.special
            assert total == pytest.approx(change, rel=0.011, abs=2e-5)
            assert found.error <= 0.01


@pytest.mark.slow
def test_a_member_without_a_part_has_no_scores(two_members: ModelDirectory) -> None:
    [albert] = Explainer(two_members, use="albert").explain(TWO_TEXTS[:1], 1)
    assert not albert.linear.any()
    assert albert.albert.any()
    [linear] = Explainer(two_members, use="linear").explain(TWO_TEXTS[:1], 1)
    assert not linear.albert.any()
    assert linear.linear.any()
    assert linear.special == 0
    assert linear.error < 1e-9


def test_the_linear_part_is_that_members_contributions(two_members: ModelDirectory) -> None:
    [found] = Explainer(two_members).explain(["胃窦 黏膜"], 1)
    assert two_members.linear is not None
    scores, _ = two_members.linear.contributions("胃窦 黏膜")
    assert len(found.tokens) == 4
    expected = 0.7 * scores[:, 1]
    # The space counts with the token before it.
    np.testing.assert_allclose(
        found.linear, [expected[0], expected[1] + expected[2], expected[3], expected[4]]
    )
