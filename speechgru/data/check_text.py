"""What can be wrong with an utterance, and how texts, durations and splits tell; see `speechgru.data.corpus_check`.

A problem is *serious* where a training or a score can't be trusted with it.
"""

from __future__ import annotations

import math
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from speechgru.data import manifest
from speechgru.data.manifest import Utterance
from speechgru.text import english, languages

Key = tuple[str, int]  # of an utterance: its split, its place there
RATE_DEVIATIONS = 6.0  # scaled median absolute deviations of log characters per second
RATE_LEAST_DEVIATION = 0.15  # in log units: in a corpus of one pace nothing is an outlier by less
RATE_LEAST_UTTERANCES = 20
RARE = 0.001  # share of utterances; in another language than English rarer characters are odd


class Kind(NamedTuple):
    """A kind of problem: is it serious, is the utterance left out of a cleaned manifest, what to do."""

    serious: bool
    dropped: bool
    advice: str


KINDS: dict[str, Kind] = {
    "missing audio": Kind(True, True, "unpack the corpus again, or correct the paths"),
    "unreadable audio": Kind(True, True, "damaged files, or a format that isn't installed"),
    "damaged audio": Kind(True, True, "cut short or broken: the text holds more than the recording"),
    "silent audio": Kind(True, True, "digital silence or steady noise"),
    "wrong duration": Kind(True, False, "the cleaned manifest states the measured one"),
    "beyond the end": Kind(True, True, "a part that begins after its recording ends"),
    "empty text": Kind(True, True, "nothing to learn from"),
    "too short for CTC": Kind(True, True, "more characters than frames: wrong text, or cut audio"),
    "repeated id": Kind(True, False, "ids name utterances: each should occur once"),
    "recording in two splits": Kind(True, True, "memorised: a score on it says nothing"),
    "speaker in two splits": Kind(True, True, "a known voice: split by speaker"),
    "sentence in two splits": Kind(False, False, "legitimate where prompts are shared; scores are flattered"),
    "duplicate audio": Kind(False, True, "the same recording twice"),
    "odd characters": Kind(False, True, "characters that are not spoken, or not in English"),
    "characters per second": Kind(
        False, False, "far from the others: check whether text and audio belong together"
    ),
    "clipped audio": Kind(False, False, "recorded too loud"),
    "narrow band": Kind(False, False, "telephone band: recognition suffers"),
    "duplicate text": Kind(False, False, "sentences that occur more than once in a split"),
}


@dataclass(frozen=True)
class Finding:
    """A problem of one utterance. `place` is its position in the split's manifest."""

    kind: str
    split: str
    place: int
    utterance: Utterance
    detail: str = ""


# --- texts


def of_texts(
    splits: Mapping[str, list[Utterance]], readable: set[Key], frames_per_second: float
) -> Iterator[Finding]:
    """What the texts show, alone and with the durations of those whose recordings are `readable`."""
    placed = [(name, place, u) for name, us in splits.items() for place, u in enumerate(us)]
    odd = _odd_characters([u for _, _, u in placed])
    for name, place, u in placed:
        if not u.text.strip():
            yield Finding("empty text", name, place, u)
        elif strange := odd(u.text):
            yield Finding("odd characters", name, place, u, " ".join(map(_shown, sorted(strange))))
        if (name, place) in readable and u.text.strip():
            _, lost = manifest.check([u], frames_per_second=frames_per_second, min_duration=0.0)
            for dropped in lost:
                yield Finding("too short for CTC", name, place, u, dropped.detail)
    yield from _of_rates(
        [(n, p, u) for n, p, u in placed if (n, p) in readable and u.text and u.duration > 0]
    )
    for name, utterances in splits.items():
        seen: set[str] = set()
        for place, u in enumerate(utterances):
            if u.text and u.text in seen:
                yield Finding("duplicate text", name, place, u)
            seen.add(u.text)


