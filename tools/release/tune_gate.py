"""Find the gate that keeps a model from hearing words in noise, and store it in the model's file.

    python tools/release/tune_gate.py MODEL --speech dev.jsonl [...] --noise FOLDER [--lose 0.01] [--write]

Every other recording chooses, the rest are reported. For each weight of the speaking rate the threshold is the
one that silences a share `--lose` of the speech; the weight that then silences most noise is taken. Use dev
speech: what is chosen on test speech can't be measured on it any more.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from speechgru.audio import stream as audio
from speechgru.data import manifest
from speechgru.errors import SpeechGruError
from speechgru.inference.gate import Gate, evidence
from speechgru.inference.recognizer import Recognizer, load_recognizer
from speechgru.models import checkpoint
from speechgru.transcript import Transcript, Word

WEIGHTS = (0.0, 0.004, 0.008, 0.012, 0.016, 0.02, 0.03)
Heard = list[tuple[Word, ...]]


def hear(recognizer: Recognizer, paths: Sequence[Path]) -> Heard:
    """Words of each recording as a gate sees them, without a gate on confidence."""
    recognizer.gate = Gate(min_confidence=0.0)
    recognizer.times = recognizer.calibration = None
    results = [result for _, result in recognizer.transcribe_many(paths)]
    return [result.words for result in results if isinstance(result, Transcript)]


def scores(heard: Heard, weight: float) -> np.ndarray:
    """Evidence of each recording; of one without words, less than any threshold."""
    return np.array([evidence(words, weight) if words else -1.0 for words in heard])


def choose(speech: Heard, noise: Heard, lose: float) -> Gate:
    """The gate that loses a share `lose` of speech and lets least noise through."""
    gates = []
    for weight in WEIGHTS:
        threshold = float(np.quantile(scores(speech, weight), lose))
        gates.append((passing(noise, weight, threshold), weight, threshold))
    _, weight, threshold = min(gates)
    return Gate(min_confidence=round(threshold, 3), rate_weight=weight)


def passing(heard: Heard, weight: float, threshold: float) -> float:
    """Share of recordings in which words are heard."""
    return float((scores(heard, weight) >= threshold).mean())


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", type=Path)
    parser.add_argument("--speech", type=Path, nargs="+", required=True, metavar="MANIFEST")
    parser.add_argument("--noise", type=Path, required=True, metavar="FOLDER")
    parser.add_argument(
        "--lose", type=float, default=0.01, help="share of speech that may be silenced (0.01)"
    )
    parser.add_argument("--write", action="store_true", help="store the gate in the model's header")
    args = parser.parse_args()
    try:
        recognizer = load_recognizer(args.model, decoder="greedy")  # what a gate judges, see Recognizer
        clips = sorted(path for path in args.noise.rglob("*") if audio.is_audio(path))
        speech = hear(recognizer, [u.audio_filepath for m in args.speech for u in manifest.read(m)])
        noise = hear(recognizer, clips)
        gate = choose(speech[::2], noise[::2], args.lose)
        limits = (gate.rate_weight, gate.min_confidence)
        print(f"min_confidence {gate.min_confidence}, rate_weight {gate.rate_weight}")
        print(
            f"words heard in {passing(speech[1::2], *limits):.1%} of {len(speech[1::2])} other speech recordings"
        )
        print(
            f"words heard in {passing(noise[1::2], *limits):.1%} of {len(noise[1::2])} other noise recordings"
        )
        if args.write:
            checkpoint.annotate(args.model, {"gate": asdict(gate)})
    except (SpeechGruError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
