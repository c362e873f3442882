"""What the corpora of a recipe publish: splits of all sources together (`train`) and of each (`mine/train`).

Train, dev and test for corpora that publish none: seeded, the same on any machine, whatever the order.
"""

from __future__ import annotations

import hashlib
import inspect
import logging
import os
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from speechgru.config.recipe import DATA_VARIABLE, CorpusConfig
from speechgru.data import corpus_download, corpus_tools
from speechgru.data.manifest import Dropped, Utterance
from speechgru.errors import ConfigError, CorpusError
from speechgru.text import languages
from speechgru.utils import plugins
from speechgru.utils.files import named_errors

SHARE = 0.1  # of the names, for dev and for test
_log = logging.getLogger(__name__)


def splits_of(corpus: CorpusConfig) -> tuple[dict[str, list[Utterance]], list[Dropped]]:
    """Every source's own splits and what it left out, ids and speakers marked with the source's label."""
    splits: dict[str, list[Utterance]] = {}
    unusable: list[Dropped] = []
    _require_root(corpus)
    for source in corpus.sources:
        corpus_module = plugins.find("data.corpora", source.name)
        if corpus.download and corpus_download.is_public(corpus_module):
            _download(corpus_module, corpus.source_path(source), corpus)
        place, language = corpus.source_path(source), source.language or corpus.language
        with corpus_tools.collect_dropped() as lost:
            prepared = load(corpus_module, place, language, _parts(corpus_module, corpus))
        unusable += [replace(d, utterance=_marked(d.utterance, source.label)) for d in lost]
        for split, utterances in prepared.items():
            marked = [_marked(u, source.label) for u in utterances]
            splits.setdefault(split, []).extend(marked)
            splits[f"{source.label}/{split}"] = marked
    return splits, unusable


def load(
    module: Any, place: Path, language: str = "", parts: Sequence[str] = ()
) -> dict[str, list[Utterance]]:
    """The splits of the corpus of `module` at `place`.

    Args:
        language: code of the language spoken there; empty: what the corpus states, and English where it doesn't.
        parts: of its download that are wanted, for what is said where it isn't there; none: all.

    Raises:
        ConfigError: `language` is no code.
        CorpusError: the corpus isn't there, or says that it is in another language.
    """
    if language:
        languages.check(language)
    takes = language and "language" in inspect.signature(module.prepare).parameters
    try:
        splits: dict[str, list[Utterance]] = dict(module.prepare(place, *([language] if takes else [])))
    except corpus_tools.MissingError as error:
        raise corpus_tools.MissingError(f"{error}{advice(module, _home_of(module, place), parts)}") from error
    if not language:
        return splits
    for u in (u for utterances in splits.values() for u in utterances):
        if u.language and not languages.are_same(u.language, language):
            raise CorpusError(
                f"{place} is not in the language {language!r}: {u.id} is in {u.language!r}. Name the right one or none "
                "(corpus.language, for one of several sources its `language`; in corpus prepare --language)."
            )
    return splits


def advice(module: Any, root: Path, parts: Sequence[str] = ()) -> str:
    """A sentence, after a space: the command that fetches the corpus of `module` to `root`; "" where it can't be
    fetched, or all of it is there."""
    if not corpus_download.is_public(module):
        return ""
    archives = getattr(module, "ARCHIVES", {})
    if archives and all((root / archives[part].folder).is_dir() for part in parts or archives):
        return ""
    name = module.__name__.rpartition(".")[2]
    words = ["speechgru", "corpus", "download", name, str(root), *(w for p in parts for w in ("--part", p))]
    return f" {'To fetch it' if archives else 'How to get it'}: {shlex.join(words)}"


def absent_part(corpus: CorpusConfig, split: str) -> str:
    """As `advice`, for a split that is a part of some source's download."""
    for source in corpus.sources:
        module = plugins.find("data.corpora", source.name)
        if split in getattr(module, "ARCHIVES", {}):
            return advice(module, _home_of(module, corpus.source_path(source)), [split])
    return ""


