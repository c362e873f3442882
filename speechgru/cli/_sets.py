"""The sets of recordings that a model is scored on: manifests, a folder of recordings with texts, a run's folder."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from speechgru.errors import ManifestError, UsageError
from speechgru.utils.console import say

if TYPE_CHECKING:
    from speechgru.data import Utterance

HELP = (
    "JSON Lines with audio_filepath, duration, text and speaker; or a folder of recordings, each beside a .txt of its "
    "name; or a run's folder: its dev and test sets. Each is scored on its own"
)
_MANIFESTS = "manifests"  # in a run's folder
_TRAIN = "train"
_NO_FAULT = "empty text"  # of a recording without a text


@dataclass
class Sets:
    """Utterances by the name of their set.

    Attributes:
        runs: the folders of runs that were named.
        complete: false where a recording with a text could not be read; it was named on stderr.
    """

    utterances: dict[str, list[Utterance]] = field(default_factory=dict)
    runs: list[str] = field(default_factory=list)
    complete: bool = True

    @property
    def model(self) -> str | None:
        """The run whose model is meant where none is named.

        Raises:
            UsageError: there are several.
        """
        if len(self.runs) > 1:
            raise UsageError(f"{' and '.join(self.runs)} have a model each. Say which by --model.")
        return self.runs[0] if self.runs else None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The sets, and the language of those that don't state theirs."""
    parser.add_argument("manifests", nargs="+", metavar="MANIFEST_OR_FOLDER", help=HELP)
    parser.add_argument(
        "--language", metavar="CODE", default="", help="of a folder's texts: en, de, pt-BR (default: en)"
    )


def read(args: argparse.Namespace) -> Sets:
    """All sets before the first is scored: a mistake in the last should not cost the others' time.

    Raises:
        ManifestError, CorpusError: a set can't be read, or is empty.
    """
    from speechgru.data import manifest

    sets = Sets()
    for name in args.manifests:
        path = Path(name)
        if (path / _MANIFESTS).is_dir():
            sets.runs.append(name)
            sets.utterances |= {str(file): manifest.read_set(file) for file in _held_out(path)}
        elif path.is_dir():
            _add_folder(sets, path, args.language)
        else:
            sets.utterances[name] = manifest.read_set(name)
    return sets


def _held_out(run: Path) -> list[Path]:
    """The manifests of a run that it didn't train on."""
    found = [file for file in sorted((run / _MANIFESTS).glob("*.jsonl")) if file.stem != _TRAIN]
    if not found:
        raise ManifestError(
            f"{run / _MANIFESTS} has no dev and no test set. Name the manifests that are to be scored."
        )
    return found


def _add_folder(sets: Sets, folder: Path, language: str) -> None:
    if manifests := sorted(folder.glob("*.jsonl")):
        raise UsageError(
            f"{folder} holds manifests ({', '.join(file.name for file in manifests[:5])}). Name those that are to be "
            f"scored, as in {manifests[0]}."
        )
    from speechgru.data import corpus_tools, splits
    from speechgru.utils import plugins

    with corpus_tools.collect_dropped() as dropped:
        prepared = splits.load(plugins.find("data.corpora", "folder"), folder, language)
    sets.utterances[str(folder)] = [utterance for part in prepared.values() for utterance in part]
    for lost in dropped:
        if lost.kind != _NO_FAULT:
            sets.complete = False
            say(f"error: {lost.utterance.audio_filepath}: not scored: {lost.reason}")
