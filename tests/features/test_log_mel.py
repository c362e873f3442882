"""One log-mel: trained models take what the kind `log_mel` gives, and a padded batch gets what its rows get alone."""

from __future__ import annotations

import dataclasses
import json
from functools import partial

import pytest
import torch
from rows import check_rows
from safetensors import safe_open

from speechgru import features
from speechgru.errors import AudioError
from speechgru.features import LogMel
from speechgru.features.frontend import Settings
from speechgru.utils.assets import ASSETS


def noise(time: int, seed: int = 0, loudness: float = 0.1) -> torch.Tensor:
    return loudness * torch.randn(time, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(
    ("name", "fingerprint"), [("english-small", "dc4b559fd6e3f4b1"), ("vad", "c8d578b8d505915c")]
)
def test_packaged_models_keep_their_features(name: str, fingerprint: str) -> None:
    with safe_open(str(ASSETS / f"{name}.safetensors"), "pt") as file:
        stored = json.loads(file.metadata()["features"])
    settings = Settings.stored(stored)
    assert settings.fingerprint == stored["fingerprint"] == fingerprint
    assert stored["settings"] == dataclasses.asdict(settings)


def test_it_is_the_kind_log_mel() -> None:
    """One implementation: what a model takes is what `log_mel` gives with its conventions, to the bit."""
    signal = noise(16000)
    for choice in ("utterance", "none"):
        kind = features.transform("log_mel", f_max=8000.0, normalise=choice)
        assert torch.equal(LogMel(Settings(normalise=choice))(signal)[0], kind(signal)[0])


@pytest.mark.parametrize(
    "given",
    [
        {"log": "whisper"},
        {"log": "db", "top_db": 60.0},
        {"normalise": "utterance"},
        {"padding": "none"},
        {"padding": "none", "normalise": "utterance", "hop": 0.007},
        {"padding": "reflect", "log": "whisper"},
        {"drop_last": True},
    ],
)
@pytest.mark.parametrize("kind", ["log_mel", "mfcc"])
def test_a_padded_batch_of_any_conventions_is_what_each_row_gives_alone(kind: str, given: dict) -> None:
    module = features.transform(kind, **given)
    signals = [noise(9000, loudness=0.3), noise(4321, 1, 0.01), noise(800, 2)]
    check_rows(module, signals, partial(torch.testing.assert_close, atol=1e-4, rtol=1e-5))


def test_a_row_shorter_than_a_window_is_refused_in_a_batch_too() -> None:
    module = features.transform("log_mel")
    with pytest.raises(AudioError, match="at least one window, 400 samples"):
        module(torch.zeros(2, 9000), torch.tensor([9000, 399]))
