"""All kinds of features by name. A family is a file of this folder with a table KINDS: name → Kind."""

from __future__ import annotations

import importlib
from typing import Any

from speechgru.errors import ConfigError
from speechgru.features.base import Kind, Transform
from speechgru.features.presets import PRESETS
from speechgru.utils import plugins, schema

# Kind → its family, so that a kind is found without importing the others.
FAMILIES = {
    kind: family
    for family, names in {
        "cepstrum": "lfcc mfcc",
        "chroma": "chroma cqt harmonic percussive",
        "deltas": "cmvn deltas",
        "kaldi": "kaldi_fbank kaldi_mfcc",
        "pitch": "pitch",
        "rhythm": "beats onset_strength onsets tempo tempogram",
        "spectral_shape": "bandwidth centroid contrast energy rolloff zero_crossings",
        "spectrogram": "log_mel mel spectrogram",
    }.items()
    for kind in names.split()
}


def kinds() -> list[str]:
    """Names of all kinds, sorted."""
    return sorted(FAMILIES)


def find(kind: str) -> Kind:
    """The entry named `kind`. Raises ConfigError naming the choices."""
    _check(kind)
    entry: Kind = importlib.import_module(f"speechgru.features.{FAMILIES[kind]}").KINDS[kind]
    return entry


def transform(kind: str = "log_mel", *, preset: str | None = None, **settings: Any) -> Transform:
    """The module that computes `kind`, with a preset's conventions and then `settings` over its defaults.

    A preset may lead to another kind: with "kaldi", log_mel is kaldi_fbank.

    Raises:
        ConfigError: no such kind, preset or setting (the choices are named), or an impossible value.
    """
    _check(kind)
    kind, conventions = _conventions(kind, preset)
    entry = find(kind)
    made = entry.transform(schema.build(entry.settings, {**conventions, **settings}, kind))
    made.kind = kind
    return made


def _check(kind: str) -> None:
    if kind not in FAMILIES:
        raise ConfigError(plugins.unknown("kind of feature", str(kind), kinds()))


def _conventions(kind: str, preset: str | None) -> tuple[str, dict[str, Any]]:
    if preset is None:
        return kind, {}
    if preset not in PRESETS:
        raise ConfigError(plugins.unknown("preset", str(preset), PRESETS))
    if kind not in PRESETS[preset]:
        raise ConfigError(plugins.unknown(f"kind for the preset {preset}", kind, PRESETS[preset]))
    return PRESETS[preset][kind]
