"""A first look at a file of records: what is in it, and what is probably wrong with it.

In: records, labelled or not, and their embeddings (n, hidden) if there are any. Out: an
:class:`Inspection`: one dict ready for JSON, which holds no record's text, rows for CSV that hold
some, and arrays (n, ...) for pictures.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

import numpy as np

from gi_classifier.data.near_duplicates import near_duplicate_groups
from gi_classifier.data.records import Records, place_of, with_kept
from gi_classifier.errors import RecordsError
from gi_classifier.evaluation.inspection_terms import rank_terms
from gi_classifier.evaluation.label_errors import (
    FOLDS,
    LabelErrors,
    find_label_errors,
    judgeable,
    label_probabilities,
    mean_recall,
)
from gi_classifier.text import folded, normalise

QUANTILES = {"minimum": 0, "p5": 5, "p25": 25, "median": 50, "p75": 75, "p95": 95, "maximum": 100}
SAME_TEXT, NEAR_DUPLICATES = "same text", "near-duplicates"


@dataclass(frozen=True)
class Inspection:
    """What :func:`inspect` found.

    Attributes
    ----------
    table : dict
        Ready for JSON. No record's text is in it; terms are.
    terms, conflicts, label_errors : list of dict
        Rows for CSV; those of the last two hold texts.
    labels : ndarray of int, shape (n,), or None
        None for records without labels.
    lengths : ndarray of int, shape (n,)
        Characters of the normalised texts.
    flagged : ndarray of bool, shape (n,)
        Probable label errors.
    projection : ndarray of float64, shape (n, 2), or None
        The embeddings' first two principal components; None without embeddings.
    """

    table: dict[str, Any]
    terms: list[dict[str, Any]]
    conflicts: list[dict[str, Any]]
    label_errors: list[dict[str, Any]]
    labels: np.ndarray | None
    lengths: np.ndarray
    flagged: np.ndarray
    projection: np.ndarray | None


def inspect(
    records: Records,
    *,
    names: Sequence[str] = (),
    embeddings: np.ndarray | None = None,
    trained: np.ndarray | None = None,
    top: int = 10,
    seed: int = 0,
) -> Inspection:
    """Look a set of records through.

    Parameters
    ----------
    records : Records
        One or more. Without labels, what needs them is None or empty.
    names : sequence of str
        Of the labels, by number; a label beyond them goes by its number.
    embeddings : ndarray, shape (n, hidden), optional
        A frozen encoder's, for the picture and as further evidence on labels.
    trained : ndarray of bool, shape (n,), optional
        Records that the encoder was fine-tuned on; without it, none. It has learnt their labels,
        the wrong ones too, so on these the embeddings have no say.
    top : int
        Terms of each label in ``table``; ``terms`` holds all.
    seed : int
        Of the folds and the linear models.

    Raises
    ------
    RecordsError
        There is no record, or an array does not match the records.
    """
    count = len(records)
    if not count:
        raise RecordsError(f"No record in {records.source}")
    for name, array in (("embeddings", embeddings), ("trained", trained)):
        if array is not None and len(array) != count:
            raise RecordsError(f"{name} must have {count} rows. Received: {len(array)}")
    labels = None if records.labels is None else np.array(records.labels)
    texts = [normalise(text) for text in records.texts]
    lengths = np.array([len(text) for text in texts])
    same = np.unique([folded(text) for text in texts], return_inverse=True)[1].ravel()
    groups = near_duplicate_groups(records.texts)
    terms = rank_terms(texts, labels, same)
    conflicts = find_conflicts(records, same, groups)
    verdict, flagged, errors = _judge(records, texts, groups, embeddings, trained, seed)
    projection, variance = (None, None) if embeddings is None else project(embeddings)
    table = {
        "source": records.source,
        "records": count,
        "seed": seed,
        "labels": _label_rows(labels, names),
        "lengths": _length_rows(lengths, labels),
        "duplicates": {
            "distinct": int(np.max(same)) + 1,
            "same_text": _line_groups(records.lines, same),
            "near_duplicates": _line_groups(records.lines, groups, same),
        },
        "conflicts": None if labels is None else _without_texts(conflicts),
        "terms": [row for row in terms if row["rank"] <= top],
        "label_errors": verdict,
        "explained_variance": variance,
    }
    return Inspection(table, terms, conflicts, errors, labels, lengths, flagged, projection)


def _label_rows(labels: np.ndarray | None, names: Sequence[str]) -> list[dict[str, Any]] | None:
    if labels is None:
        return None
    return [
        {
            "label": int(label),
            "name": names[label] if label < len(names) else str(label),
            "records": int(number),
            "prior": float(number / len(labels)),
        }
        for label, number in zip(*np.unique(labels, return_counts=True), strict=True)
    ]


def _length_rows(lengths: np.ndarray, labels: np.ndarray | None) -> list[dict[str, Any]]:
    """Quantiles of all records' lengths, and of each label's."""
    parts: dict[int | None, np.ndarray] = {None: lengths}
    if labels is not None:
        parts |= {int(label): lengths[labels == label] for label in np.unique(labels)}
    return [
        {
            "label": label,
            **dict(
                zip(QUANTILES, np.percentile(part, [*QUANTILES.values()]).tolist(), strict=True)
            ),
        }
        for label, part in parts.items()
    ]


def _line_groups(
    lines: Sequence[int], groups: np.ndarray, same: np.ndarray | None = None
) -> list[list[int]]:
    """Lines of each group of two or more; with ``same``, of two or more different texts."""
    found = []
    for rows in _members(groups):
        if len(rows) > 1 and (same is None or len(set(same[rows])) > 1):
            found.append([lines[row] for row in rows])
    return sorted(found)


def _members(groups: np.ndarray) -> list[np.ndarray]:
    """The rows of each group, in order."""
    order = np.argsort(groups, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(groups[order])) + 1)


def find_conflicts(records: Records, same: np.ndarray, groups: np.ndarray) -> list[dict[str, Any]]:
    """Find equal and nearly equal texts with different labels.

    Parameters
    ----------
    records : Records
    same, groups : ndarray of int, shape (n,)
        Equal texts share a number in the first, near-duplicates in the second.

    Returns
    -------
    list of dict
        A row for each record of such a group: ``conflict`` (its number, from 1), ``kind`` ("same
        text" where one text of the group has two labels, or "near-duplicates"), ``line`` (and
        ``row``, ``id``: see :func:`~gi_classifier.data.records.place_of`),
        ``label`` and ``text``. Same texts first. Empty for
        records without labels.
    """
    if records.labels is None:
        return []
    labels = np.array(records.labels)
    found = []
    for rows in _members(groups):
        if len(set(labels[rows])) > 1:
            pairs = set(zip(same[rows].tolist(), labels[rows].tolist(), strict=True))
            kind = SAME_TEXT if len(pairs) > len(set(same[rows])) else NEAR_DUPLICATES
            found.append((kind != SAME_TEXT, int(rows[0]), kind, rows))
    return [
        with_kept(
            records,
            row,
            {
                "conflict": number,
                "kind": kind,
                **place_of(records, row),
                "label": records.labels[row],
                "text": records.texts[row],
            },
        )
        for number, (_, _, kind, rows) in enumerate(sorted(found, key=lambda g: g[:2]), 1)
        for row in rows
    ]


def _without_texts(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows without their text, and the columns of the file that stand behind it."""
    return [dict(takewhile(lambda cell: cell[0] != "text", row.items())) for row in rows]


