"""CTC prefix beam search with a word language model, compiled.

The search (Graves 2012, section 7.5; Hannun et al. 2014; Maas et al. 2015) keeps the likeliest prefixes of the text.
For each it knows the probability of all paths that spell it so far, those that end in a blank apart from those that
end in its last symbol, because only the former may repeat that symbol. In each frame, prefixes stay as they are
(a blank, or their last symbol repeated), paths that lead from one prefix of the beam to another are merged, prefixes
are extended by symbols to candidates, and the best of all make the next beam (`speechgru.decoding.pruning`).

* Masses are probabilities, rescaled in every frame so that the best prefix has 1 (as in the scaled forward algorithm,
  Rabiner 1989); the logarithm of the scales is kept apart. That is faster than sums of logarithms, and what falls
  below 1e-308 of the best is of no use.
* The factors of the language model and the hotwords are multiplied in when a symbol is added. They depend on the text
  alone, so merged paths have the same. While a word is being spelt, the probability of the likeliest word that it may
  become stands in for its own, which replaces it at the word's end.
* Spaces are those of `" ".join(text.split())`: a path with more of them, or with some at the ends, spells the text
  without. A space at the start or after another is therefore no different from a blank.
* Words that share a spelling (homophones, where the symbols are phones) each have a space of their own, because the
  continuation depends on the word. The lexicon's `homophone` leads from one word to the next; the number of a text's
  space says which word it ends.
* A frame in which no symbol but the blank reaches `token_threshold` adds no prefix, and costs next to nothing.
* Once the beam is full, of prefixes that differ only in words that the language model has forgotten the best alone is
  kept: every continuation is worth the same after each. A long text has many of them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from speechgru.decoding import pruning
from speechgru.decoding.pruning import cutoff, recombine, select
from speechgru.decoding.search_state import BEAM, CANDIDATE, CONTEXT, PREFIX, ROOT, Limits, Records, Scorer
from speechgru.lm import bit_packing
from speechgru.lm import packed_query as ngram
from speechgru.lm.bit_packing import Index
from speechgru.lm.packed_query import advance
from speechgru.lm.table import END_ID
from speechgru.utils import jit

njit = jit.compiled(__file__, pruning.__file__, ngram.__file__, bit_packing.__file__)


@njit
def unigrams(lm: ngram.Arrays, words: int) -> NDArray[np.float64]:
    """Natural log of each word's probability without context [words]."""
    log_probs = np.empty(words)
    for word in range(words):
        log_probs[word] = advance(lm, 0, word)[1]
    return log_probs


