"""CTC prefix beam search with a word language model, compiled.

The search (Graves 2012, section 7.5; Hannun et al. 2014; Maas et al. 2015) keeps the likeliest beginnings of the
text. For each it knows the probability of all paths that spell it so far, those that end in a blank apart from
those that end in its last symbol, because only the former may say that symbol once more.

* Masses are plain numbers, rescaled in every frame so that the best beginning has 1 (as in the scaled forward
  algorithm, Rabiner 1989); the logarithm of the scales is kept apart. That is faster than sums of logarithms, and
  what falls below 1e-308 of the best is of no use.
* What the language model and the hotwords add is multiplied in when a symbol is added: it depends on the text
  alone, so masses that meet in one beginning carry the same. While a word is being spelt, the probability of the
  likeliest word that it may become stands in for its own, which replaces it at the word's end.
* Spaces are those of `" ".join(text.split())`: a path that says more of them, or says them at the ends, spells
  the text without. A space at the start or after another is therefore no different from a blank.
* Words that share a spelling (homophones, where the symbols are sounds) each have a space of their own: what follows
  depends on which of them was meant. `twin` leads from one to the next; a text says which by the number of its space.
* A frame in which no symbol but the blank reaches `token_floor` adds no beginning, and costs next to nothing.
* Of beginnings that differ only in words that the language model has forgotten, the best alone is kept once the
  beam is full: whatever follows is worth the same after each. A long text has many of them.

Beginnings are nodes of a tree that only grows, so that one that comes back is the same node as before.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from speechgru.lm import bit_packing
from speechgru.lm import packed_query as ngram
from speechgru.lm.bit_packing import Index
from speechgru.lm.packed_query import advance
from speechgru.utils import jit

njit = jit.compiled(__file__, ngram.__file__, bit_packing.__file__)

Records = NDArray[np.void]
Record = Any  # one of `Records`: NumPy's types don't know its fields

END = 2  # the language model's id of </s>
ROOT = 0

# A node of the lexicon's trie: its children are those from `first` up to the next node's `first`; `label` is the
# symbol into it, `word` the id of the word that ends there or -1. Factors of the step into it, and of a step from
# it out of the trie; natural log of the factor at a word's end there, the language model's own apart; the node that
# stands for another word that ends there, or -1. Such twins have no place in the trie, only `word` and `end`. The last
# node is the outside of the trie, to which only `end` applies.
SPELLING = np.dtype(
    [
        *(("first", np.int32), ("label", np.int32), ("word", np.int32)),
        *(("step", np.float64), ("leave", np.float64), ("end", np.float64), ("twin", np.int32)),
    ],
    align=True,
)

# A beginning: the one that is a symbol shorter, and that symbol; first child and next sibling; place in the beam
# or -1; node of the trie or -1; state of the hotwords; the language model's state before its last word; factor of
# its last symbol; factor and state if its last word ends here (NaN: not asked yet).
_NODE = np.dtype(
    [
        *(("parent", np.int32), ("symbol", np.int32), ("child", np.int32), ("sibling", np.int32)),
        *(("place", np.int32), ("spelt", np.int32), ("hot", np.int32), ("state", np.int32)),
        *(("factor", np.float64), ("word_factor", np.float64), ("word_state", np.int32)),
    ],
    align=True,
)

# A place in the beam: node, mass of its paths that end in a blank, and of those that end in its symbol.
_PLACE = np.dtype([("node", np.int32), ("blank", np.float64), ("voiced", np.float64)], align=True)

# A beginning that may enter the beam: place of the one it prolongs, its own symbol, node of the trie, states of
# the hotwords and of the language model as above; mass, factor.
_OFFER = np.dtype(
    [
        *(("place", np.int32), ("symbol", np.int32), ("spelt", np.int32), ("hot", np.int32)),
        *(("state", np.int32), ("mass", np.float64), ("factor", np.float64)),
    ],
    align=True,
)

# What all futures of a beginning depend on, and where the best with the same is: a place, or width + an offer.
_FUTURE = np.dtype(
    [("state", np.int32), ("spelt", np.int32), ("hot", np.int32), ("holder", np.int32)], align=True
)


class Limits(NamedTuple):
    """width: beginnings kept. threshold: of a beginning's mass against the best's. token_floor: probability of a
    symbol below which it adds no beginning. space: its symbol or -1. start: the language model's state.
    lm_weight: of its log-probabilities. unknown_letter: factor of each letter outside the trie. ceiling: the
    greatest factor that a letter can have. words: the most words of one spelling, at least 1.
    """

    width: int
    threshold: float
    token_floor: float
    space: int
    start: int
    lm_weight: float
    unknown_letter: float
    ceiling: float
    words: int


class Bias(NamedTuple):
    """Hotwords: next state and factor of that step [states, symbols], log of the factor at the text's end."""

    next: NDArray[np.int32]
    factor: NDArray[np.float64]
    end: NDArray[np.float64]


