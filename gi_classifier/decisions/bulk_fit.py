"""Chooses from which margin the linear member answers alone, on passages that nobody labelled.

In: passages, or margins (n,) and whether the label changes (n,). Out: the cut, with the exact bound
on the share of all records whose label it changes.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from hashlib import blake2b
from typing import Any

import numpy as np

from gi_classifier.decisions.bulk import (
    CONFIDENCE,
    FEWEST_PASSAGES,
    MOST_CHANGED,
    Bulk,
    BulkPredictor,
    both_scores,
    linear_log_odds,
    open_bulk,
)
from gi_classifier.decisions.bulk_correction import Correction, fit_correction
from gi_classifier.decisions.decision import Decider
from gi_classifier.errors import RecordsError, SettingsError
from gi_classifier.metrics.intervals import proportion_at_most
from gi_classifier.model.directory import BULK, ModelDirectory
from gi_classifier.model.fusion import Fusion
from gi_classifier.model.predictor import Predictor

logger = logging.getLogger(__name__)

# Passages that are read at most: more move the cut little.
MOST_PASSAGES = 40_000
_CHUNK = 1024


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
        How sure the linear member is; below 0 it answers nothing alone.
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
    if not count or proportion_at_most(0, count, confidence) > most_changed:
        return None
    falling = np.sort(margin[changed])[::-1]
    for allowed, first_too_many in enumerate(falling):
        if proportion_at_most(allowed + 1, count, confidence) > most_changed:
            # Just above it, so that it and those of the same margin are left to both.
            return max(0.0, float(np.nextafter(first_too_many, np.inf)))
    return 0.0


def compare(
    predictor: Predictor,
    alone: Fusion,
    texts: Sequence[str],
    step: Callable[[int], object] = lambda count: None,
) -> tuple[np.ndarray, np.ndarray]:
    """Read texts with both members, to see what the linear one would change.

    Parameters
    ----------
    predictor : Predictor
        With both members.
    alone : Fusion
        How the linear member's log-odds become scores of its own.
    texts : sequence of str
        Checked.
    step : callable
        Told again and again how many further texts were read.

    Returns
    -------
    alone, both : ndarray of float64, shape (n, classes)
        Scores of the linear member alone, and of both.
    """
    found, both = [np.zeros((0, len(alone.constants)))], [np.zeros((0, len(alone.constants)))]
    for begin in range(0, len(texts), _CHUNK):
        some = texts[begin : begin + _CHUNK]
        log_odds = linear_log_odds(predictor, some)
        found.append(alone.scores(None, log_odds))
        both.append(both_scores(predictor, some, log_odds))
        step(len(some))
    return np.concatenate(found), np.concatenate(both)


def drawn(passages: Iterable[str], seed: int, most: int = MOST_PASSAGES) -> list[str]:
    """The passages that a cut is chosen on: distinct ones, at random, at most so many.

    Those whose keyed hash is least, so that memory does not grow with the passages.
    """
    kept: dict[bytes, str] = {}
    key = seed.to_bytes(16, "little")
    for passage in passages:
        kept[blake2b(passage.encode("utf-8", "surrogatepass"), key=key).digest()] = passage
        if len(kept) >= 2 * most:
            kept = dict(sorted(kept.items())[:most])
    return [passage for _, passage in sorted(kept.items())[:most]]


def bulk_at_hand(
    directory: ModelDirectory,
    predictor: Predictor,
    records: Iterable[str],
    unlabelled: Iterable[str] | None = None,
) -> BulkPredictor:
    """Open a model for bulk: with a cut for these passages, its own, or one for the records.

    Parameters
    ----------
    directory : ModelDirectory
    predictor : Predictor
        Of the same model, with both members.
    records : iterable of str
        Checked, those to be read: where the directory holds no cut, 10,000 of them choose one.
    unlabelled : iterable of str, optional
        Passages that choose a cut, whatever the directory holds.

    Raises
    ------
    SettingsError
        The linear member has no part in the answer.
    RecordsError
        There is no cut, and they are too few to choose one.
    ModelError
        The directory's cut was chosen for other weights.
    """
    if unlabelled is None and BULK in directory.files:
        return open_bulk(directory, predictor)
    seed = directory.settings.seed
    if unlabelled is None:
        passages = drawn(records, seed, FEWEST_PASSAGES)
    else:
        passages = drawn(unlabelled, seed)
    cut, correction = choose_cut(directory, predictor, passages)
    return BulkPredictor(predictor, directory.fusion("linear"), cut.least_margin, correction)


def choose_cut(
    directory: ModelDirectory,
    predictor: Predictor,
    passages: Sequence[str],
    step: Callable[[int], object] = lambda count: None,
) -> tuple[Bulk, Correction | None]:
    """Read passages with both members and choose the cut.

    Of twice 10,000 or more, half choose it, and the others teach a correction of margins.

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
    linear, fusion = predictor.linear, directory.fusion("linear")
    alone, both = compare(predictor, fusion, passages, step)
    # Those of least hash choose: of the same text and seed, training left 10,000 of them alone.
    choosing = count - count // 2 if linear and count >= 2 * FEWEST_PASSAGES else count
    correction = None
    if linear and choosing < count:
        rest = passages[choosing:]
        correction = fit_correction(linear, rest, alone[choosing:], both[choosing:])
    bulk = BulkPredictor(predictor, fusion, 0.0, correction)
    margin = bulk.margins(passages[:choosing], alone[:choosing])
    changed = (alone.argmax(axis=1) != both.argmax(axis=1))[:choosing]
    # So many passages can promise it of some cut.
    cut = least_margin(margin, changed, MOST_CHANGED, CONFIDENCE) or 0.0
    answers = margin >= cut
    wrong = int((answers & changed).sum())
    found = Bulk(
        model_sha256=directory.digest,
        least_margin=cut,
        passages=choosing,
        answered=int(answers.sum()),
        changed=wrong,
        upper_bound=proportion_at_most(wrong, choosing, CONFIDENCE),
        corrected_by=count - choosing,
    )
    return found, correction


def bulk_or_none(
    directory: ModelDirectory, predictor: Predictor, records: Iterable[str]
) -> BulkPredictor | None:
    """As :func:`bulk_at_hand`; None, with a warning, where records are too few to choose a cut."""
    try:
        return bulk_at_hand(directory, predictor, records)
    except RecordsError as error:
        logger.warning("Both members read all records. %s", error)
        return None


def bulk_labels(decider: Decider, texts: Sequence[str], **decision: Any) -> np.ndarray:
    """The likeliest label of each checked text, by the linear member where it is sure: int (n,).

    Without a stored cut, 10,000 of the texts choose one; of fewer, both members read all, and a
    warning says so.

    Raises
    ------
    SettingsError
        A decision is asked for, or the linear member has no part in the answer.
    ModelError
        The stored cut was chosen for other weights.
    """
    if decision:
        raise SettingsError(
            "bulk promises the likeliest label; it goes with no decision. "
            f"Received: {', '.join(decision)}"
        )
    bulk = bulk_or_none(decider.directory, decider.predictor, texts)
    found = bulk.predict_proba(texts)[0] if bulk else decider.predictor.predict_proba(texts)
    return np.asarray(found.argmax(axis=1))
