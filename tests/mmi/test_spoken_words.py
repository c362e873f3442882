"""Pronunciations as arrays."""

from __future__ import annotations

import numpy as np
import pytest

from speechgru.mmi import spoken_words


def test_what_is_packed_comes_back() -> None:
    ways = [((1,), 4), ((1, 2, 39), 3), ((2, 2), 3), ((2, 2), 7)]
    packed = spoken_words.pack(ways)
    assert packed.phones.dtype == np.uint8 and len(packed.phones) == 8
    assert spoken_words.unpack(packed) == ways
    assert spoken_words.unpack(spoken_words.pack([])) == []


def test_arrays_that_do_not_fit_are_refused() -> None:
    packed = spoken_words.pack([((1, 2), 0), ((3,), 1)])
    for wrong in (packed._replace(words=packed.words[:1]), packed._replace(phones=packed.phones[:2])):
        with pytest.raises(ValueError, match="phones"):
            spoken_words.unpack(wrong)


def test_digests_tell_lists_apart() -> None:
    assert spoken_words.digest(["a", "bc"]) != spoken_words.digest(["ab", "c"])
