"""All kinds of features by name. A family is a file of this folder with a table KINDS: name → Kind."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from speechgru.errors import ConfigError
from speechgru.features.base import Kind, Transform
from speechgru.features.presets import PRESETS
from speechgru.utils import plugins, schema


@lru_cache(maxsize=1)
def table() -> Mapping[str, Kind]:
    """Every kind, sorted by name."""
    files = (importlib.import_module(f"speechgru.features.{name}") for name in plugins.names("features"))
    found = {name: kind for file in files for name, kind in getattr(file, "KINDS", {}).items()}
    return dict(sorted(found.items()))


def kinds() -> list[str]:
    """Names of all kinds, sorted."""
    return list(table())


def find(kind: str) -> Kind:
    """The entry named `kind`. Raises ConfigError naming the choices."""
    if kind not in table():
        raise ConfigError(plugins.unknown("kind of feature", str(kind), table()))
    return table()[kind]


def transform(kind: str = "log_mel", *, preset: str | None = None, **settings: Any) -> Transform:
    """The module that computes `kind`, with a preset's conventions and then `settings` over its defaults.

    A preset may lead to another kind: with "kaldi", log_mel is kaldi_fbank.

    Raises:
        ConfigError: no such kind, preset or setting (the choices are named), or an impossible value.
    """
    find(kind)
    kind, conventions = _conventions(kind, preset)
    entry = find(kind)
    made = entry.transform(schema.build(entry.settings, {**conventions, **settings}, kind))
    made.kind = kind
    return made


def _conventions(kind: str, preset: str | None) -> tuple[str, dict[str, Any]]:
    if preset is None:
        return kind, {}
    if preset not in PRESETS:
        raise ConfigError(plugins.unknown("preset", str(preset), PRESETS))
    if kind not in PRESETS[preset]:
        raise ConfigError(plugins.unknown(f"kind for the preset {preset}", kind, PRESETS[preset]))
    return PRESETS[preset][kind]
