"""Options that the commands which explain share."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from gi_classifier.errors import SettingsError

BaselineOption = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="What a record is compared with: as many [MASK] (mask) or [PAD] (pad) as it has "
        "tokens, or nothing at all (zero, the reference's).",
    ),
]
StepsOption = Annotated[
    int,
    typer.Option(
        metavar="NUMBER",
        help="How many points a score is computed from, at first; more is slower and exacter.",
    ),
]
ToleranceOption = Annotated[
    float,
    typer.Option(
        metavar="SHARE",
        help="How far a record's scores may miss what they are to add up to, before it gets more "
        "points.",
    ),
]
ShareOption = Annotated[
    float,
    typer.Option(
        metavar="SHARE",
        help="A word counts as a keyword from this share of its record's largest score on, above "
        "0 and at most 1.",
    ),
]


def checked_options(kind: Any, **values: Any) -> Any:
    """Build options; a value out of range is wrong use."""
    try:
        return kind(**values)
    except SettingsError as error:
        raise typer.BadParameter(str(error)) from error
