"""What `speechgru train own` gives: train it on some minutes of one speaker, score the speaker's other recordings.

    python benchmarks/evaluate_own.py MANIFEST [KEY=VALUE...] --speaker 84 777 [--minutes 4]
    python benchmarks/evaluate_own.py MANIFEST --speaker 84 --recipe own-ctc --decoder beam --lm english

The minutes are drawn at random (seed 0) from the speaker's recordings in the manifest and copied to a folder with their
texts, as a user would have them. Use dev speakers to choose settings.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

from speechgru.config import compose
from speechgru.data import Utterance, manifest
from speechgru.errors import SpeechGruError
from speechgru.evaluation import evaluate
from speechgru.evaluation.recognition import Evaluation
from speechgru.inference import load_recognizer
from speechgru.training import run
from speechgru.utils import console


def parted(utterances: list[Utterance], minutes: float) -> tuple[list[Utterance], list[Utterance]]:
    """`minutes` of the recordings to learn from, and the rest."""
    drawn = random.Random(0).sample(utterances, len(utterances))
    seconds, learnt = 0.0, []
    while drawn and seconds < 60 * minutes:
        learnt.append(drawn.pop())
        seconds += learnt[-1].duration
    if not drawn:
        raise SpeechGruError(f"The speaker has {seconds / 60:.1f} minutes in all; nothing is left to score.")
    return learnt, drawn


def train(learnt: list[Utterance], folder: Path, recipe: str, overrides: list[str]) -> tuple[Path, float]:
    """The model of a user with these recordings, and the seconds that it took."""
    own = folder / "recordings"
    own.mkdir()
    for utterance in learnt:
        copy = own / utterance.audio_filepath.name
        shutil.copyfile(utterance.audio_filepath, copy)
        copy.with_suffix(".txt").write_text(utterance.text, encoding="utf-8")
    given = [f"corpus.root={own}", f"output={folder / 'run'}", "trainer.tensorboard=false", *overrides]
    started = time.perf_counter()
    model = run.train(compose.load_recipe(recipe, given), given, quiet=True).model
    return model, time.perf_counter() - started


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("manifest", type=Path)
    parser.add_argument("overrides", nargs="*", default=[], metavar="KEY=VALUE")
    parser.add_argument(
        "--speaker", required=True, nargs="+", help="as the manifest has it, or its part after the slash"
    )
    parser.add_argument("--recipe", default="own")
    parser.add_argument("--minutes", type=float, default=4.0)
    parser.add_argument("--decoder")
    parser.add_argument("--lm")
    args = parser.parse_args()
    return console.exit_code(lambda: measure_all(args))


def measure_all(args: argparse.Namespace) -> None:
    changes = [measure(args, speaker) for speaker in args.speaker]
    if len(changes) > 1:
        print(f"mean of {len(changes)} speakers: relative change of WER {sum(changes) / len(changes):+.1%}")


def measure(args: argparse.Namespace, speaker: str) -> float:
    """One speaker's relative change of WER."""
    settings = {"lm": args.lm} if args.lm else {}
    chosen = [u for u in manifest.read(args.manifest) if speaker in (u.speaker, u.speaker.rpartition("/")[2])]
    learnt, rest = parted(chosen, args.minutes)
    start = compose.load_recipe(args.recipe, args.overrides).trainer.start
    with tempfile.TemporaryDirectory() as folder:
        model, seconds = train(learnt, Path(folder), args.recipe, args.overrides)
        before, after = (
            evaluate(load_recognizer(path, decoder=args.decoder, **settings), rest) for path in (start, model)
        )
    change = after.score.wer / before.score.wer - 1
    print(f"{speaker}: {len(learnt)} recordings learnt in {seconds:.0f} s; {len(rest)} others scored")
    for name, evaluation in (("before", before), ("after", after)):
        print(f"{name:<8}{figures(evaluation)}")
    print(f"relative change of WER: {change:+.1%}", flush=True)
    return change


def figures(evaluation: Evaluation) -> str:
    score = evaluation.score
    low, high = score.interval
    return f"WER {score.wer:.2%} ({low:.2%} to {high:.2%}, {score.words.total} words), CER {score.cer:.2%}"


if __name__ == "__main__":
    sys.exit(main())
