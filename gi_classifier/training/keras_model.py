"""ALBERT with its softmax head, on bert4keras, and the places its weights come from.

Built from a config (random weights), from a published checkpoint in the form of TensorFlow or of
transformers, or from an ``.h5`` with bert4keras' layer names. Importing it imports TensorFlow.
"""

from __future__ import annotations

import tempfile
import warnings
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from gi_classifier.data.fingerprints import known_fingerprints
from gi_classifier.errors import MissingPathError, ModelError
from gi_classifier.model.directory import MANIFEST, ModelDirectory, load
from gi_classifier.model.weights import HEAD, LayerWeights, read_h5
from gi_classifier.settings import AlbertConfig, Settings
from gi_classifier.text import Vocabulary
from gi_classifier.training.hugging_face import is_hugging_face, read_hugging_face
from gi_classifier.training.keras_backend import ALBERT, ClsALBERT, tf, tf_keras
from gi_classifier.training.published_checkpoint import checkpoint_files, read_checkpoint

# What bert4keras calls an activation, where the config has another name for it.
_ACTIVATIONS = {"gelu_new": "gelu_tanh"}


def encoder(
    config: AlbertConfig, *, dropout: float = 0.0, cls_only: bool = True, **options: Any
) -> Any:
    """Build bert4keras' ALBERT with random weights.

    Parameters
    ----------
    config : AlbertConfig
    dropout : float
        Rate in [0, 1).
    cls_only : bool
        Let the last layer compute the [CLS] position alone; pre-training needs all of them.
    **options
        Passed to bert4keras, such as ``with_mlm="linear"``.

    Returns
    -------
    tf_keras.Model
        From token ids (n, length) and segment ids (n, length) to (n, 1 or length, hidden_size).
    """
    shape = config.to_dict()
    shape["hidden_act"] = _ACTIVATIONS.get(config.hidden_act, config.hidden_act)
    albert = (ClsALBERT if cls_only else ALBERT)(
        max_position=shape.pop("max_position_embeddings"), dropout_rate=dropout, **shape, **options
    )
    with warnings.catch_warnings():
        # bert4keras shares one initializer; `initialise` draws the weights anew.
        warnings.filterwarnings("ignore", message="The initializer TruncatedNormal is unseeded")
        # A conversion of our layers' source would leave files behind when the process is killed.
        tf.autograph.experimental.do_not_convert(albert.build)()
    return albert.model


def classifier(
    config: AlbertConfig, num_classes: int, *, dropout: float = 0.0, cls_only: bool = True
) -> Any:
    """Build ALBERT with a softmax head on [CLS], with random weights.

    Returns
    -------
    tf_keras.Model
        From token ids (n, length) and segment ids (n, length) to probabilities (n, num_classes).
        :func:`initialise` makes its random weights those of a seed.
    """
    base = encoder(config, dropout=dropout, cls_only=cls_only)
    cls = tf_keras.layers.Lambda(lambda x: x[:, 0], name="CLS-Token")(base.output)
    head = tf_keras.layers.Dense(
        num_classes,
        activation="softmax",
        name=HEAD,
    )
    return tf_keras.Model(base.input, head(cls))


def initialise(model: Any, seed: int, stream: int = 0) -> None:
    """Draw a model's weights from one seed, without touching any global random state.

    Matrices and tables come from a normal distribution (sd 0.02) cut at two deviations, scales
    are 1, all else 0, as in the published code. ``stream`` makes another draw of the same seed.
    """
    source = np.random.default_rng([seed, stream])
    for weight in model.trainable_weights:
        shape = tuple(weight.shape)
        if len(shape) > 1:
            draw = source.standard_normal(shape)
            while (far := np.abs(draw) > 2).any():
                draw[far] = source.standard_normal(int(far.sum()))
            weight.assign((0.02 * draw).astype(np.float32))
        else:
            weight.assign(np.full(shape, "gamma" in weight.name, dtype=np.float32))


@dataclass(frozen=True)
class Built:
    """A Keras classifier with what is needed to feed it.

    Attributes
    ----------
    model : tf_keras.Model
    config : AlbertConfig
    vocabulary : Vocabulary
    source : str
        The name of what it was built from.
    seen : frozenset of str
        Fingerprints of the records that the model it was built from was trained on.
    """

    model: Any
    config: AlbertConfig
    vocabulary: Vocabulary
    source: str
    seen: frozenset[str] = frozenset()


def build(source: Path, settings: Settings, *, head: bool = False) -> Built:
    """Build a classifier from whatever a user has.

    Parameters
    ----------
    source : Path
        - a model directory of this library;
        - a Hugging Face directory of a Chinese ALBERT: config, ``model.safetensors``,
          ``vocab.txt``, see :mod:`gi_classifier.training.hugging_face`;
        - an official ALBERT checkpoint directory: config, ``vocab.txt``, ``.ckpt``;
        - an ``.h5`` of the reference or of pre-training, with the config and ``vocab.txt`` beside
          it, or the directory that holds these three;
        - a config ``.json`` with ``vocab.txt`` beside it: random weights.
    settings : Settings
        Number of classes, dropout, and the seed of all weights that the source does not hold.
    head : bool
        Take the source's softmax head too; without, the head is fresh.

    Raises
    ------
    MissingPathError, ModelError, SettingsError
        The source is missing, incomplete, or does not fit ``settings``.
    """
    name = source.name
    config, vocabulary, weights, seen = _read(source)
    if config.vocab_size != len(vocabulary):
        raise ModelError(
            f"{source}: the config says {config.vocab_size} tokens, vocab.txt has {len(vocabulary)}"
        )
    if settings.maxlen > config.max_position_embeddings:
        raise ModelError(
            f"{source} reads at most {config.max_position_embeddings} tokens at once. "
            f"Received: maxlen={settings.maxlen}"
        )
    if head and (weights is None or HEAD not in weights):
        raise ModelError(f"{source} holds no softmax head to predict with or to go on training.")
    model = classifier(config, settings.num_classes, dropout=settings.dropout)
    # The head of one seed is what these weights may have been trained under; a fresh one is not.
    initialise(model, settings.seed, _digest(weights) if weights else 0)
    if weights is not None:
        set_weights(model, weights, head=head)
    return Built(model, config, vocabulary, name, seen)


