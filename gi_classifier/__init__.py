"""Read Chinese medical records: upper GI tract (1), lower (2) or neither (0)."""

from typing import TYPE_CHECKING, Any

from gi_classifier._version import __version__
from gi_classifier.api import embed, explain, multi_predict, predict, predict_proba
from gi_classifier.attribution.attribution import Attribution
from gi_classifier.errors import GIClassifierError
from gi_classifier.labels import Label
from gi_classifier.settings import Settings
from gi_classifier.training.continue_training import continue_training
from gi_classifier.training.train import train

if TYPE_CHECKING:
    from gi_classifier.api import estimate_prior, novelty
    from gi_classifier.classifier import GIClassifier


__all__ = [
    "Attribution",
    "GIClassifier",
    "GIClassifierError",
    "Label",
    "Settings",
    "__version__",
    "continue_training",
    "embed",
    "estimate_prior",
    "explain",
    "multi_predict",
    "novelty",
    "predict",
    "predict_proba",
    "train",
]


def __getattr__(name: str) -> Any:
    # scikit-learn takes a second to import, and predicting needs none of it.
    if name == "GIClassifier":
        from gi_classifier.classifier import GIClassifier

        return GIClassifier
    if name in ("estimate_prior", "novelty"):
        from gi_classifier.decisions import decision as decisions

        return getattr(decisions, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
