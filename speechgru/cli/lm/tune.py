"""speechgru lm tune: how much a language model should count, chosen on dev recordings."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from speechgru.cli._options import add_device, positive, seed
from speechgru.errors import UsageError
from speechgru.utils.console import no_bar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from speechgru.data import Utterance
    from speechgru.decoding.beam import Decoder, Settings
    from speechgru.evaluation.tune_lm import Emissions, Result
    from speechgru.inference import CtcRecognizer

HELP = "Choose a language model's weights on dev recordings, and store them with a model"
EXAMPLES = """\
  speechgru lm tune dev.jsonl --lm books.slm
  speechgru lm tune clean.jsonl other.jsonl --model english-small --lm english -o tuned.safetensors
  speechgru lm tune dev.jsonl --lm english --hotwords-file names.txt
  speechgru lm tune dev.jsonl --model runs/mine/best.safetensors --lm english --dictionary english --write

The network processes each recording once; then its emissions are searched with one setting after another.
-o and --write store the best only if it makes fewer word errors than greedy decoding, in all sets together, and
in none of them more. Use recordings of no test set: what is chosen on them can't be measured on them any more.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from speechgru.cli import _decoder_options as decoder_options
    from speechgru.cli import _targets as targets

    parser.add_argument("manifests", nargs="+", metavar="MANIFEST", help="JSON Lines of dev recordings")
    parser.add_argument(
        "--lm", required=True, metavar="LM", help="packaged name or file (.slm, .arpa, .arpa.gz)"
    )
    parser.add_argument(
        "--model", metavar="MODEL", help="checkpoint file or packaged name (default: english-small)"
    )
    parser.add_argument(
        "--dictionary",
        metavar="NAME",
        help="search words by their phones too, with this pronouncing dictionary (english); wants a model with "
        "a phone head (default: as the model is read so far)",
    )
    parser.add_argument("-o", "--output", metavar="FILE", help="write a copy of the model that reads so here")
    parser.add_argument("--write", action="store_true", help="change the model's own file instead")
    targets.add_overwrite(parser)
    parser.add_argument(
        "--beam", type=positive, metavar="N", help="texts kept (default: as the model is read so far, or 64)"
    )
    parser.add_argument(
        "--trials", type=positive, default=60, metavar="N", help="settings to try (default: 60)"
    )
    parser.add_argument(
        "--seed", type=seed, metavar="N", default=0, help="of the search and the intervals (default: 0)"
    )
    decoder_options.add_hotwords(parser)
    add_device(parser)


def run(args: argparse.Namespace) -> int:
    """Print what each way of decoding makes of the sets, and store the best where asked to."""
    from speechgru.data import manifest
    from speechgru.decoding.beam import Decoder, Settings
    from speechgru.evaluation import tune_lm
    from speechgru.inference import load_ctc, select
    from speechgru.utils.assets import find_lm, language_models

    target = _target(args)
    find_lm(args.lm)
    manifests = {path: manifest.read_set(path) for path in args.manifests}
    recognizer = load_ctc(args.model, args.device, decoder="greedy")
    vocabulary = recognizer.engine.vocabulary
    # Before the network's work: a language model or hotword that doesn't fit is told at once.
    search = Decoder(_first(args), vocabulary)
    select.check_sounds(search, recognizer.engine.sounds, args.model)
    sets = [_emissions(recognizer, path, utterances) for path, utterances in manifests.items()]
    names: tuple[str, ...] = tune_lm.LM_WEIGHTS
    if args.lm in language_models():
        # How far to trust the network is a matter of the model's own file, so it is chosen for the model's own LM.
        first: dict[str, Any] = {} if search.settings.prior else tune_lm.FIRST
        search = search.with_settings(replace(search.settings, prior=tune_lm.prior(sets), **first))
        names = (*names, "prior_weight", *(["sounds_weight"] if search.phones else []))
    hotwords, plain = search.settings.hotwords, replace(search.settings, hotwords=())
    show = _table(sets, args.seed)
    greedy = show("greedy", recognizer.decoder)
    show("beam, no language model", Decoder(Settings(beam=search.settings.beam), vocabulary))
    search = search.with_settings(plain)
    show("beam, untuned", search)
    settings = _tune(search, sets, names, args)
    tuned = show("beam, tuned", search.with_settings(settings))
    if hotwords:
        search = search.with_settings(replace(settings, hotwords=hotwords))
        show("with hotwords, untuned", search)
        settings = _tune(search, sets, ("hotword_weight",), args)
        show("with hotwords, tuned", search.with_settings(settings))
        names = (*names, "hotword_weight")
    print("\nbest: " + " ".join(f"{name}={getattr(settings, name):g}" for name in names))
    if target is not None:
        _store(args, target, replace(settings, hotwords=()), tuned.beats(greedy))
    return 0


