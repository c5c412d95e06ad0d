"""The thresholds that a model directory keeps: one for each label, tied to the weights and members.

In: a chosen operating point. Out: the model directory with it; and the threshold back.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from gi_classifier.errors import ModelError
from gi_classifier.files import to_json
from gi_classifier.model.directory import THRESHOLDS, ModelDirectory
from gi_classifier.model.origin import origin


def with_threshold(
    directory: ModelDirectory,
    label: int,
    policy: str,
    validation: Mapping[str, Any],
    test: Mapping[str, Any],
    made_from: Mapping[str, Any] | None = None,
    *,
    members: Sequence[str],
) -> ModelDirectory:
    """Put a label's threshold into a model directory's files; those of other labels stay.

    Parameters
    ----------
    directory : ModelDirectory
    label : int
    policy : str
    validation, test : mapping
        The point's dict on each, of
        :func:`~gi_classifier.decisions.policies.compare_policies`.
    made_from : mapping, optional
        Of :func:`gi_classifier.model.origin.origin`; without, it names no settings.
    members : sequence of str
        Those whose answers it was chosen on, of
        :attr:`gi_classifier.model.fusion.Fusion.members`.

    Returns
    -------
    ModelDirectory
        For :func:`gi_classifier.model.directory.save`.

    Raises
    ------
    ModelError
        The file that it holds is no table of thresholds.
    """
    entry = {
        "threshold": validation["threshold"],
        "policy": policy,
        "model_sha256": directory.digest,
        "members": list(members),
        "validation": dict(validation),
        "test": dict(test),
        "origin": dict(made_from or origin(directory)),
    }
    table = {**_stored(directory), str(label): entry}
    return ModelDirectory({**directory.files, THRESHOLDS: to_json(table)}, directory.metadata)


def stored_threshold(directory: ModelDirectory, label: int, members: Sequence[str]) -> float:
    """Return the threshold of a label that a model directory holds.

    Raises
    ------
    ModelError
        There is none, or it was chosen for other weights than these, or for answers of others than
        these members.
    """
    table = _stored(directory)
    way = (
        "Choose one with: gi-classifier thresholds VAL --test TEST "
        f"--label {label} --model DIR --save POLICY"
    )
    if str(label) not in table:
        held = f" (only for {', '.join(sorted(table))})" if table else ""
        raise ModelError(f"The model holds no threshold for label {label}{held}. {way}")
    try:
        entry = table[str(label)]
        threshold, model = float(entry["threshold"]), entry["model_sha256"]
        # Version 0.1.0 had ALBERT alone, and did not say so.
        chosen = [str(member) for member in entry.get("members", ["albert"])]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ModelError(
            f"{THRESHOLDS}: the entry of label {label} is incomplete ({error!r})."
        ) from error
    if model != directory.digest:
        raise ModelError(
            f"The threshold for label {label} was chosen for other weights: the model was trained "
            f"since. {way}"
        )
    if chosen != list(members):
        raise ModelError(
            f"The threshold for label {label} was chosen on answers of {' and '.join(chosen)}, not "
            f"of {' and '.join(members)}, whose probabilities are others. {way} --use …, or answer "
            "with the same --use."
        )
    return threshold


def _stored(directory: ModelDirectory) -> dict[str, Any]:
    try:
        table = json.loads(directory.files.get(THRESHOLDS, b"{}"))
    except ValueError as error:
        raise ModelError(f"{THRESHOLDS} is not JSON: {error}") from error
    if not isinstance(table, dict):
        raise ModelError(f"{THRESHOLDS} holds no JSON object.")
    return table