def _read(
    source: Path,
) -> tuple[AlbertConfig, Vocabulary, LayerWeights | None, frozenset[str]]:
    """Shape, tokens, weights and the fingerprints that a source of :func:`build` holds."""
    if not source.exists():
        raise MissingPathError(f"Nothing to start from at {source}")
    weights: LayerWeights | None
    seen = frozenset[str]()
    published = is_hugging_face(source) or (source.is_dir() and any(source.glob("*.index")))
    if source.is_dir() and not (source / MANIFEST).is_file() and not published:
        found = list(source.glob("*.h5"))
        source = found[0] if len(found) == 1 else source
    if (source / MANIFEST).is_file():
        directory = load(source)
        config, vocabulary = directory.config, directory.vocabulary
        weights, seen = directory.read_weights(), frozenset(known_fingerprints(directory.splits))
    elif is_hugging_face(source):
        read = read_hugging_face(source)
        config, vocabulary, weights = read.config, read.vocabulary, read.weights
    elif source.is_dir():
        config_file, vocabulary_file, prefix = checkpoint_files(source)
        weights, embedding_size = read_checkpoint(prefix)
        config = replace(AlbertConfig.from_file(config_file), embedding_size=embedding_size)
        vocabulary = Vocabulary.from_file(vocabulary_file)
    elif source.suffix == ".h5":
        weights = read_h5(source)
        config = AlbertConfig.from_file(_only(source.parent, "*config*.json"))
        if "Embedding-Mapping" not in weights:
            config = replace(config, embedding_size=None)
        vocabulary = Vocabulary.from_file(_only(source.parent, "vocab*.txt"))
    elif source.suffix == ".json":
        weights, config = None, AlbertConfig.from_file(source)
        vocabulary = Vocabulary.from_file(_only(source.parent, "vocab*.txt"))
    else:
        raise ModelError(
            f"{source} is no model directory, checkpoint directory, Hugging Face directory, .h5 "
            "or config .json"
        )
    return config, vocabulary, weights, seen


def _digest(weights: LayerWeights) -> int:
    """A number that tells weights apart."""
    digest = 0
    for arrays in weights.values():
        for array in arrays:
            digest = zlib.crc32(np.ascontiguousarray(array).tobytes(), digest)
    return digest


def _only(folder: Path, pattern: str) -> Path:
    found = sorted(folder.glob(pattern))
    if len(found) != 1:
        names = [path.name for path in found] or "none"
        raise ModelError(f"{folder}: needs exactly one {pattern}. Received: {names}")
    return found[0]


def restore(directory: ModelDirectory) -> Any:
    """Build the Keras classifier of a model directory, with its weights."""
    settings = directory.settings
    model = classifier(directory.config, settings.num_classes, dropout=settings.dropout)
    set_weights(model, directory.read_weights())
    return model


def get_weights(model: Any) -> LayerWeights:
    """Return every layer's arrays by the layer's name."""
    return {layer.name: layer.get_weights() for layer in _weighted(model)}


def _weighted(model: Any) -> list[Any]:
    return [layer for layer in model.layers if layer.trainable_weights]


def set_weights(model: Any, weights: Mapping[str, list[np.ndarray]], *, head: bool = True) -> None:
    """Copy arrays into a model, layer by layer, or raise one error that names every misfit.

    Parameters
    ----------
    model : tf_keras.Model
    weights : mapping
        From layer names to arrays, as :func:`get_weights` returns; other layers are passed over.
    head : bool
        Whether the softmax head is among them; without, it keeps its random weights.

    Raises
    ------
    ModelError
        A layer is missing, or its shapes differ. The model is untouched.
    """
    wanted = {layer.name: layer for layer in _weighted(model)}
    if not head:
        wanted.pop(HEAD, None)
    problems = []
    for name, layer in wanted.items():
        have = [tuple(array.shape) for array in weights.get(name, [])]
        want = [tuple(weight.shape) for weight in layer.weights]
        if have != want:
            problems.append(f"{name}: needs {want}. Received: {have or 'nothing'}")
    if problems:
        raise ModelError("These weights do not fit the model:", problems)
    for name, layer in wanted.items():
        layer.set_weights(weights[name])


def set_head_bias(model: Any, bias: np.ndarray) -> None:
    """Put a bias, shape (classes,), into a classifier's softmax head; its kernel stays."""
    head = model.get_layer(HEAD)
    head.set_weights([head.get_weights()[0], bias])


def to_h5(model: Any) -> bytes:
    """Return a model's weights as the bytes of an ``.h5`` with bert4keras' layer names."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.h5"
        model.save_weights(str(path))
        return path.read_bytes()
