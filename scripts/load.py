"""How the service holds under load, beside the same calls in this process.

``python scripts/load.py [--seconds 60] [--connections 64] [--explaining 0]``: starts a service on
loopback with the model that ships, keeps so many connections busy with one record each, and prints
failures, calls a second and how long a call took; ``--explaining`` further connections ask for
explanations meanwhile. The records are those of ``data/test.txt``, in turn.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from gi_classifier.data.readers import read_records
from gi_classifier.model.predictor import Predictor
from gi_classifier.model.shipped import load_or_shipped

RECORDS = Path(__file__).resolve().parent.parent / "data" / "test.txt"


class Tally:
    """What calls were answered, and in which time.

    Attributes
    ----------
    seconds : list of float
        Of each call that was answered 200.
    failures : Counter
        Of the others, by status or kind of error.
    """

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.failures: Counter[str] = Counter()

    def line(self, name: str, duration: float) -> str:
        """A row of the result."""
        failed = ", ".join(f"{kind} {count}" for kind, count in self.failures.items()) or "none"
        if not self.seconds:
            return f"{name:24} no call was answered; failures: {failed}"
        half, most = 1000 * np.percentile(self.seconds, [50, 99])
        return (
            f"{name:24} {len(self.seconds):7,} calls {len(self.seconds) / duration:8.1f} a second  "
            f"p50 {half:7.1f} ms  p99 {most:7.1f} ms  failures: {failed}"
        )


async def connection(
    port: int, path: str, bodies: Iterator[bytes], end: float, tally: Tally
) -> None:
    """Ask again and again on one connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while time.perf_counter() < end:
        body = next(bodies)
        head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        began = time.perf_counter()
        try:
            writer.write(head.encode() + body)
            answer = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", answer.lower())
            await reader.readexactly(int(length[1]) if length else 0)
        except (OSError, asyncio.IncompleteReadError) as error:
            tally.failures[type(error).__name__] += 1
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            continue
        if answer.startswith(b"HTTP/1.1 200 "):
            tally.seconds.append(time.perf_counter() - began)
        else:
            tally.failures[answer[9:12].decode()] += 1
            await asyncio.sleep(0.1)
    writer.close()


async def loaded(
    port: int, texts: Sequence[str], seconds: float, connections: int, explaining: int
) -> tuple[Tally, Tally]:
    """Keep connections busy; the tallies of predicting and of explaining."""
    asked = [json.dumps({"texts": [text]}).encode() for text in texts]
    bodies = itertools.cycle(asked)
    shorter = itertools.cycle(
        body for body, text in zip(asked, texts, strict=True) if len(text) <= 5000
    )
    predicted, explained = Tally(), Tally()
    end = time.perf_counter() + seconds
    await asyncio.gather(
        *(connection(port, "/v1/predict", bodies, end, predicted) for _ in range(connections)),
        *(connection(port, "/v1/explain", shorter, end, explained) for _ in range(explaining)),
    )
    return predicted, explained


def in_process(texts: Sequence[str], seconds: float, together: int) -> Tally:
    """The same calls without a service, so many records at once."""
    predictor, tally = Predictor.from_directory(load_or_shipped(None)), Tally()
    records = itertools.cycle(texts)
    predictor.predict_proba(texts[:together])
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        part = list(itertools.islice(records, together))
        began = time.perf_counter()
        predictor.predict_proba(part)
        tally.seconds += [time.perf_counter() - began] * together
    return tally


def main() -> int:
    """Print the result; 1 where a call failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--explaining", type=int, default=0)
    options = parser.parse_args()
    texts = read_records(RECORDS).texts
    for together in (1, options.connections):
        tally = in_process(texts, options.seconds / 4, together)
        print(tally.line(f"in process, {together} at once", options.seconds / 4))
    command = [sys.executable, "-m", "gi_classifier", "serve", "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as service:
        said = next((line for line in service.stderr or () if "until Ctrl-C" in line), "")
        found = re.search(r":(\d+)/ until", said)
        if not found:
            print("The service did not start.")
            return 1
        predicted, explained = asyncio.run(
            loaded(int(found[1]), texts, options.seconds, options.connections, options.explaining)
        )
        service.send_signal(signal.SIGTERM)
        print(predicted.line(f"{options.connections} connections", options.seconds))
        if options.explaining:
            print(explained.line(f"{options.explaining} explaining", options.seconds))
        print("".join(service.stderr or ()).strip())
    return int(bool(predicted.failures))


if __name__ == "__main__":
    sys.exit(main())