@njit
def unigrams(lm: ngram.Arrays, words: int) -> NDArray[np.float64]:
    """Natural log of each word's probability without context [words]."""
    found = np.empty(words)
    for word in range(words):
        found[word] = advance(lm, 0, word)[1]
    return found


@njit
def search(
    probs: NDArray[np.float64], limits: Limits, trie: Records, lm: ngram.Arrays, bias: Bias
) -> tuple[NDArray[np.float64], NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    """Texts that the search ends with.

    Args:
        probs: probabilities [frames, symbols], float64, positive, blank first.
        limits: Limits.
        trie: SPELLING [nodes].
        lm: lm.arrays.Arrays.
        bias: Bias.

    Returns:
        scores: natural logs [texts, words], by which of the words of its spelling the last one is; -inf where a text is
        there twice, or is none; nodes: int32 [texts]; parent, symbol: int32 [nodes], the tree in which a text is read
        backwards from its node up to node 0. Symbols past those of `probs` are spaces behind the second, third, ...
        word of a spelling.
    """
    width, loudest = limits.width, _loudest(probs, limits.token_floor) + limits.words - 1
    tree = np.empty(2 + len(probs) * min(width, width * loudest), _NODE)
    beam, after, offers = np.empty(width, _PLACE), np.empty(width, _PLACE), np.empty(width * loudest, _OFFER)
    masses, audible = np.empty(width + len(offers)), np.empty(loudest, np.int32)
    met = np.full((width, probs.shape[1] + limits.words - 1), -1, np.int32)
    slots = 4
    while slots < 2 * len(masses):
        slots *= 2
    futures = np.empty(slots, _FUTURE)
    _plant(tree, beam, limits.start)
    size: Index = np.int64(1)
    nodes: Index = np.int64(1)
    scale = 0.0
    for frame in range(len(probs)):
        row = probs[frame]
        _stay(row, beam, after, size, tree, limits.space)
        _meet(row, beam, after, size, tree, met, frame, limits.space)
        tokens = _audible(row, limits, audible)
        count, best = _prolong(
            row, audible[:tokens], beam, after, size, tree, limits, trie, lm, bias, met, frame, offers
        )
        if size + count > width:
            _recombine(after, size, offers, count, best * limits.threshold, tree, futures)
        limit, ties = _limit(after, size, offers, count, best * limits.threshold, masses)
        size, nodes = _select(beam, after, size, offers, count, limit, ties, best, tree, nodes)
        beam, after = after, beam
        scale += np.log(best)
    scores, ends = _finish(beam, size, tree, limits, trie, lm, bias.end, probs.shape[1])
    return scores + scale, ends, tree["parent"][:nodes].copy(), tree["symbol"][:nodes].copy()


@njit
def _loudest(probs: NDArray[np.float64], floor: float) -> int:
    """The most symbols of one frame that reach `floor`, the blank apart."""
    most = 0
    for row in probs:
        count = 0
        for prob in row[1:]:
            count += prob >= floor
        most = max(most, count)
    return most


@njit
def _plant(tree: Records, beam: Records, start: Index) -> None:
    """The empty beginning."""
    root = tree[ROOT]
    root.parent = root.symbol = root.child = root.sibling = -1
    root.place = root.spelt = root.hot = 0
    root.state = start
    beam[0].node, beam[0].blank, beam[0].voiced = ROOT, 1.0, 0.0


@njit
def _stay(
    row: NDArray[np.float64], beam: Records, after: Records, size: Index, tree: Records, space: Index
) -> None:
    """What each beginning keeps when a frame adds nothing to it."""
    for place in range(size):
        here, there = beam[place], after[place]
        symbol = tree[here.node].symbol
        total = here.blank + here.voiced
        there.node = here.node
        if here.node == ROOT or symbol == space or symbol >= len(row):
            there.blank = total * (row[0] + row[space] if space >= 0 else row[0])
            there.voiced = 0.0
        else:
            there.blank = total * row[0]
            there.voiced = here.voiced * row[symbol]


@njit
def _meet(
    row: NDArray[np.float64],
    beam: Records,
    after: Records,
    size: Index,
    tree: Records,
    met: NDArray[np.int32],
    frame: Index,
    space: Index,
) -> None:
    """Paths that prolong one beginning into another that is in the beam as well: noted in `met`."""
    for place in range(size):
        node = tree[beam[place].node]
        source = tree[node.parent].place if node.parent >= 0 else -1
        if source < 0:
            continue
        mass = beam[source].blank
        if tree[node.parent].symbol != node.symbol:
            mass += beam[source].voiced
        after[place].voiced += mass * row[node.symbol if node.symbol < len(row) else space] * node.factor
        met[source, node.symbol] = frame


@njit
def _audible(row: NDArray[np.float64], limits: Limits, room: NDArray[np.int32]) -> int:
    """Fill `room` with the symbols of at least `token_floor`: the space, then by probability. Returns how many."""
    count = 0
    if limits.space >= 0 and row[limits.space] >= limits.token_floor:
        room[0] = limits.space
        count = 1
    first = count
    for symbol in range(1, len(row)):
        if row[symbol] >= limits.token_floor and symbol != limits.space:
            at = count
            while at > first and row[room[at - 1]] < row[symbol]:
                room[at] = room[at - 1]
                at -= 1
            room[at] = symbol
            count += 1
    return count


@njit
def _floor(after: Records, size: Index, width: Index, threshold: float) -> tuple[float, float]:
    """The greatest mass in the beam, and the mass that a beginning needs to have any chance to enter it."""
    best, least = 0.0, np.inf
    for place in range(size):
        mass = after[place].blank + after[place].voiced
        best, least = max(best, mass), min(least, mass)
    return best, max(best * threshold, least if size == width else 0.0)


@njit
def _prolong(
    row: NDArray[np.float64],
    audible: NDArray[np.int32],
    beam: Records,
    after: Records,
    size: Index,
    tree: Records,
    limits: Limits,
    trie: Records,
    lm: ngram.Arrays,
    bias: Bias,
    met: NDArray[np.int32],
    frame: Index,
    offers: Records,
) -> tuple[int, float]:
    """Fill `offers` with new beginnings. Returns how many, and the greatest mass of all."""
    count = 0
    best, floor = _floor(after, size, limits.width, limits.threshold)
    for place in range(size):
        index, blank = np.int64(beam[place].node), beam[place].blank
        total = blank + beam[place].voiced
        node = tree[index]
        for symbol in audible:
            mass = total * row[symbol]
            if symbol == limits.space:
                if index == ROOT or node.symbol == symbol or node.symbol >= len(row):
                    continue
                if np.isnan(node.word_factor):
                    _end_word(tree, index, trie, lm, limits.lm_weight)
                spelt, factor, state = 0, node.word_factor, node.word_state
            else:
                if mass * limits.ceiling < floor:
                    break  # and so are all that follow
                if symbol == node.symbol:
                    mass = blank * row[symbol]
                spelt, state = _child(trie, node.spelt, symbol), node.state
                if spelt >= 0:
                    factor = trie[spelt].step
                else:
                    factor = trie[node.spelt].leave if node.spelt >= 0 else limits.unknown_letter
            twin = trie[node.spelt].twin if symbol == limits.space else -1
            said, heard, liked = symbol, mass, bias.factor[node.hot, symbol]
            while True:
                factor *= liked
                mass = heard * factor
                if mass >= floor and mass > 0.0 and met[place, said] != frame:
                    if mass > best:
                        best = mass
                        floor = max(floor, best * limits.threshold)
                    offer = offers[count]
                    offer.place, offer.symbol, offer.spelt = place, said, spelt
                    offer.hot = bias.next[node.hot, symbol]
                    offer.state, offer.mass, offer.factor = state, mass, factor
                    count += 1
                if twin < 0:
                    break
                said = len(row) if said == symbol else said + 1
                state, gain = _ended(trie, twin, lm, node.state, limits.lm_weight)
                factor, twin = np.exp(gain), trie[twin].twin
    return count, best


@njit
def _child(trie: Records, node: Index, symbol: Index) -> int:
    """Node of the trie after one more letter; -1 outside."""
    if node >= 0:
        for child in range(trie[node].first, trie[node + 1].first):
            if trie[child].label == symbol:
                return child
    return -1


@njit
def _end_word(tree: Records, index: Index, trie: Records, lm: ngram.Arrays, weight: float) -> None:
    """Ask the language model what it means for a beginning that its last word ends here."""
    node = tree[index]
    state, gain = _ended(trie, np.int64(node.spelt), lm, node.state, weight)
    node.word_state, node.word_factor = state, np.exp(gain)


@njit
def _ended(trie: Records, spelt: Index, lm: ngram.Arrays, state: Index, weight: float) -> tuple[Index, float]:
    """The language model's state, and the natural log of the factor, where the word of node `spelt` ends after `state`;
    of -1: outside the trie."""
    here = trie[spelt]
    after, log_prob = advance(lm, np.int64(state), np.int64(max(here.word, 0)))
    return after, weight * log_prob + here.end


@njit
def _recombine(
    after: Records, size: Index, offers: Records, count: Index, floor: float, tree: Records, futures: Records
) -> None:
    """Of beginnings whose futures are worth the same, drop all but the best: their masses become negative.

    They differ in earlier words only, which the language model has forgotten. Beginnings that are in the middle
    of an unknown word, or of a text without a language model, are left alone.
    """
    for at in range(len(futures)):
        futures[at].holder = -1
    for index in range(size + count):
        if index < size:
            node, mass = tree[after[index].node], after[index].blank + after[index].voiced
            state, spelt, hot = node.state, node.spelt, node.hot
        else:
            offer = offers[index - size]
            mass, state, spelt, hot = offer.mass, offer.state, offer.spelt, offer.hot
        if spelt < 0 or mass < floor:
            continue
        slot = _slot(futures, state, spelt, hot)
        future = futures[slot]
        if future.holder >= 0:
            held = future.holder
            other = after[held].blank + after[held].voiced if held < size else offers[held - size].mass
            loser = index if mass <= other else held
            if loser < size:
                after[loser].blank, after[loser].voiced = -1.0, 0.0
            else:
                offers[loser - size].mass = -1.0
            if loser == index:
                continue
        future.state, future.spelt, future.hot, future.holder = state, spelt, hot, index


@njit
def _slot(futures: Records, state: Index, spelt: Index, hot: Index) -> Index:
    """Where such a future is, or belongs, in the table (open addressing)."""
    mask = len(futures) - 1
    # Knuth, The Art of Computer Programming, section 6.4: multiply, and take the upper bits.
    mixed = (np.int64(state) * 2654435761 + spelt) * 2654435761 + hot
    slot: Index = (mixed >> 16) & mask
    while futures[slot].holder >= 0 and (
        futures[slot].state != state or futures[slot].spelt != spelt or futures[slot].hot != hot
    ):
        slot = (slot + 1) & mask
    return slot


@njit
def _limit(
    after: Records, size: Index, offers: Records, count: Index, floor: float, masses: NDArray[np.float64]
) -> tuple[float, Index]:
    """The least mass that enters a beam of len(after), at least `floor`, and how many of just that mass do."""
    found = 0
    for place in range(size):
        mass = after[place].blank + after[place].voiced
        if mass >= floor:
            masses[found] = mass
            found += 1
    for index in range(count):
        if offers[index].mass >= floor:
            masses[found] = offers[index].mass
            found += 1
    width = len(after)
    if found <= width:
        return floor, width
    limit = _greatest(masses, found, width)
    ties = width
    for mass in masses[:found]:
        ties -= mass > limit
    return limit, ties


@njit
def _greatest(values: NDArray[np.float64], count: Index, rank: Index) -> float:
    """The `rank`-th greatest of the first `count` values, which it reorders (Hoare's quickselect, 1961)."""
    low, high, target = 0, count - 1, rank - 1
    while low < high:
        pivot = values[(low + high) // 2]
        left, right = low, high
        while left <= right:
            while values[left] > pivot:
                left += 1
            while values[right] < pivot:
                right -= 1
            if left <= right:
                values[left], values[right] = values[right], values[left]
                left += 1
                right -= 1
        if target <= right:
            high = right
        elif target >= left:
            low = left
        else:
            break
    value: float = values[target]
    return value


@njit
def _select(
    beam: Records,
    after: Records,
    size: Index,
    offers: Records,
    count: Index,
    limit: float,
    ties: Index,
    best: float,
    tree: Records,
    nodes: Index,
) -> tuple[Index, Index]:
    """Keep in `after` what reaches `limit`, of it and of the offers. Returns its size and the tree's."""
    kept = 0
    for place in range(size):
        here = after[place]
        mass = here.blank + here.voiced
        ties -= mass == limit
        if mass > limit or (mass == limit and ties >= 0):
            there = after[kept]
            there.node, there.blank, there.voiced = here.node, here.blank / best, here.voiced / best
            kept += 1
        else:
            tree[here.node].place = -1
    for index in range(count):
        offer = offers[index]
        ties -= offer.mass == limit
        if offer.mass > limit or (offer.mass == limit and ties >= 0):
            parent = beam[offer.place].node
            node = _known(tree, parent, offer.symbol)
            if node < 0:
                node, nodes = nodes, nodes + 1
                _grow(tree, node, parent, offer)
            there = after[kept]
            there.node, there.blank, there.voiced = node, 0.0, offer.mass / best
            kept += 1
    for place in range(kept):
        tree[after[place].node].place = place
    return kept, nodes


@njit
def _known(tree: Records, parent: Index, symbol: Index) -> Index:
    """The node of a beginning that was in the beam before, or -1."""
    node: Index = tree[parent].child
    while node >= 0 and tree[node].symbol != symbol:
        node = tree[node].sibling
    return node


@njit
def _grow(tree: Records, index: Index, parent: Index, offer: Record) -> None:
    """Make node `index` of the tree from an offer."""
    node, above = tree[index], tree[parent]
    node.parent, node.symbol = parent, offer.symbol
    node.child, node.sibling, above.child = -1, above.child, index
    node.spelt, node.factor = offer.spelt, offer.factor
    node.state, node.hot = offer.state, offer.hot
    node.word_factor = np.nan


@njit
def _finish(
    beam: Records,
    size: Index,
    tree: Records,
    limits: Limits,
    trie: Records,
    lm: ngram.Arrays,
    hot_end: NDArray[np.float64],
    symbols: Index,
) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """Scores and nodes of the texts; a beginning that ends in a space is the text without it."""
    scores = np.full((size, limits.words), -np.inf)
    ends = np.empty(size, np.int32)
    for place in range(size):
        index, target, word = np.int64(beam[place].node), place, 0
        node = tree[index]
        score = np.log(beam[place].blank + beam[place].voiced) + hot_end[node.hot]
        if index == ROOT or node.symbol == limits.space or node.symbol >= symbols:
            if index != ROOT:
                word = node.symbol - symbols + 1 if node.symbol >= symbols else 0
                index = np.int64(node.parent)
                target = tree[index].place if tree[index].place >= 0 else place
            _add(scores, target, word, score + limits.lm_weight * advance(lm, np.int64(node.state), END)[1])
        else:
            spelt = np.int64(node.spelt)
            while True:
                state, gain = _ended(trie, spelt, lm, node.state, limits.lm_weight)
                _add(scores, place, word, score + gain + limits.lm_weight * advance(lm, state, END)[1])
                spelt, word = np.int64(trie[spelt].twin), word + 1
                if spelt < 0:
                    break
        ends[place] = index
    return scores, ends


@njit
def _add(scores: NDArray[np.float64], place: Index, word: Index, score: float) -> None:
    """Put the probability exp(score) to what is there."""
    low, high = min(scores[place, word], score), max(scores[place, word], score)
    scores[place, word] = high + np.log1p(np.exp(low - high)) if low > -np.inf else high
