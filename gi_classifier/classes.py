"""Labels of a user's own: any words, whole numbers or truth values, checked and put in order.

In: one label for each record, of any kind. Out: an array of them, their distinct values in sorted
order, and what stands for both in JSON. Messages name positions, never a label: in a wrong column
it may be a record's text.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from numbers import Real
from typing import Any

import numpy as np

from gi_classifier.errors import LabelError, ModelError
from gi_classifier.labels import label_number
from gi_classifier.option_checks import is_integer, is_number

# What the manifest of a model directory calls them.
CLASSES = "classes"
_WORD, _NUMBER, _TRUTH = "words", "whole numbers", "truth values"


def label_array(labels: Any, source: str = "the records") -> np.ndarray:
    """Check labels of any kind and return them as an array.

    Parameters
    ----------
    labels : sequence
        One for each record, all of one kind: strings, whole numbers (also as floats) or truth
        values. A list, an array, a pandas Series; not a single string.
    source : str
        What they belong to, for messages.

    Returns
    -------
    ndarray, shape (n,)
        Of numbers the data type that was given; of strings never objects.

    Raises
    ------
    LabelError
        Some are missing, blank, fractions or no labels at all: all positions are named. Or they
        are of several kinds.
    """
    if labels is None:
        raise LabelError("A classifier requires y to be passed, but the target y is None.")
    if hasattr(labels, "__array__"):
        labels = _column(labels)
        if labels.dtype.kind in "iub":
            return np.asarray(labels)
        if labels.dtype.kind == "c":
            raise LabelError(f"{source}: Complex data not supported as labels.")
    elif isinstance(labels, (str, bytes, Mapping, Set)) or not isinstance(labels, Iterable):
        raise LabelError(
            "Labels come as a list or an array, one for each record. "
            f"Received: {type(labels).__name__}"
        )
    values = list(labels)
    kinds = [_kind(value) for value in values]
    known = Counter(kind for kind in kinds if kind in (_WORD, _NUMBER, _TRUTH))
    problems = [f"position {i}: {kind}" for i, kind in enumerate(kinds) if kind not in known]
    if problems:
        raise LabelError(
            f"{source}: labels are words, whole numbers or truth values. Received:", problems
        )
    if len(known) > 1:
        listed = ", ".join(f"{count} {kind}" for kind, count in known.items())
        raise LabelError(f"{source}: labels are of one kind. Received: {listed}")
    if _WORD in known:
        return np.array([str(value) for value in values])
    return np.array(values)


def _column(labels: Any) -> np.ndarray:
    """An array or table of one column, as an array of one dimension."""
    array = np.asarray(labels)
    if array.ndim == 1:
        return array
    from sklearn.utils.validation import column_or_1d

    try:
        return np.asarray(column_or_1d(array, warn=True))
    except ValueError as error:
        raise LabelError(
            f"y should be a 1d array, one label for each record. Received: shape {array.shape}"
        ) from error


def _kind(value: Any) -> str:
    """Of which kind a label is, or what is wrong with it."""
    if isinstance(value, str):
        return _WORD if value.strip() else "an empty label"
    if isinstance(value, (bool, np.bool_)):
        return _TRUTH
    if is_integer(value):
        return _NUMBER
    if value is None or type(value).__name__ in ("NAType", "NaTType") or value != value:
        return "a missing label"
    if isinstance(value, Real):
        return _NUMBER if float(value).is_integer() else "a number that is not whole (continuous)"
    return f"not a label but {type(value).__name__}"


def are_numbered(classes: np.ndarray) -> bool:
    """Whether classes are the whole numbers from 0 up, as in the files that this library reads."""
    return classes.dtype.kind in "iuf" and np.array_equal(classes, np.arange(len(classes)))


def class_titles(classes: np.ndarray) -> tuple[str, ...] | None:
    """The name of each class; None where they are numbered, and so have those of the library."""
    if are_numbered(classes):
        return None
    whole = classes.dtype.kind == "f"
    return tuple(str(int(value) if whole else value) for value in classes.tolist())


def class_numbers(
    labels: np.ndarray,
    classes: np.ndarray,
    source: str,
    unit: str = "position",
    lines: Sequence[int] | None = None,
) -> np.ndarray:
    """The place of each label among the classes: int (n,).

    Parameters
    ----------
    labels : ndarray, shape (n,)
    classes : ndarray, shape (classes,)
    source : str
        What the labels belong to, for messages.
    unit : str
        What ``lines`` count.
    lines : sequence of int, optional
        Where each label stood; without, from 0.

    Raises
    ------
    LabelError
        Some are none of the classes: all are named by where they stood.
    """
    places = {value: place for place, value in enumerate(classes.tolist())}
    found = [places.get(label) for label in labels.tolist()]
    where = range(len(found)) if lines is None else lines
    if problems := [f"{unit} {where[i]}" for i, place in enumerate(found) if place is None]:
        raise LabelError(
            f"{source}: {len(problems)} of {len(found)} labels are none of the {len(classes)} that "
            "the training records have:",
            problems,
        )
    return np.array(found, dtype=int)


def class_number(label: Any, classes: np.ndarray, names: Sequence[str]) -> int:
    """The place of a class that is given as its records' label, or by number or name.

    Raises
    ------
    LabelError
        It is none of them.
    """
    plain = label.item() if isinstance(label, np.generic) else label
    truth = isinstance(plain, bool)
    found = [
        i for i, v in enumerate(classes.tolist()) if v == plain and truth == isinstance(v, bool)
    ]
    if not found and are_numbered(classes):
        return label_number(label, names)
    found = found or [i for i, name in enumerate(names) if name == plain]
    if len(found) != 1:
        raise LabelError(f"No such label; there are {', '.join(names)}. Received: {label!r}")
    return found[0]


def by_name(labels: np.ndarray, names: Sequence[str], classes: np.ndarray) -> np.ndarray:
    """Labels of numbered classes that are given by name, as those classes; others as they are.

    Raises
    ------
    LabelError
        Some are no names of these classes: all are named by where they stood.
    """
    if labels.dtype.kind != "U" or not are_numbered(classes):
        return labels
    found, problems = [], []
    for place, label in enumerate(labels.tolist()):
        try:
            found.append(label_number(label, names))
        except LabelError:
            problems.append(f"position {place}")
    if problems:
        raise LabelError(
            f"{len(problems)} of {len(labels)} labels are none of {', '.join(names)}:", problems
        )
    return np.asarray(classes[found])


def class_weights_of(weight: Any, classes: np.ndarray) -> tuple[float, ...] | str | None:
    """``class_weight`` as scikit-learn has it, in the order of the classes.

    Parameters
    ----------
    weight : None, "balanced" or mapping
        From labels to weights; a class that it leaves out weighs 1.

    Raises
    ------
    LabelError
        A mapping has a label that no record has.
    """
    if not isinstance(weight, Mapping):
        return weight  # type: ignore[no-any-return]
    values = classes.tolist()
    if strange := [label for label in weight if label not in values]:
        raise LabelError(
            f"class_weight has {len(strange)} labels that no training record has. "
            f"Received: {strange!r}"
        )
    given = [weight.get(value, 1) for value in values]
    # What is no number is named with the other settings.
    return tuple(float(w) if is_number(w) else w for w in given)


def classes_to_dict(classes: np.ndarray) -> dict[str, Any]:
    """Classes ready for JSON."""
    return {"dtype": classes.dtype.str, "values": classes.tolist()}


def classes_from_dict(stored: Any, count: int) -> np.ndarray:
    """What :func:`classes_to_dict` made; without it the whole numbers from 0 up.

    Raises
    ------
    ModelError
        It is damaged, or of another number of classes.
    """
    if stored is None:
        return np.arange(count)
    try:
        kind, values = np.dtype(stored["dtype"]), stored["values"]
        classes = np.array(values, dtype=kind)
        whole = kind.kind in "Uiufb" and classes.tolist() == values
    except (TypeError, ValueError, KeyError, OverflowError) as error:
        raise ModelError(
            f"The manifest's classes cannot be read ({type(error).__name__})."
        ) from error
    if not whole or classes.shape != (count,) or len(np.unique(classes)) != count:
        raise ModelError(f"The manifest's classes are not {count} different labels.")
    return classes
