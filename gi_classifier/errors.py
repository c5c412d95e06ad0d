"""The exceptions that this library raises on purpose, in one small tree."""

from __future__ import annotations

from collections.abc import Sequence

SHOWN_PROBLEMS = 20


class GIClassifierError(Exception):
    """Base of every error that this library raises on purpose.

    Parameters
    ----------
    summary : str
        What was received and what to do.
    problems : sequence of str, optional
        One entry for each bad row, position, setting or file.

    Attributes
    ----------
    summary : str
    problems : list of str
        All of them; the message shows the first 20.
    """

    def __init__(self, summary: str, problems: Sequence[str] = ()) -> None:
        self.summary = summary
        self.problems = list(problems)
        lines = [summary, *(f"  {problem}" for problem in self.problems[:SHOWN_PROBLEMS])]
        if len(self.problems) > SHOWN_PROBLEMS:
            lines.append(f"  … and {len(self.problems) - SHOWN_PROBLEMS} more")
        super().__init__("\n".join(lines))


class SettingsError(GIClassifierError, ValueError):
    """A setting, or a combination of settings, is out of range."""


class InputError(GIClassifierError, ValueError, TypeError):
    """What was passed to be classified is not text, is blank, or is too much at once."""


class RecordsError(GIClassifierError, ValueError):
    """A file or a set of records cannot be used."""


class ModelError(GIClassifierError):
    """A model directory, checkpoint or weights file is incomplete, changed or of another kind."""


class LabelError(GIClassifierError, ValueError):
    """A label was asked for, or given, that the model does not have."""


class MissingPathError(GIClassifierError, FileNotFoundError):
    """A file or directory to read, or the folder to write into, does not exist."""


class OutputError(GIClassifierError, OSError):
    """An output cannot be written: a folder where a file is asked for, no permission, a lock."""


class OutputExistsError(OutputError, FileExistsError):
    """Writing would replace something that exists, and nobody asked for that."""


class MissingExtraError(GIClassifierError, ImportError):
    """An optional part is not installed; the message holds the pip command that installs it."""
