from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from sklearn.utils.class_weight import compute_class_weight

from gi_classifier.errors import OutputExistsError
from gi_classifier.metrics.calibration import apply_temperature, fit_temperature
from gi_classifier.settings import Settings
from gi_classifier.training import optimise, validation
from gi_classifier.training.keras_backend import tf, tf_keras
from gi_classifier.training.keras_model import build, get_weights
from gi_classifier.training.weighting import class_weights


def encodings(count: int = 48) -> optimise.Encodings:
    """Windows whose label shows in one token."""
    source = np.random.default_rng(3)
    labels = (np.arange(count) % 3).astype(np.int32)
    ids = []
    for label in labels:
        row = source.integers(20, 60, source.integers(5, 20))
        row[2] = 60 + label
        ids.append(np.concatenate(([2], row, [3])).astype(np.int32))
    return optimise.Encodings(ids, np.eye(3, dtype=np.float32)[labels], 4)


def run(base: Path, settings: Settings, path: Path) -> tuple[dict, optimise.Progress]:
    model = build(base, settings).model
    checkpoint = optimise.Checkpoint(path, {"run": "same run"})
    progress = optimise.fit(model, encodings(), encodings(24), settings, checkpoint)
    return get_weights(model), progress


def equal(one: dict, other: dict) -> bool:
    return all(
        np.array_equal(a, b) for name in one for a, b in zip(one[name], other[name], strict=True)
    )


VARIANTS = {
    "plain": {},
    "dropout": {"dropout": 0.2},
    "adversarial": {"adversarial_epsilon": 0.5},
    "penalty": {"gradient_penalty": 1.0},
    "token dropout": {"token_dropout": 0.3},
    "average": {"ema_momentum": 0.9},
}


@pytest.mark.slow
@pytest.mark.parametrize("changes", VARIANTS.values(), ids=VARIANTS)
def test_resumed_run_ends_with_the_weights_of_an_unstopped_one(
    base: Path, settings: Settings, tmp_path: Path, changes: dict
) -> None:
    whole = dataclasses.replace(settings, epochs=4, patience=9, **changes)
    stopped = dataclasses.replace(whole, epochs=2)
    run(base, stopped, tmp_path / "stopped.npz")
    resumed, progress = run(base, whole, tmp_path / "stopped.npz")
    straight, same = run(base, whole, tmp_path / "whole.npz")
    assert equal(resumed, straight)
    assert [row["loss"] for row in progress.history] == [row["loss"] for row in same.history]


def test_other_seed_gives_other_weights(base: Path, settings: Settings, tmp_path: Path) -> None:
    one, _ = run(base, dataclasses.replace(settings, epochs=1), tmp_path / "one.npz")
    other, _ = run(base, dataclasses.replace(settings, epochs=1, seed=7), tmp_path / "other.npz")
    assert not equal(one, other)


def test_checkpoint_of_another_run_is_refused(
    base: Path, settings: Settings, tmp_path: Path
) -> None:
    run(base, dataclasses.replace(settings, epochs=1), tmp_path / "run.npz")
    model = build(base, settings).model
    other = optimise.Checkpoint(tmp_path / "run.npz", {"run": "another run"})
    with pytest.raises(OutputExistsError, match=r"begun with something else .*--restart"):
        optimise.fit(model, encodings(), encodings(), settings, other)


def test_weights_of_the_best_epoch_are_kept(base: Path, settings: Settings, tmp_path: Path) -> None:
    # A rate this high makes validation worse after the first epochs.
    wild = dataclasses.replace(
        settings, epochs=8, learning_rate=0.5, final_learning_rate=0.5, warmup_steps=0, patience=3
    )
    model = build(base, wild).model
    progress = optimise.fit(
        model,
        encodings(),
        encodings(24),
        wild,
        optimise.Checkpoint(tmp_path / "run.npz", {"run": "x"}),
    )
    loss, _ = validation.evaluate(validation.validation_step(model), encodings(24))
    losses = [row["val_loss"] for row in progress.history]
    assert loss == pytest.approx(progress.best_loss, abs=1e-6)
    assert progress.best_loss <= min(losses)
    assert progress.epoch - progress.best_epoch == 3 or progress.epoch == 8


