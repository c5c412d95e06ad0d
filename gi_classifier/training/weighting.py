"""How much each label weighs in what training minimises, of either member and of their fusion.

In: settings and the labels of the training records. Out: a weight for each label.
"""

from __future__ import annotations

import numpy as np

from gi_classifier.settings import Settings


def class_weights(settings: Settings, labels: np.ndarray) -> np.ndarray:
    """Weight of each class in the loss, float32 (classes,).

    "balanced" is n / (classes × count), as scikit-learn defines it.
    """
    if settings.class_weight is None:
        return np.ones(settings.num_classes, dtype=np.float32)
    if settings.class_weight == "balanced":
        counts = np.bincount(labels, minlength=settings.num_classes)
        return (len(labels) / (settings.num_classes * np.maximum(counts, 1))).astype(np.float32)
    return np.array(settings.class_weight, dtype=np.float32)
