"""Records cut into one class and the rest, with their scores: made at random, or by hand."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

# Few values give ties; 0 and 1 are among them.
score = st.one_of(st.sampled_from([0.0, 0.2, 0.5, 1.0]), st.floats(0, 1, allow_subnormal=False))
Split = tuple[np.ndarray, np.ndarray]


@st.composite
def both_classes(draw: st.DrawFn) -> Split:
    rest = draw(st.lists(st.tuples(st.booleans(), score), max_size=25))
    rows = [(True, draw(score)), (False, draw(score)), *rest]
    return np.array([p for p, _ in rows]), np.array([s for _, s in rows])


def made(positive: str, scores: list[float]) -> Split:
    return np.array([c == "+" for c in positive]), np.array(scores)