def project(embeddings: np.ndarray) -> tuple[np.ndarray, list[float]]:
    """Project onto the first two principal components.

    Parameters
    ----------
    embeddings : ndarray, shape (n, hidden)
        One row or more.

    Returns
    -------
    ndarray of float64, shape (n, 2)
        A component that there is not (one record, equal ones) is 0.
    list of float
        Each component's share of the variance, 0…1.
    """
    from sklearn.decomposition import PCA

    out, shares = np.zeros((len(embeddings), 2)), [0.0, 0.0]
    centred = np.asarray(embeddings, dtype=np.float64)
    centred = centred - centred.mean(axis=0)
    # Equal rows have no variance to take a share of.
    if np.max(abs(centred)) > 1e-12:
        parts = min(2, *centred.shape)
        pca = PCA(parts, svd_solver="full")
        out[:, :parts] = pca.fit_transform(centred)
        shares[:parts] = pca.explained_variance_ratio_.tolist()
    return out, shares


def _judge(
    records: Records,
    texts: Sequence[str],
    groups: np.ndarray,
    embeddings: np.ndarray | None,
    trained: np.ndarray | None,
    seed: int,
) -> tuple[dict[str, Any] | None, np.ndarray, list[dict[str, Any]]]:
    """Judge the labels: a table without texts, what is flagged (n,), and rows with texts."""
    flagged = np.zeros(len(records), dtype=bool)
    if records.labels is None:
        return None, flagged, []
    labels = np.array(records.labels)
    judged = judgeable(labels, groups)
    verdict = _not_judged_yet(labels, judged)
    if not judged.any():
        verdict["reason"] = (
            f"Judging needs two labels or more, each with {FOLDS} records that are not "
            "near-duplicates."
        )
        return verdict, flagged, []
    rows: list[int] = np.flatnonzero(judged).tolist()
    classes, numbers = np.unique(labels[rows], return_inverse=True)
    probabilities, with_embeddings = label_probabilities(
        [texts[row] for row in rows],
        numbers,
        groups[rows],
        embeddings=None if embeddings is None else embeddings[rows],
        trained=None if trained is None else trained[rows],
        seed=seed,
    )
    verdict["with_embeddings"] = int(with_embeddings.sum())
    found = find_label_errors(probabilities, numbers)
    recall = mean_recall(probabilities.argmax(axis=1), numbers, len(classes))
    verdict["mean_recall"] = recall
    if found.informed:
        verdict["estimated_share"] = found.estimated_share
        verdict["joint"] = found.joint.tolist()
    else:
        verdict["reason"] = (
            f"The texts do not tell the labels apart (mean recall {recall:.2f} out of fold, no "
            "better than guessing), so no label can be doubted."
        )
    flagged[np.flatnonzero(judged)[found.flagged]] = True
    errors = _doubted(records, rows, classes, probabilities, found)
    verdict |= {"flagged": len(errors), "records": _without_texts(errors)}
    return verdict, flagged, errors


def _not_judged_yet(labels: np.ndarray, judged: np.ndarray) -> dict[str, Any]:
    rare = Counter(labels[~judged].tolist())
    return {
        "judged": int(judged.sum()),
        "not_judged": {str(label): number for label, number in sorted(rare.items())},
        "with_embeddings": 0,
        "reason": None,
        "mean_recall": None,
        "flagged": 0,
        "estimated_share": None,
        "joint": None,
        "records": [],
    }


def _doubted(
    records: Records,
    rows: Sequence[int],
    classes: np.ndarray,
    probabilities: np.ndarray,
    found: LabelErrors,
) -> list[dict[str, Any]]:
    """A row for each label error, the least margin first; ``rows`` are the records judged."""
    labels = records.labels or ()
    return [
        with_kept(
            records,
            rows[place],
            {
                **place_of(records, rows[place]),
                "label": labels[rows[place]],
                "suggested": int(classes[probabilities[place].argmax()]),
                "confidence": float(
                    probabilities[place, np.searchsorted(classes, labels[rows[place]])]
                ),
                "suggested_confidence": float(probabilities[place].max()),
                "margin": float(found.margin[place]),
                "text": records.texts[rows[place]],
            },
        )
        for place in found.order.tolist()
    ]
