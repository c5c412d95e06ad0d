"""The encoder against bert4keras' own, and the places its weights come from."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gi_classifier.errors import ModelError
from gi_classifier.model.directory import save
from gi_classifier.model.weights import HEAD, read_h5
from gi_classifier.settings import AlbertConfig, Settings
from gi_classifier.text import Vocabulary
from gi_classifier.training.keras_backend import tf, tf_keras
from gi_classifier.training.keras_model import (
    build,
    classifier,
    encoder,
    get_weights,
    initialise,
    restore,
    set_head_bias,
    set_weights,
    to_h5,
)

Arrays = dict[str, np.ndarray]


def shaken(model: Any, seed: int = 0) -> Any:
    """Give a model weights so large that every layer shows in its output."""
    source = np.random.default_rng(seed)
    for weight in model.trainable_weights:
        draw = source.normal(0.0, 0.7 if len(weight.shape) > 1 else 0.1, weight.shape)
        weight.assign(draw + 1 if "gamma" in weight.name else draw)
    return model


def batch(vocab_size: int, seed: int = 1) -> np.ndarray:
    """Ids of five rows of length 12, some padded, all with the same first token."""
    ids = np.random.default_rng(seed).integers(1, vocab_size, (5, 12)).astype(np.int32)
    ids[:, 0] = 2
    ids[1, 3:] = ids[3, 11:] = 0
    return ids


def outputs(model: Any, ids: np.ndarray) -> np.ndarray:
    return np.asarray(model([ids, np.zeros_like(ids)]))


def bert4keras_model(config: AlbertConfig, folder: Path, checkpoint: str | None = None) -> Any:
    """bert4keras' own ALBERT, by its own function."""
    from bert4keras.models import build_transformer_model

    path = folder / "plain_config.json"
    path.write_text(json.dumps(config.to_dict()), encoding="utf-8")
    return build_transformer_model(str(path), checkpoint, model="albert", dropout_rate=0.0)


@pytest.fixture(params=[4, None], ids=["factorised", "unfactorised"])
def either(request: pytest.FixtureRequest, config: AlbertConfig) -> AlbertConfig:
    return replace(config, embedding_size=request.param)


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_the_cls_only_model_equals_bert4keras_albert_with_a_head(
    either: AlbertConfig, tmp_path: Path, dropout: float
) -> None:
    ours = shaken(classifier(either, 3, dropout=dropout))
    plain = bert4keras_model(either, tmp_path)
    head = tf_keras.layers.Dense(3, activation="softmax", name=HEAD)
    whole = tf_keras.Model(plain.input, head(plain.output[:, 0]))
    set_weights(whole, get_weights(ours))
    ids = batch(either.vocab_size)
    np.testing.assert_allclose(outputs(ours, ids), outputs(whole, ids), rtol=0, atol=1e-7)
    np.testing.assert_allclose(
        outputs(ours, ids[1:2, :3]), outputs(ours, ids)[1:2], rtol=0, atol=1e-6
    )
    assert np.ptp(outputs(ours, ids), axis=0).max() > 0.1


def test_the_encoder_without_cls_only_gives_all_positions(config: AlbertConfig) -> None:
    ids = batch(config.vocab_size)
    assert outputs(encoder(config, cls_only=False), ids).shape == (5, 12, config.hidden_size)
    assert outputs(encoder(config), ids).shape == (5, 1, config.hidden_size)