@njit
def search(
    probs: NDArray[np.float64], scorer: Scorer
) -> tuple[NDArray[np.float64], NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    """The texts in the beam after the last frame.

    Args:
        probs: probabilities [frames, symbols], float64, positive, blank first.
        scorer: limits, lexicon, language model and hotwords.

    Returns:
        scores: natural logs [texts, homophones], by which of the words of its spelling the last one is; -inf where a
        text is there twice, or is none; nodes: int32 [texts]; parent, symbol: int32 [nodes], the tree in which a text
        is read backwards from its node up to node 0. Symbols past those of `probs` are spaces behind the second,
        third, ... word of a spelling.
    """
    limits = scorer.limits
    width = limits.beam_width
    branching = _most_symbols(probs, limits.token_threshold) + limits.homophones - 1
    tree = np.empty(2 + len(probs) * min(width, width * branching), PREFIX)
    beam, after, candidates = (
        np.empty(width, BEAM),
        np.empty(width, BEAM),
        np.empty(width * branching, CANDIDATE),
    )
    masses, room = np.empty(width + len(candidates)), np.empty(branching, np.int32)
    merged = np.full((width, probs.shape[1] + limits.homophones - 1), -1, np.int32)
    slots = 4
    while slots < 2 * len(masses):
        slots *= 2
    table = np.empty(slots, CONTEXT)
    _init(tree, beam, limits.lm_start)
    size: Index = np.int64(1)
    nodes: Index = np.int64(1)
    scale = 0.0
    for frame in range(len(probs)):
        row = probs[frame]
        _blank_and_repeat(row, beam, after, size, tree, limits.space)
        _merge(row, beam, after, size, tree, merged, frame, limits.space)
        symbols = room[: _likely_symbols(row, limits, room)]
        count, best = _extend(row, symbols, beam, after, size, tree, scorer, merged, frame, candidates)
        floor = best * limits.beam_threshold
        if size + count > width:
            recombine(after, size, candidates, count, floor, tree, table)
        limit, ties = cutoff(after, size, candidates, count, floor, masses)
        size, nodes = select(beam, after, size, candidates, count, limit, ties, best, tree, nodes)
        beam, after = after, beam
        scale += np.log(best)
    scores, ends = _finish(beam, size, tree, scorer, probs.shape[1])
    return scores + scale, ends, tree["parent"][:nodes].copy(), tree["symbol"][:nodes].copy()


@njit
def _most_symbols(probs: NDArray[np.float64], threshold: float) -> int:
    """The most symbols of one frame that reach `threshold`, the blank apart."""
    most = 0
    for row in probs:
        count = 0
        for prob in row[1:]:
            count += prob >= threshold
        most = max(most, count)
    return most


@njit
def _init(tree: Records, beam: Records, lm_start: Index) -> None:
    """The empty prefix."""
    root = tree[ROOT]
    root.parent = root.symbol = root.child = root.sibling = -1
    root.place = root.lexicon = root.hotword_state = 0
    root.lm_state = lm_start
    beam[0].node, beam[0].blank, beam[0].nonblank = ROOT, 1.0, 0.0


@njit
def _blank_and_repeat(
    row: NDArray[np.float64], beam: Records, after: Records, size: Index, tree: Records, space: Index
) -> None:
    """The mass that each prefix keeps: paths that go on with a blank, or repeat its last symbol."""
    for place in range(size):
        here, there = beam[place], after[place]
        symbol = tree[here.node].symbol
        total = here.blank + here.nonblank
        there.node = here.node
        if here.node == ROOT or symbol == space or symbol >= len(row):
            there.blank = total * (row[0] + row[space] if space >= 0 else row[0])
            there.nonblank = 0.0
        else:
            there.blank = total * row[0]
            there.nonblank = here.nonblank * row[symbol]


@njit
def _merge(
    row: NDArray[np.float64],
    beam: Records,
    after: Records,
    size: Index,
    tree: Records,
    merged: NDArray[np.int32],
    frame: Index,
    space: Index,
) -> None:
    """Add paths that extend one prefix of the beam to another one; noted in `merged` by place and symbol."""
    for place in range(size):
        node = tree[beam[place].node]
        source = tree[node.parent].place if node.parent >= 0 else -1
        if source < 0:
            continue
        mass = beam[source].blank
        if tree[node.parent].symbol != node.symbol:
            mass += beam[source].nonblank
        emitted = row[node.symbol if node.symbol < len(row) else space]
        after[place].nonblank += mass * emitted * node.factor
        merged[source, node.symbol] = frame


@njit
def _likely_symbols(row: NDArray[np.float64], limits: Limits, room: NDArray[np.int32]) -> int:
    """Fill `room` with the symbols of at least `token_threshold`: the space, then by probability. Returns how many."""
    count = 0
    if limits.space >= 0 and row[limits.space] >= limits.token_threshold:
        room[0] = limits.space
        count = 1
    first = count
    for symbol in range(1, len(row)):
        if row[symbol] >= limits.token_threshold and symbol != limits.space:
            at = count
            while at > first and row[room[at - 1]] < row[symbol]:
                room[at] = room[at - 1]
                at -= 1
            room[at] = symbol
            count += 1
    return count


@njit
def _floor(after: Records, size: Index, width: Index, threshold: float) -> tuple[float, float]:
    """The greatest mass in the beam, and the mass that a prefix needs to have any chance to enter it."""
    best, least = 0.0, np.inf
    for place in range(size):
        mass = after[place].blank + after[place].nonblank
        best, least = max(best, mass), min(least, mass)
    return best, max(best * threshold, least if size == width else 0.0)


@njit
def _extend(
    row: NDArray[np.float64],
    symbols: NDArray[np.int32],
    beam: Records,
    after: Records,
    size: Index,
    tree: Records,
    scorer: Scorer,
    merged: NDArray[np.int32],
    frame: Index,
    candidates: Records,
) -> tuple[int, float]:
    """Fill `candidates` with prefixes that are one of `symbols` longer. Returns how many, and the greatest mass."""
    limits, lexicon, lm, hotwords = scorer
    next_hotword, hotword_factor, _ = hotwords
    count = 0
    best, floor = _floor(after, size, limits.beam_width, limits.beam_threshold)
    for place in range(size):
        index, blank = np.int64(beam[place].node), beam[place].blank
        total = blank + beam[place].nonblank
        node = tree[index]
        for symbol in symbols:
            mass, homophone = total * row[symbol], -1
            if symbol == limits.space:
                if index == ROOT or node.symbol == symbol or node.symbol >= len(row):
                    continue
                if np.isnan(node.word_factor):
                    _end_word(tree, index, lexicon, lm, limits.lm_weight)
                child, factor, lm_state = 0, node.word_factor, node.word_lm_state
                homophone = lexicon[node.lexicon].homophone
            else:
                if mass * limits.max_factor < floor:
                    break  # and so are all that follow
                if symbol == node.symbol:
                    mass = blank * row[symbol]
                child, lm_state = _lexicon_child(lexicon, node.lexicon, symbol), node.lm_state
                if child >= 0:
                    factor = lexicon[child].step
                else:
                    factor = lexicon[node.lexicon].leave if node.lexicon >= 0 else limits.unknown_character
            written, emitted = symbol, mass
            while True:
                factor *= hotword_factor[node.hotword_state, symbol]
                mass = emitted * factor
                if mass >= floor and mass > 0.0 and merged[place, written] != frame:
                    if mass > best:
                        best = mass
                        floor = max(floor, best * limits.beam_threshold)
                    candidate = candidates[count]
                    candidate.parent, candidate.symbol, candidate.lexicon = place, written, child
                    candidate.hotword_state = next_hotword[node.hotword_state, symbol]
                    candidate.lm_state, candidate.mass, candidate.factor = lm_state, mass, factor
                    count += 1
                if homophone < 0:
                    break
                written = len(row) if written == symbol else written + 1
                lm_state, gain = _word_end(lexicon, homophone, lm, node.lm_state, limits.lm_weight)
                factor, homophone = np.exp(gain), lexicon[homophone].homophone
    return count, best


@njit
def _lexicon_child(lexicon: Records, node: Index, symbol: Index) -> int:
    """Node of the lexicon after one more symbol; -1 outside."""
    if node >= 0:
        for child in range(lexicon[node].first_child, lexicon[node + 1].first_child):
            if lexicon[child].label == symbol:
                return child
    return -1


@njit
def _end_word(tree: Records, index: Index, lexicon: Records, lm: ngram.Arrays, weight: float) -> None:
    """Compute, for a prefix, factor and state of the language model if its last word ends here."""
    node = tree[index]
    state, gain = _word_end(lexicon, np.int64(node.lexicon), lm, node.lm_state, weight)
    node.word_lm_state, node.word_factor = state, np.exp(gain)


@njit
def _word_end(
    lexicon: Records, node: Index, lm: ngram.Arrays, lm_state: Index, weight: float
) -> tuple[Index, float]:
    """The language model's state, and the natural log of the factor, where the word of a node of the lexicon (-1:
    outside) ends after `lm_state`."""
    here = lexicon[node]
    after, log_prob = advance(lm, np.int64(lm_state), np.int64(max(here.word, 0)))
    return after, weight * log_prob + here.end


@njit
def _finish(
    beam: Records, size: Index, tree: Records, scorer: Scorer, symbols: Index
) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """Scores and nodes of the texts; a prefix that ends in a space is the text without it."""
    limits, lexicon, lm, hotwords = scorer
    scores = np.full((size, limits.homophones), -np.inf)
    ends = np.empty(size, np.int32)
    for place in range(size):
        index, target, word = np.int64(beam[place].node), place, 0
        node = tree[index]
        score = np.log(beam[place].blank + beam[place].nonblank) + hotwords.end[node.hotword_state]
        if index == ROOT or node.symbol == limits.space or node.symbol >= symbols:
            if index != ROOT:
                word = node.symbol - symbols + 1 if node.symbol >= symbols else 0
                index = np.int64(node.parent)
                target = tree[index].place if tree[index].place >= 0 else place
            end = limits.lm_weight * advance(lm, np.int64(node.lm_state), END_ID)[1]
            _add(scores, target, word, score + end)
        else:
            at = np.int64(node.lexicon)
            while True:
                state, gain = _word_end(lexicon, at, lm, node.lm_state, limits.lm_weight)
                end = limits.lm_weight * advance(lm, state, END_ID)[1]
                _add(scores, place, word, score + gain + end)
                at, word = np.int64(lexicon[at].homophone), word + 1
                if at < 0:
                    break
        ends[place] = index
    return scores, ends


@njit
def _add(scores: NDArray[np.float64], place: Index, word: Index, score: float) -> None:
    """Add the probability exp(score) to what is there."""
    low, high = min(scores[place, word], score), max(scores[place, word], score)
    scores[place, word] = high + np.log1p(np.exp(low - high)) if low > -np.inf else high
