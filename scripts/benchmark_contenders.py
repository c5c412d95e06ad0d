"""What the benchmark compares: ways to read records, ours and those that users would pick instead.

In: a model directory. Out: for each way a function from texts to labels, ready and warm. All but
the linear models compute the same ALBERT on the same weights.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gi_classifier.cpus import thread_count
from gi_classifier.data.readers import read_records
from gi_classifier.decisions.bulk import BulkPredictor
from gi_classifier.model.directory import ModelDirectory
from gi_classifier.model.engine import ENGINES
from gi_classifier.model.predictor import Predictor

Read = Callable[[Sequence[str]], np.ndarray]
# The reference's, and what sorted batches of transformers are given.
_REFERENCE_BATCH, _BATCH = 128, 32
_ROOT = Path(__file__).resolve().parent.parent


def reference(directory: ModelDirectory, batch: int = _REFERENCE_BATCH) -> Read:
    """The reference's way: the Keras model, so many at once in the order given, padded to it."""
    from gi_classifier.text import pad
    from gi_classifier.training.keras_model import restore

    model, vocabulary = restore(directory), directory.vocabulary

    def read(texts: Sequence[str]) -> np.ndarray:
        labels = []
        for start in range(0, len(texts), batch):
            rows = [found.ids for found in vocabulary.encode(texts[start : start + batch])]
            most = directory.settings.maxlen - 2
            ids = pad(
                [
                    np.array([vocabulary.ids["[CLS]"], *row[:most], vocabulary.ids["[SEP]"]])
                    for row in rows
                ]
            )
            labels.append(model.predict([ids, np.zeros_like(ids)], verbose=0).argmax(axis=1))
        return np.concatenate(labels)

    return read


def transformers_model(directory: ModelDirectory) -> tuple[Any, Any]:
    """Transformers' tokenizer and model with the same weights, for evaluation."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    from gi_classifier.training.transformers_export import transformers_files

    torch.set_num_threads(thread_count())
    with tempfile.TemporaryDirectory() as folder:
        for name, content in transformers_files(directory).items():
            (Path(folder) / name).write_bytes(content)
        tokenizer = AutoTokenizer.from_pretrained(folder)
        model = AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32)
    return tokenizer, model.eval()


def sorted_batches(tokenizer: Any, run: Callable[[Any], np.ndarray], maxlen: int) -> Read:
    """Read sorted by length, 32 at once: the first ``maxlen`` tokens of each, as is usual there."""

    def read(texts: Sequence[str]) -> np.ndarray:
        order = sorted(range(len(texts)), key=lambda row: len(texts[row]))
        labels = np.zeros(len(texts), dtype=int)
        for start in range(0, len(order), _BATCH):
            rows = order[start : start + _BATCH]
            inputs = tokenizer(
                [texts[row] for row in rows],
                padding=True,
                truncation=True,
                max_length=maxlen,
                return_tensors="pt",
            )
            labels[rows] = run(inputs).argmax(axis=1)
        return labels

    return read


def transformers_ways(directory: ModelDirectory) -> dict[str, Read]:
    """PyTorch + transformers in three precisions, and its plain export run by ONNX Runtime."""
    import copy

    import torch

    tokenizer, model = transformers_model(directory)
    int8 = torch.ao.quantization.quantize_dynamic(
        copy.deepcopy(model), {torch.nn.Linear}, dtype=torch.qint8
    )
    variants = {
        "transformers fp32": model,
        "transformers bfloat16": copy.deepcopy(model).to(torch.bfloat16),
        "transformers int8": int8,
    }
    maxlen = directory.settings.maxlen

    def running(variant: Any) -> Callable[[Any], np.ndarray]:
        def run(inputs: Any) -> np.ndarray:
            with torch.inference_mode():
                return np.asarray(variant(**inputs).logits.float().numpy())

        return run

    found = {
        name: sorted_batches(tokenizer, running(variant), maxlen)
        for name, variant in variants.items()
    }
    return {**found, "plain ONNX export": sorted_batches(tokenizer, plain_export(model), maxlen)}


def plain_export(model: Any) -> Callable[[Any], np.ndarray]:
    """The model as PyTorch exports it, run by ONNX Runtime as it comes."""
    import torch

    from gi_classifier.onnx_runtime import onnx_runtime

    names = ("input_ids", "attention_mask", "token_type_ids")
    example = tuple(torch.ones((2, 8), dtype=torch.int64) for _ in names)
    graph = io.BytesIO()
    torch.onnx.export(
        model,
        example,
        graph,
        input_names=list(names),
        output_names=["logits"],
        dynamic_axes={name: {0: "n", 1: "length"} for name in names},
        dynamo=False,
    )
    runtime = onnx_runtime()
    options = runtime.SessionOptions()
    options.intra_op_num_threads = thread_count()
    session = runtime.InferenceSession(
        graph.getvalue(), options, providers=["CPUExecutionProvider"]
    )

    def run(inputs: Any) -> np.ndarray:
        return np.asarray(
            session.run(["logits"], {name: inputs[name].numpy() for name in names})[0]
        )

    return run


def in_bulk(bulk: BulkPredictor) -> Read:
    """The linear member where it is sure, both where it is not."""
    return lambda texts: bulk.predict_proba(texts)[0].argmax(axis=1)


def ours(directory: ModelDirectory, cut: BulkPredictor | None) -> dict[str, Read]:
    """Every engine with all members that the model has, the linear member alone, and bulk.

    Parameters
    ----------
    directory : ModelDirectory
    cut : BulkPredictor, optional
        What bulk is cut by; without, there is none.
    """

    def labels(predictor: Predictor) -> Read:
        return lambda texts: predictor.predict_proba(texts).argmax(axis=1)

    engines = {name: Predictor.from_directory(directory, name) for name in ENGINES}
    found = {f"ours {name}": labels(predictor) for name, predictor in engines.items()}
    if directory.linear is None:
        return found
    found["ours, linear member alone"] = labels(Predictor.from_directory(directory, use="linear"))
    if cut:
        for name in ENGINES:
            bulk = BulkPredictor(engines[name], cut.alone, cut.least_margin, cut.correction)
            found[f"ours in bulk, {name}"] = in_bulk(bulk)
    return found


def tfidf_linear(most: int = 5000) -> Read:
    """scikit-learn's TF-IDF of 1 to 4 characters + logistic regression, on training records."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    records = read_records(_ROOT / "data" / "train.txt")
    rows = np.random.default_rng(0).permutation(len(records))[:most]
    texts, labels = np.array(records.texts, dtype=object), np.array(records.labels)
    model = make_pipeline(
        TfidfVectorizer(analyzer="char", ngram_range=(1, 4), sublinear_tf=True, min_df=2),
        LogisticRegression(max_iter=200),
    ).fit(texts[rows], labels[rows])
    return lambda texts: np.asarray(model.predict(list(texts)))


def encoding(directory: ModelDirectory) -> Read:
    """Encoding alone, which all ways with ALBERT need: gives no labels, but zeros."""

    def read(texts: Sequence[str]) -> np.ndarray:
        directory.vocabulary.encode(texts)
        return np.zeros(len(texts), dtype=int)

    return read


def contenders(directory: ModelDirectory, cut: BulkPredictor | None) -> dict[str, Read]:
    """All of them, by name."""
    return {
        "the reference's way": reference(directory),
        **transformers_ways(directory),
        **ours(directory, cut),
        "scikit-learn TF-IDF + linear": tfidf_linear(),
        "encoding alone": encoding(directory),
    }