def test_the_kept_average_weighs_each_step_and_the_run_goes_on_from_its_last(
    base: Path, settings: Settings, tmp_path: Path
) -> None:
    one = dataclasses.replace(
        settings, epochs=1, batch_size=48, warmup_steps=0, decay_steps=9, initial_bias="zero"
    )
    begun = get_weights(build(base, one).model)
    after, _ = run(base, one, tmp_path / "plain.npz")
    averaging = dataclasses.replace(one, ema_momentum=0.75)
    kept, _ = run(base, averaging, tmp_path / "average.npz")
    for name, arrays in kept.items():
        for array, old, new in zip(arrays, begun[name], after[name], strict=True):
            np.testing.assert_allclose(array, 0.75 * old + 0.25 * new, atol=1e-6)
    model = build(base, averaging).model
    optimizer = tf_keras.optimizers.Adam(0.0, use_ema=True)
    optimizer.build(model.trainable_variables)
    checkpoint = optimise.Checkpoint(tmp_path / "average.npz", {"run": "same run"})
    checkpoint.read(model, optimizer)
    assert equal(get_weights(model), after)


def gradient_step(base: Path, settings: Settings, rate: float) -> tuple[dict, dict, float]:
    """Weights before and after one step of plain gradient descent, and its loss."""
    model = build(base, settings).model
    before = get_weights(model)
    optimizer = tf_keras.optimizers.SGD(rate)
    optimizer.build(model.trainable_variables)
    data = encodings(8)
    from gi_classifier.text import pad

    step = optimise.training_step(model, optimizer, settings)
    loss = step(pad(data.ids), data.targets, np.ones(8, np.float32))
    return before, get_weights(model), float(loss)


def test_adversarial_step_takes_its_gradient_at_moved_embeddings(
    base: Path, settings: Settings
) -> None:
    # With a rate of 0 nothing moves: the perturbation of the embedding table is undone.
    before, after, adversarial = gradient_step(
        base, dataclasses.replace(settings, adversarial_epsilon=1e-3), 0.0
    )
    _, _, plain = gradient_step(base, settings, 0.0)
    np.testing.assert_allclose(before["Embedding-Token"][0], after["Embedding-Token"][0], atol=1e-6)
    assert adversarial > plain


def test_gradient_penalty_adds_half_the_squared_embedding_gradient(
    base: Path, settings: Settings
) -> None:
    before, after, plain = gradient_step(base, settings, 1.0)
    _, _, penalised = gradient_step(base, dataclasses.replace(settings, gradient_penalty=3.0), 0.0)
    gradient = before["Embedding-Token"][0] - after["Embedding-Token"][0]
    assert penalised == pytest.approx(plain + 1.5 * float((gradient**2).sum()), rel=1e-4)


def test_dropped_tokens_are_masks_inside_the_text_only() -> None:
    ids = np.array([[2, 9, 9, 9, 3, 0], [2, 9, 9, 9, 9, 3], [2, 3, 0, 0, 0, 0]], np.int32)
    everything = optimise.drop_tokens(ids, 0.999, 4, np.random.default_rng(0))
    assert everything.tolist() == [[2, 4, 4, 4, 3, 0], [2, 4, 4, 4, 4, 3], [2, 3, 0, 0, 0, 0]]
    many = np.full((200, 102), 9, np.int32)
    share = (optimise.drop_tokens(many, 0.3, 4, np.random.default_rng(0)) == 4).mean()
    assert share == pytest.approx(0.3 * 100 / 102, abs=0.01)


def test_balanced_class_weights_are_those_of_scikit_learn(settings: Settings) -> None:
    labels = np.array([0] * 7 + [1] * 2 + [2])
    balanced = dataclasses.replace(settings, class_weight="balanced")
    expected = compute_class_weight("balanced", classes=np.arange(3), y=labels)
    np.testing.assert_allclose(class_weights(balanced, labels), expected, rtol=1e-6)


def test_log_prior_of_two_classes_is_the_log_odds(settings: Settings) -> None:
    two = dataclasses.replace(settings, num_classes=2)
    found = optimise.log_prior(two, np.eye(2, dtype=np.float32)[[0] * 25 + [1]])
    assert found[1] - found[0] == pytest.approx(np.log(1 / 25), rel=1e-5)


