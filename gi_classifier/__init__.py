"""Read Chinese medical records: upper GI tract (1), lower (2) or neither (0).

What the package offers is imported when it is first asked for, so that a program pays only for
what it uses: the name of the package alone costs nothing, predicting no scikit-learn, training
alone TensorFlow.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from gi_classifier._version import __version__

if TYPE_CHECKING:
    from gi_classifier.api import (
        embed,
        estimate_prior,
        explain,
        multi_predict,
        novelty,
        predict,
        predict_proba,
    )
    from gi_classifier.attribution.attribution import Attribution, Span
    from gi_classifier.attribution.keyword_table import keyword_table
    from gi_classifier.classifier import GIClassifier
    from gi_classifier.data.pictures.page import Page
    from gi_classifier.data.pictures.page_reading import read_image
    from gi_classifier.data.readers import read_records
    from gi_classifier.decisions.decision import Decision
    from gi_classifier.errors import (
        GIClassifierError,
        InputError,
        LabelError,
        MissingExtraError,
        MissingPathError,
        ModelError,
        OutputError,
        OutputExistsError,
        RecordsError,
        SettingsError,
    )
    from gi_classifier.heads.head_classifier import HeadClassifier
    from gi_classifier.heads.page_gate import PageGate
    from gi_classifier.heads.text_head import TextHead
    from gi_classifier.labels import Label
    from gi_classifier.model.directory import ModelDirectory
    from gi_classifier.pipelines.frames import predict_frame
    from gi_classifier.pipelines.prediction import predict_file
    from gi_classifier.settings import Settings
    from gi_classifier.training.continue_training import continue_training
    from gi_classifier.training.pretrain import pretrain
    from gi_classifier.training.train import train

# Every public name but the version, and the module that it is imported from. No function may be
# called like a module directly in the package: `import gi_classifier.NAME` means the module.
_MODULES = {
    "Attribution": "attribution.attribution",
    "Decision": "decisions.decision",
    "GIClassifier": "classifier",
    "GIClassifierError": "errors",
    "HeadClassifier": "heads.head_classifier",
    "InputError": "errors",
    "Label": "labels",
    "LabelError": "errors",
    "MissingExtraError": "errors",
    "MissingPathError": "errors",
    "ModelDirectory": "model.directory",
    "ModelError": "errors",
    "OutputError": "errors",
    "OutputExistsError": "errors",
    "Page": "data.pictures.page",
    "PageGate": "heads.page_gate",
    "RecordsError": "errors",
    "Settings": "settings",
    "SettingsError": "errors",
    "Span": "attribution.attribution",
    "TextHead": "heads.text_head",
    "continue_training": "training.continue_training",
    "embed": "api",
    "estimate_prior": "api",
    "explain": "api",
    "keyword_table": "attribution.keyword_table",
    "multi_predict": "api",
    "novelty": "api",
    "predict": "api",
    "predict_file": "pipelines.prediction",
    "predict_frame": "pipelines.frames",
    "predict_proba": "api",
    "pretrain": "training.pretrain",
    "read_image": "data.pictures.page_reading",
    "read_records": "data.readers",
    "train": "training.train",
}

__all__ = [
    "Attribution",
    "Decision",
    "GIClassifier",
    "GIClassifierError",
    "HeadClassifier",
    "InputError",
    "Label",
    "LabelError",
    "MissingExtraError",
    "MissingPathError",
    "ModelDirectory",
    "ModelError",
    "OutputError",
    "OutputExistsError",
    "Page",
    "PageGate",
    "RecordsError",
    "Settings",
    "SettingsError",
    "Span",
    "TextHead",
    "__version__",
    "continue_training",
    "embed",
    "estimate_prior",
    "explain",
    "keyword_table",
    "multi_predict",
    "novelty",
    "predict",
    "predict_file",
    "predict_frame",
    "predict_proba",
    "pretrain",
    "read_image",
    "read_records",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return list(__all__)
