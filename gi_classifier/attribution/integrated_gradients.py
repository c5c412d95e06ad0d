"""Integrated gradients (Sundararajan, Taly and Yan 2017) over token embeddings.

In: texts and a label for each. Out: an :class:`Attribution` each, whose scores sum to what the
label's log-odds gained on the straight path from a baseline to the text. No TensorFlow; the
model is never changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np

from gi_classifier.attribution.attribution import Attribution
from gi_classifier.attribution.quadrature import RULES, Rule, quadrature, refined
from gi_classifier.errors import InputError, LabelError, SettingsError
from gi_classifier.labels import label_number
from gi_classifier.model.directory import ModelDirectory
from gi_classifier.model.engine import log_odds, softmax
from gi_classifier.model.gradient import Gradient
from gi_classifier.model.predictor import Predictor, Reading
from gi_classifier.model.windows import Windows, window_weights
from gi_classifier.option_checks import choice_problem, integer_problem, range_problem
from gi_classifier.settings import Use, WindowRule
from gi_classifier.text import Vocabulary
from gi_classifier.text_checks import check_texts

Baseline = Literal["mask", "pad", "zero"]
BASELINES: tuple[str, ...] = get_args(Baseline)
# A change of the score below it is rounding and has no relative error.
SMALL = 1e-3
_CHUNK = 512


@dataclass(frozen=True)
class PathOptions:
    """How a path is chosen and integrated; see :func:`explain`."""

    baseline: Baseline = "mask"
    steps: int = 28
    tolerance: float = 0.01
    max_steps: int = 756
    rule: Rule = "centred"
    batch_tokens: int = 1024

    def __post_init__(self) -> None:
        problems = [
            choice_problem("baseline", self.baseline, BASELINES),
            choice_problem("rule", self.rule, RULES),
            *(
                integer_problem(name, getattr(self, name), 1)
                for name in ("steps", "max_steps", "batch_tokens")
            ),
            range_problem("tolerance", self.tolerance, 0, 1, open_low=True, open_high=True),
        ]
        if problems := [problem for problem in problems if problem]:
            raise SettingsError("Nothing can be explained with these settings:", problems)

    @classmethod
    def of(cls, given: Mapping[str, Any], default: PathOptions | None = None) -> PathOptions:
        """Options by name, the others as in ``default``; unknown ones raise SettingsError."""
        known = [field.name for field in fields(cls)]
        if unknown := [repr(name) for name in given if name not in known]:
            raise SettingsError(
                f"No such option of explain: {', '.join(unknown)}. There are {', '.join(known)}."
            )
        return replace(default or cls(), **given)


def path_integral(
    gradient: Gradient,
    start: np.ndarray,
    end: np.ndarray,
    labels: np.ndarray,
    points: np.ndarray,
    weights: np.ndarray,
    batch_tokens: int,
) -> np.ndarray:
    """Integrate gradient times step along straight paths, token by token.

    Parameters
    ----------
    gradient : Gradient
    start : ndarray of float32, shape (length, embedding size)
    end : ndarray of float32, shape (n, length, embedding size)
    labels : ndarray of int, shape (n,)
    points, weights : ndarray, shape (steps,)
        Of a rule of :mod:`gi_classifier.attribution.quadrature`.
    batch_tokens : int
        Tokens computed at once; at least one row's are.

    Returns
    -------
    ndarray of float64, shape (n, length)
    """
    step = end - start
    total = np.zeros(end.shape[:2])
    # Pairs of a row and a point, so that one batch holds several of both.
    rows, places = (part.ravel() for part in np.indices((len(end), len(points))))
    size = max(1, batch_tokens // end.shape[1])
    for begin in range(0, len(rows), size):
        row, place = rows[begin : begin + size], places[begin : begin + size]
        inside = start + points[place, None, None].astype(np.float32) * step[row]
        slope = gradient.run(inside, labels[row])[1]
        change = np.einsum("nld,nld->nl", slope, step[row])
        np.add.at(total, row, weights[place, None] * change)
    return total


class Explainer:
    """Says what a model's answers rest on; safe to call from several threads.

    Parameters
    ----------
    directory : ModelDirectory
        A model directory's files.
    use : {"both", "albert", "linear"}, optional
        The members whose answer is explained, as in
        :class:`~gi_classifier.model.predictor.Predictor`.
    threads : int, optional
        See :func:`gi_classifier.cpus.thread_count`.
    """

    def __init__(
        self, directory: ModelDirectory, *, use: Use | None = None, threads: int | None = None
    ) -> None:
        self.settings = directory.settings
        self._directory, self._threads = directory, threads
        # The gradient is that of full precision, so the answers are too: with an engine of its
        # own, since a model's default one may be another.
        precision = "fp32" if "albert" in directory.members else None
        self.predictor = Predictor.from_directory(directory, precision, use=use, threads=threads)
        self.linear = directory.linear
        if self.predictor.fusion.albert:
            # Opened now, so that what cannot be used is told before any work.
            self.gradient  # noqa: B018
        # What the model makes of a baseline hangs on its length alone.
        self._baselines: dict[tuple[int, Baseline], np.ndarray] = {}

    @property
    def vocabulary(self) -> Vocabulary:
        """ALBERT's tokens."""
        return self._directory.vocabulary

    @cached_property
    def gradient(self) -> Gradient:
        """ALBERT's; ModelError where the model has none."""
        return Gradient(self._directory, threads=self._threads)

    def explain(
        self,
        texts: Sequence[str],
        label: int | str | Sequence[int | str] | None = None,
        **options: Any,
    ) -> list[Attribution]:
        """Explain texts; parameters, result and errors are those of :func:`explain`."""
        path = PathOptions.of(options)
        checked = check_texts(texts)
        pairs = list(zip(checked, self._labels(label, len(checked)), strict=True))
        # Equal texts with equal labels are explained once.
        distinct = list(dict.fromkeys(pairs))
        found: dict[Any, Attribution] = {}
        for begin in range(0, len(distinct), _CHUNK):
            part = distinct[begin : begin + _CHUNK]
            found.update(zip(part, self._explain(part, path), strict=True))
        return [found[pair] for pair in pairs]

    def _labels(self, label: Any, count: int) -> list[int | None]:
        """One label for each text; None is the predicted one."""
        many = np.ndim(label) == 1
        labels = list(label) if many else [label] * count
        if len(labels) != count:
            raise InputError(f"One label for each text. Received: {len(labels)} for {count} texts")
        names, found, problems = self.settings.names, [], []
        for position, value in enumerate(labels if many else [label]):
            try:
                found.append(None if value is None else label_number(value, names))
            except LabelError as error:
                problems.append(f"position {position}: {error}" if many else str(error))
        if problems and many:
            raise LabelError(
                f"{len(problems)} of {count} labels are none of this model's:", problems
            )
        if problems:
            raise LabelError(problems[0])
        return found if many else found * count

    def start(self, length: int, baseline: Baseline) -> np.ndarray:
        """Where the paths of windows begin: float32 (length, embedding size).

        "mask" and "pad" keep [CLS] and [SEP]; "zero" has none of the text's embeddings.
        """
        if baseline == "zero":
            return np.zeros((length, self.gradient.table.shape[1]), dtype=np.float32)
        ids = np.full(length - 2, self.vocabulary.ids[f"[{baseline.upper()}]"])
        return np.asarray(self.gradient.table[self.vocabulary.with_special(ids)])

    def _logits_at_start(self, length: int, baseline: Baseline) -> np.ndarray:
        key = (length, baseline)
        if key not in self._baselines:
            self._baselines[key] = self.gradient.logits(self.start(length, baseline)[None])[0]
        return self._baselines[key]

    def _integrate(
        self,
        windows: Windows,
        labels: np.ndarray,
        shares: np.ndarray,
        change: np.ndarray,
        whole: np.ndarray,
        path: PathOptions,
    ) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
        """Integrate every window's path, with more points where a text's error asks for them.

        Parameters
        ----------
        windows : Windows
        labels, shares : ndarray, shape (windows,)
            The label explained in each window, and the window's weight in its text's score.
        change : ndarray of float64, shape (texts,)
            ALBERT's part of the score, at the text less at the baseline: what is to be reached.
        whole : ndarray of float64, shape (texts,)
            The change of the score itself, which errors are relative to.
        path : PathOptions

        Returns
        -------
        scores : list of ndarray of float64, shape (tokens + 2,)
            Of each window.
        errors, used : ndarray, shape (texts,)
            Relative completeness error, and points of the rule it was reached with.
        """
        owners, lengths = windows.owners, np.array([len(row) for row in windows.ids])
        starts = {n: self.start(n, path.baseline) for n in np.unique(lengths).tolist()}
        scores = [np.zeros(n) for n in lengths]
        # Where ALBERT has no part, nothing is left to integrate.
        errors = np.where(np.bincount(owners, shares) > 0, np.inf, 0.0)
        used = np.zeros(len(change), dtype=int)
        count, kept = int(min(path.steps, path.max_steps)), 0.0
        points, weights = quadrature(path.rule, count)
        while (errors > path.tolerance).any() and count <= path.max_steps:
            open_ = errors > path.tolerance
            for n, start in starts.items():
                rows = np.flatnonzero(open_[owners] & (lengths == n))
                # Few at a time, so that their embeddings stay small as well.
                for part in np.array_split(rows, max(1, len(rows) * n // path.batch_tokens)):
                    ids = np.array([windows.ids[row] for row in part], dtype=int).reshape(-1, n)
                    found = path_integral(
                        self.gradient,
                        start,
                        self.gradient.table[ids],
                        labels[part],
                        points,
                        weights,
                        path.batch_tokens,
                    )
                    for row, values in zip(part.tolist(), found, strict=True):
                        scores[row] = kept * scores[row] + values
            sums = np.bincount(owners, shares * [row.sum() for row in scores])
            found_errors = np.abs(sums - change) / np.maximum(np.abs(whole), SMALL)
            errors, used = np.where(open_, found_errors, errors), np.where(open_, count, used)
            count, points, weights, kept = refined(path.rule, count)
        return scores, errors, used

    def _ends(
        self, texts: Sequence[str], reading: Reading | None, shares: np.ndarray, baseline: Baseline
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """What paths lead to and from, by text and label, each float64 (texts, classes).

        Returns
        -------
        ends, begins : ndarray
            Scores at the texts and at their baselines.
        change : ndarray
            ALBERT's part of what is between them.
        """
        fusion = self.predictor.fusion
        linear = linear_start = None
        if self.linear is not None:
            linear = self.linear.decision_function(texts)
            linear_start = np.broadcast_to(self.linear.intercepts, linear.shape)
        if reading is None:
            ends, begins = fusion.scores(None, linear), fusion.scores(None, linear_start)
            return ends, begins, np.zeros_like(ends)
        windows = reading.windows
        zeros = np.stack([self._logits_at_start(len(row), baseline) for row in windows.ids])
        at_text, at_start = (
            np.stack([shares[part] @ log_odds(logits)[part] for part in windows.by_text()])
            for logits in (reading.logits, zeros)
        )
        ends, begins = fusion.scores(at_text, linear), fusion.scores(at_start, linear_start)
        return ends, begins, fusion.albert * (at_text - at_start)

    def _explain(
        self, pairs: Sequence[tuple[str, int | None]], path: PathOptions
    ) -> list[Attribution]:
        texts = [text for text, _ in pairs]
        fusion = self.predictor.fusion
        # Where ALBERT has no part, it need not be run.
        reading = self.predictor.read(texts) if fusion.albert else None
        shares = np.zeros(0) if reading is None else _shares(reading, self.settings.window_rule)
        ends, begins, change = self._ends(texts, reading, shares, path.baseline)
        answers, at_baseline = fusion.probabilities(ends), fusion.probabilities(begins)
        labels = np.array(
            [
                int(score.argmax()) if label is None else label
                for score, (_, label) in zip(ends, pairs, strict=True)
            ]
        )
        rows = np.arange(len(texts))
        tokens = self._tokens(texts, reading)
        parts = [(np.zeros(len(names)), 0.0) for names, _ in tokens]
        errors, used = np.zeros(len(texts)), np.zeros(len(texts), dtype=int)
        if reading is not None:
            windows, shares = reading.windows, fusion.albert * shares
            scores, errors, used = self._integrate(
                windows,
                labels[windows.owners],
                shares,
                change[rows, labels],
                (ends - begins)[rows, labels],
                path,
            )
            parts = [
                _joined(len(found.ids), windows.spans[part], shares[part], scores[part])
                for found, part in zip(reading.encoded, windows.by_text(), strict=True)
            ]
        result = []
        for i, (text, (albert, special)) in enumerate(zip(texts, parts, strict=True)):
            (names, offsets), label = tokens[i], int(labels[i])
            exact, without_token = self._linear_scores(text, offsets, label)
            result.append(
                Attribution(
                    text=text,
                    label=label,
                    label_name=self.settings.names[label],
                    tokens=names,
                    offsets=offsets,
                    scores=albert + exact,
                    albert=albert,
                    linear=exact,
                    special=special + without_token,
                    probability=float(answers[i, label]),
                    baseline_probability=float(at_baseline[i, label]),
                    score=float(ends[i, label]),
                    baseline_score=float(begins[i, label]),
                    error=float(errors[i]),
                    steps=int(used[i]),
                    converged=bool(errors[i] <= path.tolerance),
                    baseline=path.baseline,
                )
            )
        return result

    def _tokens(
        self, texts: Sequence[str], reading: Reading | None
    ) -> list[tuple[tuple[str, ...], np.ndarray]]:
        """Each text's tokens and where they stand; without ALBERT, its characters."""
        if "albert" not in self._directory.members:
            return [_characters(text) for text in texts]
        encoded = reading.encoded if reading else self.vocabulary.encode(texts)
        names = self.vocabulary.tokens
        return [(tuple(names[token] for token in found.ids), found.offsets) for found in encoded]

    def _linear_scores(
        self, text: str, starts_and_ends: np.ndarray, label: int
    ) -> tuple[np.ndarray, float]:
        """The linear member's part of each token's score, and of what stands in no token."""
        count, weight = len(starts_and_ends), self.predictor.fusion.linear
        if self.linear is None or not weight:
            return np.zeros(count), 0.0
        scores, offsets = self.linear.contributions(text)
        values = weight * scores[:, label]
        if not count:
            return np.zeros(0), float(values.sum())
        # White space goes with the token before it.
        owners = np.searchsorted(starts_and_ends[:, 0], offsets[:, 0], "right") - 1
        return np.bincount(np.maximum(owners, 0), values, count), 0.0


def _characters(text: str) -> tuple[tuple[str, ...], np.ndarray]:
    """A text's characters but white space, and where each stands: int (characters, 2)."""
    places = np.array([i for i, c in enumerate(text) if not c.isspace()], dtype=int)
    return tuple(text[place] for place in places), np.stack([places, places + 1], axis=1)


def _shares(reading: Reading, rule: WindowRule) -> np.ndarray:
    """Each window's weight in its text: float64 (windows,)."""
    probabilities, by_text = softmax(reading.logits), reading.windows.by_text()
    return np.concatenate([window_weights(probabilities[part], rule) for part in by_text])


def _joined(
    tokens: int,
    spans: Sequence[tuple[int, int]],
    shares: np.ndarray,
    scores: Sequence[np.ndarray],
) -> tuple[np.ndarray, float]:
    """The scores of one text's tokens, and of its special ones, summed over its windows."""
    joined, special = np.zeros(tokens), 0.0
    for (start, end), share, values in zip(spans, shares, scores, strict=True):
        joined[start:end] += share * values[1:-1]
        special += share * (values[0] + values[-1])
    return joined, float(special)
