"""A model directory: whole or not at all, with a manifest that tells if a file was changed.

In memory it is a :class:`ModelDirectory`, the files as bytes. Nothing is pickled and nothing that
is loaded can run code, read other files or wait for ever, even where the manifest was forged.
Saving writes a temporary sibling and renames it.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from gi_classifier.errors import MissingPathError, ModelError, SettingsError
from gi_classifier.files import (
    check_output_directory,
    check_owned,
    left_by_tools,
    read_regular,
    sibling,
    to_json,
    write_directory,
)
from gi_classifier.model.fusion import AlbertAlone, Fusion
from gi_classifier.model.fusion import from_file as read_fusions
from gi_classifier.model.linear import LinearModel
from gi_classifier.model.weights import LayerWeights, read_h5
from gi_classifier.settings import USES, AlbertConfig, Settings, Use
from gi_classifier.text import Vocabulary

logger = logging.getLogger(__name__)

FORMAT = 1
MANIFEST = "manifest.json"
SETTINGS, CONFIG, VOCABULARY, WEIGHTS = "settings.json", "config.json", "vocab.txt", "model.h5"
SPLITS, HISTORY, LOG = "splits.json", "history.csv", "train.log"
ONNX = {"fp32": "model.onnx", "int8": "model.int8.onnx"}
GRADIENTS = "gradient.onnx"
# The linear member, and how much each member counts; without them ALBERT answers alone.
LINEAR, FUSION = "linear.npz", "fusion.json"
# A model directory may hold them; they belong to its model.h5 and say so.
THRESHOLDS, NOVELTY = "thresholds.json", "novelty.npz"
# They belong to both members; the first says so, and whether there is the second.
BULK, CORRECTION = "bulk.json", "bulk.npz"
ALBERT_FILES = (CONFIG, VOCABULARY, WEIGHTS, *ONNX.values(), GRADIENTS)
REQUIRED = (SETTINGS, *ALBERT_FILES)
# Of a model whose linear member was trained alone: nothing of ALBERT.
REQUIRED_LINEAR = (SETTINGS, LINEAR, FUSION)
NO_ALBERT = (
    "This model is a linear member alone, as `train --use linear` makes it: it has no ALBERT, "
    "which this needs. Train a model without --use linear, or leave --model out for the one that "
    "ships."
)


# Far above all that this library writes; ONNX itself allows no more.
_MOST_BYTES, _MOST_MANIFEST_BYTES = 2**31, 2**26
_MOST_CLASSES = 10_000
# Characters of each record's.
_FINGERPRINT = 16
_REMEDY = "Get the model directory again, or write it anew."


@dataclass(frozen=True)
class ModelDirectory:
    """The files of a model directory, in memory.

    Attributes
    ----------
    files : mapping of str to bytes
        All but the manifest.
    metadata : dict
        What the manifest says beyond its list of files: engine, training, measures.
    path : Path, optional
        Where it was read.

    Examples
    --------
    >>> from gi_classifier import GIClassifier
    >>> directory = GIClassifier.load().directory_
    >>> directory.settings.maxlen, directory.config.hidden_size
    (200, 312)
    """

    files: Mapping[str, bytes] = field(repr=False)
    metadata: dict[str, Any] = field(default_factory=dict)
    path: Path | None = field(default=None, compare=False)

    def place(self, name: str) -> str:
        """What errors call one of its files: with its folder, where that is known."""
        return str(self.path / name) if self.path else name

    def broken(self, name: str, reason: object) -> ModelError:
        """The error to raise for one of its files."""
        return ModelError(f"{self.place(name)} cannot be used: {reason}. {_REMEDY}")

    @property
    def members(self) -> tuple[str, ...]:
        """Which it has, of "albert" and "linear"."""
        return tuple(
            member
            for member, names in (("albert", ALBERT_FILES), ("linear", (LINEAR,)))
            if any(name in self.files for name in names)
        )

    def content(self, name: str) -> bytes:
        """One of its files.

        Raises
        ------
        ModelError
            It has none of this name; with what to do where the model has no ALBERT at all.
        """
        if name in self.files:
            return self.files[name]
        if name in ALBERT_FILES and self.members == ("linear",):
            raise ModelError(NO_ALBERT)
        raise self.broken(name, "it is missing")

    def read_json(self, name: str) -> dict[str, Any]:
        """One of its files as a table.

        Raises
        ------
        ModelError
            It holds no JSON object.
        """
        content = self.content(name)
        try:
            table = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise self.broken(name, f"it is no JSON ({type(error).__name__})") from error
        if not isinstance(table, dict):
            raise self.broken(name, "it holds no JSON object")
        return table

    @cached_property
    def settings(self) -> Settings:
        """The settings that the model was trained with."""
        try:
            found = Settings.from_dict(self.read_json(SETTINGS))
        except (SettingsError, TypeError) as error:
            raise self.broken(SETTINGS, error) from error
        if found.num_classes > _MOST_CLASSES:
            raise self.broken(SETTINGS, f"num_classes is {found.num_classes}")
        return found

    @cached_property
    def config(self) -> AlbertConfig:
        """The shape of its encoder."""
        table = self.read_json(CONFIG)
        try:
            return AlbertConfig.from_dict(table)
        except (SettingsError, TypeError) as error:
            raise self.broken(CONFIG, error) from error

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """Its tokens."""
        content = self.content(VOCABULARY)
        try:
            return Vocabulary.from_text(content.decode("utf-8"))
        except (ModelError, ValueError) as error:
            raise self.broken(VOCABULARY, error) from error

    @cached_property
    def splits(self) -> dict[str, list[str]]:
        """Fingerprints of the records of each split; empty where none were stored."""
        if SPLITS not in self.files:
            return {}
        found = self.read_json(SPLITS)
        for name, fingerprints in found.items():
            if isinstance(fingerprints, str) and not len(fingerprints) % _FINGERPRINT:
                places = range(0, len(fingerprints), _FINGERPRINT)
                found[name] = [fingerprints[i : i + _FINGERPRINT] for i in places]
            # Earlier versions wrote lists.
            elif not isinstance(fingerprints, list) or not all(
                isinstance(fingerprint, str) for fingerprint in fingerprints
            ):
                raise self.broken(SPLITS, "a split does not hold fingerprints")
        return found

    @cached_property
    def linear(self) -> LinearModel | None:
        """Its linear member; None where an earlier version wrote it."""
        if LINEAR not in self.files:
            return None
        try:
            found = LinearModel.from_npz(self.files[LINEAR])
        except ModelError as error:
            raise self.broken(LINEAR, error) from error
        if found.num_classes != self.settings.num_classes:
            raise self.broken(LINEAR, f"it has {found.num_classes} labels")
        return found

    def fusion(self, use: Use | None = None) -> Fusion:
        """How its members' log-odds become scores.

        Parameters
        ----------
        use : {"both", "albert", "linear"}, optional
            Without, what the settings say; where there is no linear member, ALBERT alone.

        Raises
        ------
        SettingsError
            There is no such use, or this model lacks a member for it.
        """
        if use is not None and use not in USES:
            raise SettingsError(f"use must be one of {', '.join(USES)}. Received: {use!r}")
        if self.linear is None:
            if use in ("both", "linear"):
                raise SettingsError(
                    "This model has no linear member: an earlier version wrote it. Leave out "
                    f"`use`, or train it anew. Received: {use!r}"
                )
            return AlbertAlone(self.settings.num_classes)
        alone = self.members == ("linear",)
        if alone and use in ("both", "albert"):
            raise SettingsError(
                "This model has no ALBERT: its linear member was trained alone. Leave out `use`, "
                f"or train it anew without `--use linear`. Received: {use!r}"
            )
        content = self.content(FUSION)
        try:
            fitted = read_fusions(content, self.settings.num_classes)
        except ModelError as error:
            raise self.broken(FUSION, error) from error
        wanted = "linear" if alone else use or self.settings.use
        if wanted not in fitted:
            raise self.broken(FUSION, f"it says nothing of {wanted}")
        return fitted[wanted]

    @property
    def engine(self) -> str:
        """The graph that the export found fit and recorded."""
        recorded = self.metadata.get("engine", {})
        found = recorded.get("default", "fp32") if isinstance(recorded, dict) else None
        if found not in ONNX:
            raise self.broken(MANIFEST, f"its engine is none of {', '.join(ONNX)}")
        return str(found)

    def read_weights(self) -> LayerWeights:
        """The classifier's weights, by layer."""
        return read_h5(self.content(WEIGHTS), name=self.place(WEIGHTS))

    def arrays(self) -> dict[str, np.ndarray]:
        """The same as graphs without weights call them: ``layer/number``."""
        return {
            f"{layer}/{number}": array
            for layer, found in self.read_weights().items()
            for number, array in enumerate(found)
            # Layers of dropout keep a step, which no graph has a use for.
            if array.ndim
        }

    def check(self) -> None:
        """Raise where settings, shape and tokens do not fit together.

        Raises
        ------
        ModelError
            With every misfit.
        """
        config, settings = self.config, self.settings
        problems = []
        if config.vocab_size != len(self.vocabulary):
            problems.append(
                f"{CONFIG} says {config.vocab_size} tokens, {VOCABULARY} has {len(self.vocabulary)}"
            )
        if settings.maxlen > config.max_position_embeddings:
            problems.append(
                f"{SETTINGS} says windows of {settings.maxlen} tokens, {CONFIG} at most "
                f"{config.max_position_embeddings}"
            )
        if problems:
            raise ModelError(f"{self.path or 'The model'} does not fit together:", problems)

    @cached_property
    def encoder_digest(self) -> str:
        """Of ALBERT's weights, which embeddings and novelty hang on: sha256 of ``model.h5``."""
        return hashlib.sha256(self.content(WEIGHTS)).hexdigest()

    @cached_property
    def digest(self) -> str:
        """Of all that answers hang on: ALBERT's weights and, where there is one, the other's."""
        if LINEAR not in self.files:
            return self.encoder_digest
        parts = (self.files[name] for name in (WEIGHTS, LINEAR, FUSION) if name in self.files)
        sums = b"".join(hashlib.sha256(part).digest() for part in parts)
        return hashlib.sha256(sums).hexdigest()

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
    MissingPathError
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
        raise MissingPathError(f"No model directory at {path}")
    if not (path / MANIFEST).exists():
        raise ModelError(f"{path} is no model directory: it has no {MANIFEST}.")
    manifest, listing = _read_manifest(path / MANIFEST)
    albert = LINEAR not in listing or any(name in listing for name in ALBERT_FILES)
    required = REQUIRED if albert else REQUIRED_LINEAR
    problems = [f"{name}: not in the manifest" for name in required if name not in listing]
    files = {}
    for name, (size, digest) in listing.items():
        if Path(name).name != name or name == ".." or not (path / name).exists():
            problems.append(f"{name}: missing")
            continue
        try:
            files[name] = read_regular(path / name, size=size)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            problems.append(f"{name}: changed since it was saved ({reason})")
            continue
        if hashlib.sha256(files[name]).hexdigest() != digest:
            problems.append(f"{name}: changed since it was saved (sha256 differs)")
    if problems:
        raise ModelError(f"{path} is not a whole model directory. {_REMEDY}", problems)
    _note_strangers(path)
    return ModelDirectory(files, manifest, path)


