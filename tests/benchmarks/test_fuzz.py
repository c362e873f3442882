"""A few damaged files for every reader, and that the harness sees what is wrong."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any

import pytest
import scripts

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="the harness forks, and reads /proc"
)
FUZZ = scripts.ROOT / "benchmarks" / "fuzz.py"


@pytest.fixture(scope="module")
def fuzz() -> ModuleType:
    return scripts.load("benchmarks/fuzz.py")


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_no_reader_fails_on_damaged_files(tmp_path: Path) -> None:
    """Fixed cases of every reader; a process of its own, as it forks."""
    command = [sys.executable, str(FUZZ), "--cases", "15", "--seed", "7", "--results", str(tmp_path / "r")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(re.findall(r": cases 0 to 14 in ", done.stdout)) >= 50
    again = subprocess.run(command, capture_output=True, text=True, timeout=280)
    assert again.stdout == "", "what is done is not done again"
    table = subprocess.run(
        [sys.executable, str(FUZZ), "--table", str(tmp_path / "r")], capture_output=True, text=True
    )
    assert "| midi | 15 |" in table.stdout


def test_a_case_is_the_same_every_time(fuzz: ModuleType) -> None:
    reader = fuzz.readers()["abc"]
    cases = [fuzz.fuzz_process.case(reader, [b"X:1\nK:C\nabc|\n"], 1, index) for index in range(20)]
    assert cases == [fuzz.fuzz_process.case(reader, [b"X:1\nK:C\nabc|\n"], 1, index) for index in range(20)]
    assert len(set(cases)) > 15


def test_every_change_stands_any_file(fuzz: ModuleType) -> None:
    mutations = sys.modules["fuzz_mutations"]
    for seed in range(300):
        data = (b"", b"a", b"12\n3.5", bytes(300))[seed % 4]
        damaged = mutations.mutate(data, Random(seed), [data], (b"token",), True)
        assert len(damaged) <= mutations.LARGEST


def grow(_: Path) -> None:
    bytearray(3 << 30)


def rest(_: Path) -> None:
    time.sleep(60)


def crash(_: Path) -> None:
    import os

    os.abort()


def write(path: Path) -> None:
    path.with_name("other").write_text("x")


def reach(_: Path) -> None:
    import socket

    socket.create_connection(("127.0.0.1", 9), 1)


def complain(_: Path) -> None:
    raise KeyError("a")


def foreign(_: Path) -> None:
    from speechgru.errors import TextError

    raise TextError("x")


def warn(_: Path) -> None:
    import warnings

    warnings.warn("x", RuntimeWarning, stacklevel=1)


@pytest.mark.parametrize(
    ("read", "kind"),
    [
        (grow, "MemoryError"),
        (rest, "hang"),
        (crash, "death"),
        (write, "written"),
        (reach, "written"),
        (complain, "KeyError"),
        (foreign, "TextError"),
        (warn, "stray warning"),
    ],
)
def test_what_a_reader_must_not_do_is_seen(
    fuzz: ModuleType, monkeypatch: pytest.MonkeyPatch, read: Callable[[Path], Any], kind: str
) -> None:
    """Each is done at damaged files alone, and the cases after it are still run."""
    monkeypatch.setattr(fuzz.fuzz_process, "LONGEST", 1.0)
    whole = b"X:1\nK:C\nabc|\n"

    def at_damage(path: Path) -> None:
        if path.read_bytes() != whole and path.read_bytes():
            read(path)

    reader = replace(fuzz.readers()["abc"], seeds=lambda: [whole], read=at_damage)
    piece = fuzz.run(reader, 1, 0, 3, float("inf"))
    assert piece.last == 3
    assert {finding["kind"] for finding in piece.findings} == {kind}