GOOGLE_BLOCK = "bert/encoder/transformer/group_0/inner_group_0"
# Google's name of each shared variable, and the first Chinese release's.
BLOCK_NAMES = {
    f"{GOOGLE_BLOCK}/{google}": f"bert/encoder/layer_shared/{shared}"
    for google, shared in {
        "attention_1/self/query/kernel": "attention/self/query/kernel",
        "attention_1/self/query/bias": "attention/self/query/bias",
        "attention_1/self/key/kernel": "attention/self/key/kernel",
        "attention_1/self/key/bias": "attention/self/key/bias",
        "attention_1/self/value/kernel": "attention/self/value/kernel",
        "attention_1/self/value/bias": "attention/self/value/bias",
        "attention_1/output/dense/kernel": "attention/output/dense/kernel",
        "attention_1/output/dense/bias": "attention/output/dense/bias",
        "LayerNorm/beta": "attention/output/LayerNorm/beta",
        "LayerNorm/gamma": "attention/output/LayerNorm/gamma",
        "ffn_1/intermediate/dense/kernel": "intermediate/dense/kernel",
        "ffn_1/intermediate/dense/bias": "intermediate/dense/bias",
        "ffn_1/intermediate/output/dense/kernel": "output/dense/kernel",
        "ffn_1/intermediate/output/dense/bias": "output/dense/bias",
        "LayerNorm_1/beta": "output/LayerNorm/beta",
        "LayerNorm_1/gamma": "output/LayerNorm/gamma",
    }.items()
}


def google_variables(config: AlbertConfig) -> Arrays:
    """The variables of an official checkpoint of Google's code, with pooler and MLM head."""
    hidden, inner, width = config.hidden_size, config.intermediate_size, config.embedding_size
    embedded = width or hidden
    shapes: dict[str, tuple[int, ...]] = {
        "bert/embeddings/word_embeddings": (config.vocab_size, embedded),
        "bert/embeddings/token_type_embeddings": (2, embedded),
        "bert/embeddings/position_embeddings": (config.max_position_embeddings, embedded),
        "bert/embeddings/LayerNorm/beta": (embedded,),
        "bert/embeddings/LayerNorm/gamma": (embedded,),
        f"{GOOGLE_BLOCK}/attention_1/self/query/kernel": (hidden, hidden),
        f"{GOOGLE_BLOCK}/attention_1/self/query/bias": (hidden,),
        f"{GOOGLE_BLOCK}/attention_1/self/key/kernel": (hidden, hidden),
        f"{GOOGLE_BLOCK}/attention_1/self/key/bias": (hidden,),
        f"{GOOGLE_BLOCK}/attention_1/self/value/kernel": (hidden, hidden),
        f"{GOOGLE_BLOCK}/attention_1/self/value/bias": (hidden,),
        f"{GOOGLE_BLOCK}/attention_1/output/dense/kernel": (hidden, hidden),
        f"{GOOGLE_BLOCK}/attention_1/output/dense/bias": (hidden,),
        f"{GOOGLE_BLOCK}/LayerNorm/beta": (hidden,),
        f"{GOOGLE_BLOCK}/LayerNorm/gamma": (hidden,),
        f"{GOOGLE_BLOCK}/ffn_1/intermediate/dense/kernel": (hidden, inner),
        f"{GOOGLE_BLOCK}/ffn_1/intermediate/dense/bias": (inner,),
        f"{GOOGLE_BLOCK}/ffn_1/intermediate/output/dense/kernel": (inner, hidden),
        f"{GOOGLE_BLOCK}/ffn_1/intermediate/output/dense/bias": (hidden,),
        f"{GOOGLE_BLOCK}/LayerNorm_1/beta": (hidden,),
        f"{GOOGLE_BLOCK}/LayerNorm_1/gamma": (hidden,),
        "bert/pooler/dense/kernel": (hidden, hidden),
        "bert/pooler/dense/bias": (hidden,),
        "cls/predictions/output_bias": (config.vocab_size,),
    }
    if width:
        shapes["bert/encoder/embedding_hidden_mapping_in/kernel"] = (width, hidden)
        shapes["bert/encoder/embedding_hidden_mapping_in/bias"] = (hidden,)
    source = np.random.default_rng(3)
    return {
        name: source.normal(0.0, 0.5, shape).astype(np.float32) for name, shape in shapes.items()
    }


