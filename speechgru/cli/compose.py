"""speechgru compose: music sampled from a model, as MIDI, sound and picture."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from speechgru.cli._options import add_device, number, positive, seed
from speechgru.errors import SpeechGruError, UsageError
from speechgru.utils.console import progress, say

if TYPE_CHECKING:
    from speechgru.music import NoteSequence
    from speechgru.music.generation.compose import Composer
    from speechgru.music.generation.request import Request

HELP = "Generate music: in a key, from a few notes or a hummed tune, or a chorale for a melody"
EXAMPLES = """\
  speechgru compose -o tune.mid --wav --png
  speechgru compose --key "A minor" --bars 16 --seed 7 -o tune.mid
  speechgru compose --primer "D4 F4 A4:2" --scale dorian --key D --tempo 100 --num-outputs 3 -o out.mid
  speechgru compose --primer hum.wav --tempo 90 --range C4-C6 -o out.mid
  speechgru compose --model runs/jsb_chorales/best.safetensors --harmonize melody.mid -o chorale.mid --wav

Notes as text: letter, # or b, octave (C4 is middle C); C4+E4+G4 together, R a rest, C4:2 lasts two beats, C4:1/2 half a
beat. Key, scale and range act on every note while it is drawn; a beginning (--primer) stays as it is: where a piano
roll can't hold it, only the model gets less. Tunes repeat no passage more than twice in a row, and end after whole bars
on their tonic. The same seed and settings give the same music on the same machine; they are kept in the MIDI file
(`speechgru music info` shows them).
--harmonize keeps the melody on top and writes alto, tenor and bass below it; key and range are then theirs alone.
Several pieces are written as out-1.mid, out-2.mid, ...; with -o FOLDER/ into a folder.
Exit code: 0 all written, 1 an error, which is named (other pieces are written), 2 wrong usage, 130 Ctrl-C.
"""
_SETTINGS = "steps bars temperature top_k top_p seed key scale metre tempo range primer harmonize"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from speechgru.cli import _targets as targets

    parser.add_argument(
        "--model", metavar="MODEL", help="checkpoint or packaged name (default: the packaged model of notes)"
    )
    parser.add_argument(
        "-o",
        "--output",
        required=True,
        metavar="FILE.mid",
        help="what to write; a folder (with / at its end) gets compose-1.mid ...",
    )
    _add_length(parser)
    _add_sampling(parser)
    parser.add_argument(
        "--key", metavar="KEY", help='such as G, "F# minor" or "D dorian" (default: the model\'s choice)'
    )
    parser.add_argument(
        "--scale",
        metavar="SCALE",
        help="notes that may sound: major, minor, harmonic-minor, dorian, pentatonic, blues, chromatic, ... "
        "(default: the key's)",
    )
    parser.add_argument("--metre", metavar="N/D", help="such as 3/4 or 6/8 (default: the model's choice)")
    parser.add_argument(
        "--tempo",
        type=number(above=0),
        metavar="QPM",
        help="quarter notes a minute (default: the file's own, else 120)",
    )
    parser.add_argument("--range", metavar="LOW-HIGH", help="notes that may sound, such as C3-C6")
    begin = parser.add_mutually_exclusive_group()
    begin.add_argument(
        "--primer", metavar="NOTES_OR_FILE", help="how it begins: notes, a MIDI or ABC file, or a recording"
    )
    begin.add_argument(
        "--harmonize", metavar="MELODY", help="the same for a melody that gets three voices below it"
    )
    parser.add_argument("--wav", action="store_true", help="write the sound too, beside the MIDI file")
    parser.add_argument(
        "--soundfont",
        metavar="FILE.sf2",
        help="instruments for the sound, played by fluidsynth (default: the built-in synthesizer)",
    )
    parser.add_argument("--png", action="store_true", help="draw the notes too, beside the MIDI file")
    targets.add_overwrite(parser)
    add_device(parser)


def _add_length(parser: argparse.ArgumentParser) -> None:
    length = parser.add_mutually_exclusive_group()
    length.add_argument(
        "--bars",
        type=positive,
        metavar="N",
        help="bars of each piece from its first note on, those of the primer included",
    )
    length.add_argument(
        "--steps",
        type=positive,
        metavar="N",
        help="steps of the model instead: of time for piano rolls, tokens for tunes (default: to the piece's end; "
        "16 bars where the model knows no end)",
    )
    parser.add_argument(
        "--num-outputs", type=positive, default=1, metavar="N", help="how many pieces to make (default: 1)"
    )


def _add_sampling(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--temperature",
        type=number(above=0),
        metavar="T",
        help="above 0; the lower, the more of what is likely (default: 1; for models of tunes 0.85)",
    )
    parser.add_argument(
        "--top-k",
        type=positive,
        metavar="K",
        help="choose among the K likeliest tokens; of piano rolls: let K keys sound at once at most",
    )
    parser.add_argument(
        "--top-p",
        type=number(above=0, at_most=1),
        default=1.0,
        metavar="P",
        help="in (0, 1]: leave out what is unlikely, the likeliest choices that make up P stay (default: 1)",
    )
    parser.add_argument("--seed", type=seed, default=0, metavar="N", help="another seed, another piece")


def run(args: argparse.Namespace) -> int:
    """1 where a piece came to nothing or could not be written: it is named, the others are written."""
    from speechgru.cli import _targets as target_files

    if args.png:
        from speechgru.utils import dependencies

        dependencies.require("matplotlib", "--png")
    targets = _targets(args)
    written = [file for files in targets for file in files]
    source = args.primer or args.harmonize
    target_files.check_all(written, args.overwrite, sources=[source] if source else [])
    if args.harmonize and (args.steps or args.bars):
        raise UsageError("--harmonize makes a piece as long as its melody; leave out --steps and --bars.")
    if args.soundfont and not args.wav:
        raise UsageError("--soundfont is what the sound is made with; add --wav.")
    import torch

    from speechgru.music.generation import compose
    from speechgru.music.rendering import soundfont

    if args.soundfont:
        soundfont.check(args.soundfont)
    request = _request(args)  # what is wrong with it is refused before a model is loaded
    composer = compose.load_composer(args.model, args.device)
    # Token by token the products are too small to share: a second thread waits, for long where the machine is busy.
    torch.set_num_threads(1)
    given = _given(args)
    pieces = _make(args, composer, request, given)
    good = True
    for index, (piece, files) in enumerate(zip(pieces, targets, strict=True)):
        good &= _write(piece, files, _made_with(args, composer, index), args.soundfont)
    return 0 if good else 1


def _targets(args: argparse.Namespace) -> list[list[Path]]:
    """The files of each piece, the MIDI file first."""
    from speechgru.music.files import midi

    output = Path(args.output)
    if args.output.endswith("/") or output.is_dir():
        stem = Path(args.harmonize).stem if args.harmonize and Path(args.harmonize).suffix else "compose"
        folder, suffix = output, ".mid"
    else:
        folder, stem, suffix = output.parent, output.stem, output.suffix
        if suffix.lower() not in midi.EXTENSIONS:
            raise UsageError(
                f"-o {args.output}: music is written as FILE.mid, or into a FOLDER/; --wav and --png write the sound "
                "and the picture beside it."
            )
    endings = [suffix, *([".wav"] if args.wav else []), *([".png"] if args.png else [])]
    stems = [stem] if args.num_outputs == 1 else [f"{stem}-{n}" for n in range(1, args.num_outputs + 1)]
    return [[folder / f"{name}{ending}" for ending in endings] for name in stems]


def _request(args: argparse.Namespace) -> Request:
    from speechgru.music.generation import request as requests
    from speechgru.music.generation.sample_rolls import RollSampling
    from speechgru.music.score import scales

    low, high = scales.pitch_range(args.range) if args.range else (0, 127)
    request = requests.Request(
        steps=args.steps or 0,
        bars=args.bars or 0,
        temperature=args.temperature,
        top_k=args.top_k or 0,
        top_p=args.top_p,
        seed=args.seed,
        scale=scales.scale(args.key, args.scale),
        metre=requests.metre(args.metre) if args.metre else None,
        qpm=args.tempo,
        lowest=low,
        highest=high,
    )
    temperature = 1.0 if request.temperature is None else request.temperature
    RollSampling(temperature, request.top_k, request.top_p, request.seed)  # refuses what is out of range
    return request


def _given(args: argparse.Namespace) -> NoteSequence | None:
    """The beginning, or the melody."""
    from speechgru.music.files import primer

    source = args.primer if args.primer is not None else args.harmonize
    if source is None:
        return None
    given = primer.read(source, args.tempo)
    if given.remark:
        say(f"note: {given.remark}")
    return given.notes


def _make(
    args: argparse.Namespace, composer: Any, request: Request, given: NoteSequence | None
) -> list[NoteSequence]:
    from dataclasses import replace

    from speechgru.music.generation import harmonize

    if args.harmonize is None:
        request = replace(request, primer=given)
        remark = composer.remark(request)
        if remark:
            say(f"warning: {remark}")
    with progress("composing") as on_progress:
        if args.harmonize is None or given is None:
            pieces: list[NoteSequence] = composer.compose(request, args.num_outputs, on_progress)
            return pieces
        chorales = []
        for number in range(args.num_outputs):

            def move(share: float, done: int = number) -> None:
                if on_progress:
                    on_progress((done + share) / args.num_outputs)

            chorales.append(harmonize.harmonize(composer, given, request, number, on_progress=move))
        return chorales


def _made_with(args: argparse.Namespace, composer: Composer, number: int) -> str:
    """What is needed to make it again, as JSON in ASCII: for the MIDI file."""
    import json

    from speechgru import __version__

    settings = {name: getattr(args, name) for name in _SETTINGS.split() if getattr(args, name) is not None}
    settings.setdefault("temperature", composer.temperature)
    provenance = composer.header.provenance
    model = {"file": Path(args.model).name if args.model else "default", "corpora": list(composer.corpora)}
    model |= {name: provenance[name] for name in ("commit", "seed") if name in provenance}
    count = {"piece": number + 1, "of": args.num_outputs}
    return json.dumps({"speechgru": __version__, "model": model, "settings": settings, **count})


def _write(piece: NoteSequence, files: list[Path], text: str, font: str | None) -> bool:
    from speechgru.music.rendering import render

    if not piece.notes:
        say(
            f"error: {files[0]} was not written: the model let no note sound. Try another --seed, a higher "
            "--temperature, or a wider --range or --scale."
        )
        return False
    for file in files:
        try:
            remark = render.save(file, piece, text, files[0].stem, font)
        except (SpeechGruError, OSError) as error:
            say(f"error: {file} was not written: {error}")
            return False
        if remark:
            say(f"note: {remark}")
        print(f"{file}: {render.describe(piece)}" if file == files[0] else file, flush=True)
    return True
