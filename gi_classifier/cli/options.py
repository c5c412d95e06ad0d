"""Options that several commands share, each with one meaning, and how help shows them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from gi_classifier.data.opening import FORMATS
from gi_classifier.display import visible
from gi_classifier.settings import Use
from gi_classifier.training.keras_engine import ENGINES

# Of click, which may be a package or a part of typer.
_UsageError: Any = typer.BadParameter.__mro__[1]

ModelOption = Annotated[
    Path | None,
    typer.Option(
        "--model", metavar="DIR", help="The model directory to use; without it, the one that ships."
    ),
]
RecordsArgument = Annotated[
    Path,
    typer.Argument(metavar="FILE", help="Records; labels in the file are passed over."),
]
LabelledArgument = Annotated[
    Path, typer.Argument(metavar="FILE", help="Records with their true labels.")
]
InputOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--input",
        metavar="FILE",
        help=f"Records in a file: {', '.join(FORMATS)}; or in those of a folder or of a pattern. "
        "May be repeated.",
    ),
]
TextColumn = Annotated[
    str,
    typer.Option(metavar="NAME", help="The column that holds the text, in files with columns."),
]
LabelColumn = Annotated[
    str,
    typer.Option(metavar="NAME", help="The column that holds the label, in files with columns."),
]
IdColumn = Annotated[
    str | None,
    typer.Option(
        "--id-column",
        metavar="NAME",
        help="A column to repeat wherever a record is named, such as an admission number.",
    ),
]
SkipBlank = Annotated[
    bool, typer.Option("--skip-blank", help="Leave out rows without text; else they are bad rows.")
]
StrictOption = Annotated[
    bool,
    typer.Option("--strict", help="Do nothing if any row is bad, instead of answering the others."),
]
KeepColumns = Annotated[
    bool,
    typer.Option("--keep-columns", help="Repeat all columns of the file beside each answer."),
]
SheetOption = Annotated[
    str | None,
    typer.Option(
        "--sheet", metavar="NAME", help="The worksheet of an .xlsx; without it, the first visible."
    ),
]
HeaderRow = Annotated[
    int | None,
    typer.Option(
        "--header-row",
        metavar="NUMBER",
        min=1,
        help="The row that names the columns; without it, the first, or it is looked for (.xlsx).",
    ),
]
DirectoryOption = Annotated[
    Path | None,
    typer.Option(
        "--output", metavar="DIR", help="Write all of the result into this directory, as tables."
    ),
]
SeedOption = Annotated[
    int,
    typer.Option(
        "--seed",
        metavar="NUMBER",
        min=0,
        help="Where random choices begin; the same number gives the same result.",
    ),
]
PlotOption = Annotated[
    Path | None,
    typer.Option("--plot", metavar="FILE", help="Draw the result: .png (needs the extra 'plots')."),
]
ForceOption = Annotated[bool, typer.Option("--force", help="Replace what is at the output.")]
RestartOption = Annotated[
    bool, typer.Option("--restart", help="Begin anew instead of going on with a stopped run.")
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print the result as JSON, for other programs.")
]
EngineOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="What computes the answers: fp32, int8, openvino (both faster, less exact: "
        "`engines` measures it) or keras (needs TensorFlow); without it, GI_CLASSIFIER_ENGINE, "
        "the model's settings, or what was found fit when the model was made.",
    ),
]
UseOption = Annotated[
    Use | None,
    typer.Option(
        metavar="MEMBER",
        help="Which of the model's two members answer: albert, linear, or both added up; without "
        "it, what the model's settings say.",
    ),
]


class Command(TyperCommand):
    """A command whose help shows what to give by a word in capitals, not by a type of Python."""

    def get_params(self, ctx: Any) -> list[Any]:
        """The parameters; see click."""
        return _without_types(super().get_params(ctx))


class CommandGroup(TyperGroup):
    """The same for what commands stand in; nothing in its messages of wrong use acts."""

    def make_context(self, *args: Any, **options: Any) -> Any:
        """Read the options before a command's name; see click."""
        with _shown_wrong_use():
            return super().make_context(*args, **options)

    def invoke(self, ctx: Any) -> Any:
        """Read the command's options and run it; see click."""
        with _shown_wrong_use():
            return super().invoke(ctx)

    def get_params(self, ctx: Any) -> list[Any]:
        """The parameters; see click."""
        return _without_types(super().get_params(ctx))


@contextmanager
def _shown_wrong_use() -> Iterator[None]:
    """Spell out what would act in an error of wrong use, which may repeat what was received."""
    try:
        yield
    except _UsageError as error:
        # This one shows help, and has no message.
        if type(error).__name__ == "NoArgsIsHelpError":
            raise
        said = visible(error.format_message())
        texts = any(param.name == "text" for param in error.ctx.command.params) if error.ctx else ()
        if type(error).__name__ == "NoSuchOption" and texts:
            said += f" A text that begins with - goes behind --: {error.ctx.command_path} -- -…"
        raise _UsageError(said, error.ctx) from error


def _without_types(params: list[Any]) -> list[Any]:
    """A flag is given nothing, and an argument's name says what it is."""
    for param in params:
        if getattr(param, "is_flag", False):
            param.metavar = ""
        elif param.param_type_name == "argument":
            param.display_type_rich = lambda ctx: ""
    return params


def check_engine(engine: str | None) -> None:
    """Raise where no engine has this name."""
    if engine not in (None, *ENGINES):
        raise typer.BadParameter(f"--engine is one of {', '.join(ENGINES)}.")
