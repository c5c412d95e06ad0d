"""Measures how faithful scores of tokens are: does the model lose what they say it rests on?

In: windows of token ids, the label explained in each, a score for each token, and a model as a
function from windows to log-odds. Out: one number for each window and measure.

A window is [CLS] … [SEP]; its tokens are what stands between. A token is removed by leaving it
out, as in ERASER (DeYoung et al. 2020), or by putting another id, that of [MASK], in its place.
The first favours no baseline of an attribution; the second keeps every position.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from gi_classifier.errors import InputError, ModelError
from gi_classifier.model.directory import NO_ALBERT
from gi_classifier.model.gradient import log_odds
from gi_classifier.model.predictor import Predictor
from gi_classifier.text import batches_by_length, pad

PERCENTS = (5, 10, 20, 50)
# In a shorter window every share of PERCENTS below 50 is the same single token, or nearly all.
MIN_TOKENS = 5
MEASURES = ("comprehensiveness", "sufficiency", "log_odds", "agreement")
# From windows and one label each to the label's log-odds, float64 (windows,).
Model = Callable[[Sequence[np.ndarray], np.ndarray], np.ndarray]


def window_model(predictor: Predictor, batch_tokens: int = 2048) -> Model:
    """Return a predictor's model as this module asks for it; equal windows are computed once.

    Parameters
    ----------
    predictor : Predictor
    batch_tokens : int
        Tokens computed at once.
    """
    engine = predictor.engine
    if engine is None:
        raise ModelError(NO_ALBERT)

    def run(rows: Sequence[np.ndarray], labels: np.ndarray) -> np.ndarray:
        places: dict[bytes, int] = {}
        owners = [places.setdefault(row.astype(np.int32).tobytes(), len(places)) for row in rows]
        distinct = [np.frombuffer(row, dtype=np.int32) for row in places]
        logits = np.empty((len(distinct), predictor.settings.num_classes), dtype=np.float32)
        for batch in batches_by_length([len(row) for row in distinct], batch_tokens):
            logits[batch] = engine.run(pad([distinct[i] for i in batch]))[0]
        return log_odds(logits[owners], labels)

    return run


def removed_count(tokens: int, percent: int) -> int:
    """How many tokens a share is: rounded down, but at least one."""
    return max(1, tokens * percent // 100)


def ranking(scores: np.ndarray) -> np.ndarray:
    """Positions from the highest signed score to the lowest; equal scores in reading order."""
    return np.argsort(-np.asarray(scores), kind="stable")


def without(row: np.ndarray, tokens: np.ndarray, replacement: int | None = None) -> np.ndarray:
    """A window without some of its tokens.

    Parameters
    ----------
    row : ndarray of int, shape (tokens + 2,)
        Ids, special tokens included.
    tokens : ndarray of int
        Positions among the tokens: 0 is the one behind [CLS].
    replacement : int, optional
        The id that takes their places; without, they are left out.
    """
    if replacement is None:
        return np.delete(row, tokens + 1)
    changed = row.copy()
    changed[tokens + 1] = replacement
    return changed


def leave_one_out(
    model: Model, rows: Sequence[np.ndarray], labels: np.ndarray, replacement: int | None = None
) -> list[np.ndarray]:
    """By how much the label's log-odds drop when one token is removed (occlusion).

    Returns
    -------
    list of ndarray of float64, shape (tokens,)
        For each window; above 0 where the token speaks for the label.
    """
    counts = np.array([len(row) - 2 for row in rows], dtype=int)
    changed = [
        without(row, np.array([place]), replacement)
        for row, count in zip(rows, counts, strict=True)
        for place in range(count)
    ]
    drops = np.repeat(model(rows, labels), counts) - model(changed, np.repeat(labels, counts))
    return np.split(drops, np.cumsum(counts)[:-1])


def measure(
    model: Model,
    rows: Sequence[np.ndarray],
    labels: np.ndarray,
    scores: Sequence[np.ndarray],
    drops: Sequence[np.ndarray],
    *,
    replacement: int | None = None,
    percents: Sequence[int] = PERCENTS,
) -> dict[str, np.ndarray]:
    """Measure the scores of one method in many windows.

    With p the label's probability, and averaged over the shares of tokens (area over the
    perturbation curve, AOPC):

    comprehensiveness
        p(window) - p(window without the highest scores); higher is better.
    sufficiency
        p(window) - p(the highest scores alone); lower is better.
    log_odds
        log p(window) - log p(window without the highest scores); higher is better. It still
        tells differences where p is near 1 (Shrikumar et al. 2017, with the sign turned).
    agreement
        Kendall's tau-b of the scores and ``drops``, from -1 to 1; not averaged.

    Parameters
    ----------
    model : Model
    rows : sequence of ndarray of int, shape (tokens + 2,)
        Windows, special tokens included.
    labels : ndarray of int, shape (windows,)
    scores : sequence of ndarray, shape (tokens,)
        Higher where a token speaks for the label; ranked with their sign.
    drops : sequence of ndarray, shape (tokens,)
        Of :func:`leave_one_out`, with the same ``replacement``.
    replacement : int, optional
        The id that takes a removed token's place; without, tokens are left out.
    percents : sequence of int
        Shares of tokens to remove, each rounded down, but at least one token.

    Returns
    -------
    dict of ndarray of float64, shape (windows,)
        By :data:`MEASURES`. Agreement is nan where scores or drops are all equal.

    Raises
    ------
    InputError
        Scores that are not finite or not one for each token.
    """
    from scipy.stats import kendalltau

    _check(rows, labels, scores, drops)
    changed = []
    for row, values in zip(rows, scores, strict=True):
        order = ranking(values)
        for percent in percents:
            top, rest = np.split(order, [removed_count(len(order), percent)])
            changed += [without(row, top, replacement), without(row, rest, replacement)]
    before = model(rows, labels)[:, None]
    after = model(changed, np.repeat(labels, 2 * len(percents)))
    after = after.reshape(len(rows), len(percents), 2)
    log_p, log_removed = -np.logaddexp(0, -before), -np.logaddexp(0, -after[..., 0])
    p, removed, alone = np.exp(log_p), np.exp(log_removed), np.exp(-np.logaddexp(0, -after[..., 1]))
    return {
        "comprehensiveness": (p - removed).mean(axis=1),
        "sufficiency": (p - alone).mean(axis=1),
        "log_odds": (log_p - log_removed).mean(axis=1),
        "agreement": np.array(
            [kendalltau(a, b).statistic for a, b in zip(scores, drops, strict=True)]
        ),
    }


def _check(
    rows: Sequence[np.ndarray],
    labels: np.ndarray,
    scores: Sequence[np.ndarray],
    drops: Sequence[np.ndarray],
) -> None:
    found = {"labels": len(labels), "scores": len(scores), "drops": len(drops)}
    if set(found.values()) != {len(rows)} or not len(rows):
        raise InputError(
            f"One label, scores and drops for each window, at least one window. "
            f"Received: {len(rows)} windows, {found}"
        )
    problems = []
    for i, (row, *arrays) in enumerate(zip(rows, scores, drops, strict=True)):
        for name, values in zip(("scores", "drops"), arrays, strict=True):
            if len(row) < 3 or np.shape(values) != (len(row) - 2,):
                problems.append(
                    f"window {i}: {name} of shape {np.shape(values)} for {len(row) - 2} tokens"
                )
            elif not np.isfinite(values).all():
                problems.append(f"window {i}: {name} that are not finite")
    if problems:
        raise InputError("Each token needs one finite score. Received:", problems)
