"""Words that somebody uses more than others do, and by how much the search then favours them.

    gain(w) = power * ln(own(w) / general(w)),   own(w) = (count(w) + prior * general(w)) / (words + prior)

Unigram rescaling (Kneser, Peters and Klakow 1997, "Language model adaptation using dynamic marginals"), of what is more
frequent in a few texts than in the language model; the rest stays as it is. Words that the model doesn't know are
taken for as rare as its rarest.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable

from speechgru.decoding import prefix_search
from speechgru.lm import ngram
from speechgru.lm.table import SPECIAL

PRIOR = 500.0  # words
RAREST = 1e-7
LEAST = 0.05  # smaller gains change nothing


def gains(texts: Iterable[str], lm: ngram.NGram, power: float) -> dict[str, float]:
    """What the words of some texts gain, natural logs.

    Args:
        power: in [0, 1]; 0: no word gains.
    """
    counts = Counter(word for text in texts for word in text.split())
    total = counts.total()
    known = len(lm.words)
    logs = prefix_search.unigrams(lm.arrays.frozen(), known)
    general = {word: math.exp(logs[place]) for place, word in enumerate(lm.words) if place >= len(SPECIAL)}
    result = {}
    for word, count in counts.items():
        usual = max(general.get(word, RAREST), RAREST)
        gain = power * math.log((count + PRIOR * usual) / (total + PRIOR) / usual)
        if gain > LEAST:
            result[word] = round(gain, 4)
    return result
