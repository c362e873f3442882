"""Ctrl-C: answered at once, whatever the process does meanwhile, and a second one ends it."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from commands import play

# In C for half a minute, without a bytecode between: Python's own handler waits as long.
_COMPUTE = "hashlib.pbkdf2_hmac('sha512', b'a', b'b', 60_000_000)"
_PYTHON = "time.sleep(60)"
_IMPORT = """
    try: time.sleep(60)
    except KeyboardInterrupt: raise ImportError("numpy can't be imported: it was interrupted")"""


def _begin(work: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", play(f'    print("begun", flush=True)\n    {work}')],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    return process


@pytest.fixture(params=[_COMPUTE, _PYTHON], ids=["compute", "python"])
def process(request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[str]]:
    process = _begin(request.param)
    yield process
    process.kill()
    process.communicate()


def test_it_is_answered_at_once_and_a_second_one_ends_it(process: subprocess.Popen[str]) -> None:
    assert process.stderr is not None
    start = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert process.stderr.readline().startswith("speechgru: stopping")
    assert time.monotonic() - start < 2
    time.sleep(0.7)
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    assert process.wait(timeout=10) == 130
    assert "Traceback" not in process.stderr.read()


def test_an_import_that_it_ended_is_no_fault_of_the_installation() -> None:
    process = _begin(_IMPORT)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert (process.returncode, err.count("\n")) == (130, 1)