def _first(args: argparse.Namespace) -> Settings:
    """Where the search for weights begins: as the model's file says, a new language model's weights apart."""
    from speechgru.decoding.beam import Settings
    from speechgru.evaluation import tune_lm
    from speechgru.inference import select
    from speechgru.inference.acoustic_header import AcousticHeader
    from speechgru.models import checkpoint
    from speechgru.utils.assets import find_model, language_models

    stored = select.search(checkpoint.load(find_model(args.model)).read(AcousticHeader))
    dictionary = stored.get("dictionary", "") if args.dictionary is None else args.dictionary
    if dictionary != stored.get("dictionary", "") and args.lm not in language_models():
        raise UsageError(
            f"--dictionary {dictionary} is stored with a model, for a packaged language model, and {args.lm} is none. "
            "Leave it out, or tune the model for a packaged one first."
        )
    keys = [*tune_lm.FIRST, "prior", *(tune_lm.LM_WEIGHTS if stored.get("lm") == args.lm else ())]
    kept = {key: stored[key] for key in keys if key in stored}
    beam = args.beam or stored.get("beam", Settings().beam)
    return Settings(lm=args.lm, hotwords=_hotwords(args), dictionary=dictionary, beam=beam, **kept)


def _target(args: argparse.Namespace) -> Path | None:
    """Where the model is to be written; what is wrong with that is told before any work."""
    from speechgru.cli import _targets as targets
    from speechgru.utils.assets import find_model, language_models

    if args.output and args.write:
        raise UsageError("--write changes the model's own file, -o writes another. Give one of the two.")
    if not (args.output or args.write):
        return None
    if args.lm not in language_models():
        names = ", ".join(language_models()) or "none yet"
        raise UsageError(
            f"A model's file names a packaged language model, never a path, and {args.lm} is none (there are: "
            f"{names}). Leave out -o and --write, and pass the weights printed here to transcribe: --lm FILE "
            "--lm-weight X --word-bonus Y."
        )
    if args.output:
        targets.check(("-o", args.output), overwrite=args.overwrite, sources=args.manifests)
        return Path(args.output)
    own = find_model(args.model)
    targets.check_writable(own.parent, "way to keep the result: -o FILE")
    return own


def _hotwords(args: argparse.Namespace) -> tuple[str, ...]:
    from speechgru.cli import _decoder_options as decoder_options
    from speechgru.inference import select

    return tuple(select.spoken(phrase) for phrase in decoder_options.hotwords(args))


def _emissions(recognizer: CtcRecognizer, path: str, utterances: list[Utterance]) -> Emissions:
    from tqdm import tqdm

    from speechgru.evaluation import tune_lm

    name = Path(path).stem
    with tqdm(total=len(utterances), desc=name, unit="file", file=sys.stderr, disable=no_bar()) as bar:
        emissions = tune_lm.emissions(recognizer, name, utterances, lambda done: bar.update(done - bar.n))
    if emissions.left_out:
        print(f"{path}: left out {emissions.left_out} utterances longer than one piece", file=sys.stderr)
    return emissions


def _table(sets: Sequence[Emissions], seed: int) -> Callable[[str, Any], Result]:
    """A function that measures a decoder and prints its line."""
    from speechgru.evaluation import tune_lm
    from speechgru.evaluation.recognition import interval_text, percent

    columns = "".join(f"{s.name:>16}" for s in sets) if len(sets) > 1 else ""
    print(f"{'':26}{'WER':>9}  {'95 % interval':22}{columns}")

    def show(name: str, decoder: Any) -> Result:
        result = tune_lm.measure(decoder, sets, seed)
        each = "".join(f"{percent(score.wer):>16}" for score in result.sets) if len(sets) > 1 else ""
        interval = interval_text(result.total.interval)
        print(f"{name:26}{percent(result.total.wer):>9}  {interval:22}{each}", flush=True)
        return result

    return show


def _tune(
    decoder: Decoder, sets: Sequence[Emissions], names: Sequence[str], args: argparse.Namespace
) -> Settings:
    from tqdm import tqdm

    from speechgru.evaluation import tune_lm

    with tqdm(total=args.trials, unit="trial", file=sys.stderr, disable=no_bar(), leave=False) as bar:
        return tune_lm.tune(
            decoder,
            sets,
            names,
            trials=args.trials,
            seed=args.seed,
            on_trial=lambda trial, settings, errors: bar.update(trial - bar.n),
        )


def _store(args: argparse.Namespace, target: Path, settings: Settings, better: bool) -> None:
    """Write the model with its new decoder, or say why not."""
    from speechgru.models import checkpoint
    from speechgru.utils.assets import find_model

    if not better:
        print(f"not better than greedy in all sets: {target} is not written, the model stays as it is")
        return
    decoder = {"name": "beam", "settings": asdict(settings)}
    checkpoint.annotate(find_model(args.model), {"decoder": decoder}, target)
    print(f"stored in {target}: beam search with language model {settings.lm}")
