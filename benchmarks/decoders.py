"""Time speechgru's beam search against torchaudio's (flashlight-text) and pyctcdecode, with the same language model.

    python benchmarks/decoders.py dev-libri.npz dev-l2.npz --arpa english.arpa [--model english-small] [--quick]
    python benchmarks/decoders.py dev.jsonl --arpa english.arpa --save dev.npz

Input: manifests, which the model processes first, or what --save kept of an earlier run: .npz with `texts`, `durations`
in seconds and lp0, lp1, ... [frames, symbols]. Each decoder reads the same log-probabilities on one thread, with the
ARPA model (kenlm in the peers; --lm names the same model as .slm for ours, which opens faster). Its own language
model weight and word bonus are chosen on every third utterance from one grid, at a beam of 16; the rest is left as
its authors set it, except that flashlight's `beam_threshold` of 50 keeps nearly everything: it is timed with that of
speechgru too, and both are shown. Then it is timed at each beam: processor time, the decoders taking turns, the
least of the turns. A peer that isn't installed is left out with a note.
"""

from __future__ import annotations

import argparse
import itertools
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from speechgru.data import manifest
from speechgru.decoding.beam import Decoder, Settings
from speechgru.evaluation import tune_lm
from speechgru.evaluation import wer as word_errors
from speechgru.inference import load_ctc
from speechgru.inference.acoustic_header import AcousticHeader
from speechgru.lm import load
from speechgru.models import checkpoint
from speechgru.text import Vocabulary
from speechgru.utils import console
from speechgru.utils.assets import find_model

Decode = Callable[[np.ndarray[Any, Any]], str]
Make = Callable[[int, float, float], Decode]  # beam, weight, bonus
WEIGHTS = (0.4, 0.7, 1.0, 1.4, 2.0)
BONUSES = (-1.0, 0.0, 1.0, 2.0)


@dataclass(frozen=True)
class Speech:
    """What is read: log-probabilities [frames, symbols] of each utterance, its text, all their seconds."""

    log_probs: list[np.ndarray[Any, Any]]
    texts: list[str]
    durations: list[float]

    @property
    def seconds(self) -> float:
        return sum(self.durations)

    def part(self, step: int) -> Speech:
        """Every `step`-th utterance."""
        return Speech(self.log_probs[::step], self.texts[::step], self.durations[::step])


def collect(paths: Sequence[Path], model: str | None) -> Speech:
    """Read or compute what is to be decoded."""
    speech = Speech([], [], [])
    recognizer = load_ctc(model, decoder="greedy") if any(p.suffix != ".npz" for p in paths) else None
    for path in paths:
        if path.suffix == ".npz":
            kept = np.load(path)
            speech.texts.extend(map(str, kept["texts"]))
            speech.durations.extend(map(float, kept["durations"]))
            speech.log_probs.extend(kept[f"lp{i}"].astype(np.float32) for i in range(len(kept["texts"])))
            continue
        emissions = tune_lm.emissions(recognizer, path.stem, manifest.read(path), lambda done: None)
        speech.texts.extend(emissions.texts)
        speech.log_probs.extend(p[:, : emissions.characters] for p in emissions.log_probs)
        step = recognizer.engine.frame_seconds
        speech.durations.extend(len(p) * step for p in emissions.log_probs)
    return speech


def ours(vocabulary: Vocabulary, lm: Path) -> Make:
    first = Decoder(Settings(), vocabulary, load(lm))

    def make(beam: int, weight: float, bonus: float) -> Decode:
        settings = Settings(beam=beam, lm_weight=weight, word_bonus=bonus)
        decoder = first.with_settings(settings)
        return lambda log_probs: decoder(log_probs).text

    return make


def flashlight(vocabulary: Vocabulary, arpa: Path, words: Sequence[str], threshold: float) -> Make:
    from torchaudio.models.decoder import ctc_decoder

    tokens = ["|" if symbol == " " else symbol for symbol in vocabulary.symbols]
    lexicon = Path(tempfile.mkstemp(suffix=".txt")[1])
    lexicon.write_text("".join(f"{word} {' '.join(word)} |\n" for word in words), encoding="utf-8")

    def make(beam: int, weight: float, bonus: float) -> Decode:
        with silence():  # KenLM draws a bar
            decoder = ctc_decoder(
                lexicon=str(lexicon),
                tokens=tokens,
                lm=str(arpa),
                beam_size=beam,
                beam_threshold=threshold,
                lm_weight=weight,
                word_score=bonus,
                blank_token=tokens[0],
                sil_token="|",
            )
        return lambda p: " ".join(decoder(torch.from_numpy(p)[None])[0][0].words)

    return make


