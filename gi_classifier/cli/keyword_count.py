"""Keywords counted with a bar, and a state beside the output to go on from: of keywords and report.

In: texts, an explainer and options. Out: the count.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from gi_classifier.attribution.integrated_gradients import Explainer, PathOptions
from gi_classifier.attribution.keyword_counts import Progress, count_keywords
from gi_classifier.attribution.keywords import KeywordOptions
from gi_classifier.cli.outputs import notes, progress
from gi_classifier.cli.saved_state import SavedState
from gi_classifier.model.directory import ModelDirectory
from gi_classifier.pipelines.file_answers import FileAnswers
from gi_classifier.settings import Use

# Seconds between two states of a count; a part of the state.
_STATE_SECONDS, _PROGRESS = 10.0, "progress"


def state_of_count(
    work: FileAnswers,
    directory: ModelDirectory,
    use: Use | None,
    options: KeywordOptions,
    path: PathOptions,
    output: Path | None,
    restart: bool,
) -> SavedState:
    """What a stopped count of the same file, model and options left beside the output."""
    if output is None:
        return SavedState(None, {})
    told = {**work.form, "use": use, **asdict(options), **asdict(path)}
    identity = work.identity(directory, told)
    return SavedState(output, identity, restart=restart, seconds=_STATE_SECONDS)


def counted(
    texts: Iterable[str],
    count: int,
    explainer: Explainer,
    options: KeywordOptions,
    path: PathOptions,
    state: SavedState,
) -> Progress:
    """Count over all records, from where the state stands, which is written as this goes."""
    stored = state.read(_PROGRESS)
    found = Progress.from_json(stored, str(state.path)) if stored else Progress()
    if stored:
        notes.print(f"Going on after {found.read} of {count} records.")
    with state.noting_stops(), progress(count, "records", found.read) as step:
        for done in count_keywords(texts, explainer, options, path, found):
            step(done, "")
            state.write_seldom(_PROGRESS, found.to_json)
    return found