def test_balanced_weights_make_the_log_prior_even(settings: Settings) -> None:
    balanced = dataclasses.replace(settings, class_weight="balanced")
    targets = np.eye(3, dtype=np.float32)[[0] * 7 + [1] * 2 + [2]]
    np.testing.assert_allclose(optimise.log_prior(balanced, targets), np.log(1 / 3), rtol=1e-5)


@pytest.mark.parametrize(
    "changes",
    [{}, {"class_weight": (1.0, 3.0, 9.0)}, {"label_smoothing": 0.2, "class_weight": (1, 2, 1)}],
)
def test_no_other_constant_has_a_lower_training_loss_than_the_log_prior(
    settings: Settings, changes: dict
) -> None:
    from scipy.optimize import minimize
    from scipy.special import log_softmax

    changed = dataclasses.replace(settings, **changes)
    targets = np.random.default_rng(0).dirichlet([5, 2, 0.5], 40).astype(np.float32)
    weights = targets @ class_weights(changed, targets.argmax(axis=1))
    smooth = targets * (1 - changed.label_smoothing) + changed.label_smoothing / 3

    def loss(bias: np.ndarray) -> float:
        return float(-(weights * (smooth @ log_softmax(bias))).sum())

    found = optimise.log_prior(changed, targets)
    assert loss(found) == pytest.approx(minimize(loss, np.zeros(3)).fun, rel=1e-6)


def test_class_that_no_record_has_counts_as_one_record(settings: Settings) -> None:
    found = optimise.log_prior(settings, np.eye(3, dtype=np.float32)[[0] * 6 + [1] * 4])
    np.testing.assert_allclose(np.exp(found), np.array([6, 4, 1]) / 11, rtol=1e-5)


@pytest.mark.parametrize(
    ("changes", "keep_start"), [({}, False), ({"initial_bias": "zero"}, False), ({}, True)]
)
def test_only_a_fresh_head_begins_at_the_prior(
    base: Path, settings: Settings, tmp_path: Path, changes: dict, keep_start: bool
) -> None:
    still = dataclasses.replace(
        settings, learning_rate=0.0, final_learning_rate=0.0, epochs=1, **changes
    )
    few = encodings(48)
    # Four of five records of labels 1 and 2 are left out.
    rows = [row for row, label in enumerate(few.labels) if label == 0 or row % 5 == 0]
    few = optimise.Encodings([few.ids[row] for row in rows], few.targets[rows], 4)
    model = build(base, still).model
    checkpoint = optimise.Checkpoint(tmp_path / "run.npz", {"run": "x"})
    optimise.fit(model, few, encodings(24), still, checkpoint, keep_start)
    expected = np.zeros(3) if changes or keep_start else optimise.log_prior(still, few.targets)
    bias = model.get_layer("Label-Probability").get_weights()[1]
    np.testing.assert_allclose(bias, expected, atol=1e-7)


def test_history_holds_each_class_s_measures_on_validation(
    base: Path, settings: Settings, tmp_path: Path
) -> None:
    once = dataclasses.replace(settings, epochs=1)
    model, val = build(base, once).model, encodings(24)
    checkpoint = optimise.Checkpoint(tmp_path / "run.npz", {"run": "x"})
    (row,) = optimise.fit(model, encodings(), val, once, checkpoint).history
    found = validation.calibrated(validation.validation_step(model), val)
    positive = val.labels == 1
    expected = float(((found[:, 1] - positive) ** 2).mean())
    assert row["val_brier_score_1"] == pytest.approx(expected, abs=1e-6)
    for label in range(3):
        names = ("true_positives", "false_positives", "true_negatives", "false_negatives")
        assert sum(row[f"val_{name}_{label}"] for name in names) == 24
    right = sum(row[f"val_true_positives_{label}"] for label in range(3))
    assert row["val_accuracy"] == pytest.approx(right / 24)


