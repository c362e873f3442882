"""What a model runs on, by its name."""

from __future__ import annotations

import re

from speechgru.errors import ConfigError


def find(name: str) -> str:
    """`name`, if it is a device that is there: cpu, cuda or cuda:N. For auto a GPU where there is one, else cpu.

    Raises:
        ConfigError: another name, or no such GPU.
    """
    import torch

    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    known = re.fullmatch(r"cpu|cuda(?::([0-9]+))?", name)
    if known is None:
        raise ConfigError(f"Unknown device {name!r}; expected cpu, cuda, cuda:N or auto.")
    if name != "cpu" and int(known[1] or 0) >= torch.cuda.device_count():
        raise ConfigError(f"PyTorch sees no GPU {name!r} here. Use cpu or auto.")
    return name
