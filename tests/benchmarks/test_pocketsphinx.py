"""The comparison with PocketSphinx runs on the packaged sample, and says what is missing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scripts

from speechgru import audio
from speechgru.data import Utterance, manifest
from speechgru.utils.assets import ASSETS, CTC_MODEL

SAMPLE = ASSETS / "sample.flac"
pytestmark = pytest.mark.skipif(
    not (SAMPLE.is_file() and (ASSETS / f"{CTC_MODEL}.safetensors").is_file()),
    reason="this installation holds no model and sample",
)
bench = scripts.load("benchmarks/pocketsphinx.py")


def test_each_recording_is_stored_once_and_in_order(tmp_path: Path) -> None:
    whole = Utterance(SAMPLE, len(audio.read(SAMPLE)) / 16000, "x")
    part = Utterance(SAMPLE, 0.5, "x", offset=0.25)
    lengths = bench.store(tmp_path / "all.npy", [whole, part])
    flat = np.load(tmp_path / "all.npy")
    assert lengths == [len(audio.read(SAMPLE)), 8000] and len(flat) == sum(lengths)
    assert np.array_equal(flat[lengths[0] :], audio.read(SAMPLE)[4000:12000])
    assert bench.grouped_seconds([16000, 8000, 4000], [2, 1]) == [1.5, 0.25]


@pytest.mark.slow
def test_ours_is_measured_and_what_is_missing_is_said(tmp_path: Path) -> None:
    text = (ASSETS / "sample.txt").read_text().strip()
    manifest.write(tmp_path / "one.jsonl", [Utterance(SAMPLE, 4.0, text, id="sample")])
    command = [sys.executable, bench.__file__, str(tmp_path / "one.jsonl"), "--systems", "greedy", "beam"]
    done = subprocess.run(
        [*command, "--lm", "none-such", "--format", "json"], capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert "none-such" in found["systems"]["beam"]["missing"]
    greedy = found["systems"]["greedy"]
    assert greedy["sets"]["one"]["words"] == len(text.split())
    assert greedy["sets"]["one"]["wer"] < 1
    assert greedy["sets"]["one"]["cpu"] > 0 and greedy["start_up"]["cpu"] > 0 and greedy["peak_bytes"] > 1e7
    rows = bench.as_text(found)
    assert "| one | greedy |" in rows and "beam was left out" in rows
