"""``PageGate``: of which kind a page is, from cheap evidence, before it is recognised.

In: pictures of pages. Out: their kinds and probabilities, and what decided. First a small head
looks at the page scaled down; only where that is unsure, the lines at its head are read.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold
from sklearn.utils.validation import check_is_fitted

from gi_classifier.classes import label_array
from gi_classifier.data.pictures.page import Picture
from gi_classifier.data.pictures.page_features import page_features
from gi_classifier.data.pictures.picture_files import pictures_of
from gi_classifier.data.pictures.title_strip import title_lines
from gi_classifier.errors import InputError, MissingPathError, RecordsError, SettingsError
from gi_classifier.files import check_output, write_whole
from gi_classifier.heads.gate_file import GateFile, read_gate
from gi_classifier.heads.head_classifier import HeadClassifier
from gi_classifier.heads.network import probabilities_of
from gi_classifier.heads.title_words import (
    Words,
    checked_words,
    first_named,
    joined,
    learned_words,
    picture_weight,
    said_table,
    sure_from,
)
from gi_classifier.model.origin import origin
from gi_classifier.option_checks import range_problem, seed_from

Evidence = Literal["picture", "title"]
_Found = TypeVar("_Found")
SHIPPED_GATE = Path(__file__).with_name("gate.npz")
FOLDS = 5


class Seen(NamedTuple):
    """What fitting takes from a page: its features, and the lines at its head."""

    features: np.ndarray
    lines: tuple[str, ...]


class GateAnswer(NamedTuple):
    """What the gate says of a page.

    Attributes
    ----------
    kind : label
    probabilities : ndarray, shape (kinds,)
        Columns as ``classes_``.
    evidence : {"picture", "title"}
        What decided: the page from afar, or the lines at its head as well.
    seconds : float
        Of processor time; this process's other threads count too.
    """

    kind: Any
    probabilities: np.ndarray
    evidence: Evidence
    seconds: float

    @property
    def probability(self) -> float:
        """That of the kind."""
        return float(self.probabilities.max())


class PageGate(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Pictures of pages to kinds, without recognising the page.

    Parameters
    ----------
    words : mapping, optional
        From each kind's label, as text, to a list of words of its titles; case and white space do
        not matter, and kinds may be left out. Without, words are learned from the titles of the
        training pages.
    titles : bool
        Whether titles are read where the picture alone is unsure; without them the extra ``ocr``
        is needed to open files alone.
    right : float
        The picture alone decides where cross-validation says with 95% confidence that it is right
        on at least this share of pages; 0.9 takes 29 pages of a kind without an error.
    head : HeadClassifier, optional
        With its parameters; it is copied. Without, one of 24 units that learns fast.
    random_state : int, RandomState, Generator or None
        Of the head and the folds.

    Attributes
    ----------
    classes_ : ndarray, shape (kinds,)
        The labels, sorted.
    layers_ : list of ndarray
        Of the head, as ``HeadClassifier.layers_``.
    span_ : ndarray, shape (2, FEATURES)
        The least and the greatest value of each feature in training; those beyond are cut off, so
        that what hardly varied there does not decide alone.
    words_ : dict
        The words that titles are searched for, by kind.
    sure_ : ndarray, shape (kinds,)
        From which probability on the picture alone decides; infinity where it never does.
    said_ : ndarray, shape (kinds, kinds + 2)
        How often titles of each kind name each kind, none, or are not there.
    weight_ : float
        How much the picture counts beside a title: its log-probabilities, times this.

    Examples
    --------
    >>> import numpy as np
    >>> from gi_classifier import PageGate
    >>> dark, light = (np.full((40, 30, 3), value, dtype=np.uint8) for value in (30, 220))
    >>> gate = PageGate(titles=False).fit([dark, light] * 5, ["dark", "light"] * 5)
    >>> gate.predict([light])
    array(['light'], dtype='<U5')
    """

    def __init__(
        self,
        *,
        words: Words | None = None,
        titles: bool = True,
        right: float = 0.9,
        head: HeadClassifier | None = None,
        random_state: Any = 0,
    ) -> None:
        self.words = words
        self.titles = titles
        self.right = right
        self.head = head
        self.random_state = random_state

    def fit(self, X: Sequence[Any], y: Any, groups: Any = None) -> PageGate:  # noqa: N803
        """Train anew.

        Parameters
        ----------
        X : sequence
            Pages: paths, bytes of files, arrays (height, width, 3) of uint8, or pictures that
            :func:`~gi_classifier.data.pictures.picture_files.pictures_of` opened.
        y : array-like, shape (n,)
            The kind of each; of two kinds or more, each at least 5 pages.
        groups : array-like, shape (n,), optional
            Pages of one group, such as those of a file, are held out together.

        Raises
        ------
        InputError
            X is no list of pages.
        RecordsError
            Some pages cannot be read: all positions are named. Or a kind has too few.
        SettingsError
            ``words`` name a kind that no page is of, or are no lists of words; or as
            :meth:`HeadClassifier.fit`.
        LabelError
            As :meth:`HeadClassifier.fit`.
        """
        labels = label_array(y)
        pages = _checked(X)
        if len(labels) != len(pages):
            raise RecordsError(f"{len(pages)} pages but {len(labels)} labels")
        return self.fit_seen(_each(pages, self.see), labels, groups)

    def see(self, page: Picture) -> Seen:
        """What fitting takes from a page."""
        lines = tuple(title_lines(page)) if self.titles else ()
        return Seen(page_features(page.pixels), lines)

    def fit_seen(
        self, seen: Sequence[Seen], y: Any, groups: Any = None, *, least: int = FOLDS
    ) -> PageGate:
        """Train anew on what :meth:`see` gave, as :meth:`fit` does, on so many pages at least."""
        if problem := range_problem("right", self.right, 0.5, 1):
            raise SettingsError(problem)
        labels = label_array(y)
        self.classes_, codes = np.unique(labels, return_inverse=True)
        fewest = _check_counts(self.classes_, codes, groups, least)
        features = np.array([each.features for each in seen])
        kinds = np.array([str(kind) for kind in self.classes_.tolist()])
        given = None if self.words is None else checked_words(self.words, kinds.tolist())
        head = (
            clone(self.head)
            if self.head is not None
            else HeadClassifier(hidden=24, learning_rate=5e-3)
        )
        head.set_params(random_state=self.random_state)
        self.span_ = _span(features)
        titles, named = [each.lines for each in seen], kinds[codes].tolist()
        self.words_ = learned_words(titles, named) if given is None else given
        self.layers_ = clone(head).fit(_inside(features, self.span_), labels, groups=groups).layers_
        if not self.titles:
            self.sure_ = np.zeros(len(kinds))
            self.said_ = np.full((len(kinds), len(kinds) + 2), 1 / (len(kinds) + 2))
            self.weight_ = 1.0
            return self
        probabilities, said = np.zeros((len(codes), len(kinds))), np.zeros(len(codes), dtype=int)
        for train, left in _folds(codes, groups, head, min(FOLDS, fewest)):
            part = None if groups is None else np.asarray(groups)[train]
            fitted = clone(head).fit(features[train], labels[train], groups=part)
            found = fitted.predict_proba(_inside(features[left], _span(features[train])))
            # A fold may lack a kind whose pages are nearly all of one group.
            places = np.searchsorted(self.classes_, fitted.classes_)
            probabilities[np.ix_(left, places)] = found
            words = given
            if words is None:
                words = learned_words([titles[i] for i in train], [named[i] for i in train])
            said[left] = [_said(titles[i], words, kinds) for i in left]
        self.said_ = said_table(said, codes, len(kinds))
        self.sure_ = sure_from(probabilities, codes, self.right)
        self.weight_ = picture_weight(probabilities, self.said_[:, said].T, codes)
        return self

    def answer(self, page: Picture) -> GateAnswer:
        """Say of which kind a page is, and what decided."""
        check_is_fitted(self)
        began = time.process_time()
        lines = title_lines(page) if self.titles else None
        probabilities, evidence = self.weigh(page_features(page.pixels), lines)
        spent = time.process_time() - began
        return GateAnswer(self.classes_[probabilities.argmax()], probabilities, evidence, spent)

    def weigh(
        self, features: np.ndarray, lines: Iterable[str] | None
    ) -> tuple[np.ndarray, Evidence]:
        """Probabilities (kinds,) of a page, and what they rest on.

        Parameters
        ----------
        features : ndarray, shape (FEATURES,)
        lines : iterable of str or None
            At the page's head; asked for only where the picture is unsure, and no further than
            one names a kind. None where they are not read.
        """
        seen = probabilities_of(self.layers_, _inside(features[None], self.span_))[0]
        best = int(seen.argmax())
        if lines is None or seen[best] >= self.sure_[best]:
            return seen, "picture"
        kinds = [str(kind) for kind in self.classes_.tolist()]
        shares = self.said_[:, _said(lines, self.words_, kinds)]
        return joined(seen[None], shares[None], self.weight_)[0], "title"

    def predict_proba(self, X: Sequence[Any]) -> np.ndarray:  # noqa: N803
        """Probability of each kind, float64 (pages, kinds), columns as ``classes_``."""
        check_is_fitted(self)
        found = _each(_checked(X), lambda page: self.answer(page).probabilities)
        return np.array(found).reshape(-1, len(self.classes_))

    def predict(self, X: Sequence[Any]) -> np.ndarray:  # noqa: N803
        """The kind of the largest probability for each page, as given: (pages,)."""
        probabilities = self.predict_proba(X)
        return np.asarray(self.classes_[probabilities.argmax(axis=1)])

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.one_d_array = True
        return tags

    def save(self, path: str | Path, *, force: bool = False) -> Path:
        """Write the fitted gate as ``.npz``, whole or not at all; nothing is pickled.

        Raises
        ------
        OutputExistsError
            Something is at ``path``.
        MissingPathError
            Its folder does not exist.
        """
        check_is_fitted(self)
        path = check_output(path, force=force)
        settings: dict[str, Any] = {"titles": bool(self.titles), "right": float(self.right)}
        stored = GateFile(
            settings,
            self.classes_,
            self.layers_,
            self.span_,
            self.words_,
            self.sure_,
            self.said_,
            self.weight_,
            origin(**settings),
            self.words is not None,
        )
        write_whole(path, stored.to_bytes())
        return path

    @classmethod
    def load(cls, path: str | Path | None = None) -> PageGate:
        """Read a saved gate; without a path, the one that ships.

        Raises
        ------
        MissingPathError
            There is no such file.
        ModelError
            It is no saved gate.
        """
        stored = read_gate(SHIPPED_GATE if path is None else path, cls._get_param_names())
        found = cls(words=stored.words if stored.words_given else None, **stored.settings)
        found.classes_, found.layers_, found.span_ = stored.classes, stored.layers, stored.span
        found.words_ = stored.words
        found.sure_, found.said_, found.weight_ = stored.sure, stored.said, stored.weight
        return found


