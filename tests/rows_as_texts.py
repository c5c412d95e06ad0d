"""Lets scikit-learn's checks, which give tables of numbers, ask estimators of texts."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from samples import CHARACTERS
from sklearn.utils.validation import check_is_fitted, validate_data

_FLOAT32 = "the encoder computes in float32, and batches of other sizes differ by 1e-6, not 1e-7"
# The checks that estimators of texts need not pass, each with its reason.
EXEMPT = {
    "check_methods_subset_invariance": _FLOAT32,
    "check_methods_sample_order_invariance": _FLOAT32,
}


class RowsAsTexts:
    """Stands before an estimator of texts, and makes each row of a table a text of its own.

    What the checks ask of tables (their shape, NaN, sparse ones) is answered here by scikit-learn's
    own ``validate_data``, since texts have none of it; all else by the estimator.
    """

    @staticmethod
    def _text(values: bytes) -> str:
        return "".join(CHARACTERS[byte % 40] for byte in hashlib.sha256(values).digest()[:16])

    def fit(self, X: Any, y: Any) -> Any:  # noqa: N803
        table = validate_data(self, X, dtype=float)
        # Equal rows may have different labels; equal texts may not.
        texts = [self._text(row.tobytes() + b"%d" % i) for i, row in enumerate(table)]
        return super().fit(texts, y)  # type: ignore[misc]

    def _read(self, X: Any) -> list[str]:  # noqa: N803
        check_is_fitted(self)
        table = validate_data(self, X, dtype=float, reset=False)
        return [self._text(row.tobytes()) for row in table]

    def predict(self, X: Any) -> np.ndarray:  # noqa: N803
        return super().predict(self._read(X))  # type: ignore[misc]

    def predict_proba(self, X: Any) -> np.ndarray:  # noqa: N803
        return super().predict_proba(self._read(X))  # type: ignore[misc]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()  # type: ignore[misc]
        tags.input_tags.two_d_array = True
        tags.input_tags.one_d_array = tags.input_tags.string = False
        # Texts made of hashes hold nothing to learn; learning is tested elsewhere.
        tags.classifier_tags.poor_score = True
        return tags
