"""The functions by name of a kind: their signatures, their help, their types."""

from __future__ import annotations

import dataclasses
import inspect
import os
import pydoc
import subprocess
import sys
from pathlib import Path
from typing import get_type_hints

import pytest
import torch
from torch import Tensor

import speechgru
from speechgru import features
from speechgru.errors import ConfigError
from speechgru.features import explanations, functions

SHARED = {"source", "sample_rate", "preset", "output", "lengths", "channels"}


@pytest.mark.parametrize("kind", features.kinds())
def test_a_signature_has_every_setting_with_its_type_and_default(kind: str) -> None:
    function = getattr(speechgru, kind)
    parameters, hints = inspect.signature(function).parameters, get_type_hints(function)
    settings = features.find(kind).settings
    types = get_type_hints(settings)
    for field in dataclasses.fields(settings):
        assert parameters[field.name].default == getattr(settings(), field.name)
        assert parameters[field.name].kind is inspect.Parameter.KEYWORD_ONLY
        if field.name != "base_settings":  # a Mapping suffices
            assert hints[field.name] == types[field.name]
    assert set(parameters) - {field.name for field in dataclasses.fields(settings)} == SHARED
    assert hints["return"] is Tensor
    assert list(parameters)[:2] == ["source", "sample_rate"]
    with pytest.raises(ConfigError, match="no_such_setting"):
        function([0.0], 16000, no_such_setting=1)


def test_functions_are_written_out_where_editors_look_for_them() -> None:
    source = Path(functions.__file__).read_text(encoding="utf-8")
    assert all(f"\ndef {kind}(\n" in source for kind in features.kinds())
    assert all(f"{features.find(kind).title} (" in source for kind in features.kinds())


def test_help_explains_the_settings() -> None:
    text = pydoc.plain(pydoc.render_doc(speechgru.log_mel))
    assert "n_mels: int = 80" in text and "Literal['ln', 'db', 'whisper'] = 'ln'" in text
    assert "Log-mel bands (ln power)" in text and "-> torch.Tensor" in text
    for line in (
        "Rate in Hz; window and hop in seconds. Bands from f_min to f_max Hz.",
        "f_max: 0: half the rate.",
        "sample_rate: of arrays, Hz",
        "ConfigError: no such preset",
    ):
        assert line in text


def test_a_preset_holds_where_a_setting_is_left_out_and_yields_where_it_is_given() -> None:
    sound = torch.rand(16000) - 0.5
    # 80 bands are the default here, 128 are librosa's: what is given wins, although it is the default.
    assert speechgru.mel(sound, 16000, preset="librosa").shape[1] == 128
    assert speechgru.mel(sound, 16000, preset="librosa", n_mels=80).shape[1] == 80


def test_an_installation_without_sources_has_help(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_source(_: object) -> str:
        raise OSError("could not get source code")

    explanations._bodies.cache_clear()
    monkeypatch.setattr(inspect, "getsource", no_source)
    text = explanations.documentation("log_mel")
    assert "Rate in Hz" in text and "half the rate" not in text
    explanations._bodies.cache_clear()


def test_the_shared_arguments_are_those_of_extract() -> None:
    shared = set(inspect.signature(features.extract).parameters) - {"kind", "settings"}
    assert shared == {*explanations._FIRST, *explanations._LAST} == SHARED


@pytest.mark.slow
def test_type_checkers_see_settings_and_results(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    script = tmp_path / "uses.py"
    script.write_text(
        "import speechgru\nfrom torch import Tensor\n"
        "good: Tensor = speechgru.log_mel('a.wav', n_mels=40)\nspeechgru.log_mel('a.wav', n_mel=40)\n"
    )
    command = [sys.executable, "-m", "mypy", "--follow-imports=silent", str(script)]
    home = Path(speechgru.__file__).parents[1]
    # An installed package is found by itself; in its folder other packages' files would pass for the user's own.
    path = {} if home.name == "site-packages" else {"MYPYPATH": str(home)}
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env={**os.environ, **path})
    assert 'uses.py:4: error: Unexpected keyword argument "n_mel"' in done.stdout, done.stdout + done.stderr
    assert "uses.py:3" not in done.stdout
