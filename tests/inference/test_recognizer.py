"""From audio to transcript, with an engine whose right answer is known."""

from __future__ import annotations

import io
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from beeps import FRAME, LETTER_SECONDS, RATE, beep, recognizer, sentence, spoken

from speechgru.audio import energy
from speechgru.errors import AudioError, CheckpointError, ConfigError, SpeechGruError
from speechgru.inference import batching, chunking, load_recognizer
from speechgru.inference.chunking import MAX_SECONDS, OVERLAP_SECONDS, cut, join
from speechgru.inference.gate import Gate
from speechgru.models import checkpoint
from speechgru.transcript import Transcript, Word
from speechgru.utils.assets import find_model


def _save(path: Path, signal: np.ndarray[Any, Any], rate: int = RATE) -> Path:
    soundfile.write(path, signal, rate)
    return path


# ------------------------------------------------------------------------------------- one recording


def test_words_and_times() -> None:
    found = recognizer().transcribe(beep("hi all of |you"), RATE)
    assert found.text == "hi all of you"
    assert [segment.text for segment in found.segments] == ["hi all of", "you"]
    assert found.words[1].start == pytest.approx(0.3 + 3 * LETTER_SECONDS, abs=0.06)
    assert found.words[1].end == pytest.approx(0.3 + 6 * LETTER_SECONDS - 0.08, abs=0.06)
    # A frame is centred at its time: it begins half a frame earlier.
    assert all(word.start / 0.04 % 1 == pytest.approx(0.5) for word in found.words)
    assert all(word.confidence == pytest.approx(0.9) for word in found.words)
    assert (found.model, found.source, found.truncated) == ("beeps", "", False)


def test_a_file_an_array_and_a_stream_say_the_same(tmp_path: Path) -> None:
    path = _save(tmp_path / "a.wav", beep("one two"))
    heard = recognizer()
    for source in (path, str(path), io.BytesIO(path.read_bytes())):
        assert heard.transcribe(source).text == "one two"
    assert heard.transcribe(path).source == str(path)
    assert heard.transcribe(path).duration == pytest.approx(len(beep("one two")) / RATE)


def test_progress_rises_to_one(tmp_path: Path) -> None:
    calls: list[float] = []
    heard = recognizer(batch_size=2)
    path = _save(tmp_path / "a.wav", beep(sentence(60, 0)))
    heard.transcribe(path, on_progress=calls.append)
    assert calls == sorted(calls)
    assert calls[-1] == 1.0
    assert 0 < calls[0] < 1


# --------------------------------------------------------------------------------------------- arrays


@pytest.mark.parametrize("kind", ["int16", "int32", "uint8", "float64", "stereo", "tensor", "int16 tensor"])
def test_arrays_of_any_kind(kind: str) -> None:
    signal: Any = beep("abc def")
    if kind in ("int16", "int16 tensor"):
        signal = (signal * 32767).astype(np.int16)
    elif kind == "int32":
        signal = (signal * 2147483520).astype(np.int32)
    elif kind == "uint8":
        signal = (signal * 127 + 128).astype(np.uint8)
    elif kind == "float64":
        signal = signal.astype(np.float64)
    elif kind == "stereo":
        signal = np.stack([signal, np.zeros_like(signal)])
    if "tensor" in kind:
        signal = torch.from_numpy(signal)
    assert recognizer().transcribe(signal, RATE).text == "abc def"


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000])
def test_arrays_of_another_rate_are_resampled(rate: int) -> None:
    found = recognizer().transcribe(beep("abc def", rate), rate)
    assert found.text == "abc def"
    assert found.duration == pytest.approx(len(beep("abc def", rate)) / rate, abs=0.01)
    assert any(warning.kind == "narrow" for warning in found.warnings) == (rate == 8000)


