"""TextGrids through the parsers that phoneticians use."""

from __future__ import annotations

import io
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechgru.transcript import Segment, Transcript, Word
from speechgru.writers import textgrid as writer

SAID = Transcript(
    (
        Segment((Word('say "yes"', 0.25, 0.5, 0.9), Word("now", 0.5, 0.75, 0.8))),
        Segment((Word("café", 2.0, 2.5, 0.7),)),
    ),
    duration=3.0,
    source="a.wav",
)
WORDS = [(0.25, 0.5, 'say "yes"'), (0.5, 0.75, "now"), (2.0, 2.5, "café")]
SEGMENTS = [(0.25, 0.75, 'say "yes" now'), (2.0, 2.5, "café")]


def _text(transcript: Transcript) -> str:
    stream = io.StringIO()
    writer.write(transcript, stream)
    return stream.getvalue()


def _file(path: Path, transcript: Transcript) -> str:
    path.write_text(_text(transcript), encoding="utf-8")
    return str(path)


def test_the_layout_of_praats_long_format() -> None:
    head = 'File type = "ooTextFile"\nObject class = "TextGrid"\n\nxmin = 0\nxmax = 3\ntiers? <exists>\nsize = 2\n'
    text = _text(SAID)
    assert text.startswith(head)
    assert '            xmin = 0.25\n            xmax = 0.5\n            text = "say ""yes"""\n' in text
    assert text.count("intervals: size = 6\n") == text.count("intervals: size = 5\n") == 1


def test_round_trip_through_praatio(tmp_path: Path) -> None:
    praatio = pytest.importorskip("praatio.textgrid")
    read = praatio.openTextgrid(_file(tmp_path / "a.TextGrid", SAID), includeEmptyIntervals=False)
    assert read.tierNames == ("words", "segments")
    assert (read.minTimestamp, read.maxTimestamp) == (0, 3)
    assert [tuple(entry) for entry in read.getTier("words").entries] == WORDS
    assert [tuple(entry) for entry in read.getTier("segments").entries] == SEGMENTS


def test_round_trip_through_textgrid(tmp_path: Path) -> None:
    package = pytest.importorskip("textgrid")
    read = package.TextGrid.fromFile(_file(tmp_path / "a.TextGrid", SAID))
    for tier, expected in zip(read.tiers, (WORDS, SEGMENTS), strict=True):
        assert [(i.minTime, i.maxTime, i.mark) for i in tier if i.mark] == expected
        assert (tier.minTime, tier.maxTime) == (0, 3)
        assert all(a.maxTime == b.minTime for a, b in pairwise(tier))


def test_nothing_said(tmp_path: Path) -> None:
    package = pytest.importorskip("textgrid")
    for duration in (2.0, 0.0):
        read = package.TextGrid.fromFile(_file(tmp_path / "a.TextGrid", Transcript((), duration)))
        (only,) = read.getFirst("words")
        assert (only.minTime, only.mark) == (0, "")
        assert only.maxTime == max(duration, 0.001)


_WORD = st.builds(
    Word,
    st.text(alphabet='ab" é\n', min_size=1, max_size=5).filter(str.strip),
    st.floats(0, 5),
    st.floats(0, 5),
    st.just(1.0),
)


def _intervals(text: str) -> list[list[tuple[str, str, str]]]:
    """Those of each tier, as written."""
    tiers = []
    for tier in text.split("    item [")[1:]:
        lines = [line.strip() for line in tier.split("intervals [1]")[1].splitlines()]
        fields: dict[str, list[str]] = {"xmin": [], "xmax": [], "text": []}
        for line in lines:
            name, equals, value = line.partition(" = ")
            if equals and name in fields:
                fields[name].append(value)
        tiers.append(list(zip(*fields.values(), strict=True)))
    return tiers


@given(st.lists(st.lists(_WORD, min_size=1, max_size=6), max_size=4), st.floats(0, 6))
def test_tiers_have_no_gaps_and_no_overlaps_whatever_the_words(groups: list[Any], duration: float) -> None:
    transcript = Transcript(tuple(Segment(tuple(group)) for group in groups), duration)
    words, segments = _intervals(_text(transcript))
    for tier, spoken in ((words, transcript.words), (segments, transcript.segments)):
        assert tier[0][0] == "0"
        assert all(a[1] == b[0] for a, b in pairwise(tier))
        assert all(float(start) < float(end) for start, end, _ in tier)
        said = [text[1:-1].replace('""', '"') for _, _, text in tier if text != '""']
        assert said == [" ".join(span.text.split()) for span in spoken]
    assert words[-1][1] == segments[-1][1]
    assert float(words[-1][1]) >= duration - 0.0005
