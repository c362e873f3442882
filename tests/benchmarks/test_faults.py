"""A few kills and failing writes: the harness runs, and the commands keep what they promise."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import scripts

FAULTS = scripts.ROOT / "benchmarks" / "faults.py"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(
        not sys.platform.startswith("linux") or not (shutil.which("cc") or shutil.which("gcc")),
        reason="needs Linux and a C compiler",
    ),
]


@pytest.mark.parametrize(
    ("what", "job"),
    [
        ("kill", "features"),
        ("kill", "corpus download"),
        ("write", "features"),
        ("write", "lm build"),
        ("read", "features"),
        ("read", "transcribe"),
    ],
)
def test_only_whole_files_are_left(tmp_path: Path, what: str, job: str) -> None:
    results = tmp_path / "results"
    command = [sys.executable, str(FAULTS), what, job, "--trials", "6", "--results", str(results)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stdout + done.stderr
    tally = json.loads(results.read_text())
    assert tally["last"] >= 6 and tally["events"] > 5 and not tally["faults"]
    outcomes = tally["outcomes"]
    assert outcomes.get("killed", 0) + outcomes.get("exit code 1", 0) > 0, (
        "a fault that nothing notices shows nothing"
    )
