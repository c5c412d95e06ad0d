"""A model's ALBERT in the form of Hugging Face transformers, from its ``model.h5``.

In: a model directory. Out: the files of an ``AlbertForSequenceClassification``. Neither TensorFlow
nor torch is imported.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gi_classifier.files import to_json
from gi_classifier.model.directory import ModelDirectory
from gi_classifier.model.weights import HEAD, LayerWeights
from gi_classifier.settings import AlbertConfig, Settings
from gi_classifier.text import SPECIAL
from gi_classifier.training.hugging_face import (
    BIAS,
    CONFIG,
    DENSE,
    KERNEL,
    NORMS,
    POOLER_SCALE,
    PREFIX,
    TABLES,
    TOKENIZER,
    TOKENIZER_CONFIG,
    VOCABULARY,
    WEIGHTS,
    check_safetensors,
)

FILES = (TOKENIZER_CONFIG, TOKENIZER, VOCABULARY, WEIGHTS, CONFIG)


def transformers_files(directory: ModelDirectory) -> dict[str, bytes]:
    """The files of a model's ALBERT as transformers' ``AlbertForSequenceClassification``.

    Its logits are those of ALBERT alone, for one window of tokens.

    Parameters
    ----------
    directory : ModelDirectory

    Returns
    -------
    dict
        From names of files to their bytes.

    Raises
    ------
    MissingExtraError
        The package safetensors is not installed.
    """
    check_safetensors()
    from safetensors.numpy import save

    tensors = _named_tensors(directory.read_weights(), directory.config)
    return {
        TOKENIZER_CONFIG: to_json(_tokenizer_table(directory.settings)),
        TOKENIZER: directory.vocabulary.to_tokenizer_json().encode("utf-8"),
        VOCABULARY: directory.vocabulary.to_text().encode("utf-8"),
        WEIGHTS: save(tensors, metadata={"format": "pt"}),
        CONFIG: to_json(_config_table(directory)),
    }


def _named_tensors(weights: LayerWeights, config: AlbertConfig) -> dict[str, np.ndarray]:
    """Arrays by transformers' names, as torch has them: outputs first."""
    width = config.hidden_size
    kernel, bias = weights[HEAD]
    # Without a mapping here, embeddings are as wide as the hidden size: an identity does nothing.
    mapping = weights.get("Embedding-Mapping", [np.eye(width), np.zeros(width)])
    found = {
        f"pooler{KERNEL}": POOLER_SCALE * np.eye(width),
        f"pooler{BIAS}": np.zeros(width),
    }
    for layer, there in TABLES.items():
        found[there + KERNEL] = weights[layer][0]
    for layer, there in NORMS.items():
        found[there + BIAS], found[there + KERNEL] = weights[layer]
    for layer, modules in DENSE.items():
        arrays = mapping if layer == "Embedding-Mapping" else weights[layer]
        for i, there in enumerate(modules):
            found[there + KERNEL], found[there + BIAS] = arrays[2 * i].T, arrays[2 * i + 1]
    found = {f"{PREFIX}{name}": array for name, array in found.items()}
    found |= {f"classifier{KERNEL}": kernel.T / POOLER_SCALE, f"classifier{BIAS}": bias}
    return {name: np.ascontiguousarray(array, np.float32) for name, array in found.items()}


def _config_table(directory: ModelDirectory) -> dict[str, Any]:
    config, settings = directory.config, directory.settings
    return {
        "architectures": ["AlbertForSequenceClassification"],
        "model_type": "albert",
        **config.to_dict(),
        "embedding_size": config.embedding_size or config.hidden_size,
        "num_hidden_groups": 1,
        "inner_group_num": 1,
        "type_vocab_size": 2,
        "layer_norm_eps": 1e-12,
        "hidden_dropout_prob": settings.dropout,
        "attention_probs_dropout_prob": 0.0,
        "classifier_dropout_prob": 0.0,
        "id2label": {str(label): name for label, name in enumerate(settings.names)},
        "label2id": {name: label for label, name in enumerate(settings.names)},
        "pad_token_id": 0,
        "bos_token_id": directory.vocabulary.ids["[CLS]"],
        "eos_token_id": directory.vocabulary.ids["[SEP]"],
    }


def _tokenizer_table(settings: Settings) -> dict[str, Any]:
    special = {f"{name[1:-1].lower()}_token": name for name in SPECIAL}
    # Of any class that reads tokenizer.json as it stands; it does the lower-casing.
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": settings.maxlen,
        "model_input_names": ["input_ids", "token_type_ids", "attention_mask"],
        **special,
    }