def _span(features: np.ndarray) -> np.ndarray:
    return np.stack([features.min(axis=0), features.max(axis=0)])


def _inside(features: np.ndarray, span: np.ndarray) -> np.ndarray:
    return np.asarray(np.clip(features, *span))


def _said(lines: Iterable[str], words: Words, kinds: Sequence[str] | np.ndarray) -> int:
    """The place of the kind that lines name; behind all kinds: none named, and no line."""
    named, any_line = first_named(lines, words)
    if named is None:
        return len(kinds) if any_line else len(kinds) + 1
    return list(kinds).index(named)


def _checked(pages: Any) -> list[Any]:
    if isinstance(pages, (str, bytes, Path, Picture, Mapping)) or not isinstance(pages, Iterable):
        raise InputError(
            f"Pages come as a list, one entry for each. Received: {type(pages).__name__}"
        )
    return list(pages)


def _each(pages: Sequence[Any], look: Callable[[Picture], _Found]) -> list[_Found]:
    """What a look at each page finds; those that cannot be read are named all at once."""
    found, problems = [], []
    for place, page in enumerate(pages):
        try:
            found.append(look(_opened(page)))
        except (InputError, MissingPathError, RecordsError) as error:
            problems.append(f"position {place}: {error}")
    if problems:
        raise RecordsError("Some pages cannot be read; mend them or take them away:", problems)
    return found


