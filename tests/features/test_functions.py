"""The functions by name of a kind: their signatures, their help, and the stub that types them."""

from __future__ import annotations

import dataclasses
import inspect
import pydoc
import runpy
from pathlib import Path

import pytest

import speechgru
from speechgru import features
from speechgru.errors import ConfigError
from speechgru.features import functions, signatures

TOOL = Path(__file__).parents[2] / "tools" / "docs" / "feature_stubs.py"


@pytest.mark.parametrize("kind", features.kinds())
def test_a_signature_has_every_setting_with_its_default(kind: str) -> None:
    parameters = inspect.signature(getattr(speechgru, kind)).parameters
    settings = features.find(kind).settings
    for field in dataclasses.fields(settings):
        assert parameters[field.name].default == getattr(settings(), field.name)
    others = set(parameters) - {field.name for field in dataclasses.fields(settings)}
    assert others == {"source", "sample_rate", "preset", "output", "lengths", "channels"}
    with pytest.raises(ConfigError, match="no_such_setting"):
        getattr(speechgru, kind)([0.0], 16000, no_such_setting=1)


def test_help_explains_the_settings() -> None:
    text = pydoc.plain(pydoc.render_doc(speechgru.log_mel))
    assert "n_mels: int = 80" in text and "Literal['ln', 'db', 'whisper'] = 'ln'" in text
    assert "Log-mel bands (ln power)" in text
    for line in (
        "Rate in Hz; window and hop in seconds. Bands from f_min to f_max Hz.",
        "f_max: 0: half the rate.",
        "sample_rate: of arrays, Hz",
    ):
        assert line in text


def test_an_installation_without_sources_has_signatures(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_source(_: object) -> str:
        raise OSError("could not get source code")

    signatures._bodies.cache_clear()
    monkeypatch.setattr(inspect, "getsource", no_source)
    made = signatures.function("log_mel")
    assert "n_mels" in inspect.signature(made).parameters
    assert "Rate in Hz" in str(made.__doc__) and "half the rate" not in str(made.__doc__)
    signatures._bodies.cache_clear()


def test_completion_offers_every_kind() -> None:
    assert set(features.kinds()) <= set(dir(functions))
    with pytest.raises(AttributeError, match="no attribute 'loudness'"):
        functions.loudness  # noqa: B018


@pytest.mark.skipif(not TOOL.is_file(), reason="needs the checkout's tools")
def test_the_stub_is_what_the_settings_make() -> None:
    tool = runpy.run_path(str(TOOL))
    assert tool["TARGET"].read_text(encoding="utf-8") == tool["text"]()


def test_the_shared_arguments_are_those_of_extract() -> None:
    shared = set(inspect.signature(features.extract).parameters) - {"kind", "settings"}
    assert shared == {*signatures._FIRST, *signatures._LAST}
