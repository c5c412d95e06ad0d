"""Texts as no record has them, and the characters of an n-gram's key."""

import numpy as np
from hypothesis import strategies as st

# Letters that change their number of characters, marks, controls, spaces, surrogates.
ODD = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from("胃肠，。：;,:℃㎎ﬁ㍿。。\nΑΣς\u0301\u200b\u0007\ud800\ufffd İé"),
    ),
    max_size=60,
)


def numbers_of_key(key: np.uint64) -> list[int]:
    parts = [int(key) >> shift & 0xFFFF for shift in (48, 32, 16, 0)]
    return [part for part in parts if part]
