"""Simple models that every figure stands beside: keyword rule, TF-IDF + logistic regression.

In: texts. Out: probabilities (n, 3 or classes). The rule knows only the three default labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gi_classifier.labels import Label
from gi_classifier.text import normalise

UPPER_WORDS = ("胃", "食管", "贲门", "幽门", "十二指肠")
LOWER_WORDS = ("肠", "肛", "痔", "阑尾", "回盲")
# Texts whose n-grams are held at a time.
_CHUNK = 4096


def keyword_rule(texts: Sequence[str]) -> np.ndarray:
    """Label by organ words: the tract named more often, the one named first where they tie.

    Returns
    -------
    ndarray, shape (n, 3)
        One 1 in each row; label 0 where no word occurs.
    """
    out = np.zeros((len(texts), len(Label)))
    for row, text in zip(out, map(normalise, texts), strict=True):
        # 肠 inside 十二指肠 speaks for the upper tract only.
        rest = text.replace("十二指肠", "＃")
        upper = sum(map(rest.count, UPPER_WORDS)) + rest.count("＃")
        lower = sum(map(rest.count, LOWER_WORDS))
        if upper == lower and upper:
            words = [w for w in (*UPPER_WORDS, "＃", *LOWER_WORDS) if w in rest]
            upper += min(words, key=rest.find) not in LOWER_WORDS
        row[Label.UPPER if upper > lower else Label.LOWER if lower else Label.NEITHER] = 1
    return out


def tfidf_probabilities(
    train_texts: Sequence[str],
    train_labels: Sequence[int],
    texts: Sequence[str],
    *,
    classes: int,
    seed: int,
) -> np.ndarray:
    """Train TF-IDF + logistic regression on labelled texts, normalised, and ask it about others.

    Returns
    -------
    ndarray, shape (n, classes)
        Rows sum to 1; 0 for a class that no training record has.
    """
    fitted = tfidf_logistic_regression(seed).fit(list(map(normalise, train_texts)), train_labels)
    out = np.zeros((len(texts), classes))
    for begin in range(0, len(texts), _CHUNK):
        part = slice(begin, begin + _CHUNK)
        out[part, fitted.classes_] = fitted.predict_proba(list(map(normalise, texts[part])))
    return out


def tfidf_logistic_regression(seed: int) -> Any:
    """A scikit-learn pipeline: TF-IDF of 1 to 3 characters, then logistic regression."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    return make_pipeline(
        TfidfVectorizer(analyzer="char", ngram_range=(1, 3), sublinear_tf=True),
        LogisticRegression(C=10, max_iter=1000, random_state=seed),
    )
