"""Masked-language pre-training of the encoder on unlabelled text, whole words masked.

In: text files, one passage a line. Out: a directory with ``albert_config.json``, ``vocab.txt``
and ``model.h5`` that training can start from. Interrupted, the same call goes on. Words come
from jieba; of the masked tokens 80% become [MASK], 10% another token, 10% stay (Devlin et al.
2019; whole words: Cui et al. 2021).
"""

from __future__ import annotations

import dataclasses
import hashlib
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import tqdm

from gi_classifier.data.passages import check_passages, read_passages
from gi_classifier.errors import RecordsError, SettingsError
from gi_classifier.files import check_output_directory, check_owned, to_json, write_directory
from gi_classifier.model.origin import ORIGIN_FILE, origin
from gi_classifier.segmenter import new_segmenter
from gi_classifier.settings import AlbertConfig, PretrainingSettings, Settings
from gi_classifier.text import Vocabulary, pad
from gi_classifier.training.checkpoint import flatten, read_checkpoint, unflatten, write_checkpoint
from gi_classifier.training.initialisation import local_attention
from gi_classifier.training.run_state import (
    logging_to,
    phase,
    sha256_of,
    starting_tensorflow,
    working_directory,
)

if TYPE_CHECKING:
    from gi_classifier.model.weights import LayerWeights


logger = logging.getLogger(__name__)
CONFIG_FILE, VOCABULARY_FILE, WEIGHTS_FILE = "albert_config.json", "vocab.txt", "model.h5"
# Not named like a config: training finds that by its name.
LOG_FILE, CHECKPOINT = "pretrain.log", "checkpoint.npz"


@dataclass(frozen=True)
class Passage:
    """A line of text as tokens.

    Attributes
    ----------
    ids : ndarray of int32, shape (tokens,)
        With [CLS] and [SEP].
    words : ndarray of int32, shape (tokens,)
        The number of each token's word; -1 for special tokens.
    """

    ids: np.ndarray
    words: np.ndarray


def passages(texts: Iterable[str], vocabulary: Vocabulary, maxlen: int) -> list[Passage]:
    """Encode texts, cut to ``maxlen`` tokens, with the word of each token."""
    segmenter = new_segmenter()
    special = {"cls": vocabulary.ids["[CLS]"], "sep": vocabulary.ids["[SEP]"]}
    found = []
    lines = list(texts)
    shown = tqdm(lines, desc="words", unit="line", disable=None, leave=False)
    for text, encoded in zip(shown, vocabulary.encode(lines), strict=True):
        ends = np.cumsum([len(word) for word in segmenter.cut(text, HMM=False)])
        words = np.searchsorted(ends, encoded.offsets[:, 0], side="right")
        for start in range(0, len(words), maxlen - 2):
            part = slice(start, start + maxlen - 2)
            ids = np.concatenate(([special["cls"]], encoded.ids[part], [special["sep"]]))
            numbers = np.concatenate(([-1], words[part], [-1]))
            found.append(Passage(ids.astype(np.int32), numbers.astype(np.int32)))
    return found


