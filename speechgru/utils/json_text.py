"""JSON: of other people, and of ours where a number is undefined."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from typing import Any


def loads(text: str | bytes) -> Any:
    """What `text` holds.

    Raises:
        ValueError: it isn't JSON, or is nested so deeply that nobody meant it.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def defined(record: Any) -> dict[str, Any]:
    """The fields of a dataclass, ready for JSON: what is undefined (NaN) is None."""
    return {
        name: None if isinstance(value, float) and math.isnan(value) else value
        for name, value in asdict(record).items()
    }
