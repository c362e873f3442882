"""`transcribe --decoder greedy` loads and enters what it needs, and nothing else."""

from __future__ import annotations

import json
import subprocess
import sys

from speechgru.utils.assets import ASSETS

# A process of its own, as tests before this one have imported everything. Entered: a function was called in it.
_CODE = """
import contextlib, io, json, sys, threading
entered = set()
def note(frame, event, argument):
    code = frame.f_code
    if event == "call" and code.co_name != "<module>" and "/speechgru/" in code.co_filename:
        entered.add(code.co_filename.rpartition("/speechgru/")[2])
threading.setprofile(note)
sys.setprofile(note)
from speechgru import cli
with contextlib.redirect_stdout(io.StringIO()) as text:
    code = cli.main(["transcribe", sys.argv[1], "--decoder", "greedy"])
sys.setprofile(None)
loaded = sorted(name for name in sys.modules if name.startswith("speechgru."))
print(json.dumps({"code": code, "text": text.getvalue(), "entered": sorted(entered), "loaded": loaded}))
"""
MOST = 30  # files


def test_greedy_enters_few_files_and_loads_no_dictionary_or_language_model() -> None:
    sample = str(ASSETS / "sample.flac")
    run = subprocess.run([sys.executable, "-c", _CODE, sample], capture_output=True, text=True, check=True)
    report = json.loads(run.stdout)
    assert report["code"] == 0 and report["text"].strip()
    unneeded = {"speechgru.decoding.rescoring", "speechgru.decoding.beam", "speechgru.lm.neural"}
    assert not unneeded & set(report["loaded"])
    assert not [name for name in report["loaded"] if name.startswith("speechgru.lexicon")]
    assert len(report["entered"]) <= MOST, report["entered"]
