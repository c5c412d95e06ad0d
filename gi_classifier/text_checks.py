"""Checks texts that somebody passed in, once, at the edge."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Set
from typing import Any

from gi_classifier.errors import InputError
from gi_classifier.text import normalise

# What programs and people write where there is no value, once normalised and lower-cased.
_MISSING = re.compile(
    r"nan|none|nat|null|nil|<na>|<nan>|<null>|#?n/?a|[(\[【]?[无無](?:[\s、,.，。;；/]*[无無])*"
    r"[\s、,.，。;；]*[)\]】]?|[-—–−_/\\]+"
)
_LONGEST_MISSING = 60
_WORD = re.compile(r"\w")


def is_missing(text: str) -> bool:
    """Whether a text is blank, or only says that there is none: ``nan``, ``<NA>``, 无, ``-``."""
    if len(text) > _LONGEST_MISSING and _WORD.search(text):
        return False
    found = normalise(text).casefold()
    return not found or _MISSING.fullmatch(found) is not None


def check_texts(texts: Any, *, limit: int | None = None) -> list[str]:
    """Return texts as a list of strings, or raise one error that names every bad position.

    Parameters
    ----------
    texts : iterable of str
        A list, tuple, array or pandas Series; not a single string.
    limit : int, optional
        Most texts allowed.

    Raises
    ------
    InputError
        Not an iterable, too many, or some are not text or blank.
    """
    unordered = isinstance(texts, (str, bytes, Mapping, Set)) or hasattr(texts, "columns")
    if unordered or not isinstance(texts, Iterable):
        raise InputError(
            "Texts come as a list of str (of a table, one column), one text as [text]. "
            f"Received: {type(texts).__name__}"
        )
    found = list(texts)
    if limit is not None and len(found) > limit:
        raise InputError(
            f"At most {limit} texts at a time. Received: {len(found)}. "
            "GIClassifier.load().predict takes any number."
        )
    problems = []
    for position, text in enumerate(found):
        if not isinstance(text, str):
            problems.append(f"position {position}: not text but {type(text).__name__}")
        elif is_missing(text):
            said = "only says that a value is missing" if normalise(text) else "an empty text"
            problems.append(f"position {position}: {said}")
    if problems:
        raise InputError(f"{len(problems)} of {len(found)} texts cannot be read:", problems)
    return found


def check_no_text(vectors: Any) -> None:
    """Raise InputError where some of the vectors is text, which scikit-learn's own would quote."""
    import numpy as np

    found = np.asarray(vectors)
    if found.dtype.kind not in "OSU":
        return
    problems = [
        f"position {', '.join(map(str, place))}: {type(value).__name__}"
        for place, value in np.ndenumerate(found)
        if isinstance(value, (str, bytes))
    ]
    if problems:
        raise InputError(
            "Vectors hold numbers; TextHead takes texts, embed() makes vectors of them. Received:",
            problems,
        )
