"""The functions of the library on the model that ships: predict, explain, embed and their like.

In: Chinese medical records as strings of any length. Out: labels, probabilities, attributions, in
the order given. The model is loaded by the first call that needs it, once in a process.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, Literal, NamedTuple, overload

import numpy as np

from gi_classifier.attribution.attribution import Attribution
from gi_classifier.attribution.integrated_gradients import Baseline, Explainer, PathOptions
from gi_classifier.attribution.quadrature import Rule
from gi_classifier.decisions.decision import Decider, Decision, labels_or_none
from gi_classifier.errors import InputError
from gi_classifier.model.directory import ModelDirectory
from gi_classifier.model.predictor import Predictor
from gi_classifier.model.shipped import open_shipped, shipped_directory
from gi_classifier.settings import Use
from gi_classifier.text_checks import check_texts


def explain(
    texts: Sequence[str],
    label: int | str | Sequence[int | str] | None = None,
    *,
    baseline: Baseline = PathOptions.baseline,
    steps: int = PathOptions.steps,
    tolerance: float = PathOptions.tolerance,
    max_steps: int = PathOptions.max_steps,
    rule: Rule = PathOptions.rule,
    batch_tokens: int = PathOptions.batch_tokens,
    use: Use | None = None,
) -> list[Attribution]:
    """Say which words decided, by integrated gradients on the model that ships.

    Parameters
    ----------
    texts : sequence of str
        Records of any length; the windows of a long one are joined.
    label : int, str or sequence of them, optional
        The label to explain by number or name, one for all or one for each text; without, the
        predicted one.
    baseline : {"mask", "pad", "zero"}
        Where the path begins: every token [MASK] or [PAD] (between [CLS] and [SEP]), or no
        embedding at all. What it stands for: a text that says nothing.
    steps : int
        Points of the path at which a gradient is taken, at first; at most ``max_steps``.
    tolerance : float
        Relative completeness error above which a text gets more points, in (0, 1).
    max_steps : int
        No text gets more points; one that would need them is returned with ``converged`` False.
        See :func:`gi_classifier.attribution.quadrature.refined` for how they grow.
    rule : {"centred", "midpoint", "gauss-legendre", "riemann", "trapezoid"}
        See :func:`gi_classifier.attribution.quadrature.quadrature`.
    batch_tokens : int
        Tokens whose gradient is computed at once: bounds the memory, whatever the texts' length.
    use : {"both", "albert", "linear"}, optional
        The members whose answer is explained; without, what the model's settings say.

    Returns
    -------
    list of Attribution
        In the order of the texts.

    Raises
    ------
    InputError
        Some texts are not strings or blank.
    LabelError
        A label is not one of the model's.
    SettingsError
        With every option that is out of range.

    Examples
    --------
    >>> from gi_classifier import explain
    >>> found = explain(["胃窦溃疡复查。结肠镜：乙状结肠见一息肉。"], "lower")[0]
    >>> [(span.text, span.score > 0) for span in found.spans("clause")]
    [('胃窦溃疡复查。', False), ('结肠镜：乙状结肠见一息肉。', True)]
    """
    opens = Explainer if use is None else _openers(use).explainer
    return open_shipped(opens).explain(
        texts,
        label,
        baseline=baseline,
        steps=steps,
        tolerance=tolerance,
        max_steps=max_steps,
        rule=rule,
        batch_tokens=batch_tokens,
    )


def _predictor(use: Use | None = None) -> Predictor:
    if use is None:
        return open_shipped(Predictor.from_directory)
    return open_shipped(_openers(use).predictor)


def _decider(use: Use | None = None) -> Decider:
    return open_shipped(_openers(use).decider)


class _Openers(NamedTuple):
    """What opens the model that ships for one use of its members."""

    predictor: Callable[[ModelDirectory], Predictor]
    decider: Callable[[ModelDirectory], Decider]
    explainer: Callable[[ModelDirectory], Explainer]


def _openers(use: Use | None) -> _Openers:
    # Named here where it is none, or one that this model cannot answer by.
    shipped_directory().fusion(use)
    return _cached_openers(use)


@cache
def _cached_openers(use: Use | None) -> _Openers:
    """Kept, since what is open is known by what opened it."""
    return _Openers(
        # All share one engine.
        lambda directory: Predictor.from_directory(directory, _predictor().engine, use=use),
        lambda directory: Decider(directory, _predictor(use)),
        lambda directory: Explainer(directory, use=use),
    )


def estimate_prior(texts: Sequence[str]) -> np.ndarray:
    """Estimate the shares of the labels among unlabelled records, by the model that ships.

    Better than counting the predicted labels where the records are of another mixture than
    those that the model was fitted on; see :func:`gi_classifier.decisions.priors.estimate_prior`.

    Parameters
    ----------
    texts : sequence of str
        Some hundred records or more.

    Returns
    -------
    ndarray of float64, shape (3,)
        In the order of :class:`~gi_classifier.Label`; sums to 1. For ``predict(…, prior=…)``.

    Raises
    ------
    InputError
        Some are not strings or blank: all positions are named.
    RecordsError
        There is none.

    Examples
    --------
    >>> from gi_classifier import estimate_prior
    >>> shares = estimate_prior(["胃窦糜烂", "胃体息肉", "直肠息肉", "右肺结节"])
    >>> int(shares.argmax()), round(float(shares.sum()), 6)
    (1, 1.0)
    """
    return _decider().estimate_prior(check_texts(texts))


def novelty(texts: Sequence[str]) -> np.ndarray:
    """Say how unlike the records that the model was trained on each record is.

    Parameters
    ----------
    texts : sequence of str

    Returns
    -------
    ndarray of float64, shape (texts,)
        In 0…1, see :mod:`gi_classifier.decisions.novelty`; ``predict(…, reject_novel=True)``
        leaves those above the model's threshold unanswered.

    Raises
    ------
    InputError
        Some are not strings or blank: all positions are named.

    Examples
    --------
    >>> from gi_classifier import novelty
    >>> novelty(["胃窦糜烂", "The quick brown fox"]) > 0.9
    array([False,  True])
    """
    return _decider().novelty(check_texts(texts))


MAX_TEXTS = 512


@overload
def predict(text: str, *, use: Use | None = ...) -> int: ...
@overload
def predict(
    text: str,
    *,
    prior: Sequence[float] | None = ...,
    label: int | str | None = ...,
    threshold: float | Literal["stored"] | None = ...,
    min_confidence: float | None = ...,
    reject_novel: bool = ...,
    use: Use | None = ...,
) -> int | None: ...
def predict(text: str, *, use: Use | None = None, **decision: Any) -> int | None:
    """Say what one record describes: 1 the upper GI tract, 2 the lower, 0 neither.

    A record that is about both tracts equally has no right answer; it gets the label that the
    model gives the most probability, and :func:`predict_proba` shows how close the two were.

    Parameters
    ----------
    text : str
        A record of any length; more than ``maxlen`` tokens are read in overlapping windows.
    prior, label, threshold, min_confidence, reject_novel : optional
        How to decide, see :class:`gi_classifier.decisions.decision.Decision`; with the last two,
        the answer may be None. Without any, the likeliest label.
    use : {"both", "albert", "linear"}, optional
        The members that answer; without, what the model's settings say.

    Raises
    ------
    InputError
        Not a string, or blank.
    SettingsError
        With every option that is out of range.

    Examples
    --------
    >>> from gi_classifier import predict
    >>> predict("十二指肠球部见一溃疡，覆白苔")
    1
    >>> predict("患者腹泻，胃镜未见异常", label="lower", threshold=0.2)
    2
    """
    if not isinstance(text, str):
        raise InputError(
            f"predict takes one str; for several use multi_predict. Received: {type(text).__name__}"
        )
    (answer,) = _answers(check_texts([text]), use, decision)
    return answer


@overload
def multi_predict(texts: Sequence[str], *, use: Use | None = ...) -> list[int]: ...
@overload
def multi_predict(
    texts: Sequence[str],
    *,
    prior: Sequence[float] | None = ...,
    label: int | str | None = ...,
    threshold: float | Literal["stored"] | None = ...,
    min_confidence: float | None = ...,
    reject_novel: bool = ...,
    use: Use | None = ...,
) -> list[int | None]: ...
def multi_predict(texts: Sequence[str], *, use: Use | None = None, **decision: Any) -> list[Any]:
    """Say what each of at most 512 records describes, in the order given.

    Parameters
    ----------
    texts : sequence of str
    prior, label, threshold, min_confidence, reject_novel : optional
        As for :func:`predict`; an answer may be None.
    use : {"both", "albert", "linear"}, optional
        As for :func:`predict`.

    Raises
    ------
    InputError
        More than 512 texts, or some are not strings or blank: all positions are named, and
        nothing is computed.
    SettingsError
        With every option that is out of range.

    Examples
    --------
    >>> from gi_classifier import multi_predict
    >>> multi_predict(["结肠多发息肉", "右肺上叶结节"])
    [2, 0]
    """
    return _answers(check_texts(texts, limit=MAX_TEXTS), use, decision)


def _answers(
    texts: list[str], use: Use | None, options: Mapping[str, Any]
) -> list[int] | list[int | None]:
    if not options:
        return [int(label) for label in _predictor(use).predict_proba(texts).argmax(axis=1)]

    return labels_or_none(_decider(use).predict(texts, Decision(**options))[0])


def predict_proba(
    texts: Sequence[str], *, prior: Sequence[float] | None = None, use: Use | None = None
) -> np.ndarray:
    """Probability of each label for any number of records, by the model that ships.

    Parameters
    ----------
    texts : sequence of str
    prior : sequence of float, optional
        The shares of the labels among these records, where they are not those of the training
        records (Saerens et al. 2002); :func:`gi_classifier.estimate_prior` finds them.
    use : {"both", "albert", "linear"}, optional
        The members that answer; without, what the model's settings say.

    Returns
    -------
    ndarray of float64, shape (texts, 3)
        Columns in the order of :class:`~gi_classifier.Label`; rows sum to 1.

    Raises
    ------
    InputError
        Some are not strings or blank: all positions are named.

    Examples
    --------
    >>> from gi_classifier import predict_proba
    >>> predict_proba(["结肠多发息肉"]).round(1)
    array([[0., 0., 1.]])
    """
    checked = check_texts(texts)
    if prior is None:
        return _predictor(use).predict_proba(checked)

    return _decider(use).predict_proba(checked, prior)


def embed(texts: Sequence[str]) -> np.ndarray:
    """Features of any number of records, for a classifier of your own: the encoder's [CLS] vectors.

    Parameters
    ----------
    texts : sequence of str

    Returns
    -------
    ndarray of float32, shape (texts, 312)
        Of the model that ships; a text in several windows has their weighted mean.

    Raises
    ------
    InputError
        Some are not strings or blank: all positions are named.

    Examples
    --------
    >>> from gi_classifier import embed
    >>> embed(["结肠多发息肉", "右肺上叶结节"]).shape
    (2, 312)
    """
    return _predictor().embed(check_texts(texts))