def mask_words(
    passage: Passage, vocabulary: Vocabulary, share: float, source: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Mask whole words of one passage.

    Returns
    -------
    ids : ndarray of int32, shape (tokens,)
        With some tokens replaced.
    positions : ndarray of int64
        The masked positions, at least one; the truth there is ``passage.ids[positions]``.
    """
    words = np.unique(passage.words[passage.words >= 0])
    wanted = max(1, round(share * (len(passage.ids) - 2)))
    order = source.permutation(words)
    sizes = np.bincount(passage.words[passage.words >= 0], minlength=int(words[-1]) + 1)[order]
    chosen = order[: 1 + int(np.searchsorted(np.cumsum(sizes), wanted))]
    positions = np.flatnonzero(np.isin(passage.words, chosen))
    ids = passage.ids.copy()
    # One draw for each word, so that a word is masked, replaced or kept as a whole.
    draw = source.random(int(words[-1]) + 1)[passage.words[positions]]
    ids[positions[draw < 0.8]] = vocabulary.ids["[MASK]"]
    other = positions[(draw >= 0.8) & (draw < 0.9)]
    ids[other] = source.integers(5, len(vocabulary), len(other))
    return ids, positions


def log_frequencies(found: Sequence[Passage], size: int) -> np.ndarray:
    """Logarithm of each token's frequency, smoothed by one: float32 (size,).

    Where the output bias starts, so that no step is spent on learning which tokens are common.
    """
    counts = np.bincount(np.concatenate([passage.ids[1:-1] for passage in found]), minlength=size)
    shares: np.ndarray = np.log((counts + 1) / (counts.sum() + size)).astype(np.float32)
    return shares


def step_function(
    config: AlbertConfig, seed: int, bias: np.ndarray, weights: LayerWeights | None = None
) -> tuple[Any, Any, Any, Callable[..., Any]]:
    """Build encoder, masked-language model and Adam, and compile one training step.

    The head is the published one: dense, GELU, norm, the token table again, a bias; it is
    computed at the masked positions only. ``weights`` are the encoder's; without, it starts
    as :mod:`gi_classifier.training.initialisation` says.
    """
    from gi_classifier.training.keras_backend import tf, tf_keras
    from gi_classifier.training.keras_model import encoder, get_weights, initialise, set_weights

    body = encoder(config, cls_only=False)
    states = tf_keras.Input((config.hidden_size,))
    width = config.embedding_size or config.hidden_size
    dense = tf_keras.layers.Dense(width, activation="gelu", name="MLM-Dense")(states)
    norm = tf_keras.layers.LayerNormalization(epsilon=1e-12, name="MLM-Norm")(dense)
    head = tf_keras.Model(states, norm)
    offset = tf.Variable(bias, name="MLM-Bias")
    for number, model in enumerate((body, head)):
        initialise(model, seed + number)
    if weights is None:
        weights = local_attention(get_weights(body), config, seed)
    set_weights(body, weights, head=False)
    variables = [*body.trainable_variables, *head.trainable_variables, offset]
    optimizer = tf_keras.optimizers.Adam(0.0, beta_2=0.98, global_clipnorm=1.0)
    optimizer.build(variables)
    table = body.get_layer("Embedding-Token").embeddings

    def step(ids: Any, places: Any, truth: Any) -> Any:
        with tf.GradientTape() as tape:
            masked = tf.gather_nd(body([ids, tf.zeros_like(ids)], training=True), places)
            logits = tf.matmul(head(masked), table, transpose_b=True) + offset
            loss = tf.reduce_mean(
                tf.nn.sparse_softmax_cross_entropy_with_logits(labels=truth, logits=logits)
            )
        gradients = tape.gradient(loss, variables)
        optimizer.apply_gradients(zip(gradients, variables, strict=True))
        return loss

    compiled = tf.function(
        step,
        autograph=False,
        input_signature=[
            tf.TensorSpec((None, None), tf.int32),
            tf.TensorSpec((None, 2), tf.int64),
            tf.TensorSpec((None,), tf.int32),
        ],
    )
    return body, variables, optimizer, compiled


def epoch_batches(
    lengths: np.ndarray, settings: PretrainingSettings, epoch: int
) -> list[np.ndarray]:
    """The rows of each batch of an epoch: like length, an order that seed and epoch fix."""
    source = np.random.default_rng([settings.seed, epoch])
    order = source.permutation(len(lengths))
    order = order[np.argsort(lengths[order], kind="stable")]
    batches, start = [], 0
    for end in range(1, len(order) + 1):
        full = end == len(order) or (end + 1 - start) * lengths[order[end]] > settings.batch_tokens
        if full:
            batches.append(order[start:end])
            start = end
    return [batches[i] for i in source.permutation(len(batches))]


def pretrain(
    corpora: str | Path | Sequence[str | Path],
    output: str | Path,
    *,
    vocabulary: Vocabulary | None = None,
    config: AlbertConfig | None = None,
    base: str | Path | None = None,
    settings: PretrainingSettings | None = None,
    force: bool = False,
    restart: bool = False,
) -> Path:
    """Pre-train an encoder on unlabelled text.

    Parameters
    ----------
    corpora : str, Path or sequence of them
        Text files, one passage a line, UTF-8 or GB18030, ``.gz`` or plain.
    output : str or Path
        Directory to write; ``<output>.training`` holds the state until then.
    vocabulary : Vocabulary, optional
        To start from random weights.
    config : AlbertConfig, optional
        With ``vocabulary``; ALBERT-tiny without.
    base : str or Path, optional
        To go on from weights instead: whatever :func:`gi_classifier.training.keras_model.build`
        takes. It brings its own vocabulary and config.
    settings : PretrainingSettings, optional
    force, restart : bool
        As in :func:`gi_classifier.train`.

    Returns
    -------
    Path
        The directory; :func:`gi_classifier.training.keras_model.build` and so training start from
        it, or from the ``model.h5`` in it.

    Examples
    --------
    >>> from gi_classifier import pretrain, train
    >>> encoder = pretrain("corpus.txt", "encoder", base="my-model")  # doctest: +SKIP
    >>> train("mine.csv", "next", base=encoder)  # doctest: +SKIP
    """
    settings = settings or PretrainingSettings()
    output = check_output_directory(output, force=force)
    if output.exists():
        check_owned(output, (CONFIG_FILE, VOCABULARY_FILE, WEIGHTS_FILE, ORIGIN_FILE))
    files_read = check_passages(corpora)
    with working_directory(output, restart=restart) as work:
        with starting_tensorflow():
            from gi_classifier.training.keras_model import to_h5
        vocabulary, config, weights = _start(vocabulary, config, base, settings)
        with logging_to(work / LOG_FILE):
            with phase("reading"):
                found = passages(read_passages(files_read), vocabulary, settings.maxlen)
            if not found:
                raise RecordsError(f"No text in {', '.join(map(str, files_read))}")
            with phase("pre-training"):
                body = _run(found, vocabulary, config, weights, settings, work / CHECKPOINT)
        files = {
            CONFIG_FILE: to_json(config.to_dict()),
            VOCABULARY_FILE: vocabulary.to_text().encode("utf-8"),
            WEIGHTS_FILE: to_h5(body),
            ORIGIN_FILE: to_json(_origin(files_read, base, settings)),
        }
        write_directory(files, output)
    return output


def _origin(
    corpora: Sequence[Path], base: str | Path | None, settings: PretrainingSettings
) -> dict[str, Any]:
    """What the encoder was made with."""
    told = {"corpora": [path.name for path in corpora], "base": base and str(base)}
    return origin(None, command="pretrain", **told, **dataclasses.asdict(settings))


def _start(
    vocabulary: Vocabulary | None,
    config: AlbertConfig | None,
    base: str | Path | None,
    settings: PretrainingSettings,
) -> tuple[Vocabulary, AlbertConfig, LayerWeights | None]:
    """The vocabulary, config and weights to start from; the weights are None where random."""
    from gi_classifier.training.keras_model import build, get_weights

    if vocabulary is not None and base is None:
        config = config or AlbertConfig(vocab_size=len(vocabulary))
        problems = []
        if settings.maxlen > config.max_position_embeddings:
            problems.append(
                f"maxlen {settings.maxlen}; the config has {config.max_position_embeddings} "
                "positions (max_position_embeddings)"
            )
        if config.vocab_size != len(vocabulary):
            problems.append(f"a config of {config.vocab_size} tokens; {len(vocabulary)} are given")
        if problems:
            raise SettingsError("The vocabulary, the config and the settings do not fit:", problems)
        return vocabulary, config, None
    if base is None or vocabulary is not None or config is not None:
        raise SettingsError(
            "Pre-training starts from a vocabulary (and a config), or from a base. Received: "
            f"vocabulary {vocabulary is not None}, config {config is not None}, base {base}"
        )
    built = build(Path(base), Settings(maxlen=settings.maxlen))
    return built.vocabulary, built.config, get_weights(built.model)


def _run(
    found: Sequence[Passage],
    vocabulary: Vocabulary,
    config: AlbertConfig,
    weights: LayerWeights | None,
    settings: PretrainingSettings,
    path: Path,
) -> Any:
    """Take every step that a checkpoint at ``path`` does not hold yet; return the encoder."""
    identity = _run_identity(found, vocabulary, config, weights, settings)
    body, variables, optimizer, step = step_function(
        config, settings.seed, log_frequencies(found, len(vocabulary)), weights
    )
    done, recent = 0, 0.0
    if stored := read_checkpoint(path, identity):
        arrays, state = stored
        for kind, targets in (("model", variables), ("optimizer", optimizer.variables)):
            for variable, value in zip(targets, unflatten(kind, arrays)["all"], strict=True):
                variable.assign(value)
        done, recent = state["step"], state["recent"]
        logger.info("going on after step %d", done)
    lengths = np.array([len(passage.ids) for passage in found])
    batches = [
        rows for epoch in range(settings.epochs) for rows in epoch_batches(lengths, settings, epoch)
    ]
    steps = len(batches)
    logger.info("%d passages, %d tokens, %d steps", len(found), int(lengths.sum()), steps)
    for number in tqdm(range(done, steps), initial=done, total=steps, unit="step", disable=None):
        source = np.random.default_rng([settings.seed, 1, number])
        batch = masked_batch([found[i] for i in batches[number]], vocabulary, settings, source)
        optimizer.learning_rate.assign(settings.learning_rate_at(number, steps))
        loss = float(step(*batch))
        recent = loss if not number else 0.99 * recent + 0.01 * loss
        if (number + 1) % settings.checkpoint_steps == 0 or number + 1 == steps:
            logger.info("step %d of %d: loss %.4f", number + 1, steps, recent)
            arrays = flatten("model", {"all": [v.numpy() for v in variables]})
            arrays |= flatten("optimizer", {"all": [v.numpy() for v in optimizer.variables]})
            write_checkpoint(path, identity, arrays, {"step": number + 1, "recent": recent})
    return body


def _run_identity(
    found: Sequence[Passage],
    vocabulary: Vocabulary,
    config: AlbertConfig,
    weights: LayerWeights | None,
    settings: PretrainingSettings,
) -> dict[str, Any]:
    """All that a run's result depends on, but the machine, ready for JSON."""
    start = "weights" if weights else local_attention.__name__
    layers = (array for _, arrays in sorted((weights or {}).items()) for array in arrays)
    passages = (part for passage in found for part in (passage.ids, passage.words))
    return {
        "setting": dataclasses.asdict(settings),
        "encoder": {**config.to_dict(), "start": start, "weights": sha256_of(layers)},
        "vocabulary": hashlib.sha256(to_json(vocabulary.tokens)).hexdigest(),
        "passages": sha256_of(passages),
    }


def masked_batch(
    rows: Sequence[Passage],
    vocabulary: Vocabulary,
    settings: PretrainingSettings,
    source: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mask words of a batch's passages.

    Returns
    -------
    ids : ndarray of int32, shape (rows, length)
        Padded with 0.
    places : ndarray of int64, shape (masked, 2)
        Row and position of each masked token.
    truth : ndarray of int32, shape (masked,)
        The ids that stood there.
    """
    ids, places, truth = [], [], []
    for row, passage in enumerate(rows):
        masked, positions = mask_words(passage, vocabulary, settings.mask_share, source)
        ids.append(masked)
        places.append(np.stack([np.full(len(positions), row), positions], axis=1))
        truth.append(passage.ids[positions])
    return pad(ids), np.concatenate(places), np.concatenate(truth)
