"""A Chinese ALBERT that Hugging Face transformers saved, read as arrays by bert4keras' layers.

In: a directory with ``config.json``, ``model.safetensors`` and ``vocab.txt``. Neither TensorFlow
nor torch is imported; pickled weights are never opened, since they could run code.
"""

from __future__ import annotations

import json
import logging
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from gi_classifier.errors import ModelError, SettingsError
from gi_classifier.extras import check_installed
from gi_classifier.files import read_regular
from gi_classifier.labels import names_for
from gi_classifier.model.weights import HEAD, LayerWeights
from gi_classifier.settings import AlbertConfig, Settings
from gi_classifier.text import Vocabulary

logger = logging.getLogger(__name__)

CONFIG, WEIGHTS, VOCABULARY = "config.json", "model.safetensors", "vocab.txt"
TOKENIZER, TOKENIZER_CONFIG = "tokenizer.json", "tokenizer_config.json"
PICKLED = "pytorch_model.bin"
_Tensors = Mapping[str, tuple[str, tuple[int, ...], bytes]]
# What writes safetensors from pickled weights; tied weights are stored twice.
_UNPICKLE = (
    "import sys, torch, safetensors.torch as s; "
    f"d = torch.load(sys.argv[1] + '/{PICKLED}', map_location='cpu', weights_only=True); "
    "s.save_file({n: t.clone().contiguous() for n, t in d.items()}, "
    f"sys.argv[1] + '/{WEIGHTS}', {{'format': 'pt'}})"
)
PREFIX = "albert."
_LAYER = "encoder.albert_layer_groups.0.albert_layers.0"
KERNEL, BIAS = ".weight", ".bias"
# Of each layer here, the modules there whose weights it holds, in order.
DENSE = {
    "Embedding-Mapping": ["encoder.embedding_hidden_mapping_in"],
    "Transformer-MultiHeadSelfAttention": [
        f"{_LAYER}.attention.{part}" for part in ("query", "key", "value", "dense")
    ],
    "Transformer-FeedForward": [f"{_LAYER}.ffn", f"{_LAYER}.ffn_output"],
}
NORMS = {
    "Embedding-Norm": "embeddings.LayerNorm",
    "Transformer-MultiHeadSelfAttention-Norm": f"{_LAYER}.attention.LayerNorm",
    "Transformer-FeedForward-Norm": f"{_LAYER}.full_layer_layer_norm",
}
TABLES = {
    "Embedding-Token": "embeddings.word_embeddings",
    "Embedding-Position": "embeddings.position_embeddings",
    "Embedding-Segment": "embeddings.token_type_embeddings",
}
# Positions' numbers, which earlier versions of transformers stored.
_BUFFERS = ("embeddings.position_ids", "embeddings.token_type_ids")
# A classifier there reads tanh(pooler([CLS])), ours [CLS] itself. With so small a scaled identity
# for a pooler, tanh is one to a millionth, and being a power of two it rounds nothing.
POOLER_SCALE = 2.0**-12
_BFLOAT16 = "BF16"
_DTYPES = {"F16": np.float16, "F32": np.float32, "F64": np.float64}
# A larger one moves what a layer normalisation gives; ours is far below rounding.
_MOST_EPSILON = 1e-9


@dataclass(frozen=True)
class Checkpoint:
    """What a directory of transformers holds.

    Attributes
    ----------
    weights : dict
        By bert4keras' layer names; with a head only where :mod:`gi_classifier` wrote it.
    config : AlbertConfig
    vocabulary : Vocabulary
    label_names : tuple of str
        Of ``id2label``, in order; empty where it says none.
    """

    weights: LayerWeights
    config: AlbertConfig
    vocabulary: Vocabulary
    label_names: tuple[str, ...]


def is_hugging_face(folder: Path) -> bool:
    """Whether a directory's weights are those of transformers, and not a TensorFlow checkpoint."""
    return (folder / WEIGHTS).is_file() or (
        (folder / PICKLED).is_file() and not any(folder.glob("*.index"))
    )


def read_hugging_face(folder: Path) -> Checkpoint:
    """Read a Chinese ALBERT that transformers saved, of any of its classes.

    Heads other than a classifier that this library wrote are passed over, and so is the pooler.

    Parameters
    ----------
    folder : Path

    Raises
    ------
    MissingExtraError
        The package safetensors is not installed.
    ModelError
        The weights are pickled, files or tensors are missing, or the encoder is another than
        bert4keras' ALBERT; all problems are named.
    """
    if not (folder / WEIGHTS).is_file():
        raise ModelError(
            f"{folder} holds pickled weights alone ({PICKLED}). They could run code and are not "
            "opened. This line writes the same as safetensors, where torch and safetensors are "
            f'installed:\npython -c "{_UNPICKLE}" {shlex.quote(str(folder))}'
        )
    table = _read_table(folder / CONFIG)
    config = _encoder_config(table, folder / CONFIG)
    vocabulary = _read_vocabulary(folder)
    _note_tokenizer(folder)
    tensors = _read_tensors(folder / WEIGHTS)
    weights = _encoder_weights(tensors, folder / WEIGHTS, config)
    if (head := _own_head(tensors)) is not None:
        weights[HEAD] = head
    return Checkpoint(weights, config, vocabulary, _label_names(table, folder / CONFIG))