def test_every_record_comes_once_an_epoch_in_batches_of_like_length(settings: Settings) -> None:
    lengths = np.random.default_rng(0).integers(3, 200, 500)
    batches = optimise.epoch_batches(list(lengths), settings, epoch=0)
    assert sorted(np.concatenate(batches)) == list(range(500))
    spread = np.mean([np.ptp(lengths[rows]) for rows in batches])
    assert spread < 20
    again = optimise.epoch_batches(list(lengths), settings, epoch=1)
    assert not all(np.array_equal(a, b) for a, b in zip(batches, again, strict=True))


def test_evaluation_agrees_with_keras_cross_entropy_at_the_best_temperature(
    base: Path, settings: Settings
) -> None:
    from gi_classifier.text import pad

    model, data = build(base, settings).model, encodings(10)
    ids = pad(data.ids)
    found = model.predict([ids, np.zeros_like(ids)], verbose=0)
    found = apply_temperature(found, fit_temperature(found, data.labels))
    expected = tf_keras.losses.sparse_categorical_crossentropy(data.labels, found)
    loss, accuracy = validation.evaluate(validation.validation_step(model), data)
    assert loss == pytest.approx(float(tf.reduce_mean(expected)), abs=1e-6)
    assert accuracy == pytest.approx(float((found.argmax(1) == data.labels).mean()))


def test_a_rate_that_never_reaches_its_height_is_warned_of(
    base: Path, settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    slow = dataclasses.replace(settings, epochs=1, warmup_steps=100)
    run(base, slow, tmp_path / "run.npz")
    assert "at most 3 steps, and the learning rate rises for 100" in caplog.text


def test_soft_targets_cost_their_cross_entropy(base: Path, settings: Settings) -> None:
    from gi_classifier.text import pad

    model, data = build(base, settings).model, encodings(8)
    targets = np.random.default_rng(1).dirichlet(np.ones(3), 8).astype(np.float32)
    optimizer = tf_keras.optimizers.SGD(0.0)
    optimizer.build(model.trainable_variables)
    step = optimise.training_step(model, optimizer, settings)
    loss = float(step(pad(data.ids), targets, np.ones(8, np.float32)))
    soft = optimise.Encodings(data.ids, targets, 4)
    found = validation.probabilities(validation.validation_step(model), soft)
    assert loss == pytest.approx(float(-(targets * np.log(found)).sum(axis=1).mean()), abs=1e-5)


def test_calibration_divides_the_logits_and_changes_no_label(
    base: Path, settings: Settings
) -> None:
    model, data = build(base, settings).model, encodings(60)
    # Labels that the model knows, but not all of them.
    known = validation.probabilities(validation.validation_step(model), data).argmax(axis=1)
    known[::4] = (known[::4] + 1) % 3
    data = optimise.Encodings(data.ids, np.eye(3, dtype=np.float32)[known], 4)
    head = model.get_layer("Label-Probability")
    head.set_weights([400 * array for array in head.get_weights()])
    before = validation.probabilities(validation.validation_step(model), data)
    loss_before, accuracy = validation.evaluate(validation.validation_step(model), data)
    temperature = validation.calibrate(model, data)
    after = validation.probabilities(validation.validation_step(model), data)
    logits = np.log(before) / temperature
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(after, expected, atol=1e-5)
    # What a model is chosen by does not depend on how sure it is.
    loss_after, same = validation.evaluate(validation.validation_step(model), data)
    assert loss_after == pytest.approx(loss_before, abs=1e-5)
    assert same == accuracy
    assert validation.calibrate(model, data) == pytest.approx(1, abs=0.01)


@pytest.mark.slow
def test_products_in_bfloat16_learn_as_well_and_leave_no_option_behind(
    base: Path, settings: Settings, tmp_path: Path
) -> None:
    before = tf.config.optimizer.get_experimental_options()
    longer = dataclasses.replace(settings, epochs=4, patience=9)
    _, exact = run(base, longer, tmp_path / "a.npz")
    weights, rounded = run(base, dataclasses.replace(longer, bfloat16=True), tmp_path / "b.npz")
    assert rounded.best_loss == pytest.approx(exact.best_loss, rel=0.1)
    assert all(array.dtype == np.float32 for arrays in weights.values() for array in arrays)
    assert tf.config.optimizer.get_experimental_options().get(
        "auto_mixed_precision_onednn_bfloat16", False
    ) == before.get("auto_mixed_precision_onednn_bfloat16", False)
