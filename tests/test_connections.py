"""No connection is opened, and nothing is written but outputs and the caches that docs name."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tools import needs, program

ROOT = Path(__file__).resolve().parent.parent
CALLS = (
    "socket,bind,connect,sendto,sendmsg,open,openat,creat,mkdir,mkdirat,rename,renameat,renameat2"
)
# Telemetry of ONNX Runtime, left alone, sends within so many seconds.
SECONDS = 13
# Of fonts: docs/privacy.md.
CACHES = ("home/.cache", "home/.config")
# What training's libraries ask their own machine through sockets that are never connected: urllib3
# whether there is IPv6, libuuid for a number that no other machine has.
LOCAL_QUESTIONS = (
    r"socket\(AF_INET6, SOCK_STREAM\|SOCK_CLOEXEC, IPPROTO_IP\)|bind\(.*\"::1\""
    r"|socket\(AF_INET, SOCK_DGRAM, IPPROTO_IP\)"
)

USING = f"""
import os, sys, time
begin = time.monotonic()
import gi_classifier as g
from gi_classifier.cli.app import app
text = "胃窦黏膜充血糜烂"
assert g.predict(text) == 1 and g.predict(text, reject_novel=True) == 1
g.explain([text])
def run(*arguments):
    app([str(argument) for argument in arguments], standalone_mode=False)
run("predict", "--input", {str(ROOT / "data/demo.csv")!r}, "--output", "labels.csv")
run("report", {str(ROOT / "data/demo.csv")!r}, "--output", "report.html")
from importlib.util import find_spec
if find_spec("openvino"):
    run("predict", text, "--engine", "openvino")
"""
TRAINING = """
import json
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from samples import CHARACTERS, made_up_records
from gi_classifier.text import SPECIAL
shape = dict(hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8)
tokens = list(dict.fromkeys([*SPECIAL, *CHARACTERS]))
Path("config.json").write_text(json.dumps(dict(vocab_size=len(tokens), **shape)))
Path("vocab.txt").write_text("\\n".join(tokens) + "\\n")
Path("records.txt").write_text("".join(f"{t}\\t{l}\\n" for t, l in made_up_records()))
settings = g.Settings(maxlen=16, epochs=1, warmup_steps=1, decay_steps=9)
g.train("records.txt", "model", base="config.json", settings=settings)
"""
WAITING = f"time.sleep(max(0, begin + {SECONDS} - time.monotonic()))\n"
# Sockets of C code as well: the open files of the process, less those that are local.
GUARD = """
import threading
found = set()
def hook(event, arguments):
    if event == "socket.__new__" and arguments[1] != 1 or event == "socket.getaddrinfo":
        found.add((event, str(arguments[1:])))
sys.addaudithook(hook)
def watch():
    while not done.wait(0.05):
        with open("/proc/net/unix") as file:
            local = {line.split()[6] for line in file}
        for name in os.listdir("/proc/self/fd"):
            try:
                kind, _, number = os.readlink("/proc/self/fd/" + name).partition(":[")
            except OSError:
                continue
            if kind == "socket" and number.rstrip("]") not in local:
                found.add(("open socket", number))
done = threading.Event()
watching = threading.Thread(target=watch)
if os.path.exists("/proc/net/unix"):
    watching.start()
"""
REPORTING = """
done.set()
print("sockets:", sorted(found))
"""


def in_a_fresh_home(folder: Path, code: str, *trace: str) -> str:
    """Run a program with an empty home, an empty temporary folder and an empty current one."""
    for name in ("home", "temporary", "current"):
        (folder / name).mkdir()
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "LANG") if name in os.environ}
    done = subprocess.run(
        [*trace, sys.executable, "-c", code, str(ROOT / "tests")],
        cwd=folder / "current",
        env={
            **kept,
            "HOME": str(folder / "home"),
            "TMPDIR": str(folder / "temporary"),
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def traced(folder: Path, code: str) -> list[str]:
    """The calls of a program and of all that it starts."""
    log = folder / "calls"
    in_a_fresh_home(folder, code, "strace", "-f", "-qq", "-e", f"trace={CALLS}", "-o", str(log))
    return log.read_text("utf-8", "replace").splitlines()


def connections(calls: list[str]) -> list[str]:
    """Calls that reach for anything but a socket of this machine's own file system."""
    reach = [call for call in calls if re.search(r"\b(socket|bind|connect|sendto|sendmsg)\(", call)]
    return [call for call in reach if re.search(r"AF_(?!UNIX)|sendto\(|sendmsg\(", call)]


def written(calls: list[str], folder: Path) -> set[str]:
    """What was written outside the current folder, by its first folders."""
    found = set()
    for call in calls:
        made = re.search(r"\b(mkdir|creat|rename)\w*\(", call) or re.search(
            r"O_WRONLY|O_RDWR|O_CREAT", call
        )
        for path in re.findall(r'"([^"]*)"', call) if made and "= -1" not in call else ():
            absolute = os.path.normpath(os.path.join(folder / "current", path))
            if not absolute.startswith((str(folder / "current"), "/dev/", "/proc/self/")):
                found.add(absolute.replace(str(folder) + "/", ""))
    return found


