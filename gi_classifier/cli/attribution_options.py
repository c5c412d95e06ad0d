"""Options that the commands which explain share."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from gi_classifier.errors import SettingsError

BaselineOption = Annotated[
    str, typer.Option(help="Where paths begin: mask, pad or zero (the reference's).")
]
StepsOption = Annotated[int, typer.Option(help="Points of the path, at first.")]
ToleranceOption = Annotated[
    float, typer.Option(help="Completeness error above which a record gets more points.")
]
ThresholdOption = Annotated[
    float, typer.Option(help="Share of a record's largest score from which a word counts.")
]


def checked_options(kind: Any, **values: Any) -> Any:
    """Build options; a value out of range is wrong use."""
    try:
        return kind(**values)
    except SettingsError as error:
        raise typer.BadParameter(str(error)) from error
