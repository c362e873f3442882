"""Names of devices: the same words wherever a model is loaded."""

from __future__ import annotations

import pytest
import torch

from speechgru import devices
from speechgru.errors import ConfigError


def test_what_is_there() -> None:
    assert devices.find("cpu") == "cpu"
    assert devices.find("auto") == ("cuda" if torch.cuda.is_available() else "cpu")


def test_what_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("gpu", "cuda:", "cuda:x", "mps", ""):
        with pytest.raises(ConfigError, match="expected cpu, cuda, cuda:N or auto"):
            devices.find(name)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert [devices.find(name) for name in ("cuda", "cuda:0")] == ["cuda", "cuda:0"]
    with pytest.raises(ConfigError, match="no GPU 'cuda:1'"):
        devices.find("cuda:1")
