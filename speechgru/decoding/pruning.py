"""Which prefixes stay in the beam: those whose continuations differ, by their mass; compiled."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from speechgru.decoding.search_state import Record, Records
from speechgru.lm.bit_packing import Index
from speechgru.utils import jit

njit = jit.compiled(__file__)


@njit
def recombine(
    beam: Records, size: Index, candidates: Records, count: Index, floor: float, tree: Records, table: Records
) -> None:
    """Of prefixes with the same context, drop all but the best: their masses become negative.

    Such prefixes differ in earlier words only, which the language model has forgotten. Prefixes within an unknown
    word, or without a language model, are left alone. `table`: CONTEXT [a power of two].
    """
    for at in range(len(table)):
        table[at].best = -1
    for index in range(size + count):
        if index < size:
            node, mass = tree[beam[index].node], beam[index].blank + beam[index].nonblank
            lm_state, lexicon, hotword_state = node.lm_state, node.lexicon, node.hotword_state
        else:
            candidate = candidates[index - size]
            mass, lm_state = candidate.mass, candidate.lm_state
            lexicon, hotword_state = candidate.lexicon, candidate.hotword_state
        if lexicon < 0 or mass < floor:
            continue
        context = table[_slot(table, lm_state, lexicon, hotword_state)]
        if context.best >= 0:
            best = context.best
            other = beam[best].blank + beam[best].nonblank if best < size else candidates[best - size].mass
            loser = index if mass <= other else best
            if loser < size:
                beam[loser].blank, beam[loser].nonblank = -1.0, 0.0
            else:
                candidates[loser - size].mass = -1.0
            if loser == index:
                continue
        context.lm_state, context.lexicon = lm_state, lexicon
        context.hotword_state, context.best = hotword_state, index


@njit
def _slot(table: Records, lm_state: Index, lexicon: Index, hotword_state: Index) -> Index:
    """Where such a context is, or belongs, in the hash table (open addressing)."""
    mask = len(table) - 1
    # Knuth, The Art of Computer Programming, section 6.4: multiply, and take the upper bits.
    mixed = (np.int64(lm_state) * 2654435761 + lexicon) * 2654435761 + hotword_state
    slot: Index = (mixed >> 16) & mask
    while table[slot].best >= 0 and (
        table[slot].lm_state != lm_state
        or table[slot].lexicon != lexicon
        or table[slot].hotword_state != hotword_state
    ):
        slot = (slot + 1) & mask
    return slot


@njit
def cutoff(
    beam: Records, size: Index, candidates: Records, count: Index, floor: float, masses: NDArray[np.float64]
) -> tuple[float, Index]:
    """The least mass that enters a beam of len(beam), at least `floor`, and how many of just that mass do."""
    total = 0
    for place in range(size):
        mass = beam[place].blank + beam[place].nonblank
        if mass >= floor:
            masses[total] = mass
            total += 1
    for index in range(count):
        if candidates[index].mass >= floor:
            masses[total] = candidates[index].mass
            total += 1
    width = len(beam)
    if total <= width:
        return floor, width
    limit = _nth_greatest(masses, total, width)
    ties = width
    for mass in masses[:total]:
        ties -= mass > limit
    return limit, ties


@njit
def _nth_greatest(values: NDArray[np.float64], count: Index, rank: Index) -> float:
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
def select(
    before: Records,
    beam: Records,
    size: Index,
    candidates: Records,
    count: Index,
    limit: float,
    ties: Index,
    best: float,
    tree: Records,
    nodes: Index,
) -> tuple[Index, Index]:
    """Keep in `beam` what reaches `limit`, of its own prefixes and of the candidates. Returns its size and the tree's.

    `before`: the beam that the candidates extend. Masses are divided by `best`.
    """
    kept = 0
    for place in range(size):
        here = beam[place]
        mass = here.blank + here.nonblank
        ties -= mass == limit
        if mass > limit or (mass == limit and ties >= 0):
            there = beam[kept]
            there.node, there.blank, there.nonblank = here.node, here.blank / best, here.nonblank / best
            kept += 1
        else:
            tree[here.node].place = -1
    for index in range(count):
        candidate = candidates[index]
        ties -= candidate.mass == limit
        if candidate.mass > limit or (candidate.mass == limit and ties >= 0):
            parent = before[candidate.parent].node
            node = _child(tree, parent, candidate.symbol)
            if node < 0:
                node, nodes = nodes, nodes + 1
                _add_node(tree, node, parent, candidate)
            there = beam[kept]
            there.node, there.blank, there.nonblank = node, 0.0, candidate.mass / best
            kept += 1
    for place in range(kept):
        tree[beam[place].node].place = place
    return kept, nodes


@njit
def _child(tree: Records, parent: Index, symbol: Index) -> Index:
    """The node of a prefix that was in the beam before, or -1."""
    node: Index = tree[parent].child
    while node >= 0 and tree[node].symbol != symbol:
        node = tree[node].sibling
    return node


@njit
def _add_node(tree: Records, index: Index, parent: Index, candidate: Record) -> None:
    """Make node `index` of the tree from a candidate."""
    node, above = tree[index], tree[parent]
    node.parent, node.symbol = parent, candidate.symbol
    node.child, node.sibling, above.child = -1, above.child, index
    node.lexicon, node.factor = candidate.lexicon, candidate.factor
    node.lm_state, node.hotword_state = candidate.lm_state, candidate.hotword_state
    node.word_factor = np.nan