@pytest.mark.parametrize(
    ("array", "rate", "message"),
    [
        (np.zeros(16000), None, "sample_rate"),
        (np.zeros(16000), 3999, "hertz from 4000"),
        (np.zeros(16000), 16000.5, "whole number"),
        (np.zeros(16000), True, "whole number"),
        (np.zeros(0), 16000, "no samples"),
        (np.zeros((16000, 2)), 16000, r"Pass array\.T"),
        (np.zeros((2, 3, 16000)), 16000, "3 dimensions"),
        (np.zeros(()), 16000, "0 dimensions"),
        (np.full(16000, np.nan), 16000, "NaN or Inf"),
        (np.full(16000, np.inf), 16000, "NaN or Inf"),
        (np.full(16000, 20000.0), 16000, r"\[-1, 1\]"),
        (np.zeros(16000, np.int64), 16000, "int16"),
        (np.zeros(16000, complex), 16000, "complex128"),
        (np.zeros(16000, bool), 16000, "bool"),
        (np.array(["a"] * 100), 16000, "<U1"),
    ],
)
def test_arrays_that_cannot_be_sound(array: Any, rate: Any, message: str) -> None:
    with pytest.raises(AudioError, match=message):
        recognizer().transcribe(array, rate)


@pytest.mark.parametrize("source", [[0.0, 0.1], None, 3])
def test_what_is_no_source_at_all(source: Any) -> None:
    with pytest.raises(AudioError, match="path"):
        recognizer().transcribe(source)


def test_a_file_states_its_own_rate(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="states its own rate"):
        recognizer().transcribe(_save(tmp_path / "a.wav", beep("a")), RATE)


# ------------------------------------------------------------------------------------- silence, noise


def _noise(colour: float, seconds: float, level: float) -> np.ndarray[Any, Any]:
    count = round(seconds * RATE)
    spectrum = np.fft.rfft(np.random.default_rng(3).standard_normal(count))
    hertz = np.maximum(np.arange(len(spectrum)) * RATE / count, 20.0)
    shaped = np.fft.irfft(spectrum / hertz**colour, count)
    return (level * shaped / np.sqrt((shaped**2).mean())).astype(np.float32)


SILENCES = {
    "digital silence": np.zeros(3 * RATE, np.float32),
    "an offset": np.full(3 * RATE, 0.3, np.float32),
    "one bit of dither": (np.random.default_rng(0).integers(-1, 2, 3 * RATE) / 32768).astype(np.float32),
    "white noise": _noise(0.0, 10.0, 0.1),
    "faint white noise": _noise(0.0, 10.0, 0.001),
    "pink room noise": _noise(0.5, 10.0, 0.05),
    "brown room noise": _noise(1.0, 10.0, 0.05),
    "a minute of noise": _noise(0.5, 60.0, 0.05),
    "a click": np.eye(1, 3 * RATE, RATE, dtype=np.float32)[0],
    "nearly nothing": beep("a")[:1000],
}


