from __future__ import annotations

import json
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gi_classifier.attribution.attribution import Attribution, Span
from gi_classifier.attribution.words import cut
from gi_classifier.errors import SettingsError
from gi_classifier.text import SPECIAL, Vocabulary

TEXT = "胃窦息肉1.5cm，便血。\n乙术后"
VOCABULARY = Vocabulary([*SPECIAL, *"胃窦息肉便血术后，。、ab5", "1", ".", "cm", "##cm", "##b"])


def attribution(text: str, scores: np.ndarray | None = None) -> Attribution:
    """Of any text, with scores that are given or random."""
    encoded = VOCABULARY.encode([text])[0]
    if scores is None:
        scores = np.random.default_rng(len(text)).normal(0, 1, len(encoded.ids))
    return Attribution(
        text=text,
        label=1,
        label_name="upper 上消化道",
        tokens=tuple(VOCABULARY.tokens[i] for i in encoded.ids),
        offsets=encoded.offsets,
        scores=scores,
        albert=scores.copy(),
        linear=np.zeros(len(scores)),
        special=0.25,
        probability=0.9,
        baseline_probability=0.3,
        score=2.2,
        baseline_score=-0.8,
        error=0.001,
        steps=18,
        converged=True,
        baseline="mask",
    )


@pytest.fixture
def example() -> Attribution:
    """Token i scores i."""
    return attribution(TEXT, np.arange(15.0))


def test_words_are_the_sums_of_their_tokens(example: Attribution) -> None:
    assert example.tokens[4:8] == ("1", ".", "5", "##cm")
    assert example.words() == [
        Span("胃窦", 0, 2, 1.0),
        Span("息肉", 2, 4, 5.0),
        Span("1.5cm", 4, 9, 22.0),
        Span("，", 9, 10, 8.0),
        Span("便血", 10, 12, 19.0),
        Span("。", 12, 13, 11.0),
        Span("乙", 14, 15, 12.0),
        Span("术后", 15, 17, 27.0),
    ]


def test_clauses_and_sentences_keep_what_ends_them(example: Attribution) -> None:
    clauses = [(span.text, span.score) for span in example.spans("clause")]
    assert clauses == [("胃窦息肉1.5cm，", 36.0), ("便血。\n", 30.0), ("乙术后", 39.0)]
    sentences = [(span.text, span.score) for span in example.spans("sentence")]
    assert sentences == [("胃窦息肉1.5cm，便血。\n", 66.0), ("乙术后", 39.0)]


def test_tokens_are_spans_of_the_original(example: Attribution) -> None:
    spans = example.spans("token")
    assert [span.text for span in spans] == [*"胃窦息肉1.5", "cm", *"，便血。乙术后"]
    assert [span.score for span in spans] == list(range(len(spans)))


@given(
    st.lists(st.sampled_from([*"胃窦息肉术后ab1.5%，。；\n ℃ﬁÉ\u0301😀乙"]), min_size=1).map(
        "".join
    )
)
@settings(max_examples=200, deadline=None)
def test_every_unit_sums_to_the_tokens_and_lies_in_the_text(text: str) -> None:
    found = attribution(text)
    for unit in ("token", "word", "clause", "sentence"):
        spans = found.spans(unit)  # type: ignore[arg-type]
        assert sum(span.score for span in spans) == pytest.approx(found.scores.sum())
        assert all(text[span.start : span.end] == span.text for span in spans)
        assert [span.start for span in spans] == sorted(span.start for span in spans)
        if unit != "token":
            assert {(span.start, span.end) for span in spans} <= set(cut(text, unit))  # type: ignore[arg-type]


def test_an_unknown_unit_is_named(example: Attribution) -> None:
    with pytest.raises(
        SettingsError, match="one of token, word, clause, sentence. Received: 'page'"
    ):
        example.spans("page")  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match="Received: 'page'"):
        example.to_frame("page")  # type: ignore[arg-type]


def test_the_frame_has_a_row_for_each_token(example: Attribution) -> None:
    table = example.to_frame()
    assert list(table.columns) == ["token", "text", "start", "end", "score"]
    assert tuple(table["token"]) == example.tokens
    assert table["score"].tolist() == example.scores.tolist()
    assert table[["start", "end"]].to_numpy().tolist() == example.offsets.tolist()


@pytest.mark.parametrize("unit", ["word", "clause", "sentence"])
def test_the_frame_of_a_unit_holds_its_spans(example: Attribution, unit: str) -> None:
    table = example.to_frame(unit)  # type: ignore[arg-type]
    assert list(table.columns) == ["text", "start", "end", "score"]
    assert [Span(*row) for row in table.itertuples(index=False)] == example.spans(unit)  # type: ignore[arg-type]


def test_the_dict_survives_json(example: Attribution) -> None:
    table = json.loads(json.dumps(example.to_dict(), ensure_ascii=False))
    assert set(table) == set(example.__dataclass_fields__)
    again = Attribution(
        **{
            **table,
            "tokens": tuple(table["tokens"]),
            **{name: np.array(table[name]) for name in ("offsets", "scores", "albert", "linear")},
        }
    )
    assert again.words() == example.words()
    assert again.to_dict() == example.to_dict()
    for name in ("text", "label", "label_name", "special", "probability", "error", "converged"):
        assert table[name] == getattr(example, name)


def test_its_fields_are_fixed_and_its_form_in_a_log_shows_no_text(example: Attribution) -> None:
    with pytest.raises(FrozenInstanceError):
        example.label = 2  # type: ignore[misc]
    assert "胃" not in repr(example)
    assert "label=1" in repr(example)
