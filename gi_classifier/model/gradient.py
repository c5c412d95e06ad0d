"""Runs a model's layers, and its gradient with respect to token embeddings, without TensorFlow.

In: embeddings, float32 (n, length, embedding size), and one class for each row. Out: log-odds of
the class and its gradient; or every layer's activations. The weights are those of the model
directory and are never changed.
"""

from __future__ import annotations

import numpy as np

from gi_classifier.errors import ModelError
from gi_classifier.model.directory import GRADIENTS, WEIGHTS, ModelDirectory
from gi_classifier.model.forward_graph import LOGITS, TOKENS
from gi_classifier.model.gradient_graph import EMBEDDINGS, FIRSTS, GRADIENT, MEANS, TARGET
from gi_classifier.model.runtime import Session
from gi_classifier.model.weights import HEAD


def log_odds(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """log(p / (1 - p)) of one class in each row of logits (n, classes), in float64: (n,)."""
    rows = np.arange(len(logits))
    others = logits.astype(np.float64)
    own = others[rows, labels].copy()
    others[rows, labels] = -np.inf
    top = others.max(axis=1)
    return np.asarray(own - top - np.log(np.exp(others - top[:, None]).sum(axis=1)))


class Gradient:
    """The gradient of a class's log-odds; safe to call from several threads.

    Parameters
    ----------
    directory : ModelDirectory
        A model directory's files.
    threads : int, optional
        See :func:`gi_classifier.cpus.thread_count`.

    Attributes
    ----------
    table : ndarray of float32, shape (tokens, embedding size)
        The token embeddings.
    """

    def __init__(self, directory: ModelDirectory, *, threads: int | None = None) -> None:
        directory.check()
        config = directory.config
        arrays = directory.arrays()
        self.num_classes = directory.settings.num_classes
        size = config.embedding_size or config.hidden_size
        for layer, shape in ((TOKENS, (config.vocab_size, size)), (HEAD, None)):
            found = arrays[f"{layer}/0"].shape if f"{layer}/0" in arrays else None
            if found is None or shape not in (None, found):
                raise directory.broken(WEIGHTS, f"its {layer} is {found}, not {shape}")
        self.table = arrays[f"{TOKENS}/0"]
        self._session = Session(
            directory.content(GRADIENTS),
            lambda: arrays,
            name=directory.place(GRADIENTS),
            threads=threads,
        )
        self._check_shapes(directory, size)

    def _check_shapes(self, directory: ModelDirectory, size: int) -> None:
        """Ask for one answer of two tokens."""
        config = directory.config
        layers = (1, config.num_hidden_layers, config.hidden_size)
        wanted = {LOGITS: (1, self.num_classes), GRADIENT: (1, 2, size)}
        # A graph of an earlier version has no activations.
        wanted |= {name: layers for name in (FIRSTS, MEANS) if name in self._session.outputs}
        inputs = {
            EMBEDDINGS: self.table[None, -2:],
            TARGET: np.zeros((1, self.num_classes), dtype=np.float32),
        }
        found = self._session.run(list(wanted), inputs)
        shapes = {name: values.shape for name, values in zip(wanted, found, strict=True)}
        if shapes != wanted:
            raise directory.broken(GRADIENTS, f"it gives {shapes}, not {wanted}")

    def logits(self, embeddings: np.ndarray) -> np.ndarray:
        """The forward pass alone: float32 (n, classes)."""
        return self.outputs([LOGITS], embeddings)[0]

    def activations(self, embeddings: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What the encoder holds between its layers.

        Returns
        -------
        firsts, means : ndarray of float32, shape (n, layers, hidden)
            The [CLS] vector after each layer, and the mean over positions before each layer.

        Raises
        ------
        ModelError
            The model directory was written before its graph had them.
        """
        if not {FIRSTS, MEANS} <= set(self._session.outputs):
            raise ModelError(
                "The graph of this model directory gives no activations: an earlier version wrote "
                "it. Write the model anew with `gi-classifier continue`, or train it again."
            )
        firsts, means = self.outputs([FIRSTS, MEANS], embeddings)
        return firsts, means

    def outputs(self, names: list[str], embeddings: np.ndarray) -> list[np.ndarray]:
        """What the graph gives by these names, of which none is the gradient."""
        target = np.zeros((len(embeddings), self.num_classes), dtype=np.float32)
        return self._session.run(names, {EMBEDDINGS: embeddings, TARGET: target})

    def run(self, embeddings: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Log-odds (n,), float64, and gradients (n, length, embedding size), float32.

        Parameters
        ----------
        embeddings : ndarray of float32, shape (n, length, embedding size)
            Of rows without padding, special tokens included, before positions are added.
        labels : ndarray of int, shape (n,)
            Whose log-odds.
        """
        target = np.zeros((len(labels), self.num_classes), dtype=np.float32)
        target[np.arange(len(labels)), labels] = 1
        logits, gradient = self._session.run(
            [LOGITS, GRADIENT], {EMBEDDINGS: embeddings, TARGET: target}
        )
        return log_odds(logits, labels), gradient
