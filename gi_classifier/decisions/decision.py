"""From probabilities to answers: another prior, a threshold for one label, "I don't know".

In: probabilities (n, classes), and how to decide. Out: a label for each record, or what stands for
no answer where it is left to a person. Plain predicting needs none of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from gi_classifier.errors import SettingsError
from gi_classifier.labels import label_number
from gi_classifier.model.directory import ModelDirectory
from gi_classifier.model.predictor import Predictor
from gi_classifier.option_checks import range_problem

# What stands for no answer in an array of integers: unsure, and unlike any record.
UNDECIDED, NOVEL = -1, -2


@dataclass(frozen=True)
class Decision:
    """How probabilities become answers.

    Parameters
    ----------
    prior : sequence of float, optional
        The shares of the labels among the records to be read, where they are not those that the
        model's probabilities hold under; see :func:`gi_classifier.decisions.priors.reweight`.
    label : int or str, optional
        The label that ``threshold`` is for, by number or name.
    threshold : float or "stored", optional
        A record gets ``label`` where that label's probability is at least this, and otherwise the
        likeliest other label. "stored" is the one that ``gi-classifier thresholds --save`` wrote
        into the model directory.
    min_confidence : float, optional
        A record whose largest probability is below this gets no answer.
    reject_novel : bool
        A record unlike those that the model was trained on gets no answer.

    Examples
    --------
    >>> from gi_classifier import Decision
    >>> Decision(label="upper", threshold=0.3).is_plain
    False
    >>> Decision(min_confidence=2)
    Traceback (most recent call last):
    gi_classifier.errors.SettingsError: This decision cannot be made:
      min_confidence must be a number in [0, 1]. Received: 2
    """

    prior: Sequence[float] | None = None
    label: int | str | None = None
    threshold: float | Literal["stored"] | None = None
    min_confidence: float | None = None
    reject_novel: bool = False

    def __post_init__(self) -> None:
        problems = []
        if (self.label is None) != (self.threshold is None):
            problems.append(
                "label and threshold go together. "
                f"Received: label {self.label!r}, threshold {self.threshold!r}"
            )
        if self.threshold not in (None, "stored") and (
            problem := range_problem("threshold", self.threshold, 0, 1)
        ):
            problems.append(problem.replace(". Received", ", or 'stored'. Received"))
        if self.min_confidence is not None and (
            problem := range_problem("min_confidence", self.min_confidence, 0, 1)
        ):
            problems.append(problem)
        if self.threshold is not None and self.min_confidence is not None:
            problems.append(
                "threshold and min_confidence answer different questions. Give one of them."
            )
        if self.threshold == "stored" and self.prior is not None:
            problems.append(
                "a stored threshold was chosen under the training prior. Give a prior or the "
                "stored threshold, not both."
            )
        if problems:
            raise SettingsError("This decision cannot be made:", problems)

    @property
    def is_plain(self) -> bool:
        """Whether the answer is the likeliest label, as without any of it."""
        given = (self.prior, self.label, self.threshold, self.min_confidence)
        return all(option is None for option in given) and not self.reject_novel


def decide(
    probabilities: np.ndarray,
    *,
    label: int | None = None,
    threshold: float | None = None,
    min_confidence: float | None = None,
) -> np.ndarray:
    """Choose a label for each record.

    Parameters
    ----------
    probabilities : ndarray, shape (n, classes)
    label : int, optional
        Chosen wherever its probability is at least ``threshold``, and nowhere else.
    threshold : float, optional
    min_confidence : float, optional
        Where the largest probability is below it, nothing is chosen.

    Returns
    -------
    ndarray of int, shape (n,)
        Labels, or :data:`UNDECIDED` where there is no answer.
    """
    if label is not None:
        others = probabilities.astype(float)
        others[:, label] = -1.0
        passes = probabilities[:, label] >= threshold
        return np.asarray(np.where(passes, label, others.argmax(axis=1)))
    answers = probabilities.argmax(axis=1)
    if min_confidence is not None:
        answers[probabilities.max(axis=1) < min_confidence] = UNDECIDED
    return np.asarray(answers)


class Decider:
    """A model that decides; what a decision needs beyond the model is read when it is asked for.

    Parameters
    ----------
    directory : ModelDirectory
    predictor : Predictor
        Of the same model.
    """

    def __init__(self, directory: ModelDirectory, predictor: Predictor) -> None:
        self.directory = directory
        self.predictor = predictor
        self._novelty: Any = None

    def predict_proba(
        self, texts: Sequence[str], prior: Sequence[float] | None = None
    ) -> np.ndarray:
        """Probabilities (n, classes) under another prior, for texts that are checked."""
        return self._under(self.predictor.predict_proba(texts), prior)

    def _under(self, found: np.ndarray, prior: Sequence[float] | None) -> np.ndarray:
        """Probabilities under another prior, where one is given."""
        if prior is None:
            return found
        from gi_classifier.decisions.priors import reweight, training_prior, unsmoothed

        return reweight(unsmoothed(found, self.directory), training_prior(self.directory), prior)

    def estimate_prior(self, texts: Sequence[str]) -> np.ndarray:
        """Shares of the labels among unlabelled texts that are checked: (classes,)."""
        from gi_classifier.decisions.priors import estimate_prior, training_prior, unsmoothed

        found = unsmoothed(self.predictor.predict_proba(texts), self.directory)
        return estimate_prior(found, training_prior(self.directory))

    def novelty(self, texts: Sequence[str]) -> np.ndarray:
        """How unlike the training records checked texts are: float64 (n,) in 0…1."""
        return np.asarray(self._novelty_scorer().scores(texts))

    def _novelty_scorer(self) -> Any:
        if self._novelty is None:
            from gi_classifier.decisions.novelty import open_novelty

            self._novelty = open_novelty(self.directory)
        return self._novelty

    def predict(
        self,
        texts: Sequence[str],
        decision: Decision,
        probabilities: np.ndarray | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Decide on checked texts.

        Parameters
        ----------
        texts : sequence of str
        decision : Decision
        probabilities : ndarray, shape (n, classes), optional
            What the predictor says of these texts, where that is known already.

        Returns
        -------
        answers : ndarray of int, shape (n,)
            Labels, or where there is no answer :data:`UNDECIDED` or, also where both hold,
            :data:`NOVEL`.
        probabilities : ndarray of float64, shape (n, classes)
            Under the decision's prior.

        Raises
        ------
        LabelError
            The label is none of the model's.
        SettingsError
            The prior does not fit the model.
        ModelError
            What the decision needs was not stored with the model, or for another classifier.
        """
        label, threshold, scorer = self._needs(decision)
        if probabilities is None:
            probabilities = self.predictor.predict_proba(texts)
        probabilities = self._under(probabilities, decision.prior)
        answers = decide(
            probabilities,
            label=label,
            threshold=threshold,
            min_confidence=decision.min_confidence,
        )
        if scorer is not None and len(texts):
            answers = np.where(scorer.scores(texts) > scorer.threshold, NOVEL, answers)
        return answers, probabilities

    def check(self, decision: Decision) -> None:
        """Raise what :meth:`predict` would raise for any text, before there is one."""
        self._needs(decision)
        classes = self.directory.settings.num_classes
        self._under(np.full((1, classes), 1 / classes), decision.prior)

    def _needs(self, decision: Decision) -> tuple[int | None, Any, Any]:
        """The label's number, its threshold, and what scores novelty where that is asked for."""
        threshold: Any = decision.threshold
        label = None
        if decision.label is not None:
            label = label_number(decision.label, self.directory.settings.names)
            if threshold == "stored":
                from gi_classifier.decisions.thresholds import stored_threshold

                members = self.predictor.fusion.members
                threshold = stored_threshold(self.directory, label, members)
        # Opened before the work, so that a model without it fails at once.
        return label, threshold, self._novelty_scorer() if decision.reject_novel else None


def labels_or_none(answers: np.ndarray) -> list[int | None]:
    """Integers as a list, those that stand for no answer as None."""
    return [None if answer < 0 else int(answer) for answer in answers]