def write_official(
    folder: Path, variables: Arrays, config: AlbertConfig, vocabulary: Vocabulary
) -> str:
    """A directory as it is published; returns the checkpoint's prefix."""
    folder.mkdir()
    published = {**config.to_dict(), "hidden_dropout_prob": 0.0, "initializer_range": 0.02}
    (folder / "albert_config_tiny.json").write_text(json.dumps(published), encoding="utf-8")
    (folder / "vocab_chinese.txt").write_text(vocabulary.to_text(), encoding="utf-8")
    prefix = str(folder / "albert_model.ckpt")
    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        for name, value in variables.items():
            v1.get_variable(name, initializer=value)
        session.run(v1.global_variables_initializer())
        v1.train.Saver().save(session, prefix, write_meta_graph=False)
    return prefix


def cls_vectors(model: Any, ids: np.ndarray) -> np.ndarray:
    return outputs(tf_keras.Model(model.input, model.get_layer(HEAD).input), ids)


def test_a_google_checkpoint_loads_as_bert4keras_loads_it(
    either: AlbertConfig, vocabulary: Vocabulary, settings: Settings, tmp_path: Path
) -> None:
    prefix = write_official(tmp_path / "google", google_variables(either), either, vocabulary)
    ids = batch(either.vocab_size)
    built = build(tmp_path / "google", settings)
    plain = bert4keras_model(either, tmp_path, prefix)
    np.testing.assert_allclose(
        cls_vectors(built.model, ids), outputs(plain, ids)[:, 0], rtol=0, atol=1e-6
    )
    assert built.config == either
    assert built.vocabulary.tokens == vocabulary.tokens
    assert built.source == "google"


@pytest.mark.parametrize("width", [4, None])
def test_a_checkpoint_of_the_first_chinese_release_loads_whole(
    config: AlbertConfig,
    vocabulary: Vocabulary,
    settings: Settings,
    tmp_path: Path,
    width: int | None,
) -> None:
    """Proved equal to the unfactorised Google checkpoint that says the same."""
    google_config = replace(config, embedding_size=None)
    google = google_variables(google_config)
    shared = {BLOCK_NAMES.get(name, name): value for name, value in google.items()}
    if width:
        source = np.random.default_rng(4)
        table = source.normal(0.0, 0.5, (config.vocab_size, width)).astype(np.float32)
        projection = source.normal(0.0, 0.5, (width, config.hidden_size)).astype(np.float32)
        shared["bert/embeddings/word_embeddings"] = table
        shared["bert/embeddings/word_embeddings_2"] = projection
        google["bert/embeddings/word_embeddings"] = table @ projection
    write_official(tmp_path / "shared", shared, config, vocabulary)
    prefix = write_official(tmp_path / "google", google, google_config, vocabulary)
    ids = batch(config.vocab_size)
    built = build(tmp_path / "shared", settings)
    plain = bert4keras_model(google_config, tmp_path, prefix)
    np.testing.assert_allclose(
        cls_vectors(built.model, ids), outputs(plain, ids)[:, 0], rtol=0, atol=1e-5
    )
    assert built.config.embedding_size is None


@pytest.mark.parametrize("shared", [False, True])
def test_missing_variables_are_all_named(
    config: AlbertConfig, vocabulary: Vocabulary, settings: Settings, tmp_path: Path, shared: bool
) -> None:
    variables = google_variables(replace(config, embedding_size=None))
    gone = ["bert/embeddings/LayerNorm/gamma", f"{GOOGLE_BLOCK}/attention_1/self/key/bias"]
    for name in gone:
        del variables[name]
    if shared:
        variables = {BLOCK_NAMES.get(name, name): value for name, value in variables.items()}
        gone = [BLOCK_NAMES.get(name, name) for name in gone]
    write_official(tmp_path / "official", variables, config, vocabulary)
    with pytest.raises(ModelError, match="lacks variables") as caught:
        build(tmp_path / "official", settings)
    assert str(caught.value).splitlines()[1:] == [f"  {name}" for name in gone]


