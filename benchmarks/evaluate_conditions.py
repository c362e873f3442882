"""Score a model on recordings as they are, noisy, over a telephone, slower and faster: the table of its card.

    python benchmarks/evaluate_conditions.py runs/english-small/best.safetensors [MANIFEST...] [--test] [--decoder beam]

Without manifests those of the model's own run are taken: dev-*.jsonl, or with --test test-*.jsonl. Speakers whose age
is known (spk2age of speechocean762) are also scored as adults and children apart, children being below 16.

noise 20 dB, 10 dB  a clip of ESC-10 (Piczak 2015) at that ratio of mean powers; its fifth fold, so that the other
                    four may train
telephone           300 to 3400 Hz, 8 kHz, G.711 mu-law
0.8x, 1.25x         played slower and faster, pitch and all

What is drawn for a recording depends on the seed and its id alone, so a part of a set sounds as the whole does.
"""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from speechgru import audio
from speechgru.audio import mix
from speechgru.augment import channel, choose, speed
from speechgru.augment.pipeline import find
from speechgru.config.recipe import CorpusConfig
from speechgru.data import Utterance, manifest
from speechgru.data.corpora import speechocean762
from speechgru.errors import SpeechGruError
from speechgru.evaluation import wer
from speechgru.inference import Recognizer, load_ctc
from speechgru.utils import console

ADULT = 16  # years, as the corpus counts
NOISES = "noise/ESC-10/*/5-*"
AGES = "speech/speechocean762"
Change = Callable[[Tensor, torch.Generator], Tensor]


def conditions(rate: int, clips: Sequence[Tensor]) -> dict[str, Change]:
    """What is done to a signal [time] at `rate` Hz, by the name of its row."""

    def beside(snr: float) -> Change:
        return lambda signal, generator: mix.add(
            signal, mix.fit(choose(clips, generator), len(signal), generator), snr
        )

    return {
        "as recorded": lambda signal, _: signal,
        "noise 20 dB": beside(20.0),
        "noise 10 dB": beside(10.0),
        "telephone": lambda signal, _: channel.telephone(signal, rate),
        "0.8x": lambda signal, _: speed.speed(signal, 0.8),
        "1.25x": lambda signal, _: speed.speed(signal, 1.25),
    }


def changed(
    utterances: Sequence[Utterance], rate: int, seed: int, change: Change
) -> Iterator[NDArray[np.float32]]:
    """The recordings' samples [time], each changed by a generator of its own."""
    for utterance in utterances:
        key = sha256(f"{seed}/{utterance.id or utterance.audio_filepath.name}".encode()).digest()
        generator = torch.Generator().manual_seed(int.from_bytes(key[:8], "big") >> 1)
        signal = torch.from_numpy(manifest.read_audio(utterance, rate).signal)
        yield change(signal, generator).numpy()


def score(
    recognizer: Recognizer, utterances: Sequence[Utterance], signals: Iterator[NDArray[np.float32]]
) -> tuple[wer.Alignment, ...]:
    """Every recording's errors, in order."""
    texts = []
    for _, result in recognizer.transcribe_many(signals):
        if isinstance(result, SpeechGruError):
            raise result
        texts.append(result.text)
    return wer.align([u.text for u in utterances], texts)


def groups(name: str, utterances: Sequence[Utterance], ages: Mapping[str, int]) -> dict[str, list[int]]:
    """Indices of the set's columns: adults and children apart where all ages are known, else all."""
    everyone = list(range(len(utterances)))
    years = [ages.get(u.speaker.rpartition("/")[2]) for u in utterances if u.speaker]
    if len(years) < len(utterances) or None in years:
        return {name: everyone}
    adult = [age >= ADULT for age in years if age is not None]
    found = {
        f"{name} adults": [i for i in everyone if adult[i]],
        f"{name} children": [i for i in everyone if not adult[i]],
    }
    return {column: rows for column, rows in found.items() if rows}


