"""Manifests: round trip, errors that name the line, and the reasons for which utterances are left out."""

from __future__ import annotations

import json
import math
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechgru.audio import encode
from speechgru.data import Utterance, manifest
from speechgru.data.manifest import Dropped
from speechgru.errors import AudioError, ManifestError
from speechgru.text import Vocabulary

NAMES = st.text(alphabet=st.characters(exclude_characters="/\0"), min_size=1, max_size=8).filter(
    lambda n: n not in (".", "..")
)
SECONDS = st.floats(0, 1e6)
UTTERANCES = st.builds(
    Utterance,
    audio_filepath=st.lists(NAMES, min_size=1, max_size=3).map(lambda parts: Path("/", *parts)),
    duration=SECONDS,
    text=st.text(max_size=20),
    speaker=st.text(max_size=5),
    id=st.text(max_size=5),
    offset=SECONDS,
)


@given(st.lists(UTTERANCES, max_size=4))
def test_round_trip(utterances: list[Utterance]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "manifest.jsonl")
        below = [
            Utterance(Path(folder, "a b", "ü.wav"), 1.0, "x"),
            Utterance(Path(folder, "\udcff.wav"), 1.0, "y"),
        ]
        manifest.write(path, [*utterances, *below])
        assert manifest.read(path) == [*utterances, *below]


def test_audio_below_the_manifest_moves_with_it(tmp_path: Path) -> None:
    manifest.write(tmp_path / "one" / "m.jsonl", [Utterance(tmp_path / "one" / "wav" / "a.wav", 1.0, "a")])
    (tmp_path / "one").rename(tmp_path / "two")
    assert manifest.read(tmp_path / "two" / "m.jsonl")[0].audio_filepath == tmp_path / "two" / "wav" / "a.wav"


def test_audio_relative_to_the_working_directory_is_found_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    manifest.write("deep/m.jsonl", [Utterance(Path("a.wav"), 1.0, "a")])
    assert manifest.read("deep/m.jsonl")[0].audio_filepath == tmp_path / "a.wav"


def test_reads_what_other_tools_write(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    line = {"audio_filepath": "a.wav", "duration": 2, "text": "hi", "speaker": 7, "id": None, "lang": "en"}
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(line).encode() + b"\r\n\r\n  \n")
    assert manifest.read(path) == [Utterance(tmp_path / "a.wav", 2.0, "hi", speaker="7", language="en")]


GOOD = {"audio_filepath": "a.wav", "duration": 1.0, "text": "hi"}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "not JSON"),
        ("[]", "a JSON list; expected an object"),
        (json.dumps({k: v for k, v in GOOD.items() if k != "text"}), "no 'text'; expected"),
        (json.dumps({k: v for k, v in GOOD.items() if k != "duration"}), "no 'duration'; expected"),
        (json.dumps(GOOD | {"audio_filepath": ""}), "expected the path of a recording"),
        (json.dumps(GOOD | {"audio_filepath": 3}), "audio_filepath is 3; expected a string"),
        (json.dumps(GOOD | {"text": None}), "text is None; expected a string"),
        (json.dumps(GOOD | {"duration": "1"}), "duration is '1'; expected seconds"),
        (json.dumps(GOOD | {"duration": -1}), "expected seconds, 0 or more"),
        (json.dumps(GOOD | {"duration": True}), "expected seconds"),
        (json.dumps(GOOD | {"duration": float("nan")}), "expected seconds"),
        (json.dumps(GOOD | {"offset": float("inf")}), "expected seconds"),
        (json.dumps(GOOD | {"speaker": []}), "speaker is \\[\\]; expected a string"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "m.jsonl"
    path.write_text(f"{json.dumps(GOOD)}\n\n{line}\n")
    with pytest.raises(ManifestError, match=f"m.jsonl, line 3: .*{message}"):
        manifest.read(path)


def test_a_manifest_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00RIFF")
    for path in (tmp_path / "none.jsonl", tmp_path, tmp_path / "binary"):
        with pytest.raises(ManifestError, match="Can't read the manifest"):
            manifest.read(path)


def test_a_failed_write_leaves_the_old_manifest(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    manifest.write(path, [Utterance(tmp_path / "a.wav", 1.0, "a")])
    with pytest.raises(ValueError, match="JSON compliant"):
        manifest.write(path, [Utterance(tmp_path / "a.wav", float("nan"), "a")])
    assert len(manifest.read(path)) == 1
    assert list(tmp_path.iterdir()) == [path]


@pytest.fixture
def audio(tmp_path: Path) -> Path:
    path = tmp_path / "a.wav"
    path.touch()
    return path


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"audio_filepath": Path("none.wav")}, "missing audio"),
        ({"text": " "}, "empty text"),
        ({"text": "ab2é"}, "characters outside the vocabulary: '2' 'é'"),
        ({"duration": 0.05}, "too short: 0.050 s < 0.1 s"),
        ({"duration": 21.0}, "too long: 21.000 s > 20 s"),
        ({"duration": 0.35, "text": "aabb"}, "too short for CTC: 3 frames < 4 labels + 2 repeats"),
        ({"duration": 0.5, "text": "aabb"}, "too short for CTC: 5 frames < 4 labels + 2 repeats"),
        ({"duration": 0.61, "text": "aabb"}, None),
        ({"duration": 0.41, "text": "abab"}, None),
    ],
)
def test_check(audio: Path, changes: dict[str, object], reason: str | None) -> None:
    utterance = Utterance(**({"audio_filepath": audio, "duration": 1.0, "text": "ab"} | changes))  # type: ignore[arg-type]
    good = Utterance(audio, 1.0, "b a")
    vocabulary = Vocabulary.from_texts(["ab "])
    kept, dropped = manifest.check([good, utterance, good], vocabulary, frames_per_second=10, max_duration=20)
    assert [(each.utterance, each.reason) for each in dropped] == ([(utterance, reason)] if reason else [])
    assert kept == ([good, good] if reason else [good, utterance, good])


