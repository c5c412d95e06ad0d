"""The model that ships: read once in a process, also in one that forks."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

READS = """
import sys, threading, collections
import gi_classifier as g
opened = collections.Counter()
def hook(event, arguments):
    if event == "open" and "weights" in str(arguments[0]):
        opened[str(arguments[0]).rpartition("/")[2]] += 1
sys.addaudithook(hook)
work = [g.predict, lambda t: g.explain([t]), lambda t: g.predict(t, reject_novel=True)] * 3
threads = [threading.Thread(target=one, args=("胃癌",)) for one in work]
[t.start() for t in threads]; [t.join() for t in threads]
print(len(opened) > 8, set(opened.values()))
"""


def python(code: str) -> str:
    # From 3.12 on Python warns of the forks beside threads that these tests are about.
    quiet = ("-W", "ignore:This process:DeprecationWarning")
    done = subprocess.run(
        [sys.executable, *quiet, "-c", code],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.strip()


@pytest.mark.slow
def test_threads_that_predict_explain_and_decide_read_each_file_once() -> None:
    assert python(READS) == "True {1}"


FORKED = """
import multiprocessing, os, sys, time
import gi_classifier as g
texts = ["胃窦糜烂", "直肠息肉"] * 4
def answers():
    return g.multi_predict(texts), g.explain(texts[:1])[0].label
before = answers()
def child(queue):
    queue.put(answers() == before)
def ended(pid):
    for _ in range(600):
        if os.waitpid(pid, os.WNOHANG)[0]:
            return True
        time.sleep(0.1)
    return os.kill(pid, 9)
context = multiprocessing.get_context("fork")
queue = context.Queue()
process = context.Process(target=child, args=(queue,))
process.start()
print(queue.get(timeout=60))
process.join(60)
print(process.exitcode)
# Unlike multiprocessing, these end as a program does, with all that it closes.
for work in (answers, lambda: None):
    pid = os.fork()
    if not pid:
        work()
        sys.exit(0)
    print(ended(pid))
print(answers() == before)
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="fork: of POSIX alone")
def test_a_process_forked_after_a_prediction_predicts_and_ends() -> None:
    assert python(FORKED).split() == ["True", "0", "True", "True", "True"]


LOCKED = """
import os, threading, time
import gi_classifier as g
from gi_classifier.model import shipped
held, forked = threading.Event(), threading.Event()
def hold():
    with shipped._lock:
        held.set()
        forked.wait()
threading.Thread(target=hold).start()
held.wait()
pid = os.fork()
if not pid:
    os._exit(0 if g.predict("胃窦糜烂") == 1 else 1)
forked.set()
for _ in range(600):
    found, status = os.waitpid(pid, os.WNOHANG)
    if found:
        break
    time.sleep(0.1)
else:
    os.kill(pid, 9)
print(bool(found), status)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="fork: of POSIX alone")
def test_a_process_forked_while_another_thread_opens_the_model_predicts() -> None:
    assert python(LOCKED) == "True 0"
