"""The service as a process: it starts or says why not, and stops without losing anything."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from command_line import run

from gi_classifier.errors import SettingsError
from gi_classifier.server.run import listening


@contextmanager
def process(
    model: Path, *trace: str, folder: Path | None = None, **environment: str
) -> Iterator[tuple[str, subprocess.Popen[str], list[str]]]:
    """A service of its own: its address, itself, and the lines that it writes."""
    command = [*trace, sys.executable, "-m", "gi_classifier", "serve", "--port", "0"]
    started = subprocess.Popen(
        [*command, "--threads", "1", "--model", str(model)],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        cwd=folder,
        start_new_session=True,
        env={**os.environ, **environment},
    )
    lines: list[str] = []
    assert started.stderr is not None
    try:
        for line in started.stderr:
            lines.append(line)
            if found := re.search(r"at (http://\S+)/ until", line):
                break
        assert found, "".join(lines)
        reading = threading.Thread(target=lambda: lines.extend(started.stderr or ()), daemon=True)
        reading.start()
        yield found[1], started, lines
        started.wait(120)
        reading.join(10)
    finally:
        with suppress(ProcessLookupError):
            # With whatever traces it.
            os.killpg(started.pid, signal.SIGKILL)
        started.wait()


def test_a_port_in_use_and_a_host_of_another_are_told_before_the_model_is_opened() -> None:
    with listening("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(SettingsError, match=f"port {port}: .*--port"):
            listening("127.0.0.1", port)
        done = run("serve", "--port", port, "--model", "nonesuch", code=2)
        assert "--port" in done.stderr
    with pytest.raises(SettingsError, match="Cannot listen at 192.0.2.1"):
        listening("192.0.2.1", 0)


def test_beyond_this_machine_a_token_is_asked_for(tmp_path: Path) -> None:
    done = run("serve", "--host", "0.0.0.0", code=2)
    assert "--token-file" in done.stderr
    token = tmp_path / "token"
    token.write_text("0123456789abcdef")
    token.chmod(0o644)
    done = run("serve", "--host", "0.0.0.0", "--token-file", token, code=2)
    assert "chmod 600" in done.stderr


@pytest.mark.slow
def test_sigterm_under_load_loses_nothing_that_was_accepted(trained: Path) -> None:
    answers: list[int] = []
    failures: list[str] = []
    with process(trained) as (address, started, lines):

        def load() -> None:
            while True:
                try:
                    # A connection for each, so that one that is idle is not closed on the way.
                    answer = httpx.post(
                        f"{address}/v1/predict", json={"texts": ["胃窦黏膜", "直肠"]}, timeout=100
                    )
                except httpx.ConnectError:
                    return
                except httpx.HTTPError as error:
                    failures.append(type(error).__name__)
                    return
                answers.append(answer.status_code)

        clients = [threading.Thread(target=load) for _ in range(8)]
        for client in clients:
            client.start()
        while len(answers) < 40:
            time.sleep(0.01)
        started.send_signal(signal.SIGTERM)
        for client in clients:
            client.join(100)
    assert started.returncode == 0
    said = re.search(r"stopped: (\d+) requests accepted, (\d+) answered", "".join(lines))
    assert said, lines
    assert said[1] == said[2] == str(len(answers))
    assert set(answers) == {200}
    # Connections that nobody had accepted: at most one for each client.
    assert len(failures) <= 8


def test_a_model_that_changes_while_it_serves_is_told_and_answers_go_on(
    trained: Path, tmp_path: Path
) -> None:
    import shutil

    from starlette.testclient import TestClient

    from gi_classifier.server.application import create_application
    from gi_classifier.server.service import Service

    copy = tmp_path / "model"
    shutil.copytree(trained, copy)
    service = Service.open(copy, threads=1)
    with TestClient(create_application(service), "http://localhost") as client:
        before = client.get("/v1/model").json()
        manifest = json.loads((copy / "manifest.json").read_text("utf-8"))
        (copy / "manifest.json").write_text(json.dumps({**manifest, "created": "now"}), "utf-8")
        (copy / "model.onnx").unlink()
        after: dict[str, Any] = client.get("/v1/model").json()
        assert (before["changed_on_disk"], after["changed_on_disk"]) == (False, True)
        assert after["digest"] == before["digest"]
        assert client.post("/v1/predict", json={"texts": ["胃"]}).status_code == 200
        shutil.rmtree(copy)
        assert client.post("/v1/explain", json={"texts": ["胃"]}).status_code == 200
        assert client.get("/v1/model").json()["changed_on_disk"]


def test_an_address_of_version_six_can_be_listened_at() -> None:
    if not socket.has_ipv6:
        pytest.skip("no IPv6")
    try:
        listener = listening("::1", 0)
    except SettingsError:
        pytest.skip("no IPv6")
    with listener:
        assert listener.family == socket.AF_INET6
