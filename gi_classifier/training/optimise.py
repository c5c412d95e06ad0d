"""The training loop: Adam, schedule, FGM, gradient penalty, early stopping, exact resumption.

In: encoded records and a Keras classifier. Out: the weights of the best epoch and the history.
After every epoch a checkpoint holds all that the next one depends on, so a run that was killed
ends with the same weights as one that was not. Importing this module imports TensorFlow.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from gi_classifier.errors import ModelError
from gi_classifier.metrics.epochs import class_metrics
from gi_classifier.model.weights import LayerWeights
from gi_classifier.settings import FEW_RECORDS, Settings
from gi_classifier.text import pad
from gi_classifier.training.checkpoint import flatten, read_checkpoint, unflatten, write_checkpoint
from gi_classifier.training.encodings import Encodings
from gi_classifier.training.keras_backend import StatelessDropout, bfloat16_products, tf, tf_keras
from gi_classifier.training.keras_model import get_weights, set_head_bias, set_weights
from gi_classifier.training.validation import (
    calibrated,
    evaluate,
    loss_and_accuracy,
    validation_step,
)
from gi_classifier.training.weighting import class_weights

logger = logging.getLogger(__name__)
CHECKPOINT = "checkpoint.npz"
# Batches whose records are sorted by length together, before they are shuffled.
_POOL = 50


@dataclass
class Progress:
    """What a run has done so far; with weights and optimizer, all that it depends on.

    Attributes
    ----------
    epoch : int
        Epochs done.
    step : int
        Training steps done.
    best_loss : float
        Lowest validation loss so far.
    best_epoch : int
        Its epoch; 0 for the weights that training started from.
    history : list of dict
        A row for each epoch.
    """

    epoch: int = 0
    step: int = 0
    best_loss: float = math.inf
    best_epoch: int = 0
    history: list[dict[str, float]] = field(default_factory=list)


def log_prior(settings: Settings, targets: np.ndarray) -> np.ndarray:
    """The bias under which a head that knows nothing else has the least training loss.

    The log of each class's share of the targets, weighted and smoothed as the loss does; of two
    classes the difference is the log-odds. A class that no record has counts as one record.

    Parameters
    ----------
    settings : Settings
    targets : ndarray, shape (windows, classes)

    Returns
    -------
    ndarray of float32, shape (classes,)
    """
    smoothing, classes = settings.label_smoothing, settings.num_classes
    weights = targets @ class_weights(settings, targets.argmax(axis=1))
    mass = weights @ (targets * (1 - smoothing) + smoothing / classes)
    shares = np.maximum(mass / mass.sum(), 1 / len(targets))
    return np.asarray(np.log(shares / shares.sum()), dtype=np.float32)


def epoch_batches(lengths: Sequence[int], settings: Settings, epoch: int) -> list[np.ndarray]:
    """The rows of each batch of one epoch, of like length, in an order that seed and epoch fix."""
    source = np.random.default_rng([settings.seed, epoch])
    order = source.permutation(len(lengths))
    pool = settings.batch_size * _POOL
    batches = []
    for start in range(0, len(order), pool):
        part = order[start : start + pool]
        part = part[np.argsort(np.asarray(lengths)[part], kind="stable")]
        batches += [
            part[i : i + settings.batch_size] for i in range(0, len(part), settings.batch_size)
        ]
    return [batches[i] for i in source.permutation(len(batches))]


def drop_tokens(
    ids: np.ndarray, share: float, mask_id: int, source: np.random.Generator
) -> np.ndarray:
    """Replace a share of a batch's tokens by [MASK]; its padding and each row's ends stay.

    Parameters
    ----------
    ids : ndarray of int32, shape (rows, length)
        Padded with 0.

    Returns
    -------
    ndarray of int32, shape (rows, length)
    """
    inner = np.zeros(ids.shape, dtype=bool)
    inner[:, 1:-1] = ids[:, 2:] != 0
    return np.where(inner & (source.random(ids.shape) < share), mask_id, ids).astype(np.int32)


def training_step(model: Any, optimizer: Any, settings: Settings) -> Any:
    """Compile one step: from ids, targets and weights of a batch to its loss.

    With ``adversarial_epsilon``, the gradient is taken at the embeddings moved by epsilon along
    their normalised gradient (FGM, Miyato et al. 2017). With ``gradient_penalty``, half that
    weight times the squared gradient with respect to the embeddings is added to the loss.
    """
    table = model.get_layer("Embedding-Token").embeddings
    variables = model.trainable_variables
    smoothing = settings.label_smoothing

    def cross_entropy(ids: Any, targets: Any, weights: Any) -> Any:
        probabilities = model([ids, tf.zeros_like(ids)], training=True)
        smooth = targets * (1 - smoothing) + smoothing / settings.num_classes
        losses = tf_keras.losses.categorical_crossentropy(smooth, probabilities)
        return tf.reduce_mean(weights * losses)

    def penalised(ids: Any, targets: Any, weights: Any) -> Any:
        if not settings.gradient_penalty:
            return cross_entropy(ids, targets, weights)
        with tf.GradientTape() as tape:
            loss = cross_entropy(ids, targets, weights)
        gradient = tf.convert_to_tensor(tape.gradient(loss, table))
        return loss + 0.5 * settings.gradient_penalty * tf.reduce_sum(gradient**2)

    def step(ids: Any, targets: Any, weights: Any) -> Any:
        if settings.adversarial_epsilon:
            with tf.GradientTape() as tape:
                loss = cross_entropy(ids, targets, weights)
            gradient = tf.convert_to_tensor(tape.gradient(loss, table))
            shift = settings.adversarial_epsilon * gradient / (tf.norm(gradient) + 1e-8)
            table.assign_add(shift)
        with tf.GradientTape() as tape:
            loss = penalised(ids, targets, weights)
        gradients = tape.gradient(loss, variables)
        if settings.adversarial_epsilon:
            table.assign_sub(shift)
        optimizer.apply_gradients(zip(gradients, variables, strict=True))
        return loss

    return tf.function(
        step,
        autograph=False,
        input_signature=[
            tf.TensorSpec((None, None), tf.int32),
            tf.TensorSpec((None, settings.num_classes), tf.float32),
            tf.TensorSpec((None,), tf.float32),
        ],
    )


class Checkpoint:
    """The checkpoint of a run: model, optimizer, best weights and progress.

    Parameters
    ----------
    path : Path
    identity : mapping
        What the run depends on, ready for JSON; a checkpoint of another run is refused.
    """

    def __init__(self, path: Path, identity: Mapping[str, Any]) -> None:
        self.path = path
        self.identity = identity

    def write(self, model: Any, optimizer: Any, best: LayerWeights, progress: Progress) -> None:
        """Replace the checkpoint."""
        arrays = flatten("model", get_weights(model)) | flatten("best", best)
        arrays |= flatten("optimizer", {"all": [v.numpy() for v in optimizer.variables]})
        write_checkpoint(self.path, self.identity, arrays, vars(progress))

    def read(self, model: Any, optimizer: Any) -> tuple[LayerWeights, Progress] | None:
        """Put a checkpoint's state back and return its best weights and progress.

        Raises
        ------
        OutputExistsError
            It is of other data, settings or starting weights.
        ModelError
            It is damaged.
        """
        stored = read_checkpoint(self.path, self.identity)
        if stored is None:
            return None
        arrays, state = stored
        set_weights(model, unflatten("model", arrays))
        slots = unflatten("optimizer", arrays)["all"]
        for variable, value in zip(optimizer.variables, slots, strict=True):
            variable.assign(value)
        return unflatten("best", arrays), Progress(**state)


def fit(
    model: Any,
    train: Encodings,
    val: Encodings,
    settings: Settings,
    checkpoint: Checkpoint,
    keep_start: bool = False,
) -> Progress:
    """Train a classifier and leave the weights of its best epoch in it.

    Parameters
    ----------
    model : tf_keras.Model
        Of :func:`gi_classifier.training.keras_model.classifier`.
    train, val : Encodings
    settings : Settings
    checkpoint : Checkpoint
        Where a killed run is taken up again.
    keep_start : bool
        Count the weights it starts from as epoch 0, so that the result is never worse on
        validation; without, they are a fresh head's, and never kept.

    Returns
    -------
    Progress
    """
    trainer = _Trainer(model, train, val, settings)
    best, progress = trainer.begin(checkpoint, keep_start)
    _warn_of_few_steps(len(train.ids), settings)
    while (
        progress.epoch < settings.epochs
        and progress.epoch - progress.best_epoch < settings.patience
    ):
        began = time.monotonic()
        with bfloat16_products(settings.bfloat16):
            loss = trainer.epoch(progress)
        with trainer.averaged():
            row = {
                "epoch": progress.epoch,
                "steps": progress.step,
                "learning_rate": settings.learning_rate_at(progress.step - 1),
                "loss": loss,
                **trainer.validate(),
            }
            _check_finite(row)
            if row["val_loss"] < progress.best_loss:
                best = get_weights(model)
                progress.best_loss, progress.best_epoch = row["val_loss"], progress.epoch
        row["seconds"] = round(time.monotonic() - began, 1)
        progress.history.append({name: row[name] for name in _ordered(row)})
        checkpoint.write(model, trainer.optimizer, best, progress)
        logger.info(
            "epoch %(epoch)d: loss %(loss).4f, validation loss %(val_loss).4f, "
            "accuracy %(val_accuracy).4f, %(seconds).1f s",
            row,
        )
    if progress.epoch < settings.epochs:
        logger.info("stopped: no lower validation loss in %d epochs (patience)", settings.patience)
    set_weights(model, best)
    logger.info("kept epoch %d: validation loss %.4f", progress.best_epoch, progress.best_loss)
    return progress


class _Trainer:
    """A classifier with its optimizer, its compiled steps and what it is trained on."""

    def __init__(self, model: Any, train: Encodings, val: Encodings, settings: Settings) -> None:
        self.model, self.train, self.val, self.settings = model, train, val, settings
        average = {"use_ema": True, "ema_momentum": settings.ema_momentum}
        options = average if settings.ema_momentum else {}
        self.optimizer = tf_keras.optimizers.Adam(learning_rate=0.0, **options)
        self._step = training_step(model, self.optimizer, settings)
        self._validate = validation_step(model)
        self._lengths = [len(ids) for ids in train.ids]
        self._weights = class_weights(settings, train.labels)
        self._dropouts = [layer for layer in model.layers if isinstance(layer, StatelessDropout)]
        for dropout in self._dropouts:
            dropout.seed = settings.seed

    def begin(self, checkpoint: Checkpoint, keep_start: bool) -> tuple[LayerWeights, Progress]:
        """The best weights and the progress so far: a checkpoint's, or those of a fresh start."""
        if self.settings.initial_bias == "prior" and not keep_start:
            set_head_bias(self.model, log_prior(self.settings, self.train.targets))
        # An average begins at the weights that are there.
        self.optimizer.build(self.model.trainable_variables)
        resumed = checkpoint.read(self.model, self.optimizer)
        if resumed:
            logger.info("going on after epoch %d", resumed[1].epoch)
            return resumed
        loss, accuracy = evaluate(self._validate, self.val)
        logger.info("before training: validation loss %.4f, accuracy %.4f", loss, accuracy)
        return get_weights(self.model), Progress(best_loss=loss if keep_start else math.inf)

    def epoch(self, progress: Progress) -> float:
        """Take every step of the next epoch, count them, and return the mean loss."""
        total = 0.0
        batches = epoch_batches(self._lengths, self.settings, progress.epoch)
        progress.epoch += 1
        for rows in _shown(batches, f"epoch {progress.epoch}"):
            self.optimizer.learning_rate.assign(self.settings.learning_rate_at(progress.step))
            for dropout in self._dropouts:
                dropout.clock.step.assign(progress.step)
            total += self._loss_of(rows, progress.step) * len(rows)
            progress.step += 1
        return total / len(self._lengths)

    def _loss_of(self, rows: np.ndarray, number: int) -> float:
        """Take one step on these rows."""
        targets = self.train.targets[rows]
        ids = pad([self.train.ids[row] for row in rows])
        if self.settings.token_dropout:
            source = np.random.default_rng([self.settings.seed, 1, number])
            ids = drop_tokens(ids, self.settings.token_dropout, self.train.mask_id, source)
        return float(self._step(ids, targets, targets @ self._weights))

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Put the moving average of the weights into the model meanwhile, where there is one."""
        if not self.settings.ema_momentum:
            yield
            return
        latest = get_weights(self.model)
        self.optimizer.finalize_variable_values(self.model.trainable_variables)
        yield
        set_weights(self.model, latest)

    def validate(self) -> dict[str, float]:
        """What the model is worth on the validation windows, at the best temperature."""
        found = calibrated(self._validate, self.val)
        loss, accuracy = loss_and_accuracy(found, self.val.labels)
        measures = class_metrics(self.val.labels, found) if math.isfinite(loss) else {}
        named = {f"val_{name}": value for name, value in measures.items()}
        return {"val_loss": loss, "val_accuracy": accuracy, **named}


def _ordered(row: Mapping[str, float]) -> list[str]:
    """The columns of the history, in the order that they always had."""
    first = [*("epoch", "steps", "learning_rate", "loss"), *("val_loss", "val_accuracy", "seconds")]
    return [*first, *(name for name in row if name not in first)]


def _check_finite(row: Mapping[str, float]) -> None:
    if not math.isfinite(row["val_loss"]):
        raise ModelError(
            f"The validation loss is {row['val_loss']} after epoch {row['epoch']}: training "
            "diverged. Lower learning_rate, adversarial_epsilon or gradient_penalty."
        )


def _warn_of_few_steps(records: int, settings: Settings) -> None:
    """Say that a schedule for many records never gets going on few."""
    steps = settings.epochs * math.ceil(records / settings.batch_size)
    if steps <= settings.warmup_steps:
        recipe = " ".join(f"--set {name}={value}" for name, value in FEW_RECORDS.items())
        logger.warning(
            "at most %d steps, and the learning rate rises for %d: it never reaches its height. "
            "For a few hundred records: %s",
            steps,
            settings.warmup_steps,
            recipe,
        )


def _shown(batches: Sequence[np.ndarray], name: str) -> Iterator[np.ndarray]:
    yield from tqdm(batches, desc=name, unit="batch", disable=None, leave=False)
