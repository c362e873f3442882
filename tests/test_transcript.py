"""A transcript as Python users meet it: text, repr, notebook, files, and JSON as its schema says."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import json_schema
import pytest
from beeps import beep, recognizer

from speechgru import ConfigError, Segment, Transcript, Word
from speechgru.alignment import align_text
from speechgru.audio.array import Sound
from speechgru.errors import AudioWarning
from speechgru.utils import plugins

SCHEMA_FILE = Path(__file__).parents[1] / "docs" / "transcript.schema.json"
needs_schema = pytest.mark.skipif(not SCHEMA_FILE.is_file(), reason="needs the checkout's docs")
WORDS = (Word("it's", 0.0, 0.4, 0.9), Word("<fine>", 0.4, 0.9, 0.25))
SPOKEN = Transcript((Segment(WORDS),), 1.0, source="talks/a b.wav", model="tiny", expected_wer=0.125)
SILENT = Transcript((), 2.0)


def schema() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    return found


def test_print_shows_the_text_and_repr_stays_short() -> None:
    assert str(SPOKEN) == SPOKEN.text == "it's <fine>"
    assert repr(SPOKEN) == "<Transcript 'talks/a b.wav', 1.0 s, 2 words: \"it's <fine>\">"
    long = Transcript((Segment(tuple(Word("word", i, i + 0.5, 1.0) for i in range(999))),), 999.0)
    assert len(repr(long)) < 90 and "999 words" in repr(long) and "…" in repr(long)
    assert repr(SILENT) == "<Transcript 2.0 s, 0 words: ''>" and str(SILENT) == ""


def test_notebooks_show_confidence_and_escape_everything() -> None:
    html = SPOKEN._repr_html_()
    assert "confidence 25 %" in html and "&lt;fine&gt;" in html and "<fine>" not in html
    opacity = [float(part.split(")")[0]) for part in html.split("rgba(220,50,47,")[1:]]
    assert opacity == pytest.approx([0.06, 0.45])
    odd = Transcript((), 1.0, source=b"<b>\xe9.wav".decode("utf-8", "surrogateescape"))
    assert "<b>" not in odd._repr_html_()
    odd._repr_html_().encode("utf-8")


@needs_schema
@pytest.mark.parametrize("transcript", [SPOKEN, SILENT], ids=["spoken", "silent"])
def test_json_is_as_its_schema_says(transcript: Transcript) -> None:
    values = json.loads(transcript.to_json())
    assert list(json_schema.problems(values, schema())) == []
    assert values == transcript.to_dict() and values["version"] == 1
    assert values["audio_filepath"] == transcript.source


@needs_schema
def test_alignments_are_as_the_schema_says() -> None:
    alignment = align_text(recognizer(), Sound(beep("a cab")), "a cab\nfeed")
    values = json.loads(json.dumps(alignment.to_dict()))
    assert list(json_schema.problems(values, schema())) == []
    assert any(word["start"] is None for segment in values["segments"] for word in segment["words"])


@needs_schema
@pytest.mark.parametrize(
    ("where", "key", "value"),
    [
        ((), "version", 2),
        ((), "source", "a.wav"),
        ((), "duration", "1.0"),
        ((), "warnings", None),
        (("segments", 0), "words", []),
        (("segments", 0, "words", 0), "confidence", 1.5),
        (("segments", 0, "words", 0), "start", -1),
        (("segments", 0, "words", 0), "text", ""),
    ],
)
def test_the_schema_refuses_what_is_wrong(where: tuple[Any, ...], key: str, value: object) -> None:
    values = copy.deepcopy(SPOKEN.to_dict())
    place: Any = values
    for step in where:
        place = place[step]
    place[key] = value
    assert list(json_schema.problems(values, schema()))


@pytest.mark.parametrize("name", plugins.names("writers"))
def test_save_chooses_the_format_by_the_extension(name: str, tmp_path: Path) -> None:
    extension = plugins.find("writers", name).EXTENSION
    for path in (tmp_path / f"a.{extension}", tmp_path / "new folder" / f"b.{extension.upper()}"):
        SPOKEN.save(path)
        assert path.read_text(encoding="utf-8") == SPOKEN._written(name)
    assert sorted(p.name for p in tmp_path.iterdir()) == [f"a.{extension}", "new folder"]


@pytest.mark.parametrize("name", ["a.docx", "a", "srt"])
def test_save_names_the_choices(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"extension.*srt.*vtt"):
        SPOKEN.save(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_subtitles_as_text() -> None:
    assert SPOKEN.to_srt().startswith("1\n00:00:00,000 --> ")
    assert SPOKEN.to_vtt().startswith("WEBVTT\n")


def test_a_warning_is_written_as_its_sentence() -> None:
    odd = Transcript((), 1.0, (AudioWarning("clipped", "too loud"),), truncated=True)
    assert odd.to_dict()["warnings"] == ["too loud"] and odd.to_dict()["truncated"] is True
