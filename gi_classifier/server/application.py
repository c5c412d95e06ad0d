"""The application: which address does what.

In: an open service. Out: an ASGI application whose OpenAPI description says all of it.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import Annotated, Any, Literal

from fastapi import Depends, FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from fastapi.security import HTTPBearer
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, JSONResponse, Response

from gi_classifier._version import __version__
from gi_classifier.data.pictures.picture_files import check_ocr
from gi_classifier.errors import GIClassifierError
from gi_classifier.server import schemas
from gi_classifier.server.assets import add_pages
from gi_classifier.server.batching import Batcher
from gi_classifier.server.guard import Guard
from gi_classifier.server.jobs import Jobs, Kind, Work
from gi_classifier.server.limits import Limits
from gi_classifier.server.metrics import Metrics
from gi_classifier.server.pictures import pictures
from gi_classifier.server.problems import MEDIA_TYPE, Problem, answer_problem
from gi_classifier.server.service import Service
from gi_classifier.server.uploads import MEDIA_TYPES, WORKS, Upload
from gi_classifier.server.worker import Worker

# What a page of heatmaps may do: show itself.
_SHOWN_POLICY = "default-src 'none'; style-src 'unsafe-inline'; font-src data:; img-src data:"
_SAID = {
    400: "The body is no JSON",
    401: "The token is missing or wrong",
    403: "A page of another origin asks",
    404: "There is no such thing",
    408: "The body came too slowly",
    409: "The model lacks what was asked for",
    413: "The body is too large",
    421: "Another host's name, without a token",
    422: "What was sent cannot be used; positions are named",
    500: "The service failed",
    503: "Too much waits; Retry-After says when to come again",
    504: "It took too long; fewer or shorter texts may not",
}
Format = Literal["csv", "xlsx", "jsonl", "txt", "tsv"]
UPLOADS = ("/v1/predictions", "/v1/keywords", "/v1/report", "/v1/pictures")
# How an upload is described.
_FILE = {
    "requestBody": {
        "description": "The file itself; it is held in memory until it is read.",
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


def _fails(*codes: int) -> dict[int | str, dict[str, Any]]:
    """What of RFC 9457 a path may answer, for the description."""
    schema = {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}
    return {
        code: {"description": _SAID[code], "content": {MEDIA_TYPE: schema}}
        for code in sorted({401, 403, 421, 500, *codes})
    }


class Parts:
    """What an application is made of, for its routes and for whoever runs it."""

    def __init__(self, service: Service, limits: Limits) -> None:
        self.service, self.limits = service, limits
        self.metrics = metrics = Metrics()
        self.batcher = Batcher(service.predictor.predict_proba, limits, metrics.batches.observe)
        self.worker = Worker("explain", limits.explanations, limits.seconds, limits.stuck)
        self.jobs = Jobs(limits)
        self.stopping = False
        metrics.watch("gi_queue_texts", "Texts that wait", lambda: self.batcher.queued)
        metrics.watch("gi_explanations", "Waiting or running", lambda: self.worker.waiting)
        metrics.watch("gi_explanations_stuck", "Left behind", lambda: self.worker.stuck)
        metrics.watch("gi_jobs", "Jobs that wait or run", lambda: self.jobs.waiting)

    @asynccontextmanager
    async def running(self, _: FastAPI) -> AsyncIterator[None]:
        """Compute from the application's start to its end; what was accepted is answered."""
        self.batcher.start()
        try:
            yield
        finally:
            self.stopping = True
            self.jobs.stop()
            await self.batcher.stop()
            self.worker.stop()

    def ended(self, seconds: float) -> bool:
        """Whether all threads of a stopped application end within so long."""
        end = time.monotonic() + seconds
        threads = self.jobs.thread, self.worker.thread
        for thread in threads:
            thread.join(max(0.0, end - time.monotonic()))
        return not self.worker.stuck and not any(thread.is_alive() for thread in threads)


