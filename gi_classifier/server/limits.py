"""What the service takes at most: of texts, bytes, waiting and time.

Plain numbers; what a request is told about them stands where each is checked.
"""

from __future__ import annotations

from dataclasses import dataclass

# Of one request; the OpenAPI description says them.
TEXTS, CHARACTERS = 512, 20_000
EXPLAINED_TEXTS, EXPLAINED_CHARACTERS = 16, 5_000
MEBIBYTE = 1 << 20


@dataclass(frozen=True)
class Limits:
    """How much at once.

    Attributes
    ----------
    queue : int
        Texts that wait to be predicted, of all requests together; at least 512.
    batch, characters : int
        Texts that are predicted at once, and their characters together.
    wait : float
        Seconds that the first of a batch waits for others.
    seconds : float
        That a request may take from its last byte on, and its body to arrive.
    body, upload, held : int
        Bytes of a request, of an upload, and of all that are being received.
    explanations : int
        Requests that wait to be explained.
    stuck : int
        Explanations that did not stop when they should, from which on none is begun.
    jobs, kept : int
        Jobs that wait, and jobs that are remembered.
    kept_seconds : float
        How long a finished job is remembered.
    kept_bytes : int
        Of the results of all jobs together.
    records, pages : int
        In one upload.
    """

    queue: int = 4096
    batch: int = 64
    characters: int = CHARACTERS
    wait: float = 0.003
    seconds: float = 30.0
    body: int = 16 * MEBIBYTE
    upload: int = 32 * MEBIBYTE
    held: int = 128 * MEBIBYTE
    explanations: int = 8
    stuck: int = 2
    jobs: int = 4
    kept: int = 16
    kept_seconds: float = 3600.0
    kept_bytes: int = 256 * MEBIBYTE
    records: int = 100_000
    pages: int = 50