def _odd_characters(utterances: Sequence[Utterance]) -> Callable[[str], set[str]]:
    """What is odd in a text of this corpus: in English what can't be read out, elsewhere what is rare or no letter.

    Where no language is stated, it is English if that has a letter for most of it.
    """
    texts = [u.text for u in utterances]
    foreign = sum(
        not languages.is_english(u.language) if u.language else bool(english.unsupported_characters(u.text))
        for u in utterances
    )
    if foreign <= len(texts) / 2:
        return english.unsupported_characters
    counts = Counter(c for t in texts for c in set(t.lower()))
    fewest = max(2.0, RARE * len(texts))
    return lambda t: {
        c for c in t if not _is_plain(c) or (counts[c.lower()] < fewest and unicodedata.category(c)[0] == "L")
    }


def _is_plain(character: str) -> bool:
    return unicodedata.category(character)[0] in "LMPZ"


def _shown(character: str) -> str:
    return character if unicodedata.category(character)[0] in "LMNPS" else f"U+{ord(character):04X}"


def _of_rates(placed: Sequence[tuple[str, int, Utterance]]) -> Iterator[Finding]:
    """Outliers in characters per second, by the median absolute deviation of the logarithm (a robust z-score)."""
    if len(placed) < RATE_LEAST_UTTERANCES:
        return
    rates = np.array([len(u.text) / u.duration for _, _, u in placed])
    logs = np.log(rates)
    middle = float(np.median(logs))
    spread = max(1.4826 * float(np.median(np.abs(logs - middle))), RATE_LEAST_DEVIATION)
    low, high = (math.exp(middle + sign * RATE_DEVIATIONS * spread) for sign in (-1, 1))
    for (name, place, u), rate in zip(placed, rates.tolist()):
        if not low <= rate <= high:
            detail = f"{rate:.1f}, where {math.exp(middle):.1f} is usual and {low:.1f} to {high:.1f} possible"
            yield Finding("characters per second", name, place, u, detail)


# --- across utterances and splits


def of_recordings(splits: Mapping[str, list[Utterance]], digests: Mapping[Key, str]) -> Iterator[Finding]:
    """The same samples twice: in one split all but the first, in two splits those in the earlier."""
    by_digest: dict[str, list[Key]] = defaultdict(list)
    for key, digest in digests.items():
        by_digest[digest].append(key)
    order = list(splits)
    for keys in by_digest.values():
        last = max(order.index(name) for name, _ in keys)
        seen: dict[str, Key] = {}
        for name, place in keys:
            u = splits[name][place]
            if order.index(name) < last:
                other = next(k for k in keys if k[0] == order[last])
                yield Finding("recording in two splits", name, place, u, f"also {_named(splits, other)}")
            elif name in seen:
                first = splits[name][seen[name][1]]
                detail = f"as {first.id or first.audio_filepath.name}"
                yield Finding(
                    "duplicate audio",
                    name,
                    place,
                    u,
                    detail + ("" if first.text == u.text else ", other text"),
                )
            seen.setdefault(name, (name, place))


def _named(splits: Mapping[str, list[Utterance]], key: Key) -> str:
    u = splits[key[0]][key[1]]
    return f"{key[0]}: {u.id or u.audio_filepath.name}"


def of_splits(splits: Mapping[str, list[Utterance]]) -> Iterator[Finding]:
    """Ids, speakers and sentences that a later split has too."""
    ids = Counter(u.id for us in splits.values() for u in us if u.id)
    names = list(splits)
    for i, name in enumerate(names):
        later = [(other, splits[other]) for other in names[i + 1 :]]
        speakers = {u.speaker: other for other, us in reversed(later) for u in us if u.speaker}
        sentences = {u.text: other for other, us in reversed(later) for u in us if u.text}
        for place, u in enumerate(splits[name]):
            if ids[u.id] > 1:
                yield Finding("repeated id", name, place, u, f"{ids[u.id]} times")
            if u.speaker in speakers:
                detail = f"{u.speaker}, also in {speakers[u.speaker]}"
                yield Finding("speaker in two splits", name, place, u, detail)
            if u.text in sentences:
                yield Finding("sentence in two splits", name, place, u, f"also in {sentences[u.text]}")
