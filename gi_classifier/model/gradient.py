"""Runs a model's layers, and its gradient with respect to token embeddings, without TensorFlow.

In: embeddings, float32 (n, length, embedding size), and one class for each row. Out: log-odds of
the class and its gradient; or every layer's activations. The weights are those of the model
directory and are never changed.
"""

from __future__ import annotations

import numpy as np

from gi_classifier.errors import ModelError
from gi_classifier.model.directory import GRADIENTS, WEIGHTS, ModelDirectory
from gi_classifier.model.gradient_graph import (
    EMBEDDINGS,
    FIRSTS,
    GRADIENT,
    LOGITS,
    MEANS,
    TARGET,
    TOKENS,
)
from gi_classifier.model.runtime import onnx_runtime, open_session
from gi_classifier.model.weights import HEAD, read_h5


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

    Attributes
    ----------
    table : ndarray of float32, shape (tokens, embedding size)
        The token embeddings.
    """

    def __init__(self, directory: ModelDirectory) -> None:
        weights = read_h5(directory.files[WEIGHTS])
        self.table = weights.pop(TOKENS)[0]
        self.num_classes = len(weights[HEAD][1])
        # Layers of dropout keep a step, which the graph has no use for.
        arrays = {
            f"{layer}/{i}": array
            for layer, found in weights.items()
            for i, array in enumerate(found)
            if array.ndim
        }
        self._session = open_session(directory.files[GRADIENTS], arrays)

    def logits(self, embeddings: np.ndarray) -> np.ndarray:
        """The forward pass alone: float32 (n, classes)."""
        return self._forward([LOGITS], embeddings)[0]

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
        if not {FIRSTS, MEANS} <= {output.name for output in self._session.get_outputs()}:
            raise ModelError(
                "The graph of this model directory gives no activations: an earlier version wrote "
                "it. Write the model anew with `gi-classifier continue`, or train it again."
            )
        firsts, means = self._forward([FIRSTS, MEANS], embeddings)
        return firsts, means

    def _forward(self, names: list[str], embeddings: np.ndarray) -> list[np.ndarray]:
        options = onnx_runtime().RunOptions()
        options.only_execute_path_to_fetches = True
        target = np.zeros((len(embeddings), self.num_classes), dtype=np.float32)
        found = self._session.run(names, {EMBEDDINGS: embeddings, TARGET: target}, options)
        return [np.asarray(values) for values in found]

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
