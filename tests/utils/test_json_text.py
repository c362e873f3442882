"""JSON of other people."""

from __future__ import annotations

import pytest

from speechgru.utils import json_text


def test_what_is_json() -> None:
    assert json_text.loads('{"a": [1, 2.5, null]}') == {"a": [1, 2.5, None]}


@pytest.mark.parametrize("text", ["", "{", "[" * 200_000, '{"a":' * 200_000, "9" * 5000])
def test_what_is_not_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        json_text.loads(text)
