"""A model directory: whole or not at all, with a manifest that tells if a file was changed.

In memory it is a :class:`ModelDirectory`, the files as bytes. Nothing is pickled and nothing that
is loaded can run code. Saving writes a temporary sibling and renames it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from gi_classifier.errors import ModelError
from gi_classifier.files import (
    check_output_directory,
    check_owned,
    sibling,
    to_json,
    write_directory,
)
from gi_classifier.settings import AlbertConfig, Settings
from gi_classifier.text import Vocabulary

FORMAT = 1
MANIFEST = "manifest.json"
SETTINGS, CONFIG, VOCABULARY, WEIGHTS = "settings.json", "config.json", "vocab.txt", "model.h5"
SPLITS, HISTORY, LOG = "splits.json", "history.csv", "train.log"
ONNX = {"fp32": "model.onnx", "int8": "model.int8.onnx"}
GRADIENTS = "gradient.onnx"
# A model directory may hold them; they belong to its model.h5 and say so.
THRESHOLDS, NOVELTY = "thresholds.json", "novelty.npz"
REQUIRED = (SETTINGS, CONFIG, VOCABULARY, WEIGHTS, *ONNX.values(), GRADIENTS)


@dataclass(frozen=True)
class ModelDirectory:
    """The files of a model directory, in memory.

    Attributes
    ----------
    files : mapping of str to bytes
        All but the manifest.
    metadata : dict
        What the manifest says beyond its list of files: engine, training, measures.
    """

    files: Mapping[str, bytes] = field(repr=False)
    metadata: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def settings(self) -> Settings:
        """The settings that the model was trained with."""
        return Settings.from_dict(json.loads(self.files[SETTINGS]))

    @cached_property
    def config(self) -> AlbertConfig:
        """The shape of its encoder."""
        return AlbertConfig.from_dict(json.loads(self.files[CONFIG]))

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """Its tokens."""
        return Vocabulary.from_text(self.files[VOCABULARY].decode("utf-8"))

    @cached_property
    def splits(self) -> dict[str, list[str]]:
        """Fingerprints of the records of each split; empty where none were stored."""
        stored: dict[str, list[str]] = json.loads(self.files.get(SPLITS, b"{}"))
        return stored

    @cached_property
    def digest(self) -> str:
        """Of the classifier's weights: sha256 of ``model.h5``."""
        return hashlib.sha256(self.files[WEIGHTS]).hexdigest()

    def manifest(self) -> dict[str, Any]:
        """The manifest, with size and sha256 of every file."""
        listing = {
            name: {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
            for name, content in sorted(self.files.items())
        }
        return {"format": FORMAT, **self.metadata, "files": listing}


def check_model_output(path: str | Path, *, force: bool = False) -> Path:
    """Return where a model directory may be written, or raise, before any work is done.

    Raises
    ------
    OutputExistsError
        Something is there and ``force`` was not given, or it is more than a model directory.
    """
    path = check_output_directory(path, force=force)
    if path.exists():
        try:
            listing = json.loads((path / MANIFEST).read_text(encoding="utf-8"))["files"]
        except (OSError, ValueError, KeyError, TypeError):
            listing = {}
        check_owned(path, {MANIFEST, *listing} if listing else set())
    return path


def save(directory: ModelDirectory, path: str | Path, *, force: bool = False) -> Path:
    """Write a model directory, whole or not at all.

    Parameters
    ----------
    directory : ModelDirectory
    path : str or Path
    force : bool
        Replace a model directory that is there. Anything else that is there is never replaced.

    Raises
    ------
    OutputExistsError
        Something is at ``path``.
    OSError
        The disk is full, say; what was at ``path`` is untouched.
    """
    path = check_model_output(path, force=force)
    write_directory({**directory.files, MANIFEST: to_json(directory.manifest())}, path)
    return path


def load(path: str | Path) -> ModelDirectory:
    """Read a model directory and check every file against the manifest.

    Raises
    ------
    FileNotFoundError
        There is no such directory.
    ModelError
        It has no manifest or one of another format, or files are missing or were changed: all
        of them are named.
    """
    path = Path(path)
    if not path.exists() and sibling(path, "before").is_dir():
        # A replacement was killed between its two renames; the next one puts it back.
        path = sibling(path, "before")
    if not path.is_dir():
        raise FileNotFoundError(f"No model directory at {path}")
    if not (path / MANIFEST).is_file():
        raise ModelError(f"{path} is no model directory: it has no {MANIFEST}.")
    try:
        manifest = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
        version, listing = manifest.pop("format"), manifest.pop("files")
        if version == FORMAT:
            listing = {name: entry["sha256"] for name, entry in listing.items()}
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise ModelError(f"{path / MANIFEST} is no manifest ({error!r}).") from error
    if version != FORMAT:
        raise ModelError(
            f"{path} is of format {version}; this version of gi_classifier reads {FORMAT}."
        )
    problems = [f"{name}: not in the manifest" for name in REQUIRED if name not in listing]
    files = {}
    for name, digest in listing.items():
        if Path(name).name != name or not (path / name).is_file():
            problems.append(f"{name}: missing")
            continue
        files[name] = (path / name).read_bytes()
        if hashlib.sha256(files[name]).hexdigest() != digest:
            problems.append(f"{name}: changed since it was saved (sha256 differs)")
    if problems:
        raise ModelError(f"{path} is not a whole model directory:", problems)
    return ModelDirectory(files, manifest)
