"""Windows: every token is in one, neighbours overlap, and every text has its own."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from gi_classifier.model.windows import cut_windows, window_spans
from gi_classifier.settings import Settings
from gi_classifier.text import Vocabulary


@given(st.data())
def test_windows_cover_every_token_with_the_stated_overlap(data: st.DataObject) -> None:
    size = data.draw(st.integers(2, 300))
    overlap = data.draw(st.integers(0, size // 2))
    length = data.draw(st.integers(0, 2000))
    found = window_spans(length, size, overlap)
    assert found[0][0] == 0
    assert found[-1][1] == length
    assert all(end - start == min(size, length) for start, end in found)
    shared = [before[1] - after[0] for before, after in itertools.pairwise(found)]
    assert all(count == overlap for count in shared[:-1])
    assert all(overlap <= count < size for count in shared[-1:])


def test_each_text_has_its_windows_in_its_order(vocabulary: Vocabulary, settings: Settings) -> None:
    texts = ["胃" * 40, "胃窦", "\u200b", "肠" * 100]
    encoded = vocabulary.encode(texts)
    found = cut_windows(encoded, vocabulary, settings)
    assert [part.stop - part.start for part in found.by_text()] == [2, 1, 1, 5]
    for text, part in zip(encoded, found.by_text(), strict=True):
        for ids, (start, end) in zip(found.ids[part], found.spans[part], strict=True):
            assert len(ids) <= settings.maxlen
            assert ids.tolist() == vocabulary.with_special(text.ids[start:end]).tolist()


def test_no_text_has_no_window(vocabulary: Vocabulary, settings: Settings) -> None:
    found = cut_windows([], vocabulary, settings)
    assert (found.ids, found.spans, found.by_text()) == ([], [], [])
