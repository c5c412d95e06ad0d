"""The bodies of requests and answers, with examples: what the OpenAPI description says.

In: JSON. Out: pydantic models that take nothing else, and that never repeat a value in an error.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from gi_classifier.attribution.attribution import SpanUnit
from gi_classifier.attribution.integrated_gradients import Baseline
from gi_classifier.server.limits import (
    CHARACTERS,
    EXPLAINED_CHARACTERS,
    EXPLAINED_TEXTS,
    TEXTS,
)

_RECORDS: list[JsonValue] = [
    "十二指肠球部见一溃疡，覆白苔",
    "乙状结肠见一息肉，大小约0.5cm",
    "右肺上叶结节",
]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
# More labels than these no model has; a label by another name is an error that says so.
LabelGiven = Annotated[int, Field(ge=0, le=9999)] | Annotated[str, Field(max_length=200)]


class _Strict(BaseModel):
    """Takes what the schema says and nothing else."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)


class PredictRequest(_Strict):
    """Records to classify, and how to decide."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"texts": _RECORDS}]})

    texts: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=CHARACTERS)]],
        Field(min_length=1, max_length=TEXTS, description="Records, each with something to read."),
    ]
    novelty: bool = Field(False, description="Whether to say how unlike a medical record each is.")
    prior: Annotated[list[Share], Field(min_length=2, max_length=10_000)] | None = Field(
        None, description="Each label's share among these records, if known; sums to 1."
    )
    label: LabelGiven | None = Field(
        None, description="The label that `threshold` is for, by number or name."
    )
    threshold: Share | Literal["stored"] | None = Field(
        None, description="Answer `label` from this probability on, or that which is stored."
    )
    min_confidence: Share | None = Field(None, description="Give no answer below this probability.")
    reject_novel: bool = Field(
        False, description="Give no answer to what is unlike a medical record."
    )


class Answer(BaseModel):
    """What the model says of one record."""

    label: int | None = Field(description="The label; null where the record is left to a person.")
    name: str = Field(description="The label's name, or why there is none.")
    probability: float = Field(description="Of the label; without one, the largest.")
    probabilities: list[float] = Field(description="Of each label, in their order.")
    members: list[str] = Field(description="The members of the model that answered.")
    novelty: float | None = Field(None, description="In 0…1, where it was asked for.")


class PredictAnswer(BaseModel):
    """Answers in the order of the texts."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "model": "3f0c…",
                    "results": [
                        {
                            "label": 1,
                            "name": "upper 上消化道",
                            "probability": 0.998,
                            "probabilities": [0.001, 0.998, 0.001],
                            "members": ["albert", "linear"],
                        }
                    ],
                }
            ]
        }
    )

    model: str = Field(description="Digest of the model's weights.")
    results: list[Answer]


class ExplainRequest(_Strict):
    """Records to explain."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"texts": _RECORDS[:1], "units": ["word", "clause"]}]}
    )

    texts: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=EXPLAINED_CHARACTERS)]],
        Field(min_length=1, max_length=EXPLAINED_TEXTS),
    ]
    label: LabelGiven | None = Field(
        None, description="The label to explain, by number or name; without, each record's own."
    )
    units: Annotated[list[SpanUnit], Field(min_length=1, max_length=4)] = Field(
        ["word"], description="What scores are summed over; a page shows the first."
    )
    baseline: Baseline = Field("mask", description="What each record is compared with.")
    format: Literal["json", "html"] = Field("json", description="Numbers, or a page of heatmaps.")


class Part(BaseModel):
    """A part of a record; all parts together are the record."""

    text: str
    score: float | None = Field(description="Above 0: for the label. null: no token, as a space.")


class Explanation(BaseModel):
    """Which parts of one record speak for the label, and which against it."""

    label: int
    name: str
    probability: float
    score: float = Field(description="Of the label, which the parts' scores are parts of.")
    baseline_score: float
    special: float = Field(description="What no part has: of [CLS] and [SEP].")
    error: float = Field(description="How far the sum is off, relative to the change of the score.")
    converged: bool = Field(description="Whether the error is within the tolerance.")
    parts: dict[str, list[Part]] = Field(description="By unit.")


class ExplainAnswer(BaseModel):
    """Explanations in the order of the texts."""

    model: str
    results: list[Explanation]


class Job(BaseModel):
    """Long work: how far it is, and what it made."""

    id: str
    kind: Literal["predictions", "keywords", "report", "pictures"]
    state: Literal["waiting", "running", "done", "failed", "cancelled"]
    done: int = Field(description="Records that are done.")
    total: int | None = Field(description="Of so many; null until the upload is read.")
    files: list[str] = Field(description="What can be fetched from /v1/jobs/{id}/files/{name}.")
    notes: list[str] = Field(description="How the upload was read, and which rows could not be.")
    problem: dict[str, Any] | None = Field(None, description="Problem details, where it failed.")


class ModelAnswer(BaseModel):
    """The model that answers."""

    digest: str = Field(description="sha256 of its weights: all that answers hang on.")
    changed_on_disk: bool = Field(
        description="Whether its directory is another by now; answers are still this one's."
    )
    library: str
    labels: list[str]
    members: list[str]
    has_novelty: bool
    thresholds: bool = Field(description="Whether thresholds are stored with it.")
    manifest: dict[str, Any] = Field(description="What its directory says, with figures.")


class Place(BaseModel):
    """Where something is wrong."""

    pointer: str = Field(description="A JSON pointer into the body, or a parameter's name.")
    detail: str


class ProblemDetails(BaseModel):
    """An error after RFC 9457; no text of a record is ever in it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "urn:gi-classifier:invalid",
                    "title": "The request cannot be answered as it is",
                    "status": 422,
                    "detail": "1 of 3 texts cannot be read:",
                    "errors": [{"pointer": "#/texts/2", "detail": "an empty text"}],
                }
            ]
        }
    )

    type: str
    title: str
    status: int
    detail: str
    errors: list[Place] = []