def with_labels_of(folder: Path, settings: Settings) -> Settings:
    """Settings with the number and names of a written classifier's labels.

    Parameters
    ----------
    folder : Path
    settings : Settings
        Its own ``label_names`` stay, where it has them; a ``num_classes`` of its own must be that
        of the classifier.

    Raises
    ------
    ModelError
        The directory holds no classifier that this library wrote, or one of another number.
    """
    found = read_hugging_face(folder)
    if HEAD not in found.weights:
        raise ModelError(
            f"{folder} holds no classifier that `gi-classifier convert --to transformers` wrote. "
            "Others read [CLS] through a trained pooler, which ALBERT here has not: train one on "
            f"its encoder, `gi-classifier train FILE --base {folder} --output DIR`."
        )
    if settings.label_names is not None:
        return settings
    count, names = found.weights[HEAD][1].size, found.label_names
    if settings.num_classes not in (count, Settings().num_classes):
        raise ModelError(
            f"{folder} is a classifier of {count} labels. Received: num_classes="
            f"{settings.num_classes}. Leave it out."
        )
    own = None if names in ((), names_for(count, None)) else names
    return replace(settings, num_classes=count, label_names=own)


def check_safetensors() -> None:
    """Raise MissingExtraError where the package safetensors is not installed."""
    check_installed("A model of transformers", ["safetensors"], "train")


def _read_table(path: Path) -> dict[str, Any]:
    try:
        table = json.loads(read_regular(path, most=2**26).decode("utf-8"))
    except FileNotFoundError:
        raise ModelError(f"{path.parent} lacks {path.name}, which transformers writes.") from None
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{path} is no JSON ({type(error).__name__})") from error
    if not isinstance(table, dict):
        raise ModelError(f"{path} holds no JSON object.")
    return table


def _encoder_config(table: Mapping[str, Any], path: Path) -> AlbertConfig:
    """The encoder's shape, or one error that names all that it cannot be."""
    expected = {
        "model_type": ("albert", "albert"),
        "num_hidden_groups": (1, 1),
        "inner_group_num": (1, 1),
        "type_vocab_size": (2, 2),
        "position_embedding_type": ("absolute", "absolute"),
    }
    problems = [
        f"{name} must be {needed!r}. Received: {table[name]!r}"
        for name, (needed, usual) in expected.items()
        if table.get(name, usual) != needed
    ]
    epsilon = table.get("layer_norm_eps", 0)
    if isinstance(epsilon, bool) or not isinstance(epsilon, (int, float)):
        problems.append(f"layer_norm_eps is no number. Received: {epsilon!r}")
    elif not 0 <= epsilon <= _MOST_EPSILON:
        problems.append(f"layer_norm_eps must be at most {_MOST_EPSILON}. Received: {epsilon!r}")
    fields = list(AlbertConfig.__dataclass_fields__)
    # Without one of them, the default here would be another than there.
    problems += [f"{name} is missing" for name in fields if table.get(name) is None]
    if problems:
        raise ModelError(f"{path} describes no encoder that can be used here:", problems)
    shape = {name: table[name] for name in fields}
    if shape["embedding_size"] == shape["hidden_size"]:
        shape["embedding_size"] = None
    try:
        return AlbertConfig(**shape)
    except SettingsError as error:
        raise ModelError(f"{path}: {error.summary}", error.problems) from error


def _label_names(table: Mapping[str, Any], path: Path) -> tuple[str, ...]:
    names = table.get("id2label") or {}
    if not isinstance(names, dict) or set(names) != set(map(str, range(len(names)))):
        raise ModelError(f"{path}: id2label must name the labels from 0 up.")
    return tuple(str(names[str(label)]) for label in range(len(names)))


def _read_vocabulary(folder: Path) -> Vocabulary:
    """Tokens of ``vocab.txt``, or else of a WordPiece ``tokenizer.json``."""
    if (folder / VOCABULARY).is_file():
        return Vocabulary.from_file(folder / VOCABULARY)
    if not (folder / TOKENIZER).is_file():
        raise ModelError(
            f"{folder} lacks {VOCABULARY}, the tokens one a line. Put that of its tokenizer there."
        )
    model = _read_table(folder / TOKENIZER).get("model")
    model = model if isinstance(model, dict) else {}
    table = model.get("vocab")
    if (
        not isinstance(table, dict)
        or model.get("type") != "WordPiece"
        or sorted(table.values()) != list(range(len(table)))
    ):
        raise ModelError(f"{folder / TOKENIZER} is no WordPiece tokenizer, which is needed here.")
    return Vocabulary(sorted(table, key=table.__getitem__))


