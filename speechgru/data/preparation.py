"""From a recipe to checked manifests: prepare each corpus, take the recipe's splits, drop and list what can't train.

A split is named as the corpora publish it (`train`: what all sources call so, together) or with the label of one
source before it (`mine/all`). Where the recipe has id lists, their names are the splits. `held-out` is a share of
train, where the recipe holds some out.
"""

from __future__ import annotations

import logging
import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from speechgru.config import Recipe
from speechgru.config.recipe import CorpusConfig
from speechgru.data import manifest
from speechgru.data import splits as published
from speechgru.data.manifest import Dropped, Utterance
from speechgru.errors import CorpusError
from speechgru.text import Vocabulary
from speechgru.text import languages as language_codes
from speechgru.utils import plugins

_log = logging.getLogger(__name__)
TRAIN = "train"
HELD_OUT = "held-out"
ENOUGH = 100
"""Words of what is held out, from which on its error rate says something: ± 9 points at 30 %."""
_ERRORS, _Z = 0.3, 1.96  # an error rate as of a new voice; 95 % of a normal distribution


@dataclass(frozen=True)
class CorpusUse:
    """What was trained on: `hours` of speech, `words` of text or `steps` of music."""

    name: str
    licence: str
    source: str
    hours: float = 0.0
    words: int = 0
    steps: int = 0

    def to_dict(self) -> dict[str, Any]:
        """For JSON; speech has no words, text no hours, and so on."""
        return {key: value for key, value in asdict(self).items() if value}


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

    def __str__(self) -> str:
        return f"{len(self.train)} training utterances, {sum(self.hours.values()):.2f} h"

    @property
    def languages(self) -> list[str]:
        """Codes of the languages of the training texts, sorted."""
        return sorted({u.language for u in self.train if u.language})

    def identity(self) -> Any:
        """What is learnt from, for the fingerprint of a run."""
        return [(u.id, u.text, u.duration) for u in self.train], self.vocabulary.symbols

    def write(self, folder: Path) -> None:
        """In manifests/: a manifest a split, and `dropped.tsv`: all that was left out, and why."""
        for name, utterances in {TRAIN: self.train, **self.dev, **self.test}.items():
            manifest.write(folder / "manifests" / f"{name}.jsonl", utterances)
        path = folder / "manifests" / "dropped.tsv"
        lost = [d for part in self.dropped.values() for d in part]
        manifest.write_dropped(path, lost)
        if lost:
            where = "; ".join(
                f"{name}: {manifest.counted(part)}" for name, part in self.dropped.items() if part
            )
            _log.warning("left out %d utterances, listed in %s: %s", len(lost), path, where)

    def summary(self) -> dict[str, dict[str, int]]:
        """How many utterances were left out, by where and why."""
        return {name: manifest.summary(lost) for name, lost in self.dropped.items() if lost}

    def uses(self, recipe: Recipe) -> list[CorpusUse]:
        """What each source gave to train on; those that gave nothing are left out."""
        uses = []
        for source in recipe.corpus.sources:
            hours = self.hours.get(source.label, 0.0)
            if hours:
                module: Any = plugins.find("data.corpora", source.name)
                licence, url = source.licence or module.LICENSE, source.url or module.SOURCE
                uses.append(CorpusUse(source.label, licence, url, round(hours, 3)))
        return uses


