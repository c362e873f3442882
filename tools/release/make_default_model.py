"""Make the recognizer that travels in the package: three trainings, and what is chosen on dev afterwards.

    python tools/release/make_default_model.py --data DATA --output runs/english-small

A training that is finished is left as it is and one that was stopped is resumed, so after a power cut the same command
goes on. Everything is chosen on the dev sets; the test sets are scored at the end. With `--release` the model and its
card replace those in speechgru/assets. `--dry-run` prints the commands, each of which can be typed as well.
"""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from speechgru.errors import SpeechGruError
from speechgru.training.state import STATE
from speechgru.utils import files

ROOT = Path(__file__).resolve().parents[2]
SPEECHGRU = (sys.executable, "-m", "speechgru")
# Two processes of a thread each, as the released model was made: its steps are of 2 x 60 s.
TWO = (sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "-m", "speechgru")
CALM = ("optimizer.lr=0.0012", "schedule.warmup=0.02", "augment.vocal_tract=0.1", "trainer.average=0.999")
LETTERS_ANEW = ("trainer.epochs=32", *CALM)
SOUNDS = (
    *(
        "ctc.pronunciations=english",
        "ctc.pronounced=0.6",
        "trainer.epochs=26",
        "trainer.batch_seconds=120",
        *CALM,
    ),
    *("augment.time_masks=2", "augment.frequency_masks=2", "model.dropout=0.25", "model.weight_dropout=0.1"),
)
DEV = ("dev-libri", "dev-l2")
TEST = ("test-libri", "test-l2")


@dataclass(frozen=True)
class Step:
    """A command; what it prints goes to `into` where that is given, and `skip` says that it was done before."""

    command: Sequence[str]
    into: Path | None = None
    skip: bool = False

    def text(self) -> str:
        return shlex.join(self.command) + (f" > {shlex.quote(str(self.into))}" if self.into else "")

    def run(self, data: Path) -> None:
        place = {**os.environ, "SPEECHGRU_DATA": str(data)}
        done = subprocess.run(
            self.command, check=False, stdout=subprocess.PIPE if self.into else None, env=place
        )
        if done.returncode:
            raise SpeechGruError(f"This ended with code {done.returncode}: {self.text()}")
        if self.into:
            files.write_text(self.into, done.stdout.decode())


def trainings(data: Path, folders: Sequence[Path]) -> Iterator[Step]:
    """The three runs, each of which goes on from the one before."""
    stages = zip(folders, ((TWO, ()), (TWO, LETTERS_ANEW), (SPEECHGRU, SOUNDS)), strict=True)
    before: Path | None = None
    for folder, (program, settings) in stages:
        start = (f"trainer.start={before / 'best.safetensors'}",) if before else ()
        resume = ("--resume",) if (folder / STATE).exists() else ()
        where = (f"corpus.root={data}", f"output={folder}")
        command = (*program, "train", "english-small", *where, *start, *settings, *resume)
        yield Step(command, skip=(folder / "report.json").exists())
        before = folder


def choices(noise: Path, run: Path) -> Iterator[Step]:
    """What is written into the model's header, each chosen on dev: search, then gate, confidences and times."""
    model, dev = str(run / "best.safetensors"), [str(run / "manifests" / f"{name}.jsonl") for name in DEV]
    search = ("--lm", "english", "--dictionary", "english", "--beam", "256", "--trials", "60", "--write")
    yield Step((*SPEECHGRU, "lm", "tune", *dev, "--model", model, *search))
    gate = ("--noise", str(noise), "--lose", "0.005", "--only", "gate,confidence,times")
    yield Step((*SPEECHGRU, "model", "calibrate", model, *dev, *gate))


def scores(run: Path) -> Iterator[Step]:
    """The finished model on dev and test: with its search, greedily, and in other conditions."""
    model = str(run / "best.safetensors")
    sets = [str(run / "manifests" / f"{name}.jsonl") for name in (*DEV, *TEST)]
    evaluate = (*SPEECHGRU, "evaluate", "--model", model, "--format", "json")
    yield Step((*evaluate, *sets), run / "scores.json")
    yield Step((*evaluate, "--decoder", "greedy", *sets), run / "by_ear.json")
    yield _script("benchmarks/evaluate_conditions", model, *sets[len(DEV) :], into=run / "conditions.md")


def _script(name: str, *arguments: str, into: Path | None = None) -> Step:
    return Step((sys.executable, str(ROOT / f"{name}.py"), *arguments), into)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "--data", type=Path, required=True, metavar="FOLDER", help="holds the corpora, in speech/"
    )
    parser.add_argument("--noise", type=Path, metavar="FOLDER", help="default: noise/ESC-10 below --data")
    parser.add_argument(
        "--output", type=Path, required=True, metavar="FOLDER", help="a folder for each run goes here"
    )
    parser.add_argument("--release", action="store_true", help="put model and card into the package")
    parser.add_argument("--dry-run", action="store_true", help="print the commands only")
    args = parser.parse_args()
    folders = [args.output / name for name in ("letters", "letters-2", "sounds")]
    run = folders[-1]
    steps = [
        *trainings(args.data, folders),
        *choices(args.noise or args.data / "noise" / "ESC-10", run),
    ]
    steps += scores(run)
    if args.release:
        card = (("scores", "scores.json"), ("by-ear", "by_ear.json"), ("conditions", "conditions.md"))
        steps.append(
            _script(
                "tools/release/release_model", str(run), *(f"--{name}={run / file}" for name, file in card)
            )
        )
    for step in steps:
        print(f"{'# done: ' if step.skip else ''}{step.text()}", flush=True)
        if not (step.skip or args.dry_run):
            step.run(args.data)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except SpeechGruError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
