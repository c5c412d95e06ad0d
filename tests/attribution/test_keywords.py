"""Keywords by hand-made scores, and the table of a tiny model."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from samples import made, made_up_records

from gi_classifier.attribution.attribution import Attribution
from gi_classifier.attribution.integrated_gradients import Explainer, PathOptions
from gi_classifier.attribution.keyword_counts import (
    COLUMNS,
    KeywordCounter,
    Progress,
    count_keywords,
)
from gi_classifier.attribution.keyword_table import COUNTING, keyword_table
from gi_classifier.attribution.keywords import KeywordOptions, keywords_of, rescaled
from gi_classifier.attribution.stability import stability
from gi_classifier.cli.keywords import keywords
from gi_classifier.errors import InputError, RecordsError, SettingsError
from gi_classifier.metrics.distinctiveness import distinctiveness
from gi_classifier.model.directory import load

SPAN = KeywordOptions(unit="span")


@pytest.fixture(scope="module")
def explainer(trained: Path) -> Explainer:
    return Explainer(load(trained))


def texts_of(attribution: Attribution, options: KeywordOptions) -> list[str]:
    return [span.text for span in keywords_of(attribution, options)]


def test_a_word_counts_from_a_share_of_the_largest_score() -> None:
    found = made("胃窦见溃疡", [2.0, 2.0, 0.79, 1.0, 1.0])
    assert texts_of(found, KeywordOptions(0.2)) == ["胃窦", "溃疡"]
    assert texts_of(found, KeywordOptions(0.5)) == ["胃窦", "溃疡"]
    assert texts_of(found, KeywordOptions(0.51)) == ["胃窦"]
    assert [span.score for span in keywords_of(found, KeywordOptions())] == [4.0, 2.0]


def test_a_span_may_begin_and_end_the_text() -> None:
    found = made("胃癌术后肠癌", [1, 1, 0, 0, 1, 0.5])
    assert texts_of(found, SPAN) == ["胃癌", "肠癌"]


def test_a_span_never_holds_punctuation_however_high_that_scores() -> None:
    found = made("特殊。胃窦，见", [1.0, 1.0, 9.0, 8.0, 8.0, 9.0, 0.0])
    assert texts_of(found, replace(SPAN, share=0.1)) == ["特殊", "胃窦"]


def test_white_space_ends_a_span() -> None:
    assert texts_of(made("胃 癌", [1, 1]), SPAN) == ["胃", "癌"]


def test_equal_scores_are_all_keywords_and_divide_nothing_by_zero() -> None:
    assert texts_of(made("胃窦癌", [1, 1, 1]), SPAN) == ["胃窦癌"]
    assert texts_of(made("胃窦癌", [0, 0, 0]), SPAN) == []
    assert texts_of(made("胃窦癌", [-1, -1, -1]), SPAN) == []


def test_extracts_max_takes_only_what_holds_the_largest_score() -> None:
    found = made("胃癌术后肠癌", [1, 3, 0, 0, 2, 2])
    assert texts_of(found, replace(SPAN, extracts_max=True)) == ["胃癌"]
    # As words both have 4; the first of equals wins.
    assert texts_of(found, KeywordOptions(extracts_max=True)) == ["胃癌"]


def test_against_finds_the_words_below_zero() -> None:
    found = made("胃窦见结肠", [1, 1, 0, -2, -2])
    keywords = keywords_of(found, KeywordOptions(against=True))
    assert [(span.text, span.score) for span in keywords] == [("结肠", -4.0)]


def test_numbers_and_punctuation_are_no_keywords() -> None:
    found = made("3.5，胃", [9, 9, 9, 9, 9])
    assert texts_of(found, KeywordOptions()) == ["胃"]
    assert texts_of(found, SPAN) == ["胃"]


def test_words_that_name_nothing_are_left_out_unless_all_are_asked_for() -> None:
    found = made("右侧，胃窦，β", [3, 3, 0, 1, 1, 0, 9])
    assert texts_of(found, KeywordOptions(0.1)) == ["胃窦"]
    assert texts_of(found, KeywordOptions(0.1, all_words=True)) == ["右侧", "胃窦"]


def test_the_strongest_keyword_is_one_though_a_number_or_a_full_stop_scores_higher() -> None:
    number = made("35，胃癌", [9, 9, 0, 5, 5])
    stop = made("胃癌。", [0.5, 0.5, 9])
    for unit in ("word", "span"):
        options = KeywordOptions(unit=unit, extracts_max=True)
        assert texts_of(number, options) == ["胃癌"]
        assert texts_of(stop, options) == ["胃癌"]


@given(st.text("胃肠癌，。 a1", min_size=1, max_size=30), st.data())
@settings(deadline=None)
def test_keywords_are_slices_in_order_without_overlap_that_reach_the_share(
    text: str, data: st.DataObject
) -> None:
    count = sum(not c.isspace() for c in text)
    values = data.draw(st.lists(st.floats(-5, 5), min_size=count, max_size=count))
    found = made(text, values)
    for options in (KeywordOptions(0.3), KeywordOptions(0.3, unit="span")):
        spans = keywords_of(found, options)
        assert all(text[a:b] == body for body, a, b, _ in spans)
        assert all(one.end <= two.start for one, two in itertools.pairwise(spans))
        assert all(span.score > 0 for span in spans)
        assert not any(c in "，。 " for span in spans for c in span.text)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1))
def test_rescaled_scores_lie_between_0_and_1_and_keep_zero(values: list[float]) -> None:
    found = rescaled(np.array(values))
    assert ((found >= 0) & (found <= 1)).all()
    assert (found[np.array(values) <= 0] == 0).all()
    assert max(values) <= 0 or found.max() == 1


def test_the_table_counts_what_its_columns_say() -> None:
    counter = KeywordCounter()
    options = KeywordOptions()
    counter.add(made("胃癌，胃癌", [2, 2, 0, 1, 1]), options)
    counter.add(made("胃癌", [1, 0]), options)
    counter.add(made("肠癌", [3, 0], label=2), options)
    table = counter.to_frame()
    assert tuple(table.columns) == COLUMNS
    assert table[["keyword", "label", "frequency", "documents"]].values.tolist() == [
        ["胃癌", 1, 3, 2],
        ["肠癌", 2, 1, 1],
    ]
    assert table["total"].tolist() == [7.0, 3.0]
    assert table["mean"].tolist() == pytest.approx([7 / 3, 3.0])
    assert table.groupby("label")["share"].sum().tolist() == pytest.approx([1.0, 1.0])
    assert table["example"].tolist() == ["胃癌，胃癌", "肠癌"]
    assert counter.to_frame(min_frequency=2)["keyword"].tolist() == ["胃癌"]
    pooled = counter.to_frame(by_label=False)
    assert pooled["keyword"].tolist() == ["胃癌", "肠癌"]
    assert pooled["share"].tolist() == pytest.approx([0.7, 0.3])
    assert "label" not in pooled


def test_width_and_case_do_not_tell_keywords_apart() -> None:
    counter = KeywordCounter()
    for text in ("ＥＳＤ", "esd", "ESD"):
        counter.add(made(text, [1, 1, 1]), KeywordOptions())
    table = counter.to_frame()
    assert table["frequency"].tolist() == [3]
    assert table["keyword"].tolist() == ["ESD"]


def test_without_a_keyword_the_table_is_empty_and_has_its_columns() -> None:
    counter = KeywordCounter()
    counter.add(made("胃", [-1]), KeywordOptions())
    table = counter.to_frame()
    assert len(table) == 0
    assert tuple(table.columns) == COLUMNS


def test_distinctiveness_is_the_formula_of_monroe_et_al() -> None:
    # Words a, b in label 0: 8, 2; in label 1: 1, 9. Their sums, 9 and 11, are the prior.
    found = distinctiveness(np.array([0, 0, 1, 1]), np.array([7, 5, 7, 5]), np.array([8, 2, 1, 9]))
    y_i, n_i, y_j, n_j, prior, all_prior = 8, 10, 1, 10, 9, 20
    delta = np.log((y_i + prior) / (n_i + all_prior - y_i - prior)) - np.log(
        (y_j + prior) / (n_j + all_prior - y_j - prior)
    )
    z = delta / np.sqrt(1 / (y_i + prior) + 1 / (y_j + prior))
    assert found[0] == pytest.approx(z)
    assert found[0] > 0 > found[1]
    # Of two labels, what sets one apart sets the other back.
    assert found[2] == pytest.approx(-found[0])
    assert found[0] == pytest.approx(2.4124, abs=1e-4)


def test_stability_is_1_for_equal_tables_and_minus_1_for_reversed_ones() -> None:
    import pandas as pd

    words = list("胃肠肺心脑")
    table = pd.DataFrame({"keyword": words, "label": 1})
    assert stability(table, table) == {1: (pytest.approx(1.0), 5, 5)}
    assert stability(table, table[::-1]) == {1: (pytest.approx(-1.0), 5, 5)}
    assert np.isnan(stability(table[:2], table[:2])[1].correlation)
    upper = table.assign(keyword=list("ABCDE"))
    lower = upper.assign(keyword=list("abcde"))
    assert stability(upper, lower)[1] == (pytest.approx(1.0), 5, 5)
    # 脑 is missing in one half, so it stands last there, as in the other.
    assert stability(table, table[:4])[1] == (pytest.approx(1.0), 4, 5)


def test_counting_in_two_halves_or_stored_between_changes_nothing() -> None:
    records = [made("胃癌", [1.5, 0.1]), made("肠癌胃", [2, 1, 1], label=2), made("胃", [1])]
    whole, halves = KeywordCounter(), (KeywordCounter(), KeywordCounter())
    for i, record in enumerate(records):
        whole.add(record, KeywordOptions())
        halves[i % 2].add(record, KeywordOptions())
    stored = [KeywordCounter.from_dict(json.loads(json.dumps(h.to_dict()))) for h in halves]
    merged = stored[0].merged(stored[1])
    assert merged.to_frame().equals(whole.to_frame())


def test_a_record_that_occurs_twice_counts_once(explainer: Explainer) -> None:
    texts = [text for text, _ in made_up_records(12)]
    once = keyword_table(texts, explainer=explainer)
    assert keyword_table([*texts, *texts, f" {texts[0]} "], explainer=explainer).equals(once)
    assert len(once) > 3


def test_a_count_takes_fewer_points_than_an_explanation(
    explainer: Explainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, Any]] = []

    def explain(texts: list[str], **options: Any) -> list[Attribution]:
        asked.append(options)
        return []

    monkeypatch.setattr(explainer, "explain", explain)
    for options in ({}, {"steps": 3}):
        with pytest.raises(ValueError, match="shorter"):
            keyword_table(["胃癌"], explainer=explainer, **options)
    assert [(found["steps"], found["tolerance"]) for found in asked] == [(8, 0.05), (3, 0.05)]
    assert signature(keywords).parameters["steps"].default == COUNTING.steps < PathOptions().steps
    assert signature(keywords).parameters["tolerance"].default == COUNTING.tolerance


def test_a_file_gives_the_table_of_its_texts(explainer: Explainer, tmp_path: Path) -> None:
    rows = made_up_records(12)
    path = tmp_path / "records.txt"
    path.write_text("".join(f"{text}\t{label}\n" for text, label in rows), encoding="utf-8")
    found = keyword_table(path, explainer=explainer)
    assert found.equals(keyword_table([text for text, _ in rows], explainer=explainer))
    path.write_text("".join(f"{text}\n" for text, _ in rows) + "nan\n", encoding="utf-8")
    with pytest.raises(RecordsError, match="1 bad rows"):
        keyword_table(path, explainer=explainer)
    assert found.equals(keyword_table(path, explainer=explainer, strict=False))


def test_interrupted_and_gone_on_the_count_is_that_of_one_run(
    explainer: Explainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gi_classifier.attribution.keyword_counts._CHUNK", 5)
    texts = [text for text, _ in made_up_records(18)] + [made_up_records(18)[0][0]]
    options, path = KeywordOptions(), PathOptions()
    one = Progress()
    assert sum(count_keywords(texts, explainer, options, path, one)) == 19
    other = Progress()
    next(count_keywords(texts, explainer, options, path, other))
    assert other.read == 5
    other = Progress.from_json(other.to_json(), "state")
    assert sum(count_keywords(texts, explainer, options, path, other)) == 14
    assert other.whole.to_frame().equals(one.whole.to_frame())
    assert (other.read, other.duplicates, other.seen) == (19, 1, one.seen)


def test_what_is_no_state_is_refused() -> None:
    content = Progress().to_json()
    assert Progress.from_json(content, "x.state") == Progress()
    for broken in (b"", b"{}", b"[]", content[:-9]):
        with pytest.raises(RecordsError, match=r"x\.state is no state of a count"):
            Progress.from_json(broken, "x.state")


def test_all_bad_options_are_named_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        keyword_table(["胃"], threshold=0.0, unit="letter", extracts_max=1)  # type: ignore[arg-type]
    assert "threshold must be a number in (0, 1]. Received: 0.0" in str(caught.value)
    assert "unit must be one of word, span. Received: 'letter'" in str(caught.value)
    assert "extracts_max must be a bool. Received: 1" in str(caught.value)
    for value in (0, 1.5, True):
        with pytest.raises(SettingsError, match=f"min_frequency .* Received: {value}"):
            keyword_table(["胃"], min_frequency=value)  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match=r"tolerance must be a number in \(0, 1\)"):
        keyword_table(["胃"], tolerance=3)
    with pytest.raises(InputError, match="position 1: an empty text"):
        keyword_table(["胃", " "])