@pytest.mark.parametrize(
    ("lost", "message"),
    [
        ("albert_model.ckpt.index", r"\*\.index: needs exactly one"),
        ("vocab_chinese.txt", r"vocab\*\.txt: needs exactly one"),
        ("albert_config_tiny.json", r"\*config\*\.json: needs exactly one"),
        ("albert_model.ckpt.data-00000-of-00001", "not a whole TensorFlow checkpoint"),
    ],
)
def test_an_incomplete_checkpoint_directory_says_what_it_lacks(
    config: AlbertConfig,
    vocabulary: Vocabulary,
    settings: Settings,
    tmp_path: Path,
    lost: str,
    message: str,
) -> None:
    folder = tmp_path / "official"
    write_official(folder, google_variables(config), config, vocabulary)
    (folder / lost).unlink()
    with pytest.raises(ModelError, match=message):
        build(folder, settings)


@pytest.fixture
def reference(
    either: AlbertConfig, vocabulary: Vocabulary, tmp_path: Path
) -> tuple[Path, Any, AlbertConfig]:
    """What a user of the reference has: plain bert4keras and a head that Keras named."""
    plain = bert4keras_model(either, tmp_path)
    cls = tf_keras.layers.Lambda(lambda x: x[:, 0], name="CLS-token")(plain.output)
    model = tf_keras.Model(plain.input, tf_keras.layers.Dense(3, activation="softmax")(cls))
    folder = tmp_path / "reference"
    folder.mkdir()
    (folder / "albert_config.json").write_text(json.dumps(either.to_dict()), encoding="utf-8")
    (folder / "vocab.txt").write_text(vocabulary.to_text(), encoding="utf-8")
    return folder / "best_model.h5", shaken(model), either


@pytest.mark.parametrize("kind", ["save_weights", "save"])
def test_an_h5_of_the_reference_loads_with_its_head(
    reference: tuple[Path, Any, AlbertConfig], settings: Settings, kind: str
) -> None:
    path, model, config = reference
    assert model.layers[-1].name.startswith("dense")
    getattr(model, kind)(str(path))
    ids = batch(config.vocab_size)
    built = build(path, settings, head=True)
    np.testing.assert_allclose(outputs(built.model, ids), outputs(model, ids), rtol=0, atol=1e-7)
    assert built.config == config
    fresh = build(path, settings).model.get_layer(HEAD).get_weights()
    assert np.abs(fresh[0] - model.layers[-1].get_weights()[0]).max() > 0.01


def test_the_embedding_size_is_that_of_the_h5_not_of_its_config(
    vocabulary: Vocabulary, config: AlbertConfig, settings: Settings, base: Path, tmp_path: Path
) -> None:
    """The published unfactorised checkpoint has an embedding_size in its config all the same."""
    flat = replace(config, embedding_size=None)
    (tmp_path / "albert_config.json").write_bytes(base.read_bytes())
    (tmp_path / "vocab.txt").write_text(vocabulary.to_text(), encoding="utf-8")
    (tmp_path / "model.h5").write_bytes(to_h5(classifier(flat, 3)))
    assert build(tmp_path / "model.h5", settings).config == flat
    assert build(tmp_path, settings).config == flat


def test_weights_survive_the_round_trip_through_h5(either: AlbertConfig) -> None:
    model = shaken(classifier(either, 4, dropout=0.1))
    wanted, found = get_weights(model), read_h5(to_h5(model))
    assert set(wanted) <= set(found)
    for name, arrays in wanted.items():
        for one, other in zip(arrays, found[name], strict=True):
            np.testing.assert_array_equal(one, other)


def test_misfit_layers_are_all_named_and_the_model_is_untouched(config: AlbertConfig) -> None:
    model = shaken(classifier(config, 3))
    before = get_weights(model)
    weights = get_weights(shaken(classifier(replace(config, intermediate_size=24), 2), 1))
    del weights["Embedding-Norm"]
    with pytest.raises(ModelError, match="do not fit") as caught:
        set_weights(model, weights)
    named = [line.split(":")[0].strip() for line in str(caught.value).splitlines()[1:]]
    assert sorted(named) == ["Embedding-Norm", HEAD, "Transformer-FeedForward"]
    assert "Embedding-Norm: needs [(4,), (4,)]. Received: nothing" in str(caught.value)
    for name, arrays in get_weights(model).items():
        for one, other in zip(arrays, before[name], strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("content", [b"", b"not hdf5", b"\x89HDF\r\n\x1a\n truncated"])
def test_a_file_that_is_no_h5_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "model.h5").write_bytes(content)
    with pytest.raises(ModelError, match=r"model\.h5: not a Keras \.h5"):
        read_h5(tmp_path / "model.h5")


