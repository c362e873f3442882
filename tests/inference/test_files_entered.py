"""Greedy recognition loads and enters what it needs, and nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import speechgru
from speechgru.utils.assets import ASSETS, CTC_MODEL

ROOT = Path(speechgru.__file__).parent
MOST = 67
MEASURE = """
import json, sys, threading
from speechgru import cli
entered = set()
def note(frame, event, argument):
    code = frame.f_code
    named = code.co_flags & 1 and not code.co_name.startswith(("<", "__getattr__"))
    if event == "call" and named and code.co_filename.startswith(sys.argv[1]):
        entered.add(code.co_filename[len(sys.argv[1]) + 1 :])
threading.setprofile(note)
sys.setprofile(note)
code = cli.main(sys.argv[2:])
sys.setprofile(None)
loaded = sorted(name for name in sys.modules if name.startswith("speechgru."))
print(json.dumps({"code": code, "entered": sorted(entered), "loaded": loaded}), file=sys.stderr)
"""


@pytest.mark.skipif(not (ASSETS / f"{CTC_MODEL}.safetensors").is_file(), reason="there is no packaged model")
def test_greedy_recognition_enters_few_files() -> None:
    """Named functions called, not classes defined nor a package's face: what a reader would have to follow."""
    arguments = ["transcribe", "--decoder", "greedy", str(ASSETS / "sample.flac")]
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(ROOT), *arguments], capture_output=True, text=True, check=True
    )
    told = json.loads(done.stderr.splitlines()[-1])
    assert told["code"] == 0 and done.stdout.strip()
    foreign = {"lm", "lexicon", "training", "decoding.beam", "decoding.prefix_search", "decoding.rescoring"}
    names = [name.removeprefix("speechgru.") for name in told["loaded"]]
    assert not [name for name in names if foreign & {name, name.split(".")[0]}]
    entered = set(told["entered"]) - {"utils/faces.py"}
    assert len(entered) <= MOST, sorted(entered)