def _read_manifest(path: Path) -> tuple[dict[str, Any], dict[str, tuple[int, str]]]:
    """What a manifest says, and size and sha256 of each file."""
    try:
        manifest = json.loads(read_regular(path, most=_MOST_MANIFEST_BYTES).decode("utf-8"))
        version, entries = manifest.pop("format"), manifest.pop("files")
        if version != FORMAT:
            raise ModelError(
                f"{path.parent} is of format {str(version)[:20]}; this version of gi_classifier "
                f"reads {FORMAT}."
            )
        listing = {name: (entry["bytes"], entry["sha256"]) for name, entry in entries.items()}
    except (OSError, ValueError, KeyError, AttributeError, TypeError, RecursionError) as error:
        reason = error if type(error) is ValueError else type(error).__name__
        raise ModelError(f"{path} is no manifest ({reason}). {_REMEDY}") from error
    sizes = [size for size, _ in listing.values()]
    if not all(type(size) is int and 0 <= size <= _MOST_BYTES for size in sizes) or (
        sum(sizes) > 2 * _MOST_BYTES
    ):
        raise ModelError(f"{path} is no manifest: sizes that no model has. {_REMEDY}")
    for name, kind in (("engine", dict), ("training", dict), ("test", dict), ("labels", list)):
        if not isinstance(manifest.get(name, kind()), kind):
            raise ModelError(
                f"{path} is no manifest: its {name!r} is no {kind.__name__}. {_REMEDY}"
            )
    return manifest, listing


def _note_strangers(path: Path) -> None:
    """Say what file managers and notebooks left in a directory; it is not read."""
    found = sorted(entry.name for entry in path.iterdir() if left_by_tools(entry.name))
    if found:
        logger.warning("%s: passed over, no part of the model: %s", path, ", ".join(found))