def create_application(
    service: Service,
    *,
    token: str | None = None,
    origins: Collection[str] = (),
    limits: Limits | None = None,
) -> FastAPI:
    """Make the application.

    Parameters
    ----------
    service : Service
    token : str, optional
        What every request must bring; without, only this machine's own names are answered.
    origins : collection of str
        Other origins whose pages may ask.
    limits : Limits, optional

    Returns
    -------
    FastAPI
        Its ``state.parts`` are the :class:`Parts`.
    """
    parts = Parts(service, limits or Limits())
    application = FastAPI(
        title="gi-classifier",
        version=__version__,
        summary="Which GI tract a Chinese medical record describes: upper, lower or neither.",
        docs_url=None,
        redoc_url=None,
        lifespan=parts.running,
        dependencies=[Depends(HTTPBearer(auto_error=False))] if token else [],
    )
    application.state.parts = parts
    for kind in (RequestValidationError, GIClassifierError, HTTPException, Exception):
        application.add_exception_handler(kind, answer_problem)
    _add_texts(application, parts)
    _add_jobs(application, parts)
    _add_state(application, parts)
    add_pages(application)
    if origins:
        application.add_middleware(
            CORSMiddleware,
            allow_origins=list(origins),
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["Authorization", "Content-Type"],
            expose_headers=["Location", "Retry-After"],
        )
    application.add_middleware(
        Guard,
        limits=parts.limits,
        metrics=parts.metrics,
        token=token,
        origins=origins,
        uploads=UPLOADS,
    )
    return application


def _add_texts(application: FastAPI, parts: Parts) -> None:
    """What is answered at once."""

    @application.post(
        "/v1/predict",
        response_model=schemas.PredictAnswer,
        response_model_exclude_unset=True,
        responses=_fails(400, 408, 409, 413, 422, 503),
        tags=["texts"],
    )
    async def predict(request: schemas.PredictRequest) -> Response:
        """Say what each of at most 512 records describes, in the order given."""
        finish = parts.service.decided(request)
        found = await parts.batcher.submit(request.texts, finish)
        parts.metrics.count_labels(row["label"] for row in found)
        return JSONResponse({"model": parts.service.directory.digest, "results": found})

    @application.post(
        "/v1/explain",
        response_model=schemas.ExplainAnswer,
        responses={
            200: {"content": {"text/html": {"schema": {"type": "string"}}}},
            **_fails(400, 408, 409, 413, 422, 503, 504),
        },
        tags=["texts"],
    )
    async def explain(request: schemas.ExplainRequest) -> Response:
        """Say which parts of each record decided; scores add up to the change of the score."""
        found = await parts.worker.run(parts.service.explained(request))
        if isinstance(found, str):
            return HTMLResponse(found, headers={"content-security-policy": _SHOWN_POLICY})
        return JSONResponse(found)


def _add_jobs(application: FastAPI, parts: Parts) -> None:
    """What takes long: an upload, and the job that it becomes."""
    for path, kind, says in (
        (UPLOADS[0], "predictions", "Classify a file of records, as a job."),
        (UPLOADS[1], "keywords", "Rank the words that decide in a file of records, as a job."),
        (UPLOADS[2], "report", "Write the page about a file of records, as a job."),
    ):
        _add_upload(application, parts, path, kind, says)  # type: ignore[arg-type]
    _add_pictures(application, parts)

    @application.get(
        "/v1/jobs/{job_id}",
        response_model=schemas.Job,
        responses=_fails(404, 422),
        tags=["jobs"],
    )
    async def job(job_id: str) -> Response:
        """Say how far a job is."""
        return JSONResponse(parts.jobs.get(job_id).to_dict())

    @application.delete(
        "/v1/jobs/{job_id}",
        response_model=schemas.Job,
        responses=_fails(404, 422),
        tags=["jobs"],
    )
    async def cancel(job_id: str) -> Response:
        """Stop a job and forget what it made."""
        return JSONResponse(parts.jobs.cancel(job_id).to_dict())

    @application.get(
        "/v1/jobs/{job_id}/files/{name}",
        response_class=Response,
        responses={200: {"description": "The file"}, **_fails(404, 422)},
        tags=["jobs"],
    )
    async def file(job_id: str, name: str) -> Response:
        """Fetch what a job made."""
        files = parts.jobs.get(job_id).files
        if name not in files:
            raise Problem(404, "no-such-file", "The job has no file of this name, or not yet.")
        return Response(
            files[name],
            media_type=MEDIA_TYPES[name.rpartition(".")[2]],
            headers={"content-disposition": f'attachment; filename="{name}"'},
        )