def test_initialise_depends_on_the_seed_alone_and_touches_no_global_state(
    config: AlbertConfig,
) -> None:
    def drawn(seed: int) -> np.ndarray:
        model = classifier(config, 3)
        initialise(model, seed)
        return np.concatenate([weight.numpy().ravel() for weight in model.trainable_weights])

    np.testing.assert_array_equal(drawn(7), drawn(7))
    assert (drawn(7) != drawn(8)).any()
    assert np.abs(drawn(7)[drawn(7) != 1]).max() <= 0.04
    model = classifier(config, 3)

    def next_draws(seed: int | None) -> list[float]:
        random.seed(1)
        np.random.seed(1)
        tf.random.set_seed(1)
        if seed is not None:
            initialise(model, seed)
        return [random.random(), np.random.random(), float(tf.random.uniform(()))]

    assert next_draws(5) == next_draws(None)


def test_build_starts_from_a_config_with_random_weights(base: Path, settings: Settings) -> None:
    one, other = build(base, settings), build(base, replace(settings, seed=1))
    assert one.source == "albert_config.json"
    again = get_weights(build(base, settings).model)
    for name, arrays in get_weights(one.model).items():
        for first, second in zip(arrays, again[name], strict=True):
            np.testing.assert_array_equal(first, second)
    assert (outputs(one.model, batch(20)) != outputs(other.model, batch(20))).any()


def test_build_and_restore_read_a_model_directory(
    base: Path, settings: Settings, tmp_path: Path
) -> None:
    from gi_classifier.training.export import exported

    built = build(base, settings)
    directory = exported(replace(built, model=shaken(built.model)), settings, [])
    save(directory, tmp_path / "model")
    ids = batch(20)
    wanted = outputs(built.model, ids)
    np.testing.assert_array_equal(
        outputs(build(tmp_path / "model", settings, head=True).model, ids), wanted
    )
    np.testing.assert_array_equal(outputs(restore(directory), ids), wanted)
    assert np.abs(outputs(build(tmp_path / "model", settings).model, ids) - wanted).max() > 0.01


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("albert_config.json", {"maxlen": 65}, "reads at most 64 tokens at once"),
        ("vocab.txt", {}, "is no model directory, checkpoint directory"),
    ],
)
def test_what_a_model_cannot_be_built_from_is_said(
    base: Path, settings: Settings, name: str, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        build(base.parent / name, replace(settings, **changes))


def test_a_source_without_a_head_a_vocabulary_or_anything_is_refused(
    base: Path, settings: Settings, vocabulary: Vocabulary, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match="holds no softmax head"):
        build(base, settings, head=True)
    with pytest.raises(FileNotFoundError, match="Nothing to start from"):
        build(tmp_path / "nowhere", settings)
    (tmp_path / "albert_config.json").write_bytes(base.read_bytes())
    with pytest.raises(ModelError, match=r"needs exactly one vocab\*\.txt\. Received: none"):
        build(tmp_path / "albert_config.json", settings)
    (tmp_path / "vocab.txt").write_text(vocabulary.to_text() + "多\n", encoding="utf-8")
    with pytest.raises(
        ModelError, match=rf"config says \d+ tokens, vocab.txt has {len(vocabulary) + 1}"
    ):
        build(tmp_path / "albert_config.json", settings)


def test_head_s_bias_is_set_and_its_kernel_stays(base: Path, settings: Settings) -> None:
    model = build(base, settings).model
    kernel, _ = model.get_layer(HEAD).get_weights()
    set_head_bias(model, np.array([0.5, -1, 2], np.float32))
    after, bias = model.get_layer(HEAD).get_weights()
    np.testing.assert_array_equal(after, kernel)
    assert bias.tolist() == [0.5, -1, 2]
