"""What a model's encoder holds between its layers, for each of some texts; no TensorFlow.

In: texts of any length. Out: two vectors for each text and layer, and the text's token ids. Equal
texts are computed once; nothing is padded. A text that is read in windows gets their mean: it is
judged as a whole, so that one odd window among many usual ones shows little.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gi_classifier.model.directory import ModelDirectory
from gi_classifier.model.gradient import Gradient
from gi_classifier.model.windows import cut_windows
from gi_classifier.text import Vocabulary

_BATCH_TOKENS = 4096


@dataclass(frozen=True)
class Activations:
    """Of some texts, in their order.

    Attributes
    ----------
    firsts, means : ndarray of float32, shape (n, layers, hidden)
        The [CLS] vector after each layer, and the mean over positions before each layer.
    ids : list of ndarray of int32, shape (tokens,)
        Each whole text's tokens, with [CLS] and [SEP].
    """

    firsts: np.ndarray
    means: np.ndarray
    ids: list[np.ndarray]


def encode(vocabulary: Vocabulary, texts: Sequence[str]) -> list[np.ndarray]:
    """Token ids of whole texts, with [CLS] and [SEP]: int32 (tokens,) each."""
    return [vocabulary.with_special(found.ids) for found in vocabulary.encode(texts)]


class ActivationReader:
    """Reads texts with a model's layers; safe to call from several threads.

    Parameters
    ----------
    directory : ModelDirectory
        A model directory's files.
    """

    def __init__(self, directory: ModelDirectory) -> None:
        self.settings = directory.settings
        self.config = directory.config
        self.vocabulary = directory.vocabulary
        self.gradient = Gradient(directory)

    def read(self, texts: Sequence[str]) -> Activations:
        """Read texts that were checked; all of them are held in memory, so come in chunks."""
        rows: dict[str, int] = {}
        places = [rows.setdefault(text, len(rows)) for text in texts]
        encoded = self.vocabulary.encode(list(rows))
        ids = [self.vocabulary.with_special(found.ids) for found in encoded]
        windows = cut_windows(encoded, self.vocabulary, self.settings)
        parts, owners = windows.ids, windows.owners
        shape = (2, len(ids), self.config.num_hidden_layers, self.config.hidden_size)
        sums = np.zeros(shape, dtype=np.float32)
        lengths = np.array([len(part) for part in parts], dtype=int)
        for length in np.unique(lengths).tolist():
            same = np.flatnonzero(lengths == length)
            for batch in np.array_split(same, -(-len(same) * length // _BATCH_TOKENS)):
                found_ids = np.stack([parts[row] for row in batch])
                for kind, values in enumerate(
                    self.gradient.activations(self.gradient.table[found_ids])
                ):
                    np.add.at(sums[kind], owners[batch], values)
        counts = np.bincount(owners, minlength=len(ids)).astype(np.float32)
        firsts, means = sums[:, places] / counts[places][:, None, None]
        return Activations(firsts, means, [ids[place] for place in places])
