"""The service as a process: it starts or says why not, and stops without losing anything."""

from __future__ import annotations

import io
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
import openpyxl
import pytest
from command_line import run
from made_pictures import pdf_with_text
from tools import needs

from gi_classifier.errors import SettingsError
from gi_classifier.server.run import listening

MARKER = "Zqx陈某某Xqz"
PARTS = ("Zqx", "Xqz", "陈某某")
CALLS = "trace=socket,connect,sendto,sendmsg,open,openat,creat,mkdir,mkdirat,rename,renameat"


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
        # And with a job that would take longer than anybody waits.
        rows = "胃窦黏膜充血\n" + "".join(f"直肠息肉第{i}例\n" for i in range(5000))
        job = httpx.post(f"{address}/v1/keywords?format=txt", content=rows.encode(), timeout=100)
        answers.append(200 if job.status_code == 202 else job.status_code)
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


def used(address: str) -> str:
    """Everything that can be asked, with a marker in every text: what metrics say then."""
    book = openpyxl.Workbook()
    for row in (["text", MARKER], [MARKER, 1], [f"{MARKER}直肠", 2]):
        book.active.append(row)
    content = io.BytesIO()
    book.save(content)
    with httpx.Client(base_url=address, timeout=300) as client:
        client.post("/v1/predict", json={"texts": [MARKER], "novelty": True})
        client.post("/v1/predict", json={"texts": [MARKER, 1, [MARKER]], MARKER: 1})
        client.post("/v1/predict", content=f'{{"texts": ["{MARKER}"'.encode())
        client.post("/v1/predict", json={"texts": [MARKER], "label": MARKER, "threshold": 0.5})
        client.post("/v1/explain", json={"texts": [MARKER]})
        client.post("/v1/explain", json={"texts": [MARKER], "format": "html"})
        client.get(f"/{MARKER}?{MARKER}={MARKER}")
        client.get("/v1/model", headers={"x-marker": MARKER.encode()})
        client.post("/v1/pictures", params={MARKER: MARKER}, content=MARKER.encode())
        for kind, format, body in (
            ("predictions", "xlsx", content.getvalue()),
            ("keywords", "csv", f"text\n{MARKER}\n".encode()),
            ("predictions", "csv", f"{MARKER}\n{MARKER}\n".encode()),
            ("predictions", "jsonl", f'{{"text": "{MARKER}"\n'.encode()),
            ("pictures", "", pdf_with_text(f"{MARKER}胃窦黏膜充血水肿，见一溃疡。" * 2)),
        ):
            query = {"format": format} if format else {}
            job = client.post(f"/v1/{kind}", params=query, content=body).json()
            while job["state"] in ("waiting", "running"):
                time.sleep(0.1)
                job = client.get(f"/v1/jobs/{job['id']}").json()
            if kind == "pictures":
                assert "pages.html" in job["files"], job
            for name in job["files"]:
                assert client.get(f"/v1/jobs/{job['id']}/files/{name}").status_code == 200
        return client.get("/metrics").text


@needs("strace")
@pytest.mark.slow
def test_no_text_is_logged_counted_or_written_and_no_connection_opened(
    trained: Path, tmp_path: Path
) -> None:
    for name in ("home", "temporary", "current"):
        (tmp_path / name).mkdir()
    log = tmp_path / "calls"
    trace = ("strace", "-f", "-qq", "-I", "1", "-e", CALLS, "-e", "signal=none", "-o", str(log))
    places = {"HOME": str(tmp_path / "home"), "TMPDIR": str(tmp_path / "temporary")}
    quiet = {"PYTHONDONTWRITEBYTECODE": "1", "COVERAGE_PROCESS_START": "", **places}
    quiet |= {name: "" for name in os.environ if name.startswith("COVERAGE")}
    with process(trained, *trace, folder=tmp_path / "current", **quiet) as (address, _, lines):
        metrics = used(address)
        service = int(re.search(r"^(\d+) ", log.read_text("utf-8", "replace"))[1])  # type: ignore[index]
        os.kill(service, signal.SIGTERM)
    for part in PARTS:
        assert part not in "".join(lines) + metrics
    # Nothing else is said, such as the code points of what a page shows.
    assert [line for line in lines if not re.search("Serving the model|stopped: ", line)] == []
    assert "stopped: " in lines[-1]
    for folder in ("temporary", "current"):
        assert list((tmp_path / folder).iterdir()) == []
    calls = log.read_text("utf-8", "replace").splitlines()
    assert len(calls) > 500
    reach = [call for call in calls if re.search(r"connect\(|sendto\(.*sa_family|sendmsg\(", call)]
    assert [call for call in reach if "AF_UNIX" not in call] == []
    made = [call for call in calls if re.search(r"O_WRONLY|O_RDWR|O_CREAT|mkdir|rename", call)]
    assert [call for call in made if '"/dev/' not in call and "= -1" not in call] == []


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
