"""From a recipe to checked manifests: prepare each corpus, take the recipe's splits, drop and list what can't train.

A split is named as the corpora publish it (`train`: what all sources call so, together) or with the label of one
source before it (`mine/all`). Where the recipe has id lists, their names are the splits.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from speechgru import manifest, plugins, recordings
from speechgru.errors import CorpusError
from speechgru.manifest import Dropped, Utterance
from speechgru.recipe import CorpusConfig, Recipe
from speechgru.text import Vocabulary

_log = logging.getLogger(__name__)
TRAIN = "train"


@dataclass(frozen=True)
class Data:
    """What a run trains and is scored on.

    `train` is one list; `dev` and `test` are by split. Utterance ids begin with their source's label.
    `hours` of training speech by label, `dropped` by where it happened.
    """

    train: list[Utterance]
    dev: dict[str, list[Utterance]]
    test: dict[str, list[Utterance]]
    vocabulary: Vocabulary
    hours: dict[str, float]
    dropped: dict[str, list[Dropped]]


def prepare(recipe: Recipe, frames_per_second: float, vocabulary: Vocabulary | None = None) -> Data:
    """Prepare the corpora of `recipe`, take its splits and part what can be used from what can't.

    Args:
        frames_per_second: of the model's output; CTC needs as many frames as labels and repeats.
        vocabulary: of the model that the run starts from; None: what the training texts hold.

    Raises:
        CorpusError: a corpus isn't there, a split is unknown or empty, or train shares speakers or recordings
            with dev or test.
    """
    corpus = recipe.corpus
    _refuse_bad_names(corpus)
    splits, unusable = _published(corpus)
    dropped: dict[str, list[Dropped]] = {"corpora": unusable}
    if corpus.splits:
        wanted = {*corpus.train, *corpus.dev, *corpus.test}
        splits, dropped["lists"] = _listed(splits, unusable, recipe.splits_folder(), wanted)
    training = _join(splits, corpus.train, TRAIN)
    vocabulary = vocabulary or Vocabulary.from_texts(u.text for u in training)
    training, dropped[TRAIN] = manifest.check(
        training,
        vocabulary,
        frames_per_second=frames_per_second,
        min_duration=corpus.min_duration,
        max_duration=corpus.max_duration,
    )
    # Held-out speech is scored whatever its length: only what can't be scored at all is left out.
    held_out: dict[str, list[Utterance]] = {}
    for name in (*corpus.dev, *corpus.test):
        held_out[name], dropped[name] = manifest.check(_join(splits, [name], name))
    for name, utterances in {TRAIN: training, **held_out}.items():
        if not utterances:
            raise CorpusError(f"No utterance of {name} is left; dropped: {manifest.summary(dropped[name])}.")
    _refuse_shared(training, held_out)
    dev, test = ({name: held_out[name] for name in names} for names in (corpus.dev, corpus.test))
    return Data(training, dev, test, vocabulary, _hours(training), dropped)


def write(folder: Path, data: Data) -> None:
    """A manifest a split, and `dropped.tsv`: all that was left out, and why."""
    for name, utterances in {TRAIN: data.train, **data.dev, **data.test}.items():
        manifest.write(folder / f"{name}.jsonl", utterances)
    lost = [d for part in data.dropped.values() for d in part]
    manifest.write_dropped(folder / "dropped.tsv", lost)
    if lost:
        where = {name: manifest.summary(part) for name, part in data.dropped.items() if part}
        _log.warning("left out %d utterances, listed in %s: %s", len(lost), folder / "dropped.tsv", where)


def _refuse_bad_names(corpus: CorpusConfig) -> None:
    labels = [source.label for source in corpus.sources]
    wrong = [label for label in labels if "/" in label or labels.count(label) > 1]
    if wrong:
        raise CorpusError(
            f"Each source needs a label of its own without a slash; got {wrong[0]!r} among {labels}."
        )
    if not corpus.dev:
        raise CorpusError("corpus.dev names no split; the best epoch is chosen by its score there.")
    if TRAIN in (*corpus.dev, *corpus.test):
        raise CorpusError(
            f"A held-out split can't be called {TRAIN!r}, as the manifest of what is learnt from. Write LABEL/{TRAIN} "
            "with the label of its source, or rename its list."
        )


def _published(corpus: CorpusConfig) -> tuple[dict[str, list[Utterance]], list[Dropped]]:
    """Every source's own splits and what it left out, ids and speakers marked with the source's label."""
    splits: dict[str, list[Utterance]] = {}
    unusable: list[Dropped] = []
    for source in corpus.sources:
        corpus_module = plugins.find("corpora", source.name)
        with recordings.collect_dropped() as lost:
            prepared: Mapping[str, list[Utterance]] = corpus_module.prepare(corpus.source_path(source))
        unusable += [Dropped(_marked(d.utterance, source.label), d.reason) for d in lost]
        for split, utterances in prepared.items():
            marked = [_marked(u, source.label) for u in utterances]
            splits.setdefault(split, []).extend(marked)
            splits[f"{source.label}/{split}"] = marked
    return splits, unusable


def _marked(utterance: Utterance, label: str) -> Utterance:
    speaker = f"{label}/{utterance.speaker}" if utterance.speaker else ""
    return replace(utterance, id=f"{label}/{utterance.id}", speaker=speaker)


def _listed(
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
        ids = [line.strip() for line in path.read_text(encoding="utf-8").split("\n") if line.strip()]
        splits[path.stem] = [known[i] for i in ids if i in known]
        missing = [i for i in ids if i not in named] if path.stem in wanted else []
        unknown += [
            Dropped(Utterance(Path(), 0.0, "", id=i), f"not there: listed in {path.name}") for i in missing
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


def _join(splits: Mapping[str, list[Utterance]], names: Iterable[str], purpose: str) -> list[Utterance]:
    """The utterances of several splits, each once."""
    unknown = [name for name in names if name not in splits]
    if unknown:
        raise CorpusError(plugins.unknown(f"split for {purpose}", unknown[0], sorted(splits)))
    found = {u.id: u for name in names for u in splits[name]}
    if not found:
        raise CorpusError(
            f"The split for {purpose} ({', '.join(names) or 'none named'}) holds no recordings."
        )
    return list(found.values())


def _refuse_shared(training: list[Utterance], held_out: Mapping[str, list[Utterance]]) -> None:
    """Splits are disjoint by speaker; shared sentences are legitimate in some corpora and only logged."""
    speakers, sentences = {u.speaker for u in training} - {""}, {u.text for u in training}
    parts = {_part(u) for u in training}
    for name, utterances in held_out.items():
        shared = speakers & {u.speaker for u in utterances}
        if shared:
            raise CorpusError(
                f"{len(shared)} speakers are both in train and in {name}, the first is {min(shared)!r}. A score "
                "on a known voice says nothing about others: split by speaker."
            )
        repeated = [u.id for u in utterances if _part(u) in parts]
        if repeated:
            raise CorpusError(
                f"{len(repeated)} recordings are both in train and in {name}, the first is {repeated[0]!r}. A score "
                "on what was learnt by heart says nothing: take them out of one of the two."
            )
        heard = sum(u.text in sentences for u in utterances)
        if heard:
            _log.warning("%s: %d of %d sentences also occur in train", name, heard, len(utterances))


def _part(utterance: Utterance) -> tuple[Path, float]:
    return utterance.audio_filepath.absolute(), utterance.offset


def _hours(utterances: list[Utterance]) -> dict[str, float]:
    hours: dict[str, float] = {}
    for u in utterances:
        label = u.id.split("/", 1)[0]
        hours[label] = hours.get(label, 0.0) + u.duration / 3600
    return hours
