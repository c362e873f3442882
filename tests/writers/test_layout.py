"""Subtitles as they are asked for: widths, lines, words, the word that is spoken; ASS and LRC as players read them."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechgru import ConfigError, Segment, Transcript, Word
from speechgru.utils import plugins
from speechgru.writers.cues import MAX_MS, Layout, cues


def words(text: str, start: float = 0.0, each: float = 0.4) -> tuple[Word, ...]:
    return tuple(
        Word(word, start + i * each, start + (i + 0.75) * each, 0.9) for i, word in enumerate(text.split())
    )


FINE = Transcript((Segment(words("it is a fine day", 1.0)),), 4.0)
LONG = Transcript((Segment(words(" ".join(f"word{i}" for i in range(60)))),), 30.0)


def milliseconds(clock: str) -> int:
    hours, minutes, seconds = clock.replace(",", ".").split(":")
    return round(1000 * (60 * (60 * int(hours) + int(minutes)) + float(seconds)))


@pytest.mark.parametrize(
    ("settings", "rows"),
    [
        ({"max_line_width": 12}, [["it is a", "fine day"]]),
        ({"max_line_width": 8, "max_lines": 1}, [["it is a"], ["fine day"]]),
        ({"max_words": 2}, [["it is"], ["a fine"], ["day"]]),
        ({"max_words": 1}, [["it"], ["is"], ["a"], ["fine"], ["day"]]),
        ({"max_line_width": 8, "max_lines": 3}, [["it is a", "fine day"]]),
    ],
)
def test_cues_are_cut_as_asked(settings: dict[str, int], rows: list[list[str]]) -> None:
    assert [list(cue.lines) for cue in cues(FINE, Layout(**settings))] == rows
    srt = FINE.to_srt(**settings)
    assert srt.count(" --> ") == len(rows) and all("\n".join(row) in srt for row in rows)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"max_line_width": 7}, "max_line_width is 7; expected 8 or more"),
        ({"max_lines": 0}, "max_lines is 0"),
        ({"max_words": 0}, "max_words is 0"),
        ({"highlight_words": True, "karaoke": True}, "Choose one"),
        ({"max_width": 20}, "max_width"),
        ({"max_lines": "2"}, "max_lines"),
        ({"karaoke": True}, "srt can't do karaoke.*vtt, ass or lrc"),
    ],
)
def test_what_makes_no_sense_is_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        FINE.to_srt(**settings)


def test_only_subtitles_take_a_layout(tmp_path: object) -> None:
    with pytest.raises(ConfigError, match=r"json shows no cues.*max_lines"):
        FINE.save(f"{tmp_path}/a.json", max_lines=1)
    FINE.save(f"{tmp_path}/a.vtt", max_words=1)
    with open(f"{tmp_path}/a.vtt", encoding="utf-8") as file:
        assert file.read() == FINE.to_vtt(max_words=1)


def test_the_spoken_word_is_underlined_for_as_long_as_it_is_spoken() -> None:
    blocks = FINE.to_srt(highlight_words=True).strip().split("\n\n")
    assert blocks[2] == "3\n00:00:01,400 --> 00:00:01,700\nit <u>is</u> a fine day"
    assert blocks[1].endswith("it is a fine day")  # between two words
    times = [re.search(r"(\S+) --> (\S+)", block) for block in blocks]
    spans = [(milliseconds(t[1]), milliseconds(t[2])) for t in times if t]
    assert all(a[1] == b[0] for a, b in pairwise(spans)), "no flicker between them"
    assert (spans[0][0], spans[-1][1]) == (1000, 2900)
    assert [b.count("<u>") for b in blocks] == [1, 0, 1, 0, 1, 0, 1, 0, 1]
    assert FINE.to_vtt(highlight_words=True).count("<u>") == 5


def test_karaoke_in_vtt_names_the_time_of_each_later_word() -> None:
    assert FINE.to_vtt(karaoke=True).splitlines()[3] == (
        "it <00:00:01.400><c>is</c> <00:00:01.800><c>a</c> <00:00:02.200><c>fine</c> <00:00:02.600><c>day</c>"
    )


def test_ass_is_what_players_read() -> None:
    lines = FINE._written("ass").splitlines()
    assert lines[0] == "[Script Info]" and "[V4+ Styles]" in lines and "[Events]" in lines
    assert lines[-1] == "Dialogue: 0,0:00:01.00,0:00:02.90,Default,,0,0,0,,it is a fine day"
    styles = [
        line.partition(":")[2].split(",") for line in lines if line.startswith(("Format: Name", "Style"))
    ]
    assert len(styles[0]) == len(styles[1])
    two = FINE._written("ass", max_line_width=12).splitlines()
    assert two[-1].endswith(r",,it is a\Nfine day")


def test_karaoke_in_ass_adds_up_to_the_cue() -> None:
    line = FINE._written("ass", karaoke=True).splitlines()[-1]
    assert line.endswith(r"{\kf30}it {\k10}{\kf30}is {\k10}{\kf30}a {\k10}{\kf30}fine {\k10}{\kf30}day")
    assert sum(map(int, re.findall(r"\\kf?(\d+)", line))) == 190


def test_markup_in_ass_is_text() -> None:
    odd = Transcript((Segment((Word(r"{\b1}a\Nb", 0.0, 0.5, 1.0),)),), 1.0)
    line = odd._written("ass").splitlines()[-1]
    assert line.endswith(",,\\{\\\u2060b1\\}a\\\u2060Nb")


def test_lrc_is_what_players_read() -> None:
    assert FINE._written("lrc") == "[length:00:04.00]\n[00:01.00]it is a fine day\n[00:02.90]\n"
    assert FINE._written("lrc", karaoke=True).splitlines()[1] == (
        "[00:01.00]<00:01.00>it <00:01.40>is <00:01.80>a <00:02.20>fine <00:02.60>day"
    )
    late = Transcript((Segment(words("[late] <b>", 6000.5)),), 6002.0)
    assert late._written("lrc").splitlines()[1] == "[100:00.50](late) (b)"


def test_a_cue_ends_with_its_sentence_where_that_is_near() -> None:
    text = "one two three four five six. Seven eight nine ten"
    found = cues(Transcript((Segment(words(text)),), 9.0), Layout(max_line_width=34, max_lines=1))
    assert [" ".join(c.lines) for c in found] == ["one two three four five six.", "Seven eight nine ten"]


def test_a_long_word_is_not_cut_to_balance_two_lines() -> None:
    text = "electroencephalographically it is not so at all"
    (cue,) = cues(Transcript((Segment(words(text)),), 9.0))
    assert cue.lines == ("electroencephalographically", "it is not so at all")


_TIMES = st.floats(0, 20, allow_nan=False)
_ANY = st.builds(
    Word, st.text(alphabet="abc. ", min_size=1, max_size=60).filter(str.strip), _TIMES, _TIMES, st.just(1.0)
)
_LAYOUTS = st.builds(
    Layout,
    st.integers(8, 60),
    st.integers(1, 4),
    st.none() | st.integers(1, 12),
    st.booleans(),
)


@given(st.lists(st.lists(_ANY, min_size=1, max_size=20), max_size=3), _LAYOUTS)
def test_limits_hold_whatever_the_words(groups: list[list[Word]], layout: Layout) -> None:
    transcript = Transcript(tuple(Segment(tuple(group)) for group in groups), 40.0)
    found = cues(transcript, layout)
    assert "".join(" ".join(c.lines) for c in found).replace(" ", "") == transcript.text.replace(" ", "")
    for cue in found:
        assert 0 < len(cue.lines) <= layout.max_lines
        assert all(len(line) <= layout.max_line_width for line in cue.lines)
        assert layout.max_words is None or sum(map(len, cue.rows)) <= layout.max_words
        assert cue.start < cue.end <= cue.start + MAX_MS
        spans = list(cue.spans())
        assert spans[0][0] == cue.start and spans[-1][1] == cue.end
        assert all(a[1] == b[0] for a, b in pairwise(spans)) and all(a < b for a, b, _ in spans)
    for name in ("srt", "vtt", "ass", "lrc"):
        plugins.find("writers", name)
        transcript._written(name)


@given(st.lists(_ANY, min_size=1, max_size=20))
def test_karaoke_times_rise_within_each_cue(group: list[Word]) -> None:
    transcript = Transcript((Segment(tuple(group)),), 40.0)
    for block in transcript.to_vtt(karaoke=True).split("\n\n")[1:]:
        head, _, text = block.partition("\n")
        start, end = (milliseconds(part) for part in head.split(" --> "))
        inside = [milliseconds(clock) for clock in re.findall(r"<(\d[^>]*)>", text)]
        assert all(a < b for a, b in pairwise([start, *inside, end]))
    for line in transcript._written("ass", karaoke=True).splitlines():
        if line.startswith("Dialogue"):
            begin, end = (round(milliseconds(part) / 10) for part in line.split(",")[1:3])
            assert sum(map(int, re.findall(r"\\kf?(\d+)", line))) <= max(end - begin, 0)
