"""Names of devices: the same words wherever a model is loaded."""

from __future__ import annotations

import pytest
import torch

from speechgru.errors import ConfigError
from speechgru.utils import device


def test_what_is_there() -> None:
    assert device.find("cpu") == "cpu"
    assert device.find("auto") == ("cuda" if torch.cuda.is_available() else "cpu")


def test_what_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("gpu", "cuda:", "cuda:x", "mps", ""):
        with pytest.raises(ConfigError, match="expected cpu, cuda, cuda:N or auto"):
            device.find(name)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert [device.find(name) for name in ("cuda", "cuda:0")] == ["cuda", "cuda:0"]
    with pytest.raises(ConfigError, match="no GPU 'cuda:1'"):
        device.find("cuda:1")