def measure(
    recognizer: Recognizer,
    sets: Mapping[str, Sequence[Utterance]],
    clips: Sequence[Tensor],
    ages: Mapping[str, int],
    seed: int,
) -> dict[str, dict[str, wer.Score]]:
    """Scores by condition and column."""
    rate, table = recognizer.sample_rate, {}
    for condition, change in conditions(rate, clips).items():
        row: dict[str, wer.Score] = {}
        for name, utterances in sets.items():
            errors = score(recognizer, utterances, changed(utterances, rate, seed, change))
            for column, chosen in groups(name, utterances, ages).items():
                speakers = [utterances[i].speaker for i in chosen]
                row[column] = wer.summarise([errors[i] for i in chosen], speakers)
        table[condition] = row
        print(f"{condition} done", file=sys.stderr)
    return table


def as_text(table: Mapping[str, Mapping[str, wer.Score]]) -> str:
    """Markdown: a row a condition, WER with its interval in each column."""
    columns = list(next(iter(table.values())))
    lines = [["", *columns], ["---"] * (1 + len(columns))]
    for condition, row in table.items():
        lines.append([condition, *(cell(row[column]) for column in columns)])
    sizes = [(column, next(iter(table.values()))[column]) for column in columns]
    notes = [
        f"{column}: {s.utterances} recordings, {s.speakers} speakers, {s.words} words" for column, s in sizes
    ]
    return "\n".join([*(f"| {' | '.join(line)} |" for line in lines), "", *notes])


def cell(score: wer.Score) -> str:
    low, high = (100 * bound for bound in score.interval)
    return f"{100 * score.wer:.1f} % ({low:.1f} to {high:.1f})"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", help="checkpoint, or name of a packaged model")
    parser.add_argument("manifests", nargs="*", type=Path, metavar="MANIFEST")
    parser.add_argument("--test", action="store_true", help="the run's test sets instead of its dev sets")
    parser.add_argument("--decoder", help="greedy or beam (default: the checkpoint's own)")
    parser.add_argument("--lm", help="language model of beam: name or file (default: the checkpoint's own)")
    parser.add_argument("--noise", default=NOISES, help=f"folder or pattern below SPEECHGRU_DATA ({NOISES})")
    parser.add_argument("--ages", default=AGES, help=f"speechocean762 below SPEECHGRU_DATA ({AGES})")
    parser.add_argument("--limit", type=int, metavar="N", help="the first N recordings of each set")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--format", choices=("text", "json"), default="text")
    args = parser.parse_args()
    return console.exit_code(lambda: run(args))


def run(args: argparse.Namespace) -> None:
    kind = "test" if args.test else "dev"
    paths = args.manifests or sorted(Path(args.model).parent.glob(f"manifests/{kind}-*.jsonl"))
    sets = {path.stem: manifest.read(path)[: args.limit] for path in paths}
    if not sets or not all(sets.values()):
        raise SpeechGruError(
            f"No recordings: expected manifests, or manifests/{kind}-*.jsonl beside the model."
        )
    settings = {"lm": args.lm} if args.lm else {}
    recognizer = load_ctc(args.model, decoder=args.decoder, **settings)
    data = CorpusConfig()
    files = find("--noise", str(data.below_root(args.noise)))
    with warnings.catch_warnings():  # a barking dog may be clipped
        warnings.simplefilter("ignore", audio.AudioWarning)
        clips = [torch.from_numpy(audio.read(path, recognizer.sample_rate)) for path in files]
    ages = speechocean762.ages(data.below_root(args.ages))
    table = measure(recognizer, sets, clips, ages, args.seed)
    scores = {row: {c: s.to_dict() for c, s in columns.items()} for row, columns in table.items()}
    print(json.dumps(scores, indent=2) if args.format == "json" else as_text(table))


if __name__ == "__main__":
    sys.exit(main())