def _only_known(request: Request) -> None:
    """Refuse parameters that there are not, which would be passed over otherwise."""
    known = {each.alias for each in request.scope["route"].dependant.query_params}
    unknown = sorted(set(request.query_params) - known)
    if unknown:
        places = [(f"query: {name}", f"not one of {', '.join(sorted(known))}") for name in unknown]
        raise Problem(422, "invalid", "This of the request cannot be used:", places)


def _add_upload(application: FastAPI, parts: Parts, path: str, kind: Kind, says: str) -> None:
    @application.post(
        path,
        response_model=schemas.Job,
        status_code=202,
        summary=says,
        operation_id=f"upload_{kind}",
        responses=_fails(408, 413, 422, 503),
        openapi_extra=_FILE,
        dependencies=[Depends(_only_known)],
        tags=["jobs"],
    )
    async def upload(
        request: Request,
        format: Annotated[Format, Query(description="The file's ending.")],
        text_column: Annotated[str, Query(min_length=1, max_length=200)] = "text",
        sheet: Annotated[str | None, Query(max_length=200)] = None,
    ) -> Response:
        given = Upload(await _uploaded(request, parts), format, text_column, sheet)
        return _accepted(parts, kind, WORKS[kind](parts.service, given, parts.limits.records))


def _add_pictures(application: FastAPI, parts: Parts) -> None:
    @application.post(
        UPLOADS[3],
        response_model=schemas.Job,
        status_code=202,
        summary="Read a scan, photo or PDF, and show on each page what decided, as a job.",
        operation_id="upload_pictures",
        responses=_fails(408, 413, 422, 503),
        openapi_extra=_FILE,
        dependencies=[Depends(_only_known)],
        tags=["jobs"],
    )
    async def upload(
        request: Request,
        force_answer: Annotated[
            bool, Query(description="Answer even where the deciding characters were read poorly.")
        ] = False,
    ) -> Response:
        check_ocr()
        content = await _uploaded(request, parts)
        work = pictures(parts.service, content, parts.limits.pages, force=force_answer)
        return _accepted(parts, "pictures", work)


async def _uploaded(request: Request, parts: Parts) -> bytes:
    parts.jobs.check_room()
    content = await request.body()
    if not content:
        raise Problem(422, "empty", "The upload is empty.", [("#", "no bytes")])
    return content


def _accepted(parts: Parts, kind: Kind, work: Work) -> Response:
    job = parts.jobs.submit(kind, work)
    return JSONResponse(job.to_dict(), 202, {"Location": f"/v1/jobs/{job.id}"})


def _add_state(application: FastAPI, parts: Parts) -> None:
    """What is asked about the service itself."""

    @application.get("/v1/model", response_model=schemas.ModelAnswer, responses=_fails())
    async def model() -> Response:
        """Say which model answers, and with which figures."""
        return JSONResponse(parts.service.about())

    @application.get("/healthz", response_model=dict[str, str])
    async def alive() -> Response:
        """Say that the process answers."""
        return JSONResponse({"status": "alive"})

    @application.get("/readyz", response_model=dict[str, str], responses=_fails(503))
    async def ready() -> Response:
        """Say whether requests should be sent here."""
        if parts.stopping or not parts.batcher.alive:
            raise Problem(503, "not-ready", "The service is stopping.")
        return JSONResponse({"status": "ready"})

    @application.get("/metrics", response_class=Response, responses=_fails())
    async def metrics() -> Response:
        """Counts and seconds, as Prometheus reads them."""
        return Response(parts.metrics.text(), media_type=parts.metrics.media_type)
