"""Dev speech in two halves that share no speaker: one teaches, the other is measured."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from speechgru.data import Utterance
from speechgru.errors import SpeechGruError
from speechgru.inference.chunking import MAX_SECONDS

MIN_UTTERANCES, MIN_WORDS = 10, 100  # of either half
Named = tuple[str, Utterance]


def of_sets(sets: Mapping[str, Sequence[Utterance]], seed: int = 0) -> tuple[list[Named], list[Named]]:
    """(set, utterance) in halves; utterances longer than a piece (20 s) are left out.

    Raises:
        SpeechGruError: a half is too small.
    """
    teaching, held = halves(
        [(name, u) for name, us in sets.items() for u in us if u.duration <= MAX_SECONDS], seed
    )
    for what, half in (("teaches", teaching), ("is measured", held)):
        words = sum(len(u.text.split()) for _, u in half)
        if len(half) < MIN_UTTERANCES or words < MIN_WORDS:
            raise SpeechGruError(
                f"The half of the dev speech that {what} has {len(half)} utterances of at most {MAX_SECONDS:g} s with "
                f"{words} words; expected {MIN_UTTERANCES} with {MIN_WORDS} or more. Give more dev speech."
            )
    return teaching, held


def is_enough(utterances: Sequence[Utterance]) -> bool:
    """Whether either half of `utterances` is enough for `calibrate`."""
    short = [("", u) for u in utterances if u.duration <= MAX_SECONDS]
    return all(
        len(half) >= MIN_UTTERANCES and sum(len(u.text.split()) for _, u in half) >= MIN_WORDS
        for half in halves(short)
    )


def halves(
    utterances: Sequence[tuple[str, Utterance]], seed: int = 0
) -> tuple[list[tuple[str, Utterance]], list[tuple[str, Utterance]]]:
    """(set, utterance) in halves of about as many words, by speaker; by utterance where fewer than two are known."""
    known = len({u.speaker for _, u in utterances} - {""}) > 1
    groups: dict[object, list[tuple[str, Utterance]]] = {}
    for index, pair in enumerate(utterances):
        groups.setdefault((known and pair[1].speaker) or index, []).append(pair)
    order = list(groups.values())
    random.Random(seed).shuffle(order)
    order.sort(key=lambda group: -sum(len(u.text.split()) for _, u in group))
    parts: tuple[list[tuple[str, Utterance]], list[tuple[str, Utterance]]] = ([], [])
    sizes = [0, 0]
    for group in order:
        smaller = int(sizes[1] < sizes[0])
        parts[smaller].extend(group)
        sizes[smaller] += sum(len(u.text.split()) for _, u in group)
    return parts
