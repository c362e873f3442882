"""What a recipe asks for is what happens, each kind by a generator of its own."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor

from speechgru import audio
from speechgru.audio import encode
from speechgru.augment import channel, specaugment
from speechgru.augment.pipeline import Augmentation, find
from speechgru.config import Recipe
from speechgru.config.recipe import AugmentConfig, CorpusConfig
from speechgru.data import Recordings, Utterance
from speechgru.errors import ConfigError, CorpusError
from speechgru.features import LogMel
from speechgru.features.frontend import Settings
from speechgru.features.spectrogram import band_centres
from speechgru.text import Vocabulary

RATE = 16000
FEATURES = Settings(n_mels=24)
SIGNAL = 0.2 * torch.randn(RATE, generator=torch.Generator().manual_seed(5))


def seeded(*name: str, seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed + sum(map(ord, "".join(name))))


def read(path: Path) -> Tensor:
    return torch.from_numpy(audio.read(path, RATE))


def changed(config: AugmentConfig, seed: int = 0) -> Tensor:
    return Augmentation(config, FEATURES, read).signal(SIGNAL, lambda name: seeded(name, seed=seed))


EACH = {
    "tempo": AugmentConfig(tempo=[0.8]),
    "pitch": AugmentConfig(pitch=[3.0]),
    "reverb": AugmentConfig(reverb=1.0),
    "noise": AugmentConfig(noise=1.0),
    "band": AugmentConfig(band=1.0),
    "codec": AugmentConfig(codec=1.0),
}


def test_nothing_asked_for_is_the_signal_itself() -> None:
    def no_draw(_: str) -> torch.Generator:
        raise AssertionError("drew for a change that is off")

    assert Augmentation(AugmentConfig(), FEATURES, read).signal(SIGNAL, no_draw) is SIGNAL


@pytest.mark.parametrize("name", EACH)
def test_each_change_happens_and_repeats(name: str) -> None:
    once = changed(EACH[name])
    assert torch.equal(once, changed(EACH[name]))
    assert len(once) == (math.ceil(RATE / 0.8) if name == "tempo" else RATE)
    assert len(once) != RATE or not torch.allclose(once, SIGNAL, atol=1e-3)


def test_a_probability_is_a_share_of_recordings() -> None:
    config = AugmentConfig(band=0.3)
    touched = sum(changed(config, seed) is not SIGNAL for seed in range(200))
    assert 40 <= touched <= 80


def test_a_change_leaves_the_draws_of_others() -> None:
    both = AugmentConfig(noise=1.0, noise_snr=[0.0, 20.0], band=1.0)
    alone = changed(AugmentConfig(noise=1.0, noise_snr=[0.0, 20.0]))
    assert torch.allclose(changed(both), channel.band(alone, RATE, 300.0, 3400.0), atol=1e-6)


def test_noise_comes_from_files_at_the_ratio(tmp_path: Path) -> None:
    tone = 0.5 * torch.sin(2 * math.pi * 1000 * torch.arange(RATE // 2) / RATE)
    (tmp_path / "a").mkdir()
    encode.write(tmp_path / "a" / "1-hum.wav", tone.numpy(), RATE)
    (tmp_path / "a" / "notes.txt").write_text("no sound")
    config = AugmentConfig(noise=1.0, noise_files=str(tmp_path / "*" / "[1-4]-*"), noise_snr=[10.0, 10.0])
    added = changed(config) - SIGNAL
    ratio = float(SIGNAL.square().mean() / added.square().mean())
    assert 10 * math.log10(ratio) == pytest.approx(10, abs=0.05)
    assert int(torch.fft.rfft(added).abs().argmax()) == pytest.approx(1000, abs=2)


def test_rooms_come_from_files(tmp_path: Path) -> None:
    response = torch.zeros(400)
    response[[100, 300]] = torch.tensor([0.9, 0.45])
    encode.write(tmp_path / "room.wav", response.numpy(), RATE)
    heard = changed(AugmentConfig(reverb=1.0, reverb_files=str(tmp_path)))
    echo = SIGNAL.clone()
    echo[200:] += 0.5 * SIGNAL[:-200]
    assert torch.allclose(heard / heard.norm(), echo / echo.norm(), atol=1e-4)


def test_files_that_are_not_there(tmp_path: Path) -> None:
    (tmp_path / "readme.txt").write_text("nothing here")
    for where in (tmp_path, tmp_path / "none", tmp_path / "*.wav"):
        with pytest.raises(CorpusError, match=r"augment\.noise_files=.* names no recordings"):
            Augmentation(AugmentConfig(noise=0.5, noise_files=str(where)), FEATURES, read)
    assert find("augment.noise_files", "") == []


def test_files_lie_below_the_root(tmp_path: Path) -> None:
    corpus = CorpusConfig(root=str(tmp_path))
    recipe = Recipe("r", corpus=corpus, augment=AugmentConfig(noise_files="noise", reverb_files="/rooms"))
    found = recipe.augmentation()
    assert (found.noise_files, found.reverb_files) == (str(tmp_path / "noise"), "/rooms")
    assert Recipe("r").augmentation() == AugmentConfig(), "without files no root is wanted"


def test_the_vocal_tract_changes_the_features_and_not_the_masks() -> None:
    features = torch.randn(40, 24, generator=seeded("f"))
    plain, warped = (
        Augmentation(
            AugmentConfig(vocal_tract=share, time_masks=2, time_mask_max=0.1), FEATURES, read
        ).features(features, lambda name: seeded(name), seeded("masks"))
        for share in (0.0, 0.2)
    )
    assert torch.equal(plain == 0, warped == 0) and (plain == 0).any()
    assert not torch.allclose(plain, warped, atol=0.1)


@pytest.mark.parametrize("frequency", [500.0, 1000.0, 3000.0])
def test_band_centres_are_those_of_the_filter_bank(frequency: float) -> None:
    tone = torch.sin(2 * math.pi * frequency * torch.arange(RATE) / RATE)
    settings = Settings(n_mels=40, normalise="none")
    loudest = int(LogMel(settings)(tone)[0][0].mean(dim=0).argmax())
    centres = torch.tensor(band_centres(settings.n_mels, settings.f_min, settings.f_max, "htk"))
    assert loudest == int((centres - frequency).abs().argmin())
    assert specaugment.warp(torch.zeros(1, 40), 1.1, centres).shape == (1, 40)


def test_training_hears_the_changes(tmp_path: Path) -> None:
    encode.write(tmp_path / "a.wav", SIGNAL.numpy(), RATE)
    utterance = Utterance(tmp_path / "a.wav", 1.0, "a")
    everything = AugmentConfig(
        speed=[0.9, 1.1],
        tempo=[0.9, 1.1],
        pitch=[-1.0, 1.0],
        vocal_tract=0.1,
        reverb=0.5,
        noise=0.5,
        band=0.5,
        codec=0.5,
    )

    def recordings(config: AugmentConfig) -> Recordings:
        return Recordings(
            [utterance] * 3, Vocabulary(("<blank>", "a")), FEATURES, config, 3, tmp_path / "cache"
        )

    first, again = recordings(everything), recordings(everything)
    keys = [(epoch, index) for epoch in range(2) for index in range(3)]
    found = {key: first[key][0] for key in keys}
    assert all(torch.equal(again[key][0], found[key]) for key in reversed(keys))
    assert len({features.shape[0] for features in found.values()}) > 1
    assert all(features.isfinite().all() for features in found.values())

    # Switched off one by one, the masks and speeds stay where they were.
    masking = AugmentConfig(speed=[0.9, 1.1], time_masks=2, time_mask_max=0.1, frequency_masks=1)
    noisy = AugmentConfig(speed=[0.9, 1.1], time_masks=2, time_mask_max=0.1, frequency_masks=1, noise=1.0)
    for key in keys:
        assert torch.equal(recordings(masking)[key][0] == 0, recordings(noisy)[key][0] == 0)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"tempo": [3.0]}, r"augment\.tempo is \[3.0\]; expected factors from 0.5 to 2"),
        ({"pitch": []}, r"augment\.pitch is \[\]; expected semitones"),
        ({"noise": 1.5}, r"augment\.noise is 1.5; expected from 0 to 1"),
        ({"noise_snr": [20.0, 5.0]}, r"augment\.noise_snr is .*the lower first"),
        ({"reverb_t60": [0.0, 0.5]}, r"augment\.reverb_t60 is .*from 0.01 up"),
        ({"band_edges": [300.0]}, r"augment\.band_edges is .*two numbers"),
        ({"codecs": []}, r"augment\.codecs is \[\]"),
        ({"vocal_tract": 0.5}, r"augment\.vocal_tract is 0.5"),
    ],
)
def test_impossible_values(values: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        AugmentConfig(**values)


def test_the_shortest_version_counts_for_ctc() -> None:
    assert AugmentConfig(speed=[0.9, 1.1], tempo=[0.8, 1.25]).fastest == pytest.approx(1.375)
