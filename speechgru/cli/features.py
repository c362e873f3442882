"""speechgru features: numbers from sound, for one recording or a folder of them."""

from __future__ import annotations

import argparse
import json
import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from speechgru.cli._options import add_search, hidden, positive, seed
from speechgru.errors import ConfigError, UsageError
from speechgru.utils.console import progress, say

if TYPE_CHECKING:
    from speechgru.cli._feature_targets import Plan
    from speechgru.cli._inputs import Found
    from speechgru.config.recipe import AugmentConfig
    from speechgru.data.feature_extraction import Done, Moments, Wanted

HELP = "Compute features of recordings: log-mel, MFCC, pitch, chroma and many more"
EXAMPLES = """\
  speechgru features talk.mp3 -o talk.npy
  speechgru features recordings --recursive --kind mfcc n_mfcc=20 -o mfcc.npz
  speechgru features recordings --kind log_mel --preset kaldi -o features/ --format h5 --jobs 4
  speechgru features train --stats > stats.json
  speechgru features song.ogg --plot song.png
  speechgru features talk.wav --augment robust --augment noise=1 --sound noisy.wav --plot noisy.png
  speechgru features --list

Settings are written as key=value among the files; a file of such a name as ./key=value. With -o FILE all recordings go
into one archive, which is written as a whole or not at all; with -o FOLDER/ each recording has its own file, and a run
that was stopped goes on where it was: files with the same settings are kept. The settings are stored in the file.
Recordings of other sampling rates are resampled, and a note says so.
Exit code: 0 all done, 1 some recording failed or is cut short (the rest is done), 2 wrong usage, 130 Ctrl-C.
"""
_FILES_A_PROCESS = 8
_IMPORTS = ("speechgru.data.feature_extraction",)
_FORMATS = ("npy", "npz", "h5", "csv", "parquet")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from speechgru.cli import _targets as targets

    parser.add_argument(
        "inputs", nargs="*", metavar="FILE_OR_FOLDER|KEY=VALUE", help="recordings, folders, settings"
    )
    parser.add_argument("--list", action="store_true", help="print all kinds and their settings")
    hidden(parser, "--list-kinds", dest="list", action="store_true")
    parser.add_argument("--kind", help="which features: one of --list (default: log_mel)")
    parser.add_argument("--preset", metavar="NAME", help="conventions: kaldi, librosa, whisper or htk")
    parser.add_argument(
        "-o", "--output", metavar="FILE_OR_DIR", help=".npz, .npy, .h5, .csv or .parquet file, or a folder"
    )
    parser.add_argument("--format", choices=_FORMATS, help="of the files in a folder (default: npy)")
    targets.add_overwrite(parser)
    add_search(parser)
    parser.add_argument("--jobs", type=positive, metavar="N", help="processes (default: one a processor)")
    parser.add_argument(
        "--strict-rate", action="store_true", help="refuse recordings of another sampling rate"
    )
    parser.add_argument(
        "--stats", action="store_true", help="print mean and variance of each bin over all, as JSON"
    )
    parser.add_argument(
        "--plot", metavar="FILE.png", help="draw waveform, spectrogram, pitch, chroma, and --kind"
    )
    parser.add_argument(
        "--augment",
        action="append",
        metavar="CHOICE|KEY=VALUE",
        help="change the sound first, as training with augment=CHOICE would; may be repeated",
    )
    parser.add_argument("--seed", type=seed, metavar="N", help="of the augmentation (default: 0)")
    parser.add_argument("--sound", metavar="FILE.wav", help="write the augmented recording")


def run(args: argparse.Namespace) -> int:
    if args.list:
        if any(value for name, value in vars(args).items() if name not in ("list", "quiet", "verbose")):
            raise UsageError("--list stands alone: leave out recordings, settings and other options.")
        return _print_kinds()
    from speechgru.cli.audio import _files as audio_files
    from speechgru.utils import process_pool

    sources, pairs = _split(args.inputs)
    _check(args, sources)
    selected = audio_files.find(
        sources, args.recursive, twice=args.plot is not None or args.sound is not None, track=args.track
    )
    if _processes(args, len(selected.inputs)) > 1:
        process_pool.prepare(_IMPORTS)  # takes seconds, as do our own
    wanted = _wanted(args, pairs)
    header = _header(wanted)
    _check_one(args, selected)
    from speechgru.cli import _feature_targets as feature_targets

    plan = feature_targets.plan(selected.inputs, args.output, args.format, args.overwrite, header)
    if plan.kept:
        say(f"note: {plan.kept} of {len(selected.inputs)} are there already with these settings.")
    good = not selected.problems
    if (args.plot or args.sound) and selected.inputs:
        good &= _show(args, selected.inputs[0].path, wanted)
    if args.output is not None or args.stats:
        good &= _extract(args, plan, wanted, header)
    return 0 if good else 1


