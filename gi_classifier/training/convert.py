"""Turn a model into another form, without training.

In: an ``.h5`` of the reference with config and ``vocab.txt`` beside it, or a model directory.
Out: a model directory with its ONNX graphs, or a directory that transformers loads.
"""

from __future__ import annotations

from pathlib import Path

from gi_classifier.errors import ModelError
from gi_classifier.files import check_output_directory, check_owned, to_json, write_directory
from gi_classifier.model.directory import MANIFEST, ModelDirectory, check_model_output, load, save
from gi_classifier.model.origin import ORIGIN_FILE, origin
from gi_classifier.settings import Settings
from gi_classifier.training.hugging_face import is_hugging_face, with_labels_of
from gi_classifier.training.run_state import phase, starting_tensorflow
from gi_classifier.training.transformers_export import FILES, transformers_files


def convert(
    source: str | Path, output: str | Path, *, settings: Settings | None = None, force: bool = False
) -> ModelDirectory:
    """Export weights that hold a softmax head.

    Parameters
    ----------
    source : str or Path
        See :func:`gi_classifier.training.keras_model.build`; also what :func:`to_transformers`
        wrote, whose labels' number and names are taken unless the settings have names.
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
    settings = settings or Settings()
    if (Path(source) / MANIFEST).is_file():
        raise ModelError(f"{source} is a model directory already.")
    if is_hugging_face(Path(source)):
        settings = with_labels_of(Path(source), settings)
    with starting_tensorflow():
        from gi_classifier.training.export import exported
        from gi_classifier.training.keras_model import build

    built = build(Path(source), settings, head=True)
    with phase("exporting and checking the graphs"):
        directory = exported(built, settings, [])
    save(directory, output, force=force)
    return directory


def to_transformers(source: str | Path, output: str | Path, *, force: bool = False) -> Path:
    """Write a model's ALBERT as transformers' ``AlbertForSequenceClassification``.

    It holds ALBERT with its softmax head alone: a text goes through it as one window, without the
    linear member, thresholds or novelty.

    Parameters
    ----------
    source : str or Path
        A model directory.
    output : str or Path
        The directory to write: config, weights in safetensors, vocabulary.
    force : bool
        Replace such a directory at ``output``.

    Returns
    -------
    Path
        Where it was written.

    Raises
    ------
    ModelError
        The source is no model directory.
    OutputExistsError
        Something is at ``output``.
    """
    path = check_output_directory(output, force=force)
    if path.exists():
        check_owned(path, (*FILES, ORIGIN_FILE))
    directory = load(source)
    told = to_json(origin(directory, convert="transformers"))
    write_directory({ORIGIN_FILE: told, **transformers_files(directory)}, path)
    return path
