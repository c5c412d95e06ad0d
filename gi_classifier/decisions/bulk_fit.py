"""Chooses from which margin the linear member answers alone, on passages that nobody labelled.

In: passages, or margins (n,) and whether the label changes (n,). Out: the cut, with the exact bound
on the share of all records whose label it changes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from gi_classifier.decisions.bulk import (
    CONFIDENCE,
    FEWEST_PASSAGES,
    MOST_CHANGED,
    Bulk,
    both_scores,
    linear_log_odds,
    margins,
)
from gi_classifier.errors import RecordsError
from gi_classifier.model.directory import ModelDirectory
from gi_classifier.model.fusion import Fusion
from gi_classifier.model.predictor import Predictor

# Passages that are read at most: more move the cut little.
MOST_PASSAGES = 30_000
_CHUNK = 1024


def upper_bound(changed: int, records: int, confidence: float = CONFIDENCE) -> float:
    """The exact one-sided upper bound of a share (Clopper and Pearson 1934), in 0…1."""
    from scipy.stats import beta

    return (
        1.0 if changed >= records else float(beta.ppf(confidence, changed + 1, records - changed))
    )


def least_margin(
    margin: np.ndarray, changed: np.ndarray, most_changed: float, confidence: float
) -> float | None:
    """The least margin from which on few enough labels change.

    The share of all records whose label changes can only rise as the cut falls. So the cut may be
    the least at which the exact upper bound of that share holds, without a price for trying many
    (risk-controlling prediction sets, Bates and others 2021, theorem 1): with probability
    ``confidence`` over the passages, at most ``most_changed`` of records of their kind change.

    Parameters
    ----------
    margin : ndarray of float64, shape (n,)
        How sure the linear member is.
    changed : ndarray of bool, shape (n,)
        Whether its label is another than that of both members.
    most_changed, confidence : float
        In 0…1.

    Returns
    -------
    float or None
        None where there are too few passages to say so of any cut.
    """
    count = len(margin)
    if not count or upper_bound(0, count, confidence) > most_changed:
        return None
    falling = np.sort(margin[changed])[::-1]
    for allowed, first_too_many in enumerate(falling):
        if upper_bound(allowed + 1, count, confidence) > most_changed:
            # Just above it, so that it and those of the same margin are left to both.
            return float(np.nextafter(first_too_many, np.inf))
    return 0.0


def compare(
    predictor: Predictor, alone: Fusion, texts: Sequence[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Read texts with both members, to see what the linear one would change.

    Parameters
    ----------
    predictor : Predictor
        With both members.
    alone : Fusion
        How the linear member's log-odds become probabilities of its own.
    texts : sequence of str
        Checked.

    Returns
    -------
    margin : ndarray of float64, shape (n,)
    changed : ndarray of bool, shape (n,)
        Whether its label is another than that of both.
    """
    log_odds = linear_log_odds(predictor, texts)
    scores, both = alone.scores(None, log_odds), both_scores(predictor, texts, log_odds)
    return margins(alone.probabilities(scores)), scores.argmax(axis=1) != both.argmax(axis=1)


def drawn(passages: Iterable[str], seed: int) -> list[str]:
    """The passages that a cut is chosen on: distinct ones, at random, 30,000 at most."""
    distinct = list(dict.fromkeys(passages))
    kept = np.random.default_rng([seed, 5]).permutation(len(distinct))[:MOST_PASSAGES]
    return [distinct[place] for place in kept]


def choose_cut(
    directory: ModelDirectory,
    predictor: Predictor,
    passages: Sequence[str],
    step: Callable[[int], object] = lambda count: None,
) -> Bulk:
    """Read passages with both members and choose the cut.

    Parameters
    ----------
    directory : ModelDirectory
    predictor : Predictor
        Of the same model, with both members.
    passages : sequence of str
        Of :func:`drawn`, checked, of the kind that will be read.
    step : callable
        Told again and again how many further passages were read.

    Raises
    ------
    SettingsError
        The linear member has no part in the answer.
    RecordsError
        They are fewer than 10,000.
    """
    linear_log_odds(predictor, [])
    count = len(passages)
    if count < FEWEST_PASSAGES:
        raise RecordsError(
            f"Bulk needs {FEWEST_PASSAGES:,} distinct passages to promise that at most "
            f"{MOST_CHANGED:.1%} of the labels change. Give more. Received: {count:,}"
        )
    alone, parts = directory.fusion("linear"), []
    for begin in range(0, count, _CHUNK):
        parts.append(compare(predictor, alone, passages[begin : begin + _CHUNK]))
        step(len(parts[-1][0]))
    margin, changed = (np.concatenate(part) for part in zip(*parts, strict=True))
    # So many passages can promise it of some cut.
    cut = least_margin(margin, changed, MOST_CHANGED, CONFIDENCE) or 0.0
    answers = margin >= cut
    wrong = int((answers & changed).sum())
    return Bulk(
        model_sha256=directory.digest,
        least_margin=cut,
        passages=count,
        answered=int(answers.sum()),
        changed=wrong,
        upper_bound=upper_bound(wrong, count),
    )