def _split(inputs: list[str]) -> tuple[list[str], list[str]]:
    """Files and folders, and settings: key=value that isn't the name of a file."""
    is_setting = [
        value.partition("=")[0].replace(".", "_").isidentifier()
        and "=" in value
        and not os.path.exists(value)
        for value in inputs
    ]
    return [v for v, s in zip(inputs, is_setting) if not s], [v for v, s in zip(inputs, is_setting) if s]


def _check(args: argparse.Namespace, sources: list[str]) -> None:
    if not sources:
        raise UsageError("No recording is given: name a file or a folder (or --list).")
    if args.output == "":
        raise UsageError('-o "" names no file and no folder. Is a variable of the shell empty?')
    if not (args.output or args.stats or args.plot or args.sound):
        missing = [name for name in sources if name != "-" and not os.path.exists(name)]
        hint = f" ({missing[0]} doesn't exist; all kinds are listed by --list.)" if missing else ""
        raise UsageError(
            f"Say what to do with the features: -o FILE_OR_DIR, --stats, --plot or --sound.{hint}"
        )
    if args.augment is None and (args.seed is not None or args.sound is not None):
        raise UsageError(
            "--seed and --sound are about --augment, which isn't given (as in --augment robust)."
        )
    if args.format is not None and args.output is None:
        raise UsageError("--format is of the files in a folder; give the folder with -o.")
    if args.plot is not None and Path(args.plot).suffix.lower() != ".png":
        raise UsageError(f"--plot writes a PNG file; got {args.plot}. Give a name that ends in .png.")
    if args.plot is not None:
        from speechgru.utils import dependencies

        dependencies.require("matplotlib", "--plot")


def _check_one(args: argparse.Namespace, selected: Found) -> None:
    """--plot and --sound: of one recording, which they don't replace."""
    from speechgru.cli import _targets as targets

    if (args.plot or args.sound) and len(selected.inputs) > 1:
        raise UsageError(f"--plot and --sound are of one recording; {len(selected.inputs)} were given.")
    read = [entry.path for entry in selected.inputs]
    targets.check(("--plot", args.plot), ("--sound", args.sound), overwrite=args.overwrite, sources=read)


def _wanted(args: argparse.Namespace, pairs: list[str]) -> Wanted:
    from speechgru.data.feature_extraction import Wanted

    augment = None if args.augment is None else _augment(args.augment)
    return Wanted(
        args.kind or "log_mel",
        args.preset,
        _values(pairs),
        augment,
        args.seed or 0,
        args.strict_rate,
        args.track,
    )


def _header(wanted: Wanted) -> dict[str, Any]:
    """Of the files; a wrong kind, preset or setting shows here."""
    try:
        return wanted.header()
    except ConfigError as error:
        raise UsageError(f"{error} (`speechgru features --list` lists all kinds and settings.)") from None


def _values(pairs: list[str]) -> dict[str, Any]:
    """`["n_mels=40", "base_settings.hop=0.01"]` → nested values, read as a recipe's are."""
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException
    from yaml import YAMLError

    try:
        values = OmegaConf.to_container(OmegaConf.from_dotlist(pairs), resolve=True)
    except (OmegaConfBaseException, YAMLError) as error:
        raise UsageError(f"{' '.join(pairs)}: expected key=value; {str(error).splitlines()[0]}.") from None
    assert isinstance(values, dict)
    return {str(key): value for key, value in values.items()}


