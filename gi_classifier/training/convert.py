"""Turn fine-tuned weights from elsewhere into a model directory, without training.

In: an ``.h5`` of the reference with config and ``vocab.txt`` beside it.
Out: a model directory with its ONNX graphs.
"""

from __future__ import annotations

from pathlib import Path

from gi_classifier.errors import ModelError
from gi_classifier.model.directory import MANIFEST, ModelDirectory, check_model_output, save
from gi_classifier.settings import Settings
from gi_classifier.training.run_state import phase, starting_tensorflow


def convert(
    source: str | Path, output: str | Path, *, settings: Settings | None = None, force: bool = False
) -> ModelDirectory:
    """Export weights that hold a softmax head.

    Parameters
    ----------
    source : str or Path
        See :func:`gi_classifier.training.keras_model.build`.
    output : str or Path
        The model directory to write.
    settings : Settings, optional
        ``num_classes``, ``label_names`` and ``maxlen`` must be those of the weights.
    force : bool
        Replace a model directory at ``output``.

    Raises
    ------
    ModelError
        The source is a model directory already, holds no head, or doesn't fit the settings.
    """
    check_model_output(output, force=force)
    with starting_tensorflow():
        from gi_classifier.training.export import exported
        from gi_classifier.training.keras_model import build

    if (Path(source) / MANIFEST).is_file():
        raise ModelError(f"{source} is a model directory already.")
    settings = settings or Settings()
    built = build(Path(source), settings, head=True)
    with phase("exporting and checking the graphs"):
        directory = exported(built, settings, [])
    save(directory, output, force=force)
    return directory