class _Inventor:
    """Hears a word in anything."""

    def __init__(self, real: Any, confidence: float) -> None:
        self.real, self.confidence, self.calls = real, confidence, 0
        self.sample_rate, self.frame_seconds, self.device = real.sample_rate, real.frame_seconds, real.device
        self.vocabulary = real.vocabulary

    def run(self, signals: Any) -> Any:
        self.calls += 1
        for signal in signals:
            probabilities = np.full((len(signal) // FRAME, 28), (1 - self.confidence) / 27, np.float32)
            probabilities[:, 5] = self.confidence
            yield np.log(probabilities)


@pytest.mark.parametrize("name", SILENCES)
def test_silence_and_steady_noise_never_reach_the_model(name: str) -> None:
    heard = recognizer()
    heard.engine = _Inventor(heard.engine, 0.99)
    found = heard.transcribe(SILENCES[name], RATE)
    assert (found.text, found.segments) == ("", ())
    assert heard.engine.calls == 0
    assert found.duration == pytest.approx(len(SILENCES[name]) / RATE)


def test_words_that_the_model_doubts_are_not_written() -> None:
    heard = recognizer(gate=Gate(min_confidence=0.5))
    heard.engine = _Inventor(heard.engine, 0.4)
    assert heard.transcribe(beep("abc"), RATE).text == ""
    heard.engine = _Inventor(recognizer().engine, 0.6)
    assert heard.transcribe(beep("abc"), RATE).text == "d"


def test_quiet_speech_still_counts() -> None:
    signal = beep("abc def", noise=1e-6)
    floor, top = energy.floor_and_top(energy.levels(signal / 200, RATE))
    assert top > Gate().min_level_db
    assert top - floor > Gate().min_range_db
    assert energy.may_hold_speech(signal / 200, RATE)


def test_a_word_within_long_silence_is_found() -> None:
    signal = np.concatenate([_noise(0.5, 40.0, 0.001), beep("abc"), _noise(0.5, 40.0, 0.001)])
    assert recognizer().transcribe(signal, RATE).text == "abc"


# ---------------------------------------------------------------------------------------- long files


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("pause_every", [0, 5])
def test_a_long_recording_loses_and_doubles_no_word(seed: int, pause_every: int, tmp_path: Path) -> None:
    text = sentence(150, seed, pause_every)
    path = _save(tmp_path / "long.wav", beep(text))
    heard = recognizer()
    found = heard.transcribe(path)
    assert found.duration > 5 * MAX_SECONDS
    assert found.text == spoken(text)
    assert all(a.end <= b.start for a, b in pairwise(found.words))
    assert all(length <= MAX_SECONDS * RATE for _, length in heard.engine.batches)


def test_pieces_cover_everything_and_share_only_what_they_say() -> None:
    rate = 1000
    signal = np.random.default_rng(0).standard_normal(95 * rate).astype(np.float32)
    for size in (700, 30_000, 95_000):
        blocks = (signal[i : i + size] for i in range(0, len(signal), size))
        end = 0
        for piece in cut(blocks, rate):
            start = round(piece.start * rate)
            assert start == end - round(piece.overlap * rate)
            end = start + len(piece.samples)
            assert np.array_equal(piece.samples, signal[start:end])
            assert len(piece.samples) <= MAX_SECONDS * rate
        assert end == len(signal)


def test_cuts_fall_into_pauses() -> None:
    signal = beep(sentence(120, 1, pause_every=6))
    pieces = list(cut([signal], RATE))
    assert len(pieces) > 3
    assert all(piece.overlap == 0 for piece in pieces)
    for piece in pieces[1:]:
        at = round(piece.start * RATE)
        assert np.abs(signal[at - RATE // 10 : at + RATE // 10]).max() < 0.01


def test_a_block_of_the_source_is_not_kept_alive_by_a_waiting_piece() -> None:
    assert all(piece.samples.base is None for piece in cut([np.zeros(100_000, np.float32)], 1000))


SEAM = OVERLAP_SECONDS / 2


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((SEAM - 0.3, SEAM + 0.1), (SEAM - 0.3, SEAM + 0.1)),  # both on the left
        ((SEAM - 0.1, SEAM + 0.3), (SEAM - 0.1, SEAM + 0.3)),  # both on the right
        ((SEAM - 0.21, SEAM + 0.19), (SEAM - 0.17, SEAM + 0.23)),  # each would claim it
        ((SEAM - 0.17, SEAM + 0.23), (SEAM - 0.21, SEAM + 0.19)),  # neither would
        ((SEAM - 0.04, SEAM), (SEAM, SEAM + 0.04)),  # a letter of one frame, a frame apart
    ],
)
def test_a_word_at_the_seam_is_kept_once(before: tuple[float, float], after: tuple[float, float]) -> None:
    first = [Word("a", 0.5, 1.0, 1.0), Word("seam", *before, 1.0), Word("z", 3.0, 3.4, 1.0)]
    second = [
        Word("a", 0.5, 1.0, 1.0),
        Word("seam", *after, 1.0),
        Word("z", 3.0, 3.4, 1.0),
        Word("new", 5, 6, 1.0),
    ]
    joined = join(first, second, 0.0, OVERLAP_SECONDS)
    assert [word.text for word in joined] == ["a", "seam", "z", "new"]
    assert all(a.end <= b.start for a, b in pairwise(joined))


def test_words_after_a_piece_without_any_are_kept_from_their_start() -> None:
    new = [Word("early", 0.2, 0.6, 1.0), Word("late", 5.0, 5.5, 1.0)]
    assert join([], new, 0.0, OVERLAP_SECONDS) == new


# ------------------------------------------------------------------------------------- many, batched


def test_results_are_in_order_and_do_not_depend_on_the_batch() -> None:
    texts = [sentence(1 + (7 * i) % 13, i) for i in range(40)]
    signals = [beep(text) for text in texts]
    for size in (1, 16):
        heard = recognizer()
        results = [result for _, result in heard.transcribe_many(signals, batch_size=size)]
        assert [result.text for result in results if isinstance(result, Transcript)] == texts
        assert size / 3 < max(rows for rows, _ in heard.engine.batches) <= size


def test_batches_hold_pieces_of_about_one_length() -> None:
    heard = recognizer()
    signals = [beep(sentence(1 + 12 * (i % 2), i)) for i in range(32)]
    list(heard.transcribe_many(signals))
    padded = sum(rows * length for rows, length in heard.engine.batches)
    assert padded < 1.2 * sum(map(len, signals))


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("speechgru.inference.pool.BATCH_SECONDS", {"cpu": 20.0})
    taken = 0

    def sources() -> Any:
        nonlocal taken
        for i in range(120):
            taken += 1
            yield beep(sentence(2, i))

    heard = recognizer()
    for given, (_, result) in enumerate(heard.transcribe_many(sources())):
        assert isinstance(result, Transcript)
        # Four batches of 20 s are about 35 of these sentences.
        assert taken - given < 60
    assert max(rows * length for rows, length in heard.engine.batches) <= 20 * RATE


def test_one_bad_file_leaves_the_others_alone(tmp_path: Path) -> None:
    good = _save(tmp_path / "good.wav", beep("fine"))
    bad = tmp_path / "bad.wav"
    bad.write_bytes(b"no sound in here")
    results = list(recognizer().transcribe_many([good, bad, tmp_path / "missing.wav", good]))
    assert [source for source, _ in results] == [good, bad, tmp_path / "missing.wav", good]
    assert [isinstance(result, SpeechGruError) for _, result in results] == [False, True, True, False]
    assert isinstance(results[3][1], Transcript)
    assert results[3][1].text == "fine"


def test_what_can_be_read_of_a_damaged_file_is_transcribed(tmp_path: Path) -> None:
    path = _save(tmp_path / "cut.wav", beep("abc def ghi"))
    path.write_bytes(path.read_bytes()[: -round(4 * LETTER_SECONDS * RATE) * 2])
    found = recognizer().transcribe(path)
    assert found.truncated
    assert found.warnings
    assert found.text.startswith("abc def")


def test_an_engine_that_fails_fails_its_files_only() -> None:
    class Full:
        def __init__(self, real: Any) -> None:
            self.sample_rate, self.frame_seconds, self.device = RATE, real.frame_seconds, real.device
            self.real, self.vocabulary = real, real.vocabulary

        def run(self, signals: Any) -> Any:
            if max(map(len, signals)) > 200 * FRAME:
                raise SpeechGruError("Out of memory")
            return self.real.run(signals)

    heard = recognizer(batch_size=1)
    heard.engine = Full(heard.engine)
    results = [result for _, result in heard.transcribe_many([beep("a"), beep("b" * 100), beep("c")])]
    assert [getattr(result, "text", "") for result in results] == ["a", "", "c"]
    assert isinstance(results[1], SpeechGruError)


# ------------------------------------------------------------------------------------------- loading


def test_a_model_that_is_not_there() -> None:
    with pytest.raises(CheckpointError, match=r"nowhere\.safetensors.*--model FILE.*speechgru train"):
        load_recognizer("nowhere.safetensors")


def test_a_missing_default_model_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("speechgru.utils.assets.ASSETS", tmp_path)
    with pytest.raises(CheckpointError, match="default model english"):
        load_recognizer()


def test_a_packaged_model_is_found_by_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("speechgru.utils.assets.ASSETS", tmp_path)
    (tmp_path / "tiny.safetensors").touch()
    assert find_model("tiny") == tmp_path / "tiny.safetensors"
    with pytest.raises(CheckpointError, match="one of: tiny"):
        find_model("tony")


@pytest.mark.parametrize("size", [0, -1])
def test_batch_size_is_positive(size: int) -> None:
    with pytest.raises(ConfigError, match="1 or more"):
        load_recognizer("x.safetensors", batch_size=size)


@pytest.fixture(scope="module")
def checkpoint_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real, untrained model, very small."""
    from beeps import save_checkpoint

    return save_checkpoint(tmp_path_factory.mktemp("model") / "tiny.safetensors")


def test_a_checkpoint_runs_through_the_real_engine(checkpoint_path: Path) -> None:
    heard = load_recognizer(checkpoint_path)
    heard.gate = Gate(min_confidence=0.0)
    signals = [beep(sentence(n, n)) for n in (1, 9, 4, 20)]
    together = [result for _, result in heard.transcribe_many(signals, batch_size=4)]
    alone = [heard.transcribe(signal, RATE) for signal in signals]
    assert any(transcript.text for transcript in alone)
    for one, other in zip(alone, together, strict=True):
        assert isinstance(other, Transcript)
        assert one.text == other.text
        assert one.model == "tiny"
        assert all(0 <= w.start < w.end <= one.duration for w in one.words)


@pytest.mark.parametrize("device", ["tpu", "cpu:x", "cuda:x:y", "cuda:99", ""])
def test_unknown_device(device: str, checkpoint_path: Path) -> None:
    with pytest.raises(ConfigError):
        load_recognizer(checkpoint_path, device=device)


@pytest.mark.parametrize("decoder", ["greedy", {"name": "greedy", "settings": {"beam": 8}}])
def test_a_decoder_that_a_header_gets_wrong(decoder: Any, checkpoint_path: Path, tmp_path: Path) -> None:
    loaded = checkpoint.load(checkpoint_path)
    wrong = tmp_path / "wrong.safetensors"
    checkpoint.save(wrong, loaded.kind, {**loaded.header, "decoder": decoder}, loaded.tensors)
    with pytest.raises(CheckpointError, match="decoder"):
        load_recognizer(wrong)


def test_unknown_decoder(checkpoint_path: Path) -> None:
    with pytest.raises(ConfigError, match="greedy"):
        load_recognizer(checkpoint_path, decoder="greed")


def test_public_names() -> None:
    import speechgru

    assert speechgru.load_recognizer is load_recognizer
    assert chunking.MAX_SECONDS <= 30


@pytest.mark.parametrize("most", [4, 2])
def test_batches_hold_like_lengths_and_not_too_much(most: int) -> None:
    rate = 16000
    signals = [np.zeros(round(seconds * rate), np.float32) for seconds in (1, 9, 5, 8, 2, 0.5, 7, 6)]
    batches = batching.batches(signals, rate, 30.0, most)
    lengths = [[len(signals[number]) / rate for number in batch] for batch in batches]
    if most == 4:
        assert lengths == [[9, 8, 7], [6, 5], [2, 1], [0.5]]
    else:
        assert lengths == [[9, 8], [7, 6], [5], [2, 1], [0.5]]
