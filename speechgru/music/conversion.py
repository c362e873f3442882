"""Commands that make files of music of files of music: their arguments, where each result goes, and the loop."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from speechgru.errors import SpeechGruError, UsageError
from speechgru.terminal import say

if TYPE_CHECKING:
    from speechgru.music.library import Named
    from speechgru.music.notes import NoteSequence


def targets(pieces: Sequence[Named], output: str, extension: str) -> list[Path]:
    """Where each piece goes: the file `output`, several to `output-1` and so on; in a folder (`output` is one, or ends
    with /) files of the pieces' own names with `extension`, numbered where two would be the same.

    Raises:
        UsageError: a result would replace what is read.
    """
    path = Path(output)
    if not (output.endswith("/") or path.is_dir()):
        names = (
            [path]
            if len(pieces) == 1
            else [path.with_stem(f"{path.stem}-{n + 1}") for n in range(len(pieces))]
        )
    else:
        taken: set[str] = set()
        names = []
        for piece in pieces:
            stem = name = _name(piece)
            count = 1
            while name in taken:
                count += 1
                name = f"{stem}-{count}"
            taken.add(name)
            names.append(path / f"{name}{extension}")
    read = {Path(piece.file).resolve() for piece in pieces}
    for target in names:
        if target.resolve() in read:
            raise UsageError(f"{target} is a file that is read. Choose another -o.")
    return names


def _name(piece: Named) -> str:
    """Of a file in a folder: letters and digits of the file's name and the tune's title."""
    stem = Path(piece.file).stem
    return re.sub(r"[^\w.+-]+", "-", f"{stem} {piece.title}".strip()).strip("-") or "piece"


def add_arguments(parser: argparse.ArgumentParser, output: str) -> None:
    """Files to read, and where to write."""
    parser.add_argument(
        "sources", nargs="+", metavar="FILE_OR_FOLDER", help="MIDI and ABC files, folders of them"
    )
    parser.add_argument("-o", "--output", required=True, metavar="FILE_OR_FOLDER/", help=output)
    parser.add_argument("--overwrite", action="store_true", help="replace files that exist")


def run(
    args: argparse.Namespace,
    extension: str,
    edit: Callable[[NoteSequence], NoteSequence],
    check: Callable[[Sequence[Path]], None],
    font: str | None = None,
) -> int:
    """`edit` each piece and write it; 1 where a file, a tune or a result came to nothing: it is named.

    Args:
        check: refuses targets (those that exist, say) before anything is written.
        font: a SoundFont for sound.
    """
    from speechgru.music import library, products

    found = library.read(args.sources)
    for problem in found.problems:
        say(f"error: {problem}")
    if not found.pieces:
        return 1
    good, files = not found.problems, targets(found.pieces, args.output, extension)
    check(files)
    for piece, file in zip(found.pieces, files, strict=True):
        try:
            title = piece.title or Path(piece.file).stem
            remark = products.save(file, edit(piece.notes), title=title, font=font)
        except (SpeechGruError, OSError) as error:
            say(f"error: {piece.name}: {error}")
            good = False
            continue
        if remark:
            say(f"note: {remark}")
        print(file, flush=True)
    return 0 if good else 1
