"""What Prometheus is told: counts and seconds, never a text.

In: events of the service. Out: the text form of ``/metrics``. Every label of a metric is one of a
few known words, so that nothing that was sent can be in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """The metrics of one service, in a registry of its own."""

    media_type = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.requests = Counter(
            "gi_requests", "Requests answered", ("route", "method", "status"), registry=registry
        )
        self.seconds = Histogram(
            "gi_request_seconds",
            "From the first byte to the answer",
            ("route",),
            buckets=_SECONDS,
            registry=registry,
        )
        self.labels = Counter("gi_labels", "Records by their answer", ("label",), registry=registry)
        self.batches = Histogram(
            "gi_batch_texts",
            "Texts computed together",
            buckets=(1, 2, 4, 8, 16, 32, 64, 128),
            registry=registry,
        )
        self.failures = Counter("gi_failures", "Errors that nobody foresaw", registry=registry)
        self.accepted = 0
        self.answered = 0

    def watch(self, name: str, says: str, value: Callable[[], float]) -> None:
        """Show what a function gives whenever it is asked for."""
        Gauge(name, says, registry=self.registry).set_function(value)

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count an answered request."""
        known = method if method in _METHODS else "other"
        self.requests.labels(route, known, str(status)).inc()
        self.seconds.labels(route).observe(seconds)

    def count_labels(self, labels: Iterable[int | None]) -> None:
        """Count answers; None is no answer."""
        for label in labels:
            self.labels.labels("none" if label is None else str(label)).inc()

    def text(self) -> bytes:
        """All of them, as Prometheus reads it."""
        return generate_latest(self.registry)