@needs("strace")
@pytest.mark.slow
def test_predicting_explaining_and_reporting_open_no_connection(tmp_path: Path) -> None:
    calls = traced(tmp_path, USING + WAITING)
    assert len(calls) > 1000
    assert connections(calls) == []
    assert {path for path in written(calls, tmp_path) if not path.startswith(CACHES)} == set()
    assert list((tmp_path / "temporary").iterdir()) == []
    home = {
        path.relative_to(tmp_path / "home").as_posix() for path in (tmp_path / "home").glob("*/*")
    }
    assert home == {".cache/matplotlib", ".config/matplotlib"}
    outputs = {path.name for path in (tmp_path / "current").iterdir()}
    assert outputs == {"labels.csv", "labels.csv.origin.json", "report.html"}


@needs("strace")
@pytest.mark.slow
def test_training_opens_no_connection(tmp_path: Path) -> None:
    calls = traced(tmp_path, USING.partition("text =")[0] + TRAINING + WAITING)
    assert [call for call in connections(calls) if not re.search(LOCAL_QUESTIONS, call)] == []
    allowed = (*CACHES, "home/.keras", "temporary")  # a file without a name is opened by its folder
    assert {path for path in written(calls, tmp_path) if not path.startswith(allowed)} == set()
    assert list((tmp_path / "temporary").iterdir()) == []
    inputs = {"config.json", "vocab.txt", "records.txt"}
    assert {path.name for path in (tmp_path / "current").iterdir()} == {"model", *inputs}


@pytest.mark.slow
def test_no_socket_is_opened_where_none_can_be_traced(tmp_path: Path) -> None:
    first, _, rest = USING.partition("import gi_classifier as g")
    if program("strace"):  # which has seen the page made
        rest = rest.partition('run("report"')[0]
    code = first + GUARD + "import gi_classifier as g" + rest + WAITING + REPORTING
    assert in_a_fresh_home(tmp_path, code).splitlines()[-1] == "sockets: []"


@pytest.mark.parametrize("package", ["onnxruntime", "openvino"])
def test_what_sends_is_imported_in_one_place(package: str) -> None:
    found = [
        path.name
        for folder in ("gi_classifier", "scripts")
        for path in (ROOT / folder).rglob("*.py")
        if re.search(rf"^\s*(import|from) {package}\b", path.read_text("utf-8"), re.MULTILINE)
    ]
    assert found == [{"onnxruntime": "onnx_runtime.py", "openvino": "openvino_runtime.py"}[package]]


def test_openvino_is_imported_without_its_telemetry_which_is_there_again_afterwards() -> None:
    # The package itself is not imported: it would send if this failed.
    code = (
        "import sys, time, types, importlib.abc, importlib.machinery\n"
        "class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):\n"
        "    def find_spec(self, name, path, target=None):\n"
        "        if name == 'openvino':\n"
        "            return importlib.machinery.ModuleSpec(name, self)\n"
        "    def exec_module(self, module):\n"
        "        time.sleep(0.1)\n"
        "        try:\n"
        "            import openvino_telemetry\n"
        "        except ImportError:\n"
        "            module.telemetry = 'hidden'\n"
        "sys.meta_path.insert(0, Finder())\n"
        "theirs = sys.modules['openvino_telemetry'] = types.ModuleType('openvino_telemetry')\n"
        "from gi_classifier.openvino_runtime import openvino_runtime\n"
        "from concurrent.futures import ThreadPoolExecutor\n"
        "with ThreadPoolExecutor(3) as pool:\n"
        "    found = [pool.submit(lambda: openvino_runtime().telemetry) for _ in range(3)]\n"
        "print({one.result() for one in found})\n"
        "print(sys.modules['openvino_telemetry'] is theirs)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["{'hidden'}", "True"]


@pytest.mark.parametrize(("set_by_user", "wanted"), [(None, "1"), ("0", "0"), ("", "")])
def test_telemetry_is_off_unless_the_user_said_otherwise(
    set_by_user: str | None, wanted: str
) -> None:
    kept = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    given = {} if set_by_user is None else {"ORT_DISABLE_TELEMETRY": set_by_user}
    # The runtime itself is not imported: it would send where the user let it.
    code = (
        "import os, sys, types; sys.modules['onnxruntime'] = types.ModuleType('onnxruntime')\n"
        "from gi_classifier.onnx_runtime import onnx_runtime; onnx_runtime()\n"
        "print(repr(os.environ['ORT_DISABLE_TELEMETRY']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**kept, **given},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == repr(wanted)


@needs("strace")
@pytest.mark.slow
def test_recognising_a_page_opens_no_connection(tmp_path: Path) -> None:
    code = (
        "import sys, time; begin = time.monotonic(); sys.path.insert(0, sys.argv[1])\n"
        "from made_pictures import file_of, printed\n"
        "from gi_classifier import read_image\n"
        "assert '溃疡' in read_image(file_of(printed())).text\n" + WAITING
    )
    calls = traced(tmp_path, code)
    # rapidocr imports requests, though it is given all its files.
    assert [call for call in connections(calls) if not re.search(LOCAL_QUESTIONS, call)] == []
