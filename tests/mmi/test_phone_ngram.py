"""The trigram of phones: counted by hand, and as files hold it."""

from __future__ import annotations

import numpy as np
import pytest

from speechgru.mmi import phone_ngram

TEXTS = [[0, 1, 2, 0], [0, 1, 1, 0], [0, 2, 1, 0]]


def test_probabilities_are_shares() -> None:
    gram = phone_ngram.estimate(TEXTS, 3)
    # Behind silence come 1, 1 and 2; behind (silence, 1) come 2 and 1.
    assert gram.next[0, 0].tolist() == pytest.approx([0, 2 / 3, 1 / 3])
    assert gram.next[1, 0].tolist() == pytest.approx([0, 0.5, 0.5])
    assert gram.start.sum() == pytest.approx(1) and gram.start[0, 0] > phone_ngram.KNOWN_START
    assert gram.share.sum() == pytest.approx(1)


def test_what_is_packed_comes_back() -> None:
    gram = phone_ngram.estimate(TEXTS, 3)
    again = phone_ngram.unpack(phone_ngram.pack(gram))
    for table, copy in zip(gram, again, strict=True):
        np.testing.assert_allclose(copy, table, rtol=1e-3)
    sums = again.next.sum(axis=2)
    assert np.allclose(sums[sums > 0], 1, atol=1e-6)


@pytest.mark.parametrize(
    "changed",
    [
        {"place": np.array([27], np.int32), "value": np.array([1], np.float16)},
        {"place": np.array([-1], np.int32), "value": np.array([1], np.float16)},
        {"place": np.array([1, 2], np.int32), "value": np.array([1], np.float16)},
        {"share": np.ones((3, 4), np.float32)},
    ],
)
def test_tables_that_do_not_fit_are_refused(changed: dict[str, np.ndarray]) -> None:
    packed = phone_ngram.pack(phone_ngram.estimate(TEXTS, 3))
    with pytest.raises(ValueError, match="phones"):
        phone_ngram.unpack(packed._replace(**changed))
