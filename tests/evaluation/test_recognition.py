"""Measuring a recognizer: order, failures, parts of files, times, and the texts that show the result.

The recognizer here is scripted: it "hears" what a recording's length stands for, so every count is known.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from speechgru.data import Utterance
from speechgru.errors import AudioError, SpeechGruError
from speechgru.evaluation import recognition
from speechgru.text.normalize import ENGLISH
from speechgru.transcript import Segment, Transcript, Word

RATE = 16000


class Scripted:
    """Hears "one" in a second of sound, "two" in two, ...; keeps what it was given."""

    sample_rate = RATE
    normaliser = ENGLISH

    def __init__(self):
        self.sources, self.batch_size = [], None

    def transcribe_many(self, sources, batch_size=None):
        self.batch_size = batch_size
        for source in sources:
            self.sources.append(source)
            yield source, self._hear(source)

    def _hear(self, source):
        if isinstance(source, Path):
            try:
                source, _ = soundfile.read(source)
            except soundfile.LibsndfileError as error:
                return AudioError(f"{error}")
        seconds = len(source) / RATE
        said = {1: "one", 2: "two", 3: "three"}.get(round(seconds), "")
        words = (Word(said, 0.0, seconds, 1.0),) if said else ()
        return Transcript((Segment(words),) if words else (), seconds, truncated=round(seconds) == 7)


@pytest.fixture
def recording(tmp_path):
    def make(seconds, text, speaker="", **more):
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.wav"
        soundfile.write(path, np.linspace(-0.5, 0.5, round(seconds * RATE)), RATE)
        return Utterance(path, **{"duration": float(seconds), "text": text, "speaker": speaker, **more})

    return make


def test_scores_what_is_heard_and_measures_time(recording):
    recognizer = Scripted()
    seen = []
    result = recognition.evaluate(
        recognizer,
        [recording(1, "one", "s"), recording(2, "five", "t")],
        batch_size=3,
        on_progress=seen.append,
    )
    assert (result.score.wer, result.score.words.substitutions, result.score.speakers) == (0.5, 1, 2)
    assert result.audio_seconds == 3
    assert result.real_time_factor == result.wall_seconds / 3
    assert [row.alignment.aligned for row in result.rows] == ["one", "(five>two)"]
    assert (seen, recognizer.batch_size) == ([1, 2], 3)


def test_whole_files_go_in_as_paths(recording):
    recognizer, utterance = Scripted(), recording(2, "two")
    recognition.evaluate(recognizer, [utterance])
    assert recognizer.sources == [utterance.audio_filepath]


@pytest.mark.parametrize(("offset", "duration"), [(0.0, 1.0), (0.5, 2.0), (3.0, 1.0), (29.5, 2.0)])
def test_of_a_part_only_that_part_is_read(recording, offset, duration):
    recognizer = Scripted()
    recognition.evaluate(recognizer, [recording(32, "x", offset=offset, duration=duration)])
    expected = np.linspace(-0.5, 0.5, 32 * RATE)[round(offset * RATE) : round((offset + duration) * RATE)]
    np.testing.assert_allclose(recognizer.sources[0], expected, atol=1e-4)


def test_unreadable_truncated_and_outlying_recordings_are_listed_and_not_scored(recording, tmp_path):
    junk = tmp_path / "junk.wav"
    junk.write_text("not audio at all")
    utterances = [
        recording(1, "one"),
        Utterance(tmp_path / "gone.wav", 1.0, "one"),
        Utterance(junk, 1.0, "one"),
        recording(7, "seven"),  # the scripted recognizer calls it truncated
        recording(2, "two", offset=1.5, duration=2.0),  # ends at 2.0, not at 3.5
        recording(1, "one", duration=2.0),  # shorter than its manifest says
        recording(1, "one", duration=0.0),  # of a length that nobody wrote down
        recording(3, "three"),
    ]
    result = recognition.evaluate(Scripted(), utterances)
    assert (result.score.utterances, result.score.wer) == (2, 0)
    assert [row.utterance for row in result.rows] == [utterances[0], utterances[-1]]
    assert {f.utterance.audio_filepath for f in result.failed} == {u.audio_filepath for u in utterances[1:-1]}
    assert all(f.message for f in result.failed)


def test_nothing_to_evaluate(tmp_path):
    with pytest.raises(SpeechGruError, match="nothing to evaluate"):
        recognition.evaluate(Scripted(), [])
    with pytest.raises(SpeechGruError, match=r"None of 1 recordings could be read.*gone.wav"):
        recognition.evaluate(Scripted(), [Utterance(tmp_path / "gone.wav", 1.0, "one")])


def test_silence_that_stays_silent_is_no_error_and_no_rate(recording):
    result = recognition.evaluate(Scripted(), [recording(5, "")])
    assert result.score.words.insertions == 0
    assert "undefined" in result.describe()
    json.dumps(result.to_dict(), allow_nan=False)


def test_description_says_what_the_interval_was_taken_over(recording):
    few = recognition.evaluate(Scripted(), [recording(1, "one", "s"), recording(1, "two", "t")])
    assert "2 utterances (2 speakers, fewer than 10)" in few.describe()
    many = recognition.evaluate(Scripted(), [recording(1, "one", str(n)) for n in range(10)])
    assert "10 speakers, 1000 resamples" in many.describe()
    unknown = recognition.evaluate(Scripted(), [recording(1, "one")])
    assert "speakers unknown" in unknown.describe()


def test_description_holds_every_count(recording):
    text = recognition.evaluate(Scripted(), [recording(1, "a b one"), recording(2, "")]).describe()
    assert "WER                100.00 %" in text
    assert "3 words: 0 substitutions, 1 insertions, 2 deletions" in text
    assert "english-1" in text
    assert "real-time factor" in text


def test_details_are_a_table_with_one_line_an_utterance(recording, tmp_path):
    utterances = [recording(1, "one", "s", id="a\tb"), recording(2, "five")]
    result = recognition.evaluate(Scripted(), utterances)
    recognition.write_details(tmp_path / "details.tsv", {"test": result})
    lines = (tmp_path / "details.tsv").read_text().split("\n")
    assert lines[0].split("\t") == list(recognition.DETAIL_COLUMNS)
    assert lines[1].split("\t") == ["test", "a b", "s", "1", "0", "0", "0", "", "one", "one", "one"]
    last = [
        "test",
        str(utterances[1].audio_filepath),
        "",
        "1",
        "1",
        "0",
        "0",
        "",
        "five",
        "two",
        "(five>two)",
    ]
    assert lines[2].split("\t") == last
    assert lines[3:] == [""]
