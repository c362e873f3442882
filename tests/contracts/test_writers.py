"""What every writer promises, and what each format's own readers expect."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechgru.errors import AudioWarning
from speechgru.transcript import Segment, Transcript, Word
from speechgru.utils import plugins
from speechgru.writers.cues import DEFAULT, MAX_MS, cues

NAMES = plugins.names("writers")
TIME = r"(\d\d):([0-5]\d):([0-5]\d)[,.](\d\d\d)"


def _words(text: str, start: float = 0.0, each: float = 0.4) -> tuple[Word, ...]:
    return tuple(
        Word(word, start + i * each, start + (i + 0.9) * each, 0.875) for i, word in enumerate(text.split())
    )


SPOKEN = Transcript(
    (Segment(_words("it's a fine day")), Segment(_words("is it not", 3661.5))),
    duration=3663.0,
    warnings=(AudioWarning("narrow", "narrow band"),),
    truncated=True,
    source="talks/day one.mp3",
    model="english-small",
)
SILENT = Transcript((), duration=2.0, source="silence.wav")
LONG = Transcript((Segment(_words(" ".join(f"word{i}" for i in range(200)))),), 80.0)


def _written(name: str, transcript: Transcript, function: str = "write") -> str:
    stream = io.StringIO()
    getattr(plugins.find("writers", name), function)(transcript, stream)
    return stream.getvalue()


def test_all_promised_formats_are_there() -> None:
    assert {"txt", "json", "srt", "vtt", "tsv", "ctm", "textgrid"} <= set(NAMES)


def test_extensions_differ() -> None:
    extensions = [plugins.find("writers", name).EXTENSION for name in NAMES]
    assert len(set(extensions)) == len(NAMES)
    assert all(re.fullmatch(r"[A-Za-z]+", extension) for extension in extensions)


@pytest.mark.parametrize("name", NAMES)
def test_every_word_is_written_in_order(name: str) -> None:
    text = _written(name, SPOKEN)
    position = 0
    for word in SPOKEN.words:
        position = text.index(word.text, position) + len(word.text)


@pytest.mark.parametrize("name", NAMES)
def test_a_text_file_ends_with_a_line_end_and_silence_is_written_too(name: str) -> None:
    assert _written(name, SPOKEN).endswith("\n")
    silence = _written(name, SILENT)
    assert silence == "" or silence.endswith("\n")


@pytest.mark.parametrize("name", [n for n in NAMES if hasattr(plugins.find("writers", n), "write_line")])
def test_lines_of_several_recordings_each_say_whose_they_are(name: str) -> None:
    for line in _written(name, SPOKEN, "write_line").splitlines():
        assert re.search(r"day[ _]one", line)


def test_txt() -> None:
    assert _written("txt", SPOKEN) == "it's a fine day\nis it not\n"
    assert _written("txt", SILENT) == ""
    assert _written("txt", SPOKEN, "write_line") == "talks/day one.mp3\tit's a fine day is it not\n"
    assert _written("txt", SILENT, "write_line") == "silence.wav\t\n"


def test_a_tab_in_a_name_makes_no_third_column() -> None:
    named = replace(SILENT, source="a\tb\n.wav")
    assert _written("txt", named, "write_line") == "a b .wav\t\n"


def test_json_holds_all_that_a_transcript_knows() -> None:
    found = json.loads(_written("json", SPOKEN))
    assert set(found) == {
        "version",
        "audio_filepath",
        "model",
        "duration",
        "text",
        "segments",
        "expected_wer",
        "warnings",
        "truncated",
    }
    assert (found["text"], found["duration"], found["model"]) == (SPOKEN.text, 3663.0, "english-small")
    assert (found["warnings"], found["truncated"]) == (["narrow band"], True)
    assert found["segments"][1]["start"] == 3661.5
    assert found["segments"][0]["words"][1] == {"text": "a", "start": 0.4, "end": 0.76, "confidence": 0.875}


def test_json_line_is_the_same_object_on_one_line() -> None:
    line = _written("json", SPOKEN, "write_line")
    assert line.count("\n") == 1
    assert json.loads(line) == json.loads(_written("json", SPOKEN))


def test_json_survives_a_file_name_that_is_no_text() -> None:
    odd = Transcript((), 1.0, source=b"caf\xe9.wav".decode("utf-8", "surrogateescape"))
    _written("json", odd, "write_line").encode("utf-8")


def test_tsv_is_in_milliseconds() -> None:
    assert _written("tsv", SPOKEN).splitlines() == [
        "start\tend\ttext",
        "0\t1560\tit's a fine day",
        "3661500\t3662660\tis it not",
    ]


def test_ctm() -> None:
    lines = _written("ctm", SPOKEN).splitlines()
    assert lines[0] == "day_one 1 0.000 0.360 it's 0.8750"
    assert lines[4] == "day_one 1 3661.500 0.360 is 0.8750"
    assert all(len(line.split(" ")) == 6 for line in lines)


def test_srt() -> None:
    assert _written("srt", SPOKEN) == (
        "1\n00:00:00,000 --> 00:00:01,560\nit's a fine day\n\n2\n01:01:01,500 --> 01:01:02,660\nis it not\n\n"
    )
    assert _written("srt", SILENT) == ""


def test_textgrid() -> None:
    lines = [line.strip() for line in _written("textgrid", SPOKEN).splitlines()]
    assert lines.count("xmax = 3663") == 5  # of the file, its tiers, and the silence at the end of each
    place = lines.index('text = "it\'s a fine day"')
    assert lines[place - 2 : place] == ["xmin = 0", "xmax = 1.56"]


def test_vtt() -> None:
    assert _written("vtt", SPOKEN) == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:01.560\nit's a fine day\n\n"
        "01:01:01.500 --> 01:01:02.660\nis it not\n"
    )
    assert _written("vtt", SILENT) == "WEBVTT\n"


def test_markup_is_escaped_in_vtt() -> None:
    text = _written("vtt", Transcript((Segment(_words("<b>AT&T</b> -->")),), 2.0))
    assert "&lt;b&gt;AT&amp;T&lt;/b&gt; --&gt;" in text
    assert text.count("-->") == 1


def test_an_arrow_in_the_text_is_no_time_line_in_srt() -> None:
    assert _written("srt", Transcript((Segment(_words("a --> b")),), 2.0)).count("-->") == 1


@pytest.mark.parametrize("name", ["srt", "vtt"])
def test_times_are_well_formed_and_never_overlap(name: str) -> None:
    previous = 0
    found = re.findall(f"{TIME} --> {TIME}", _written(name, LONG))
    assert len(found) > 10
    for parts in found:
        numbers = [int(part) for part in parts]
        start, end = (((h * 60 + m) * 60 + s) * 1000 + ms for h, m, s, ms in (numbers[:4], numbers[4:]))
        assert previous <= start < end <= start + MAX_MS
        previous = end


def test_a_short_cue_stays_readable_where_there_is_room() -> None:
    alone, crowded = Word("yes", 1.0, 1.04, 1.0), Word("no", 5.0, 5.04, 1.0)
    found = cues(Transcript((Segment((alone,)), Segment((crowded,)), Segment(_words("but", 5.2))), 9.0))
    assert [(c.start, c.end) for c in found] == [(1000, 2000), (5000, 5200), (5200, 6200)]


_TIMES = st.floats(0, 20, allow_nan=False)
_ANY_WORD = st.builds(
    Word,
    st.text(alphabet="abc", min_size=1, max_size=100),
    _TIMES,
    _TIMES,
    st.just(1.0),
)


@given(st.lists(st.lists(_ANY_WORD, min_size=1, max_size=30), max_size=4))
def test_cues_keep_their_limits_whatever_the_words(groups: list[list[Word]]) -> None:
    transcript = Transcript(tuple(Segment(tuple(group)) for group in groups), 40.0)
    found = cues(transcript)
    assert "".join("".join(c.lines).replace(" ", "") for c in found) == transcript.text.replace(" ", "")
    assert all(0 < len(c.lines) <= DEFAULT.max_lines for c in found)
    assert all(len(line) <= DEFAULT.max_line_width for c in found for line in c.lines)
    assert all(c.start < c.end <= c.start + MAX_MS for c in found)
    assert all(a.end <= b.start for a, b in pairwise(found))
