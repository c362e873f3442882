"""The units of a text as the labels of a model: characters, and phones where it has a phone head."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from speechgru.alignment import evidence
from speechgru.alignment.evidence import Head, Words
from speechgru.errors import TextError
from speechgru.inference import CtcRecognizer
from speechgru.inference.emissions import Posteriors
from speechgru.lexicon import dictionary as dictionaries
from speechgru.lexicon import g2p
from speechgru.lexicon.dictionary import SPACE_ID
from speechgru.text import Vocabulary, normalize
from speechgru.text.readings import readings
from speechgru.text.spoken_form import Unit
from speechgru.text.vocabulary import SPACE

EXTRA_CHARACTERS = (
    30_000  # of further readings, beside as many as the text has: they cost time as all others do
)
_ONE = 1

Pronounce = Callable[[str], Sequence[tuple[int, ...]]]


@dataclass(frozen=True)
class Item:
    """A unit of text: the spoken forms that it may have, and of each its words' labels by head, characters first.

    variants: of each spoken form the pronunciations by head, at least one; the first is that of `labels`.
    """

    spoken: tuple[str, ...]
    variants: tuple[tuple[tuple[Words, ...], ...], ...]

    @cached_property
    def labels(self) -> tuple[tuple[Words, ...], ...]:
        return tuple(tuple(every[0] for every in heads) for heads in self.variants)

    @property
    def characters(self) -> list[Words]:
        return [heads[0] for heads in self.labels]


def items(units: Sequence[Unit], recognizer: CtcRecognizer) -> list[Item]:
    """Each unit with its readings. Those that the model can't write are left out.

    Raises:
        TextError: there is no unit, or one has characters that the model can't write in any reading.
    """
    if not units:
        raise TextError(
            "The text has no words that could be read out. Expected the English text that is spoken."
        )
    vocabulary = recognizer.engine.vocabulary
    spoken = [_writable(each, vocabulary) for each in _readings(units, recognizer)]
    lacking = vocabulary.unknown("".join(unit.spoken for unit, each in zip(units, spoken) if not each)) - {
        SPACE
    }
    if lacking:
        raise TextError(
            f"The text needs characters that the model doesn't write: {''.join(sorted(lacking))!r}. It writes "
            f"{''.join(vocabulary.symbols[1:])!r}. Choose another --model, or another spelling."
        )
    return encoded(spoken, vocabulary, pronouncing(recognizer.engine.sounds))


def encoded(
    spoken: Iterable[Sequence[str]], vocabulary: Vocabulary, pronounce: Pronounce | None
) -> list[Item]:
    """Spoken forms as labels; `pronounce` gives the pronunciations of a word."""
    return [
        Item(tuple(each), tuple(tuple(_by_head(reading, vocabulary, pronounce)) for reading in each))
        for each in spoken
    ]


def _by_head(
    reading: str, vocabulary: Vocabulary, pronounce: Pronounce | None
) -> Iterable[tuple[Words, ...]]:
    yield (tuple(tuple(vocabulary.encode(word)) for word in reading.split()),)
    if pronounce is None:
        return
    words = [pronounce(word) for word in reading.split()]
    if len(words) == 1:
        yield tuple((phones,) for phones in words[0])
    else:
        yield (tuple(every[0] for every in words),)


def _readings(units: Sequence[Unit], recognizer: CtcRecognizer) -> list[tuple[str, ...]]:
    """Of English texts all readings; so many of each that no text with numbers takes more than twice as long."""
    if recognizer.normaliser is not normalize.ENGLISH:
        return [(unit.spoken,) for unit in units]
    texts = ["", *(unit.text for unit in units), ""]
    every = [
        readings(unit.text, unit.spoken, before, behind)
        for unit, before, behind in zip(units, texts, texts[2:], strict=False)
    ]
    allowed = EXTRA_CHARACTERS + sum(len(each[0]) for each in every)
    most = max(map(len, every))
    while most > _ONE and sum(len(reading) for each in every for reading in each[1:most]) > allowed:
        most -= -(-most // 4)
    return [each[:most] for each in every]


def _writable(spoken: Sequence[str], vocabulary: Vocabulary) -> tuple[str, ...]:
    return tuple(reading for reading in spoken if not vocabulary.unknown(reading) - {SPACE})


def space(vocabulary: Vocabulary) -> int | None:
    """Label of the symbol between words, if there is one."""
    return None if vocabulary.unknown(SPACE) else vocabulary.encode(SPACE)[0]


def heads(emissions: Posteriors, recognizer: CtcRecognizer) -> list[Head]:
    """The evidence of each head that `items` has labels for."""
    characters = evidence.head(emissions.log_probs, space(recognizer.engine.vocabulary))
    if emissions.phones is None or pronouncing(recognizer.engine.sounds) is None:
        return [characters]
    return [characters, evidence.head(emissions.phones, SPACE_ID)]


@lru_cache(maxsize=2)
def pronouncing(phones: tuple[str, ...]) -> Pronounce | None:
    """Pronounces with these phones (the space first), by a dictionary of the package; None where none has them."""
    if not phones:
        return None
    for name, path in dictionaries.packaged().items():
        pronouncer = g2p.packaged(name)
        if pronouncer.phones == tuple(phones):
            variants = dictionaries.variants(dictionaries.lines(path), pronouncer.phones)
            return lambda word: variants.get(word) or (_pronounced(pronouncer, word),)
    return None


def _pronounced(pronouncer: g2p.Pronouncer, word: str) -> tuple[int, ...]:
    # A word of which nobody knows the phones has no evidence for or against it in that head.
    return tuple(int(phone) for phone in pronouncer.word(word) or (evidence.ANYTHING,))