def prepare(
    recipe: Recipe,
    frames_per_second: float | None,
    vocabulary: Vocabulary | None = None,
    *,
    languages: Collection[str] = (),
    texts_are_classes: bool = False,
) -> Data:
    """Prepare the corpora of `recipe`, take its splits and part what can be used from what can't.

    Args:
        frames_per_second: of the model's output; CTC needs as many frames as labels and repeats. None: no CTC.
        vocabulary: of the model that the run starts from; None: what the training texts hold.
        languages: that `vocabulary` is of; none where that isn't known.
        texts_are_classes: the same few in every split, which is nothing to warn of.

    Raises:
        CorpusError: a corpus isn't there, a split is unknown or empty, or train shares speakers or recordings
            with dev or test.
    """
    corpus = recipe.corpus
    if not corpus.dev:
        raise CorpusError("corpus.dev names no split; the best epoch is chosen by its score there.")
    splits, dropped = _splits(recipe)
    training = _training(corpus, splits)
    _refuse_foreign(training, languages)
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
        held_out[name], dropped[name] = manifest.check(_join(splits, [name], name, corpus))
    for name, utterances in {TRAIN: training, **held_out}.items():
        if not utterances:
            raise CorpusError(f"No utterance of {name} is left; dropped: {manifest.counted(dropped[name])}.")
    _refuse_shared(training, held_out)
    if corpus.hold_out:
        _tell_small(held_out[HELD_OUT], len(training), texts_are_classes)
    if not texts_are_classes:
        _tell_shared_sentences(training, held_out)
    dev, test = ({name: held_out[name] for name in names} for names in (corpus.dev, corpus.test))
    return Data(training, dev, test, vocabulary, _hours(training), dropped)


def held_out(recipe: Recipe) -> dict[str, list[Utterance]]:
    """The dev and test splits of `recipe` as they are, for what only wants their texts.

    Raises:
        CorpusError: a corpus isn't there, or a split is unknown or empty.
    """
    splits, _ = _splits(recipe)
    return {
        name: _join(splits, [name], name, recipe.corpus) for name in (*recipe.corpus.dev, *recipe.corpus.test)
    }


def _splits(recipe: Recipe) -> tuple[dict[str, list[Utterance]], dict[str, list[Dropped]]]:
    """Every split that the recipe can name, and what the corpora and the lists left out."""
    corpus = recipe.corpus
    _refuse_bad_names(corpus)
    splits, unusable = published.splits_of(corpus)
    dropped: dict[str, list[Dropped]] = {"corpora": unusable}
    if corpus.splits:
        wanted = {*corpus.train, *corpus.dev, *corpus.test}
        splits, dropped["lists"] = published.listed(splits, unusable, recipe.splits_folder(), wanted)
    if corpus.hold_out:
        splits[HELD_OUT] = _held_out(_join(splits, corpus.train, TRAIN, corpus), corpus.hold_out, recipe.seed)
    return splits, dropped


def _held_out(utterances: list[Utterance], share: float, seed: int) -> list[Utterance]:
    """A `share` of `utterances`, one at least: by sentence, in an order that only seed and sentence decide, so that
    no training sentence is scored and recordings that are added later move few of the others.

    Raises:
        CorpusError: none would be left to learn from.
    """
    order = sorted({u.text for u in utterances}, key=lambda text: sha256(f"{seed}/{text}".encode()).digest())
    counts = Counter(u.text for u in utterances)
    chosen: set[str] = set()
    while sum(counts[text] for text in chosen) < max(1, round(share * len(utterances))):
        chosen.add(order[len(chosen)])
    if len(chosen) == len(order):
        raise CorpusError(
            f"corpus.hold_out={share:g} of {len(utterances)} recordings with {len(order)} different sentences leaves "
            "none to learn from. Record more sentences."
        )
    return [u for u in utterances if u.text in chosen]


def _training(corpus: CorpusConfig, splits: Mapping[str, list[Utterance]]) -> list[Utterance]:
    training = _join(splits, corpus.train, TRAIN, corpus)
    if not corpus.hold_out:
        return training
    held = {u.id for u in splits[HELD_OUT]}
    return [u for u in training if u.id not in held]


def _refuse_bad_names(corpus: CorpusConfig) -> None:
    labels = [source.label for source in corpus.sources]
    wrong = [label for label in labels if "/" in label or labels.count(label) > 1]
    if wrong:
        raise CorpusError(
            f"Each source needs a label of its own without a slash; got {wrong[0]!r} among {labels}."
        )
    if corpus.hold_out and HELD_OUT not in (*corpus.dev, *corpus.test):
        raise CorpusError(
            f"corpus.hold_out={corpus.hold_out:g} takes recordings out of train, but no split uses them. Name "
            f"{HELD_OUT} in corpus.dev or corpus.test, or set corpus.hold_out=0."
        )
    if TRAIN in (*corpus.dev, *corpus.test):
        raise CorpusError(
            f"A held-out split can't be called {TRAIN!r}, as the manifest of what is learnt from. Write LABEL/{TRAIN} "
            "with the label of its source, or rename its list."
        )