def test_dropped_are_counted_and_listed(tmp_path: Path, audio: Path) -> None:
    dropped = [
        Dropped(Utterance(audio, 1.0, "one\ttwo\nthree", id="x"), "characters outside the vocabulary", "'é'"),
        Dropped(Utterance(audio, 2.0, ""), "empty text"),
        Dropped(Utterance(audio, 3.0, "ß"), "characters outside the vocabulary", "'ß'"),
    ]
    assert manifest.summary(dropped) == {"characters outside the vocabulary": 2, "empty text": 1}
    manifest.write_dropped(tmp_path / "dropped.tsv", dropped)
    rows = [line.split("\t") for line in (tmp_path / "dropped.tsv").read_text(encoding="utf-8").splitlines()]
    assert rows[0] == ["id", "audio_filepath", "duration", "reason", "text"]
    assert rows[1] == ["x", str(audio), "1.000", "characters outside the vocabulary: 'é'", "one two three"]
    assert len(rows) == 4
    assert all(len(row) == 5 for row in rows)


# --- the recording of an utterance

RATE = 16000


@pytest.mark.parametrize(
    ("offset", "duration", "first", "last", "truncated"),
    [
        (0.0, 3.0, 0.0, 3.0, False),
        (0.0, 2.91, 0.0, 3.0, False),  # a rounded duration: meant whole
        (0.0, 3.09, 0.0, 3.0, False),
        (0.0, 2.5, 0.0, 2.5, False),
        (0.0, 3.5, 0.0, 3.0, True),
        (0.0, math.inf, 0.0, 3.0, False),
        (1.0, 1.5, 1.0, 2.5, False),
        (1.0, 2.05, 1.0, 3.0, False),
        (2.5, 1.0, 2.5, 3.0, True),
        (2.5, math.inf, 2.5, 3.0, False),
    ],
)
def test_one_rule_says_which_part_of_a_recording_an_utterance_is(
    tmp_path: Path, offset: float, duration: float, first: float, last: float, truncated: bool
) -> None:
    ramp = np.linspace(-0.5, 0.5, 3 * RATE).astype(np.float32)
    encode.write(tmp_path / "a.wav", ramp, RATE)
    sound = manifest.read_audio(Utterance(tmp_path / "a.wav", duration, "", offset=offset), RATE)
    assert sound.signal.dtype == np.float32
    np.testing.assert_allclose(sound.signal, ramp[round(first * RATE) : round(last * RATE)], atol=1e-4)
    assert sound.truncated == truncated
    if truncated:
        assert sound.warnings[0].text.startswith(
            "cut short: 3.00 readable seconds, but its manifest asks for 3.5"
        )


def test_a_part_is_whole_though_its_recording_breaks_off_behind_it(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    encode.write(path, np.full(3 * RATE, 0.1, np.float32), RATE)
    path.write_bytes(path.read_bytes()[: 2 * 2 * RATE + 44])
    assert not manifest.read_audio(Utterance(path, 1.0, "", offset=0.9), RATE).truncated
    assert manifest.read_audio(Utterance(path, 2.0, ""), RATE).truncated


def test_an_utterance_behind_the_end_of_its_recording_is_refused(tmp_path: Path) -> None:
    encode.write(tmp_path / "a.wav", np.zeros(RATE, np.float32), RATE)
    with pytest.raises(AudioError, match=r"a\.wav: cut short: 1\.00 readable seconds, .* asks for 3\.00"):
        manifest.read_audio(Utterance(tmp_path / "a.wav", 1.0, "", offset=2.0), RATE)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("[" * 100_000, "not JSON .nested too deeply."),
        ('{"audio_filepath": "a", "text": "x", "duration": 1' + "0" * 400 + "}", "duration is 1"),
        ('{"audio_filepath": "a", "text": "x", "duration": 1, "offset": 1e300}', "offset is 1e"),
        ('{"audio_filepath": "a", "text": "x", "duration": ' + "9" * 5000 + "}", "not JSON"),
    ],
)
def test_what_no_manifest_means_is_named(tmp_path: Path, line: str, reason: str) -> None:
    (tmp_path / "m.jsonl").write_text(line)
    with pytest.raises(ManifestError, match=rf"m\.jsonl, line 1: {reason}") as caught:
        manifest.read(tmp_path / "m.jsonl")
    assert len(str(caught.value)) < 1600
