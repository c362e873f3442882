"""From a recipe to checked manifests: prepare each corpus, take the recipe's splits, drop and list what can't train."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from speechgru import files, manifest, plugins, recordings
from speechgru.errors import CorpusError
from speechgru.manifest import Dropped, Utterance
from speechgru.recipe import CorpusConfig, Recipe
from speechgru.text import Vocabulary

_log = logging.getLogger(__name__)


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


def prepare(recipe: Recipe, frames_per_second: float, folder: Path) -> Data:
    """Prepare the corpora of `recipe` and write manifests and lists of what was left out into `folder`.

    Args:
        frames_per_second: of the model's output; CTC needs as many frames as labels and repeats.

    Raises:
        CorpusError: a corpus isn't there, a split is empty, speakers are shared between train and dev or test.
    """
    corpus = recipe.corpus
    with recordings.collect_dropped() as unusable:
        published = _published(corpus)
    wanted = {*corpus.train, *corpus.dev, *corpus.test}
    splits = _listed(published, recipe.splits_folder(), wanted) if corpus.splits else published
    dropped: dict[str, list[Dropped]] = {"corpora": unusable}
    training = _join(splits, corpus.train, "train")
    vocabulary = Vocabulary.from_texts(u.text for u in training)
    training, dropped["train"] = manifest.check(
        training,
        vocabulary,
        frames_per_second=frames_per_second,
        min_duration=corpus.min_duration,
        max_duration=corpus.max_duration,
    )
    if not training:
        raise CorpusError(
            f"No training utterance is left: {manifest.summary(dropped['train'])} were dropped."
        )
    # Held-out speech is scored whatever its length: only what can't be scored at all is left out.
    held_out: dict[str, list[Utterance]] = {}
    for name in (*corpus.dev, *corpus.test):
        held_out[name], dropped[name] = manifest.check(_join(splits, [name], name))
    _refuse_shared_speakers(training, held_out)
    _write(folder, {"train": training, **held_out}, dropped)
    return Data(
        training,
        {name: held_out[name] for name in corpus.dev},
        {name: held_out[name] for name in corpus.test},
        vocabulary,
        _hours(training),
        dropped,
    )


def _published(corpus: CorpusConfig) -> dict[str, list[Utterance]]:
    """Every source's own splits, ids and speakers marked with the source's label."""
    splits: dict[str, list[Utterance]] = {}
    for source in corpus.sources:
        prepared: Mapping[str, list[Utterance]] = plugins.find("corpora", source.name).prepare(
            corpus.source_path(source)
        )
        for split, utterances in prepared.items():
            splits.setdefault(split, []).extend(_marked(u, source.label) for u in utterances)
    return splits


def _marked(utterance: Utterance, label: str) -> Utterance:
    speaker = f"{label}/{utterance.speaker}" if utterance.speaker else ""
    return replace(utterance, id=f"{label}/{utterance.id}", speaker=speaker)


def _listed(
    published: Mapping[str, list[Utterance]], folder: Path | None, names: set[str]
) -> dict[str, list[Utterance]]:
    """The splits of the recipe's id lists; an id whose recording isn't there is counted and logged."""
    if folder is None or not folder.is_dir():
        raise CorpusError(f"The recipe's splits are not there: expected a folder of id lists at {folder}.")
    known = {u.id: u for utterances in published.values() for u in utterances}
    splits = {}
    for path in sorted(folder.glob("*.txt")):
        if path.stem not in names:
            continue
        ids = path.read_text(encoding="utf-8").split("\n")
        wanted = [line.strip() for line in ids if line.strip()]
        splits[path.stem] = [known[i] for i in wanted if i in known]
        missing = [i for i in wanted if i not in known]
        if missing:
            _log.warning(
                "%s: %d of %d utterances are not there (%s, ...)",
                path.stem,
                len(missing),
                len(wanted),
                missing[0],
            )
    return splits


def _join(splits: Mapping[str, list[Utterance]], names: Iterable[str], purpose: str) -> list[Utterance]:
    unknown = [name for name in names if name not in splits]
    if unknown:
        raise CorpusError(plugins.unknown(f"split for {purpose}", unknown[0], sorted(splits)))
    found = [u for name in names for u in splits[name]]
    if not found:
        raise CorpusError(
            f"The split for {purpose} ({', '.join(names) or 'none named'}) holds no recordings."
        )
    return found


def _refuse_shared_speakers(training: list[Utterance], held_out: Mapping[str, list[Utterance]]) -> None:
    """Splits are disjoint by speaker; shared sentences are legitimate in some corpora and only logged."""
    speakers, sentences = {u.speaker for u in training} - {""}, {u.text for u in training}
    for name, utterances in held_out.items():
        shared = speakers & {u.speaker for u in utterances}
        if shared:
            raise CorpusError(
                f"{len(shared)} speakers are both in train and in {name}, the first is {min(shared)!r}. A score "
                "on a known voice says nothing about others: split by speaker."
            )
        heard = sum(u.text in sentences for u in utterances)
        if heard:
            _log.warning("%s: %d of %d sentences also occur in train", name, heard, len(utterances))


def _hours(utterances: list[Utterance]) -> dict[str, float]:
    hours: dict[str, float] = {}
    for u in utterances:
        label = u.id.split("/", 1)[0]
        hours[label] = hours.get(label, 0.0) + u.duration / 3600
    return hours


def _write(folder: Path, splits: Mapping[str, list[Utterance]], dropped: Mapping[str, list[Dropped]]) -> None:
    for name, utterances in splits.items():
        manifest.write(folder / f"{name}.jsonl", utterances)
    lost = [d for part in dropped.values() for d in part]
    if lost:
        manifest.write_dropped(folder / "dropped.tsv", lost)
        where = {name: manifest.summary(part) for name, part in dropped.items() if part}
        _log.warning("left out %d utterances, listed in %s: %s", len(lost), folder / "dropped.tsv", where)
    else:
        files.write_text(folder / "dropped.tsv", "")