def _note_tokenizer(folder: Path) -> None:
    """Say where the directory's tokenizer reads a text otherwise than this library does."""
    if not (folder / TOKENIZER_CONFIG).is_file():
        return
    table = _read_table(folder / TOKENIZER_CONFIG)
    ours = {
        "do_lower_case": "letters are lower-cased",
        "strip_accents": "accents are stripped",
        "tokenize_chinese_chars": "each ideograph is a word",
    }
    for name, does in ours.items():
        if table.get(name) is False:
            logger.warning(
                "%s: %s is false, but here %s; the encoder has not learnt such text.",
                folder / TOKENIZER_CONFIG,
                name,
                does,
            )


def _read_tensors(path: Path) -> _Tensors:
    """Type, shape and bytes of each tensor, by its name without the encoder's prefix."""
    check_safetensors()
    from safetensors import SafetensorError, deserialize

    try:
        stored = dict(deserialize(read_regular(path)))
    except (SafetensorError, OSError, ValueError) as error:
        raise ModelError(f"{path}: no whole safetensors file ({error})") from error
    found = {
        name.removeprefix(PREFIX): (part["dtype"], tuple(part["shape"]), part["data"])
        for name, part in stored.items()
    }
    if len(found) != len(stored):
        raise ModelError(f"{path} holds an encoder's tensors twice, with and without {PREFIX!r}")
    return found


def _array(tensor: tuple[str, tuple[int, ...], bytes]) -> np.ndarray:
    """A tensor in float32; half-precision values, bfloat16's included, are exact in it."""
    dtype, shape, data = tensor
    if dtype == _BFLOAT16:
        wide = np.frombuffer(data, np.uint16).astype(np.uint32) << 16
        return wide.view(np.float32).reshape(shape)
    return np.frombuffer(data, _DTYPES[dtype]).astype(np.float32).reshape(shape)


def _encoder_weights(tensors: _Tensors, path: Path, config: AlbertConfig) -> LayerWeights:
    """The encoder's arrays by layer, or one error that names every tensor that is amiss."""
    modules = [*(name for names in DENSE.values() for name in names), *NORMS.values()]
    wanted = [module + kind for module in modules for kind in (KERNEL, BIAS)]
    wanted += [module + KERNEL for module in TABLES.values()]
    problems = [f"{name}: missing" for name in wanted if name not in tensors]
    problems += [
        f"{name}: of type {tensors[name][0]}; needs float32, float16, bfloat16 or float64"
        for name in wanted
        if name in tensors and tensors[name][0] not in (*_DTYPES, _BFLOAT16)
    ]
    strange = set(tensors) - set(wanted) - set(_BUFFERS)
    problems += [
        f"{name}: this encoder has no such tensor"
        for name in sorted(strange)
        if name.startswith(("embeddings.", "encoder."))
    ]
    if problems:
        raise ModelError(f"{path} does not hold one whole ALBERT encoder:", problems)
    values = {name: _array(tensors[name]) for name in wanted}
    weights: LayerWeights = {name: [values[there + KERNEL]] for name, there in TABLES.items()}
    for layer, there in NORMS.items():
        weights[layer] = [values[there + BIAS], values[there + KERNEL]]
    for layer, names in DENSE.items():
        weights[layer] = [
            array
            for there in names
            for array in (np.ascontiguousarray(values[there + KERNEL].T), values[there + BIAS])
        ]
    if config.embedding_size is None:
        kernel, bias = weights.pop("Embedding-Mapping")
        if not _is_identity(kernel) or bias.any():
            raise ModelError(
                f"{path}: an embedding as wide as the hidden size ({config.hidden_size}) is not "
                "mapped here, but embedding_hidden_mapping_in is no identity."
            )
    return weights


def _is_identity(matrix: np.ndarray, scale: float = 1.0) -> bool:
    return matrix.ndim == 2 and bool(
        len(matrix) == matrix.shape[1] and np.array_equal(matrix, scale * np.eye(len(matrix)))
    )


def _own_head(tensors: _Tensors) -> list[np.ndarray] | None:
    """Kernel and bias of a softmax head that this library wrote; None for any other."""
    names = [f"{module}{kind}" for module in ("pooler", "classifier") for kind in (KERNEL, BIAS)]
    if any(tensors.get(name, ("",))[0] not in (*_DTYPES, _BFLOAT16) for name in names):
        return None
    pooler, shift, kernel, bias = (_array(tensors[name]) for name in names)
    if not _is_identity(pooler, POOLER_SCALE) or shift.any():
        return None
    return [np.ascontiguousarray(kernel.T) * np.float32(POOLER_SCALE), bias]