def _require_root(corpus: CorpusConfig) -> None:
    """Where there is no folder of corpora, say how to make one with the recipe's own.

    Raises:
        ConfigError, CorpusError: there is none, and a source is looked for in it.
    """
    if all(Path(source.path).expanduser().is_absolute() for source in corpus.sources):
        return
    try:
        corpus.data_root()
    except (ConfigError, CorpusError) as error:
        root = Path(corpus.root or os.environ.get(DATA_VARIABLE, "") or "data")
        modules = {source.name: plugins.find("data.corpora", source.name) for source in corpus.sources}
        commands = "".join(advice(module, root, _parts(module, corpus)) for module in modules.values())
        raise type(error)(f"{error}{commands}") from error


def _parts(module: Any, corpus: CorpusConfig) -> list[str]:
    """The parts of a corpus's download that the recipe's splits are called after."""
    named = dict.fromkeys((*corpus.train, *corpus.dev, *corpus.test))
    return [name for name in named if name in getattr(module, "ARCHIVES", {})]


def _home_of(module: Any, place: Path) -> Path:
    """The folder that a corpus is downloaded to, or unpacked in by hand, for it to lie at `place`."""
    by_hand = not hasattr(module, "ARCHIVES")
    return place.parent if by_hand or place.name == module.FOLDER else place


def _download(module: Any, place: Path, corpus: CorpusConfig) -> None:
    """Fetch a corpus to `place`, or the parts of it that the recipe's splits are called after.

    What lies at a place of another name, such as an alternative, is taken as it is.
    """
    if place.name == module.FOLDER or not place.exists() or place == corpus.data_root():
        corpus_download.fetch(module, _home_of(module, place), _parts(module, corpus))


def _marked(utterance: Utterance, label: str) -> Utterance:
    speaker = f"{label}/{utterance.speaker}" if utterance.speaker else ""
    return replace(utterance, id=f"{label}/{utterance.id}", speaker=speaker)


def listed(
    published: Mapping[str, list[Utterance]],
    unusable: Iterable[Dropped],
    folder: Path | None,
    wanted: set[str],
) -> tuple[dict[str, list[Utterance]], list[Dropped]]:
    """The splits of the recipe's id lists, and the ids in wanted ones that no corpus knows."""
    if folder is None or not folder.is_dir():
        raise CorpusError(f"The recipe's splits are not there: expected a folder of id lists at {folder}.")
    known = {u.id: u for utterances in published.values() for u in utterances}
    named = known.keys() | {d.utterance.id for d in unusable}
    splits: dict[str, list[Utterance]] = {}
    unknown: list[Dropped] = []
    for path in sorted(folder.glob("*.txt")):
        with named_errors(path):
            text = path.read_text(encoding="utf-8")
        ids = [line.strip() for line in text.split("\n") if line.strip()]
        splits[path.stem] = [known[i] for i in ids if i in known]
        missing = [i for i in ids if i not in named] if path.stem in wanted else []
        unknown += [
            Dropped(Utterance(Path(), 0.0, "", id=i), "not there", f"listed in {path.name}") for i in missing
        ]
        if missing:
            _log.warning(
                "%s: %d of %d utterances are not there (%s, ...)",
                path.stem,
                len(missing),
                len(ids),
                missing[0],
            )
    return splits, unknown


def three_ways(names: Iterable[str], seed: int = 1) -> dict[str, str]:
    """Give each different name (a speaker, a sentence, a recording) its split: train, dev or test.

    The names are sorted by the SHA-256 of seed and name; the first tenth is test, the next dev, one name each at
    least. Fewer than three names are all train.

    >>> three_ways(["anna", "ben", "carl", "dora"])
    {'anna': 'test', 'ben': 'train', 'carl': 'train', 'dora': 'dev'}
    """
    ordered = sorted(set(names), key=lambda name: hashlib.sha256(f"{seed} {name}".encode()).digest())
    held_out = max(round(SHARE * len(ordered)), 1) if len(ordered) >= 3 else 0
    places = {
        name: "test" if i < held_out else "dev" if i < 2 * held_out else "train"
        for i, name in enumerate(ordered)
    }
    return dict(sorted(places.items()))
