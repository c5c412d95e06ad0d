"""The ranked keyword table of records in memory: one call for what the parts beside it do.

In: texts. Out: a pandas DataFrame, one row for each keyword of each label.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from gi_classifier.attribution.integrated_gradients import Explainer, PathOptions
from gi_classifier.attribution.keyword_counts import Progress, count_keywords
from gi_classifier.attribution.keywords import KeywordOptions, Unit
from gi_classifier.data.chunks import check_texts_of, iterate_texts
from gi_classifier.errors import SettingsError
from gi_classifier.model.shipped import open_shipped
from gi_classifier.option_checks import integer_problem
from gi_classifier.text_checks import check_texts

if TYPE_CHECKING:
    import pandas as pd

# How records are explained that are only counted: fewer points, a table nearly the same (measured
# in docs/attribution.md).
COUNTING = PathOptions(steps=8, tolerance=0.05)


def keyword_table(
    texts_or_file: Sequence[str] | str | Path,
    *,
    threshold: float = KeywordOptions.share,
    extracts_max: bool = False,
    by_label: bool = True,
    min_frequency: int = 1,
    unit: Unit = KeywordOptions.unit,
    against: bool = False,
    all_words: bool = False,
    text_column: str = "text",
    skip_blank: bool = False,
    strict: bool = True,
    sheet: str | None = None,
    header_row: int | None = None,
    explainer: Explainer | None = None,
    **path: Any,
) -> pd.DataFrame:
    """Rank the words that decide for each label over a corpus.

    Each record is explained for the label that the model gives it; a record that occurs several
    times counts once. A word's score is the sum of its tokens'.

    Parameters
    ----------
    texts_or_file : sequence of str, or path
        Records, or a file of them (.txt, .tsv, .csv, .jsonl, .xlsx or .parquet), which is read
        some at a time.
    threshold : float
        Share of the record's largest score from which a word counts, above 0 and at most 1: the
        reference's name for what is ``share`` elsewhere. The reference used 0.2 and 0.5.
    extracts_max : bool
        Take only the keyword that holds the record's largest score.
    by_label : bool
        Rank within each label; else all labels together, without the columns ``label`` and
        ``distinctiveness``.
    min_frequency : int
        Leave out keywords that occur less often.
    unit : {"word", "span"}
        Words of the dictionary, or as in the reference runs of adjacent tokens that reach it.
    against : bool
        The negative table: words that speak against the label that won; their scores are below 0.
    all_words : bool
        Of words, also those that name nothing by themselves (右侧, 急性, 术后, 见 …:
        :data:`gi_classifier.attribution.words.STOP_WORDS`).
    text_column : str
        Column of .csv, .jsonl and .xlsx.
    skip_blank : bool
        Leave out a file's rows without text, which are bad otherwise.
    strict : bool
        Raise where rows of a file are bad; without, they are left out.
    sheet : str, optional
        The worksheet of an .xlsx; without, the first that is visible.
    header_row : int, optional
        The row of a file that names the columns; without, the first, or looked for (.xlsx).
    explainer : Explainer, optional
        Without, that of the model that ships.
    **path
        Options of :func:`gi_classifier.explain`, without ``label``; those of :data:`COUNTING` are
        the default here.

    Returns
    -------
    DataFrame
        Sorted by label and falling total (of ``against``: from the lowest up): keyword; label;
        frequency (occurrences that reach it); documents (records that have one); mean and
        total score; share of the label's total; distinctiveness (:func:`distinctiveness`); an
        example in its context.

    Raises
    ------
    InputError, RecordsError, MissingPathError
        What is given cannot be read: all bad rows or positions are named.
    SettingsError
        With every option out of range.

    Examples
    --------
    >>> from gi_classifier import keyword_table
    >>> table = keyword_table(["胃窦黏膜充血糜烂", "胃窦糜烂", "直肠息肉"])
    >>> table.loc[table["frequency"] == 2, "keyword"].tolist()
    ['胃窦']
    """
    given = {
        "share": threshold,
        "extracts_max": extracts_max,
        "unit": unit,
        "against": against,
        "all_words": all_words,
    }
    problems = KeywordOptions.problems(given, share="threshold")
    if wrong := integer_problem("min_frequency", min_frequency, 1):
        problems.append(wrong)
    if problems:
        raise SettingsError("No keywords can be counted with these settings:", problems)
    options = KeywordOptions(threshold, extracts_max, unit, against, all_words)
    chosen = PathOptions.of(path, COUNTING)
    if isinstance(texts_or_file, (str, Path)):
        form: dict[str, Any] = {
            "text_column": text_column,
            "skip_blank": skip_blank,
            "sheet": sheet,
            "header_row": header_row,
        }
        file = Path(texts_or_file)
        count = check_texts_of(file, strict=strict, **form).tally.readable
        texts = iterate_texts(file, **form)
    else:
        checked = check_texts(texts_or_file)
        count, texts = len(checked), iter(checked)
    progress = Progress()
    with tqdm(total=count, unit="record", disable=None, leave=False) as bar:
        for done in count_keywords(
            texts, explainer or open_shipped(Explainer), options, chosen, progress
        ):
            bar.update(done)
    return progress.whole.to_frame(by_label=by_label, min_frequency=min_frequency)