@contextmanager
def silence() -> Iterator[None]:
    """Nothing that compiled code writes to stderr gets through."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def pyctcdecode(vocabulary: Vocabulary, arpa: Path, words: Sequence[str]) -> Make:
    from pyctcdecode import build_ctcdecoder

    with silence():
        decoder = build_ctcdecoder(["", *vocabulary.symbols[1:]], str(arpa), unigrams=words)

    def make(beam: int, weight: float, bonus: float) -> Decode:
        def decode(log_probs: np.ndarray[Any, Any]) -> str:
            decoder.reset_params(alpha=weight, beta=bonus)
            return decoder.decode(log_probs, beam_width=beam)

        return decode

    return make


def candidates(vocabulary: Vocabulary, arpa: Path, lm: Path) -> Iterator[tuple[str, Make]]:
    yield "speechgru", ours(vocabulary, lm)
    words = load(lm).words[3:]
    peers: dict[str, Callable[[], Make]] = {
        "flashlight": lambda: flashlight(vocabulary, arpa, words, 50.0),
        "flashlight, pruned": lambda: flashlight(vocabulary, arpa, words, Settings().beam_threshold),
        "pyctcdecode": lambda: pyctcdecode(vocabulary, arpa, words),
    }
    for name, make in peers.items():
        try:
            yield name, make()
        except (ImportError, RuntimeError) as error:
            print(f"note: {name} is left out: {str(error).splitlines()[0]}", file=sys.stderr)


def read(decode: Decode, speech: Speech) -> tuple[float, float]:
    """WER, and milliseconds of processor time for each second of audio."""
    started = time.process_time()
    texts = [decode(log_probs) for log_probs in speech.log_probs]
    spent = time.process_time() - started
    return word_errors.score(speech.texts, texts, samples=1).wer, 1000 * spent / speech.seconds


def choose(make: Make, speech: Speech) -> tuple[float, float]:
    """Weight and bonus with the lowest WER."""
    grid = itertools.product(WEIGHTS, BONUSES)
    return min(grid, key=lambda point: read(make(16, *point), speech)[0])


def compare(makers: dict[str, Make], speech: Speech, beams: Sequence[int], repeats: int, step: int) -> None:
    tuned = {name: choose(make, speech.part(step)) for name, make in makers.items()}
    print(f"{'beam':>4} {'decoder':20}{'weight':>7}{'bonus':>7}{'WER %':>8}{'ms/s':>8}{'times ours':>12}")
    for beam in beams:
        decoders = {name: make(beam, *tuned[name]) for name, make in makers.items()}
        best: dict[str, tuple[float, float]] = {}
        for _ in range(repeats):
            for name, decode in decoders.items():
                wer, spent = read(decode, speech)
                best[name] = (wer, min(spent, best.get(name, (0, spent))[1]))
        for name, (wer, spent) in best.items():
            weight, bonus = tuned[name]
            ratio = spent / best["speechgru"][1]
            print(
                f"{beam:>4} {name:20}{weight:>7}{bonus:>7}{100 * wer:>8.2f}{spent:>8.3f}{ratio:>12.2f}",
                flush=True,
            )


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("inputs", type=Path, nargs="+", metavar="LOGPROBS_OR_MANIFEST")
    parser.add_argument("--arpa", type=Path, required=True)
    parser.add_argument("--lm", type=Path, help="the same model as .slm (default: the ARPA file)")
    parser.add_argument("--model", help="whose symbols the columns are, and what processes manifests")
    parser.add_argument("--beams", type=int, nargs="+", default=[16, 64])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--save", type=Path, help="keep the log-probabilities here")
    parser.add_argument("--quick", action="store_true", help="a tenth of the speech, to see that it runs")
    args = parser.parse_args()
    torch.set_num_threads(1)
    return console.exit_code(lambda: run(args))


def run(args: argparse.Namespace) -> None:
    vocabulary = checkpoint.load(find_model(args.model)).read(AcousticHeader).vocabulary
    speech = collect(args.inputs, args.model)
    if args.save:
        arrays = {f"lp{i}": p.astype(np.float16) for i, p in enumerate(speech.log_probs)}
        np.savez_compressed(args.save, texts=speech.texts, durations=speech.durations, **arrays)
    if args.quick:
        speech, args.repeats = speech.part(10), 1
    makers = dict(candidates(vocabulary, args.arpa, args.lm or args.arpa))
    compare(makers, speech, args.beams, args.repeats, 1 if args.quick else 3)


if __name__ == "__main__":
    sys.exit(main())