def _opened(page: Any) -> Picture:
    if isinstance(page, Picture):
        return page
    if isinstance(page, np.ndarray):
        if page.ndim != 3 or page.shape[2] != 3 or page.dtype != np.uint8 or not page.size:
            raise InputError(
                "Pixels are an array (height, width, 3) of uint8. "
                f"Received: {page.shape} of {page.dtype}"
            )
        return Picture(page, "", 1, 1)
    first = next(pictures_of(page))
    if first.of > 1:
        raise InputError(
            f"{first.name} has {first.of} pages. Give those of "
            "gi_classifier.data.pictures.picture_files.pictures_of."
        )
    return first


def _check_counts(classes: np.ndarray, codes: np.ndarray, groups: Any, least: int) -> int:
    """The fewest groups of a kind; raise where they are too few."""
    owners = np.arange(len(codes)) if groups is None else np.asarray(groups)
    if len(owners) != len(codes):
        raise RecordsError(f"{len(codes)} pages but {len(owners)} groups")
    counts = [len(np.unique(owners[codes == kind])) for kind in range(len(classes))]
    few = [
        f"that of position {np.flatnonzero(codes == kind)[0]}: {count}"
        for kind, count in enumerate(counts)
        if count < least
    ]
    if len(classes) < 2 or few:
        raise RecordsError(
            f"A gate needs two kinds or more, each of at least {least} pages (or groups of pages); "
            f"30 to 50 are better. Received: {len(classes)} kinds, {len(few)} with fewer:",
            few,
        )
    return min(counts)


def _folds(
    codes: np.ndarray, groups: Any, head: Any, folds: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    seed = seed_from(head.random_state)
    kind = StratifiedKFold if groups is None else StratifiedGroupKFold
    yield from kind(folds, shuffle=True, random_state=seed).split(codes, codes, groups)
