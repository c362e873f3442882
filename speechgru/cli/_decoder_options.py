"""The options of `transcribe` and `evaluate` that say how the network's output is read: one place for both."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from speechgru.cli._options import number, positive
from speechgru.errors import ConfigError, TextError, UsageError
from speechgru.utils import plugins
from speechgru.utils.assets import find_lm, model_file

GREEDY = "greedy"
_KEYS = ("lm", "lm_weight", "word_bonus", "beam", "hotword_weight", "rescore")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add them to a command's parser."""
    group = parser.add_argument_group("reading the network's output (by default as the model was tuned)")
    group.add_argument(
        "--decoder",
        choices=plugins.names("decoding"),
        metavar="NAME",
        help="greedy, or beam: a search that knows words; the options below choose it",
    )
    group.add_argument(
        "--lm", metavar="LM", help="language model: a packaged name, or a file (.slm, .arpa or .arpa.gz)"
    )
    group.add_argument(
        "--lm-weight",
        type=number(at_least=0),
        metavar="X",
        help="how much it counts against the network (0: not at all)",
    )
    group.add_argument(
        "--word-bonus", type=number(), metavar="X", help="added for each word, in nats: more makes more words"
    )
    group.add_argument("--beam", type=positive, metavar="N", help="texts kept at a time; more are slower")
    group.add_argument(
        "--rescore",
        metavar="FILE",
        help="GRU language model (.safetensors) that chooses among the texts that the search found",
    )
    add_hotwords(group)
    group.add_argument(
        "--hotword-weight",
        type=number(at_least=0),
        metavar="X",
        help="added for each letter of a hotword, in nats",
    )


def add_hotwords(parser: Any) -> None:
    """Add those that name hotwords to a parser or a group of it."""
    parser.add_argument(
        "--hotwords", metavar="WORDS", help='favour these words and phrases: "Kyunghyun Cho,GRU"'
    )
    parser.add_argument("--hotwords-file", metavar="FILE", help="favour those of a text file, one a line")


def choose(args: argparse.Namespace) -> dict[str, Any]:
    """`decoder` and settings for `load_recognizer`: only what was asked for.

    Raises:
        UsageError: greedy decoding together with options of the search.
        TextError, ConfigError: the file of hotwords can't be read, or there is none in what was given.
        LanguageModelError, CheckpointError: there is no such language model, or no such file for --rescore.
    """
    wanted = {key: getattr(args, key) for key in _KEYS if getattr(args, key) is not None}
    phrases = hotwords(args)
    if phrases:
        wanted["hotwords"] = phrases
    if args.decoder == GREEDY and wanted:
        given = ", ".join("--" + key.replace("_", "-") for key in wanted)
        raise UsageError(
            f"--decoder greedy takes each letter as it comes and can't use {given}. Leave one of the two out."
        )
    if args.lm is not None:
        find_lm(args.lm)
    if args.rescore is not None:
        model_file(args.rescore)
    return {"decoder": args.decoder, **wanted}


def hotwords(args: argparse.Namespace) -> list[str]:
    """Phrases from the command line and a file, as they are written; none where neither was asked for.

    Raises:
        TextError, ConfigError: the file can't be read, or there is no hotword in what was given.
    """
    if args.hotwords is None and args.hotwords_file is None:
        return []
    phrases = (args.hotwords or "").split(",")
    if args.hotwords_file is not None:
        phrases += _lines(args.hotwords_file)
    found = [phrase.strip() for phrase in phrases if phrase.strip()]
    if not found:
        raise ConfigError("There are no hotwords in what was given; expected at least one word.")
    return found


def _lines(file: str) -> list[str]:
    try:
        return Path(file).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it isn't UTF-8 text"
        raise TextError(f"Can't read the hotwords in {file}: {reason}. Expected one a line.") from error
