"""How a transcript is shown: the cues of subtitles, capitals and punctuation, confidence in colour.

`writer` gives what the command line asks for as one object that writes; what can't be is refused before any work.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TextIO

from speechgru.errors import ConfigError, UsageError
from speechgru.utils import console, plugins

if TYPE_CHECKING:
    from types import ModuleType

    from speechgru.transcript import Transcript, Word

CUES = ("srt", "vtt", "ass", "lrc")
PUNCTUATED = ("txt", *CUES)
COLORS = ((0.5, "\033[31m"), (0.8, "\033[33m"), (float("inf"), "\033[32m"))
"""Below a confidence, the ANSI code of the colour (red, yellow, green)."""
RESET = "\033[0m"
_LAYOUT = ("max_line_width", "max_lines", "max_words", "highlight_words", "karaoke")


def add_layout(parser: argparse.ArgumentParser) -> None:
    """Add the options of subtitles."""
    group = parser.add_argument_group(f"subtitles ({', '.join(CUES)})")
    group.add_argument("--max-line-width", type=int, metavar="N", help="characters of a line (default: 42)")
    group.add_argument("--max-lines", type=int, metavar="N", help="lines shown at once (default: 2)")
    group.add_argument("--max-words", type=int, metavar="N", help="words shown at once (default: what fits)")
    group.add_argument(
        "--highlight-words", action="store_true", help="underline each word as it is spoken (srt, vtt, ass)"
    )
    group.add_argument(
        "--karaoke",
        action="store_true",
        help="give each word's time, for players that colour words one by one (vtt, ass, lrc)",
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add all: those of subtitles, punctuation and colour."""
    parser.add_argument(
        "--punctuate",
        action="store_true",
        help=f"write capitals and punctuation ({', '.join(PUNCTUATED)}); a small GRU predicts them",
    )
    parser.add_argument(
        "--punctuation-model",
        metavar="MODEL",
        help="what --punctuate uses: a file that `train punctuation` made, or a packaged name (default: punctuation)",
    )
    parser.add_argument(
        "--color",
        nargs="?",
        const=console.AUTO,
        type=_when,
        metavar="WHEN",
        help="colour words by confidence: red below 50 %%, yellow below 80 %%, else green. WHEN: auto (only in a "
        "terminal, and not where NO_COLOR is set; the default of a bare --color), always, never",
    )
    add_layout(parser)


def _when(value: str) -> str:
    if value not in console.WHEN:
        raise argparse.ArgumentTypeError(
            f"{value!r} is not auto, always or never. Write --color=auto, or put --color behind the recordings"
        )
    return value


@dataclass(frozen=True)
class Writer:
    """A format's module as the command line wants it: options given, transcripts changed before they are written."""

    module: ModuleType
    options: dict[str, Any]
    change: Callable[[Transcript], Transcript] | None = None
    color: bool = False

    def write(self, transcript: Transcript, stream: TextIO) -> None:
        """One recording."""
        self.module.write(self._changed(transcript, stream), stream, **self.options)

    def _line(self, transcript: Transcript, stream: TextIO) -> None:
        self.module.write_line(self._changed(transcript, stream), stream, **self.options)

    def _changed(self, transcript: Transcript, stream: TextIO) -> Transcript:
        changed = transcript if self.change is None else self.change(transcript)
        return colored(changed) if self.color and stream is sys.stdout else changed

    def __getattr__(self, name: str) -> Any:
        # What formats say of themselves: EXTENSION, file_name; write_line where they have one.
        value = getattr(self.module, name)
        return self._line if name == "write_line" else value


def writer(args: argparse.Namespace, name: str) -> Writer:
    """What `args` ask for of the format `name`, with the model of punctuation loaded.

    Raises:
        UsageError: an option that the format has no use for, or a value out of range.
        CheckpointError: there is no such model of punctuation.
    """
    module = plugins.find("writers", name)
    options = layout(args, name)
    punctuates = getattr(args, "punctuate", False)
    color = getattr(args, "color", None)
    if getattr(args, "punctuation_model", None) is not None and not punctuates:
        raise UsageError("--punctuation-model says what --punctuate uses; pass --punctuate too.")
    if punctuates and name not in PUNCTUATED:
        raise UsageError(
            f"--punctuate is for texts to read ({', '.join(PUNCTUATED)}); {name} keeps the words as they were "
            "recognised, for programs and scoring. Leave it out, or choose another --format."
        )
    if color is not None and (name != "txt" or args.output is not None):
        raise UsageError("--color is for text in the terminal: leave it out, or --format and -o.")
    change = None
    if punctuates:
        from speechgru.inference import load_punctuator

        change = load_punctuator(args.punctuation_model).apply
    return Writer(module, options, change, console.use_color(color or console.NEVER, sys.stdout))


def layout(args: argparse.Namespace, name: str) -> dict[str, Any]:
    """`layout` for the format's `write`, where one of its options is given; else nothing.

    Raises:
        UsageError: another format than of subtitles, a value out of range, a style that the format can't do.
    """
    values = {key: getattr(args, key) for key in _LAYOUT}
    given = {
        key: value for key, value in values.items() if value is not None and value is not False
    }  # 0 is given
    if not given:
        return {}
    module = plugins.find("writers", name)
    options = ", ".join("--" + key.replace("_", "-") for key in given)
    if name not in CUES:
        raise UsageError(f"{options}: for subtitles ({', '.join(CUES)}), and the format is {name}.")
    try:
        return {"layout": module.LAYOUT.of(name, module.STYLES, given)}
    except ConfigError as error:
        raise UsageError(f"{options}: {error}") from error


def colored(transcript: Transcript) -> Transcript:
    """`transcript` with a terminal's codes of colours around words, and no other control character."""
    segments = tuple(
        replace(segment, words=tuple(map(_colored, segment.words))) for segment in transcript.segments
    )
    return replace(transcript, segments=segments)


def _colored(word: Word) -> Word:
    text = "".join(character for character in word.text if character.isprintable())
    code = next(code for limit, code in COLORS if word.confidence < limit)
    return replace(word, text=f"{code}{text}{RESET}")