def _join(
    splits: Mapping[str, list[Utterance]], names: Iterable[str], purpose: str, corpus: CorpusConfig
) -> list[Utterance]:
    """The utterances of several splits, each once."""
    unknown = [name for name in names if name not in splits]
    if unknown:
        fetch = published.absent_part(corpus, unknown[0])
        raise CorpusError(plugins.unknown(f"split for {purpose}", unknown[0], sorted(splits)) + fetch)
    utterances = {u.id: u for name in names for u in splits[name]}
    if not utterances:
        raise CorpusError(
            f"The split for {purpose} ({', '.join(names) or 'none named'}) holds no recordings. Was the corpus "
            "unpacked only in part? `speechgru corpus prepare` lists what is there."
        )
    return list(utterances.values())


def _refuse_foreign(training: list[Utterance], languages: Collection[str]) -> None:
    """What is learnt is in one of the languages that the model to start from writes, where these are known."""
    for u in training if languages else ():
        if u.language and not any(language_codes.are_same(u.language, known) for known in languages):
            raise CorpusError(
                f"The training texts are in {u.language!r} (the first is {u.id}), but the model to start from writes "
                f"{' and '.join(map(repr, languages))}. Pass trainer.symbols=texts to teach it the characters of the "
                "new language, start from another model, or correct corpus.language."
            )


def _refuse_shared(training: list[Utterance], held_out: Mapping[str, list[Utterance]]) -> None:
    """Splits are disjoint by speaker, but for what is held out of train on purpose."""
    speakers = {u.speaker for u in training} - {""}
    parts = {_part(u) for u in training}
    for name, utterances in held_out.items():
        shared = speakers & {u.speaker for u in utterances}
        if shared and name != HELD_OUT:
            raise CorpusError(
                f"{len(shared)} speakers are both in train and in {name}, the first is {min(shared)!r}. A score "
                "on a known voice says nothing about others: split by speaker."
            )
        repeated = [u.id for u in utterances if _part(u) in parts]
        if repeated:
            raise CorpusError(
                f"{len(repeated)} recordings are both in train and in {name}, the first is {repeated[0]!r}. A score "
                "on what was memorised says nothing: take them out of one of the two."
            )


def _tell_small(held: Sequence[Utterance], trained: int, texts_are_classes: bool) -> None:
    """Warn of a held-out part on which two models could hardly be told apart."""
    count = len(held) if texts_are_classes else sum(len(u.text.split()) for u in held)
    if count >= ENOUGH:
        return
    points = 100 * _Z * math.sqrt(_ERRORS * (1 - _ERRORS) / count)
    _log.warning(
        "%s: %d recordings with %d words are too few to tell anything: an error rate of %.0f %% on them is known to "
        "± %.0f points. For %d words about %d recordings in all are needed%s.",
        HELD_OUT,
        len(held),
        count,
        100 * _ERRORS,
        points,
        ENOUGH,
        math.ceil((len(held) + trained) * ENOUGH / count),
        "" if texts_are_classes else ", or longer ones",
    )


def _tell_shared_sentences(training: list[Utterance], held_out: Mapping[str, list[Utterance]]) -> None:
    """They are legitimate in some corpora, and only logged."""
    sentences = {u.text for u in training}
    for name, utterances in held_out.items():
        shared = sum(u.text in sentences for u in utterances)
        if shared:
            _log.warning("%s: %d of %d sentences also occur in train", name, shared, len(utterances))


def _part(utterance: Utterance) -> tuple[Path, float]:
    return utterance.audio_filepath.absolute(), utterance.offset


def _hours(utterances: list[Utterance]) -> dict[str, float]:
    hours: dict[str, float] = {}
    for u in utterances:
        label = u.id.split("/", 1)[0]
        hours[label] = hours.get(label, 0.0) + u.duration / 3600
    return hours