def _augment(given: list[str]) -> AugmentConfig:
    """A choice of conf/augment, and overrides; checked as a recipe's are, and by its messages."""
    from speechgru.config.compose import augmentation

    choices = [text for text in given if "=" not in text]
    if len(choices) > 1:
        raise UsageError(f"--augment takes one choice; got {', '.join(choices)}. Others are KEY=VALUE.")
    overrides = [text.removeprefix("augment.") for text in given if "=" in text]
    try:
        return augmentation(choices[0] if choices else "none", overrides)
    except ConfigError as error:
        raise UsageError(f"--augment: {error}") from None


def _extract(args: argparse.Namespace, plan: Plan, wanted: Wanted, header: dict[str, Any]) -> bool:
    """True when all were whole."""
    from speechgru.data import feature_extraction

    # What is there isn't written again, but counts.
    items = plan.everything if args.stats else plan.items
    processes = _processes(args, len(items))
    good, rates = True, Counter[int]()
    moments: Moments | None = None
    files = 0
    with progress("features") as on_progress:
        results = feature_extraction.run(
            items, wanted, archive=plan.archive, stats=args.stats, processes=processes
        )
        for number, done in enumerate(results, start=1):
            good &= _report(done)
            if not done.error:
                files += 1
                rates[done.source_rate] += 1
            if done.moments is not None:
                moments = done.moments if moments is None else moments + done.moments
            if on_progress is not None:
                on_progress(number / len(items))
    if note := feature_extraction.rates_note(rates, header["sample_rate"]):
        say(f"note: {note}")
    if args.stats and moments is not None:
        _print_stats(header, files, moments)
    return good


def _processes(args: argparse.Namespace, count: int) -> int:
    """For `count` recordings: one takes seconds to start, by when few of them are done."""
    if args.output is None and not args.stats:
        return 1
    wished = args.jobs or min(len(os.sched_getaffinity(0)), count // _FILES_A_PROCESS)
    return max(1, min(wished, count))


def _report(done: Done) -> bool:
    path = done.item.path
    if done.error:
        say(f"error: {done.error}" if path in done.error else f"error: {path}: {done.error}")
        return False
    for warning in done.warnings:
        say(f"warning: {path}: {warning}")
    return not done.truncated


def _print_stats(header: dict[str, Any], files: int, moments: Moments) -> None:
    totals = {
        "files": files,
        "frames": moments.count,
        "mean": moments.mean.tolist(),
        "variance": moments.variance.tolist(),
    }
    print(json.dumps({**header, **totals}, ensure_ascii=False))


def _show(args: argparse.Namespace, path: str, wanted: Wanted) -> bool:
    """--plot and --sound."""
    from speechgru.audio import encode
    from speechgru.cli.audio import _files as audio_files
    from speechgru.errors import AudioError
    from speechgru.plots import features

    try:
        if wanted.augment is None:
            signal, rate = features.load(path), features.RATE
            asked = args.kind or wanted.preset or wanted.settings
            panel = features.panel(path, wanted.module()) if asked else None
        else:
            from speechgru.augment.preview import augmented_file

            module = wanted.module()
            changed = augmented_file(path, module, wanted.augment, wanted.seed)
            signal, rate = changed.signal.numpy(), module.rate
            panel = features.Panel.of(module, changed.values.numpy())
    except AudioError as error:
        audio_files.report(path, error)
        return False
    if args.sound is not None:
        encode.write(args.sound, signal, rate)
    if args.plot is not None:
        if len(signal) >= features.MAX_SECONDS * rate:
            say(f"note: {args.plot} shows at most the first {features.MAX_SECONDS:g} s.")
        if panel is not None and panel.framing is None and not panel.are_times:
            say(f"note: {args.plot} is without {wanted.kind}, which has no frames.")
        features.save(args.plot, signal, rate, Path(path).name, panel)
    return True


def _print_kinds() -> int:
    from dataclasses import MISSING, fields

    from speechgru.features import find, kinds

    for name in kinds():
        kind = find(name)
        print(f"{name}: {kind.title.lower()}; {kind.unit}")
        defaults = [(f.name, f.default) for f in fields(kind.settings) if f.default is not MISSING]
        print("  " + ", ".join(f"{key}={_plain(value)}" for key, value in defaults))
    return 0


def _plain(value: Any) -> str:
    """As it is written on a command line."""
    return value if isinstance(value, str) else json.dumps(value)
