"""Features are those of librosa, torchaudio and kaldi-native-fbank, within the tolerances that the table states."""

from __future__ import annotations

import dataclasses

import parity
import pytest

from speechgru import audio, features
from speechgru.errors import ConfigError
from speechgru.utils.assets import ASSETS

SIGNALS = {rate: audio.read(ASSETS / "sample.flac", rate)[: 2 * rate] for rate in (16000, 22050)}
CASES = parity.cases()


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c.kind}-{c.preset}-{c.peer}")
def test_each_row_is_within_its_tolerance(case: parity.Case) -> None:
    row = parity.compare(case, SIGNALS[case.rate])
    if row.difference is None:
        pytest.skip(f"{case.peer} isn't installed")
    assert row.is_within, f"{row.difference:.2g} > {case.tolerance:g}"


def test_every_peer_and_preset_is_in_the_table() -> None:
    assert {case.peer for case in CASES} == {
        "librosa",
        "torchaudio",
        "torchaudio.compliance.kaldi",
        "kaldi-native-fbank",
    }
    assert {case.preset for case in CASES} - {None} == set(features.PRESETS)
    # Deltas and pyin are one call of the library; events follow from the onset strength; nccf is our own.
    assert set(features.kinds()) - {case.kind for case in CASES} == {
        "beats",
        "deltas",
        "onsets",
        "pitch",
        "tempo",
    }


def test_a_wrong_convention_shows() -> None:
    """The tolerances are narrow enough: another window or floor lies beyond them."""
    wrong = {
        "spectrogram": {"shape": "hamming"},
        "log_mel": {"log_floor": 1e-5},
        "mfcc": {"dct_norm": "none"},
        "kaldi_fbank": {"preemphasis": 0.96},
    }
    for kind, settings in wrong.items():
        case = next(case for case in CASES if case.kind == kind and case.preset is None)
        changed = dataclasses.replace(case, settings=tuple(settings.items()))
        assert not parity.compare(changed, SIGNALS[case.rate]).is_within


def test_another_number_of_frames_is_an_error() -> None:
    case = dataclasses.replace(CASES[0], settings=(("padding", "none"),))
    with pytest.raises(ConfigError, match=r"spectrogram has the shape .* torchaudio"):
        parity.compare(case, SIGNALS[16000])


def test_a_missing_peer_has_no_difference() -> None:
    case = dataclasses.replace(CASES[0], peer="no-such-package")
    row = parity.compare(case, SIGNALS[16000])
    assert row.difference is None and row.is_within and row.version == "not installed"


def test_the_table_as_text() -> None:
    rows = [
        parity.Row(CASES[0], "2.11.0", 6e-8),
        parity.Row(CASES[1], "not installed", None),
        parity.Row(dataclasses.replace(CASES[2], preset="kaldi"), "1", 0.5),
    ]
    lines = parity.format_table(rows).splitlines()
    assert len(lines) == 5 and len({line.count("|") for line in lines}) == 1
    assert lines[0] == "| kind | preset | peer | conventions | difference | tolerance |"
    assert "6.0e-08 | 1e-06 of the peak |" in lines[2] and "not installed" in lines[3]
    assert lines[4].endswith("BEYOND |") and "kaldi" in lines[4]
