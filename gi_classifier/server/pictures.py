"""What a job makes of an uploaded picture or PDF: answers, and the reason on each page; in memory.

In: a file's bytes. Out: files by name, in the job. One page at a time is held as pixels.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gi_classifier.attribution.attribution import SpanUnit
from gi_classifier.attribution.page_heatmap import (
    Explained,
    patches,
    scans_html,
    small_picture,
)
from gi_classifier.data.pictures.page import Page, Picture, page_problem
from gi_classifier.data.pictures.page_reading import read_picture
from gi_classifier.data.pictures.picture_files import pictures_of
from gi_classifier.decisions.rows import results
from gi_classifier.errors import RecordsError
from gi_classifier.files import encode
from gi_classifier.model.origin import origin
from gi_classifier.server.jobs import Job, Work
from gi_classifier.server.service import Service, explanation
from gi_classifier.server.uploads import answer_files, to_json
from gi_classifier.server.worker import checkpoint

_UNITS: tuple[SpanUnit, ...] = ("word", "clause")


def pictures(service: Service, content: bytes, most: int, *, force: bool) -> Work:
    """Read each page, classify it, and draw over it what decided.

    Parameters
    ----------
    service : Service
    content : bytes
        A picture, or a PDF or TIFF of several pages.
    most : int
        Pages.
    force : bool
        Answer even where the deciding characters were read poorly, or much of the page was not.
    """

    def work(job: Job) -> None:
        rows: list[dict[str, Any]] = []
        shown: list[dict[str, Any] | None] = []

        def explained() -> Iterator[Explained]:
            for picture in _opened(content, most, job):
                page = read_picture(picture, threads=1)
                job.notes += [f"page {page.number}: {note}" for note in page.notes]
                checkpoint()
                problem = page_problem(page.text)
                if problem:
                    job.notes.append(f"no answer: page {page.number}: {problem}")
                found = None if problem else _explained(service, page, picture)
                rows.append({**_row(service, page, found, force), "error": problem or ""})
                shown.append(found and _shown(found))
                if found:
                    yield found
                job.advance(1)
                # Not held while the next one is decoded.
                del picture, page, found

        made = origin(service.directory, force_answer=force)
        html = scans_html(explained(), force=force, origin=made)
        if not any(shown):
            reasons = "; ".join(dict.fromkeys(row["error"] for row in rows))
            raise RecordsError(f"The upload cannot be answered: {reasons}.")
        job.files = {
            **answer_files(rows, rows, job),
            "pages.json": to_json(shown),
            "pages.html": encode(html),
        }

    return work


def _opened(content: bytes, most: int, job: Job) -> Iterator[Picture]:
    """The pages; where one is damaged, those before it are kept."""
    try:
        for picture in pictures_of(content):
            if picture.of > most:
                raise RecordsError(
                    f"At most {most} pages are taken here; the upload holds {picture.of:,}. Run "
                    "gi-classifier predict --image on the file itself."
                )
            job.total = picture.of
            yield picture
            del picture
    except RecordsError as error:
        if job.total is None:
            raise
        job.notes.append(f"no answer: {error}")


def _explained(service: Service, page: Page, picture: Picture) -> Explained:
    (attribution,) = service.explainer.explain([page.text])
    return Explained.of(page, picture, attribution)


def _row(service: Service, page: Page, found: Explained | None, force: bool) -> dict[str, Any]:
    classes = service.settings.num_classes
    row: dict[str, Any] = dict.fromkeys(
        ("label", "name", "probability", *(f"probability_{i}" for i in range(classes)))
    )
    row["name"] = ""
    withheld = found.withheld if found and not force else ""
    if found and not withheld:
        # By the predictor that is explained, so that the answer is that of the explanation.
        shares = service.explainer.predictor.predict_proba([page.text])
        (row,) = results([page.text], shares, service.settings)
    return {
        **page.place(),
        **row,
        "text": page.text,
        "withheld": withheld,
    }


def _shown(found: Explained) -> dict[str, Any]:
    """A page for a browser: its picture, where its parts stand, and their scores."""
    url, width, height, scale = small_picture(found.pixels)
    return {
        **explanation(found.attribution, _UNITS),
        "picture": url,
        "width": width,
        "height": height,
        "patches": {
            unit: [
                {
                    "text": patch.text,
                    "score": round(patch.score, 6),
                    "box": [[round(x * scale, 1), round(y * scale, 1)] for x, y in patch.box],
                }
                for patch in patches(found.page, found.attribution, unit)
            ]
            for unit in _UNITS
        },
    }
