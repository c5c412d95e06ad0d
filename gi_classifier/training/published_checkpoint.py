"""A published ALBERT checkpoint of TensorFlow, in either layout, as arrays by bert4keras' layers.

In: a directory with config, ``vocab.txt`` and ``.ckpt``. Importing this module imports TensorFlow.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gi_classifier.errors import ModelError
from gi_classifier.model.weights import LayerWeights
from gi_classifier.training.keras_backend import tf

_ATTENTION = [
    f"attention{{0}}/{part}/{kind}"
    for part in ("self/query", "self/key", "self/value", "output/dense")
    for kind in ("kernel", "bias")
]


def _names(prefix: str, kinds: Sequence[str] = ("kernel", "bias")) -> list[str]:
    return [f"{prefix}/{kind}" for kind in kinds]


_NORM = ("beta", "gamma")
_EMBEDDINGS = {
    "Embedding-Segment": ["bert/embeddings/token_type_embeddings"],
    "Embedding-Position": ["bert/embeddings/position_embeddings"],
    "Embedding-Norm": _names("bert/embeddings/LayerNorm", _NORM),
}
_GROUP = "bert/encoder/transformer/group_0/inner_group_0"
_SHARED = "bert/encoder/layer_shared"
# The checkpoint of Google's code: factorised by a dense mapping, or not factorised.
GOOGLE_LAYOUT = {
    "Embedding-Token": ["bert/embeddings/word_embeddings"],
    **_EMBEDDINGS,
    "Embedding-Mapping": _names("bert/encoder/embedding_hidden_mapping_in"),
    "Transformer-MultiHeadSelfAttention": [f"{_GROUP}/{n.format('_1')}" for n in _ATTENTION],
    "Transformer-MultiHeadSelfAttention-Norm": _names(f"{_GROUP}/LayerNorm", _NORM),
    "Transformer-FeedForward": [
        *_names(f"{_GROUP}/ffn_1/intermediate/dense"),
        *_names(f"{_GROUP}/ffn_1/intermediate/output/dense"),
    ],
    "Transformer-FeedForward-Norm": _names(f"{_GROUP}/LayerNorm_1", _NORM),
}
# The first Chinese release: one shared layer, tokens factorised by a second matrix.
SHARED_LAYOUT = {
    "Embedding-Token": ["bert/embeddings/word_embeddings", "bert/embeddings/word_embeddings_2"],
    **_EMBEDDINGS,
    "Transformer-MultiHeadSelfAttention": [f"{_SHARED}/{n.format('')}" for n in _ATTENTION],
    "Transformer-MultiHeadSelfAttention-Norm": _names(
        f"{_SHARED}/attention/output/LayerNorm", _NORM
    ),
    "Transformer-FeedForward": [
        *_names(f"{_SHARED}/intermediate/dense"),
        *_names(f"{_SHARED}/output/dense"),
    ],
    "Transformer-FeedForward-Norm": _names(f"{_SHARED}/output/LayerNorm", _NORM),
}


def checkpoint_files(folder: Path) -> tuple[Path, Path, str]:
    """Find the config, vocabulary and checkpoint prefix in an official checkpoint directory.

    Raises
    ------
    ModelError
        With everything that is missing or there twice.
    """
    found = {p: sorted(folder.glob(p)) for p in ("*config*.json", "vocab*.txt", "*.index")}
    problems = [
        f"{pattern}: needs exactly one. Received: {[path.name for path in paths] or 'none'}"
        for pattern, paths in found.items()
        if len(paths) != 1
    ]
    if problems:
        raise ModelError(f"{folder} is not an ALBERT checkpoint directory:", problems)
    config, vocabulary, index = (paths[0] for paths in found.values())
    return config, vocabulary, str(index).removesuffix(".index")


def read_checkpoint(prefix: str) -> tuple[LayerWeights, int | None]:
    """Read the encoder's weights from an official checkpoint, whichever layout it has.

    Parameters
    ----------
    prefix : str
        Path without ``.index``.

    Returns
    -------
    weights : dict
        By bert4keras' layer names. Tokens factorised by a second matrix come multiplied out.
    embedding_size : int or None
        Width of a factorised embedding, None where tokens have the hidden size.

    Raises
    ------
    ModelError
        Variables are missing; all of them are named.
    """
    try:
        reader = tf.train.load_checkpoint(prefix)
    except (tf.errors.OpError, ValueError) as error:
        raise ModelError(f"{prefix}: not a TensorFlow checkpoint ({error})") from error
    stored = reader.get_variable_to_shape_map()
    shared = any(name.startswith(_SHARED) for name in stored)
    layout = dict(SHARED_LAYOUT if shared else GOOGLE_LAYOUT)
    if shared and "bert/embeddings/word_embeddings_2" not in stored:
        layout["Embedding-Token"] = layout["Embedding-Token"][:1]
    if not shared and layout["Embedding-Mapping"][0] not in stored:
        del layout["Embedding-Mapping"]
    missing = [name for names in layout.values() for name in names if name not in stored]
    if missing:
        raise ModelError(f"{prefix} lacks variables of an ALBERT encoder:", missing)
    try:
        weights = {
            layer: [reader.get_tensor(name) for name in names] for layer, names in layout.items()
        }
    except tf.errors.OpError as error:
        raise ModelError(f"{prefix}: not a whole TensorFlow checkpoint ({error})") from error
    if len(weights["Embedding-Token"]) == 2:
        table, projection = weights["Embedding-Token"]
        weights["Embedding-Token"] = [table @ projection]
    factorised = "Embedding-Mapping" in weights
    return weights, weights["Embedding-Token"][0].shape[1] if factorised else None
