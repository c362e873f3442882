"""Learning gate, search, confidence and word times of a trained model, and writing them whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from beeps import RATE, VOCABULARY, beep, recognizer, save_checkpoint, sentence

from speechgru import cli
from speechgru.audio.energy import Signal
from speechgru.data import Utterance, manifest
from speechgru.errors import SpeechGruError
from speechgru.evaluation import calibrate, tune_confidence, tune_gate, tune_times
from speechgru.evaluation.calibrate import calibrate_file, halves, is_enough
from speechgru.evaluation.calibrate_parts import PARTS, Calibrator, Options, Sample
from speechgru.evaluation.tune_confidence import Reading
from speechgru.evaluation.wer import Counts
from speechgru.inference import load_ctc
from speechgru.inference.acoustic_header import AcousticHeader
from speechgru.inference.confidence import Calibration
from speechgru.inference.gate import Gate
from speechgru.inference.word_times import Times
from speechgru.lm import arpa, slm
from speechgru.lm.ngram import from_table
from speechgru.models import checkpoint
from speechgru.transcript import Word
from speechgru.utils import assets

PETS = """\\data\\
ngram 1=4

\\1-grams:
-3.0\t<unk>
-99\t<s>
-0.3\t</s>
-0.3\tcat

\\end\\
"""
WRONG = 0.25  # share of the reference words that the beeps don't spell


def write(path: Path, signal: Signal) -> Path:
    soundfile.write(path, signal, RATE)
    return path


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory) -> list[Utterance]:
    """40 utterances of eight speakers; a word in four of the references was never beeped."""
    folder, generator = tmp_path_factory.mktemp("dev"), np.random.default_rng(0)
    utterances = []
    for number in range(40):
        spoken = sentence(6, number)
        signal = beep(spoken)
        text = " ".join("zz" if generator.random() < WRONG else word for word in spoken.split())
        path = write(folder / f"{number}.wav", signal)
        utterances.append(Utterance(path, len(signal) / RATE, text, f"speaker{number % 8}", str(number)))
    return utterances


@pytest.fixture(scope="module")
def noise(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ...]:
    """24 recordings with a single beep in them: one sure letter, but a slow one."""
    folder = tmp_path_factory.mktemp("noise")
    return tuple(write(folder / f"{n}.wav", beep("abcdefgh"[n % 8])) for n in range(24))


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file whose network is that of the beeps."""
    monkeypatch.setattr(calibrate, "load_ctc", lambda *args, **kwargs: recognizer())
    return save_checkpoint(tmp_path / "model.safetensors")


def header(path: Path) -> AcousticHeader:
    return checkpoint.load(path).read(AcousticHeader)


# ------------------------------------------------------------------------------------------- the parts


def word(confidence: float, seconds: float = 1.0) -> tuple[Word, ...]:
    return (Word("abcd", 0.0, seconds, confidence),)


def test_the_gate_loses_its_share_and_silences_the_most() -> None:
    speech = [word(0.5 + i / 1000) for i in range(100)]
    noise = [*(word(0.505) for _ in range(9)), word(0.55)]
    gate = tune_gate.choose(Gate(min_level_db=-70.0), speech, noise, 0.1)
    assert tune_gate.passing(gate, speech) == pytest.approx(0.9, abs=0.011)
    assert tune_gate.passing(gate, noise) == pytest.approx(0.1)
    assert gate.min_level_db == -70.0, "what isn't learnt stays"


def test_the_gate_weighs_the_rate_where_confidence_does_not_tell() -> None:
    speech, noise = [word(0.8, 0.5)] * 20, [word(0.8, 3.0)] * 20
    gate = tune_gate.choose(Gate(), speech, noise, 0.0)
    assert gate.rate_weight > 0
    assert (tune_gate.passing(gate, speech), tune_gate.passing(gate, noise)) == (1.0, 0.0)


def readings(calibration: Calibration, count: int = 4000) -> list[Reading]:
    """Words that are right as often as `calibration` says."""
    generator = np.random.default_rng(0)
    made = []
    for _ in range(count):
        letters = tuple(generator.uniform(0.3, 1.0, generator.integers(1, 8)).tolist())
        right = bool(generator.random() < calibration.probability(letters))
        spoken = (Word("a" * len(letters), 0.0, 1.0, float(np.exp(np.log(letters).mean()))),)
        made.append(Reading(spoken, (letters,), (right,), Counts(1, int(not right), 0, 0)))
    return made


def test_a_fit_finds_the_calibration_that_words_follow() -> None:
    made = readings(Calibration(bias=-0.5, mean=1.5, doubt=0.4, least=0.8, letters=0.6, errors=1.0))
    before = tune_confidence.reliability(made[::2], None)
    fitted = tune_confidence.fit(made[1::2])
    after = tune_confidence.reliability(made[::2], fitted)
    assert after.calibration_error < 0.04 < before.calibration_error
    assert after.auc >= before.auc - 0.01
    # Every error is a substitution, so each doubtful word is one.
    assert fitted.errors == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize("right", [True, False])
def test_a_fit_wants_right_words_and_wrong_ones(right: bool) -> None:
    one = Reading(word(0.9), ((0.9,),), (right,), Counts(1, int(not right), 0, 0))
    with pytest.raises(SpeechGruError, match="expected 10 or more right ones and as many wrong ones"):
        tune_confidence.fit([one] * 50)


def test_known_ends_are_those_of_the_speech() -> None:
    signal = beep("one two")
    made = list(tune_times.clips([(signal, "one two"), (signal, "one two"), (signal, "one two")], RATE))
    assert [clip.kind for clip in made] == ["apart", "joined"]
    apart, joined = made
    assert apart.words == joined.words == ("one", "two") * 2
    assert apart.spans[0][0] == pytest.approx(0.3, abs=0.02)
    assert apart.spans[2][0] == pytest.approx(0.3 + len(signal) / RATE, abs=0.02)
    assert np.isnan([apart.spans[0][1], apart.spans[1][0]]).all(), "nothing is known between two words"
    assert joined.spans[1][1] == pytest.approx(joined.spans[2][0]), "no gap"
    steady = np.random.default_rng(0).standard_normal(RATE).astype(np.float32)
    assert not list(tune_times.clips([(steady, "a"), (steady, "b")], RATE))


def test_times_are_learnt_from_words_that_are_late() -> None:
    """The runs of a network that says its letters 100 ms after they begin and 60 ms before they end."""
    shift, items = Times(start=0.1, end=0.06, reach=0.0, quiet=0.25), []
    for number in range(12):
        starts = 0.5 + number / 100 + np.arange(3)
        spans = tuple((float(start), float(start) + 0.6) for start in starts)
        words = tuple(Word("word", start + shift.start, end - shift.end, 0.9) for start, end in spans)
        none = {quiet: np.zeros((0, 2)) for quiet in tune_times.quiets()}
        items.append(tune_times.Placed("joined", words, spans, none, 4.0))
    learnt = tune_times.learn(items, 0.04)
    assert (learnt.start, learnt.end) == (shift.start, shift.end)
    for each in tune_times.errors(items, tune_times.corrector(learnt, 0.04)):
        assert np.abs(each).max() < 1e-9


def test_weights_are_kept_where_the_search_makes_fewer_errors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network that spells cat a little more like cot, and a language model that knows no cot."""
    (tmp_path / "pets.arpa").write_text(PETS)
    lm = from_table(arpa.read(tmp_path / "pets.arpa"))
    slm.save(tmp_path / "pets.slm", tuple(lm.words), lm.arrays, {})
    model = header(save_checkpoint(tmp_path / "model.safetensors"))
    monkeypatch.setattr(assets, "ASSETS", tmp_path)
    matrix = np.full((13, len(VOCABULARY)), 1e-3)
    matrix[::2, 0] = 1.0
    for frame, (right, wrong) in enumerate(zip("cat", "cot")):
        matrix[2 * frame + 1, VOCABULARY.encode(right)] += 0.45
        matrix[2 * frame + 1, VOCABULARY.encode(wrong)] += 0.55
    output = np.log(matrix / matrix.sum(axis=1, keepdims=True)).astype(np.float32)
    samples = [Sample("dev", Utterance(Path("x.wav"), 1.0, "cat", "me"), output)] * 12
    options = Options(("search",), lm="pets", trials=10)
    (part,) = Calibrator(recognizer(), model, options, calibrate.silent, samples, samples).parts()
    assert part.lines[-1] == "WER: 100.0% before, 100.0% greedy, 0.0% after"
    assert part.entries["decoder"]["name"] == "beam"
    assert part.entries["decoder"]["settings"]["lm"] == "pets"


# --------------------------------------------------------------------------------------------- the whole


def test_halves_share_no_speaker_and_have_about_as_many_words(dev: list[Utterance]) -> None:
    pairs = [("dev", utterance) for utterance in dev]
    first, second = halves(pairs)
    assert {id(u) for _, u in (*first, *second)} == {id(u) for u in dev}
    assert not {u.speaker for _, u in first} & {u.speaker for _, u in second}
    assert len(first) == len(second) == 20
    alone = [("dev", Utterance(u.audio_filepath, u.duration, u.text, "me")) for u in dev]
    assert [len(half) for half in halves(alone)] == [20, 20], "one speaker: by utterance"


def test_all_that_can_be_learnt_is_and_is_measured_on_the_other_half(
    model: Path, dev: list[Utterance], noise: tuple[Path, ...], tmp_path: Path
) -> None:
    before = model.read_bytes()
    target = tmp_path / "calibrated.safetensors"
    parts = {part.name: part for part in calibrate_file(model, {"dev": dev}, Options(noise=noise), target)}
    assert list(parts) == list(PARTS)
    assert "after, of 20 stretches" in parts["gate"].lines[2]
    assert "left as it is" in parts["search"].lines[0]
    assert any("after: confidence: calibration error" in line for line in parts["confidence"].lines)
    assert "ms before" in parts["times"].lines[1]
    assert model.read_bytes() == before
    stored = header(target)
    assert stored.gate.rate_weight > 0, "all letters are as sure, but noise is slow"
    made = recognizer(gate=stored.gate)
    assert all(made.transcribe(path).text == "" for path in noise)
    assert all(made.transcribe(u.audio_filepath).text for u in dev)
    calibration = stored.confidence["greedy"]
    assert calibration.probability([0.9] * 4) == pytest.approx(1 - WRONG, abs=0.1)
    assert stored.times is not None
    assert checkpoint.load(target).header["provenance"] == checkpoint.load(model).header["provenance"]
    load_ctc(target)


def test_a_part_that_fails_leaves_the_file_as_it_was(model: Path, dev: list[Utterance]) -> None:
    before = model.read_bytes()
    bad = [*dev[:-1], Utterance(Path("nowhere.wav"), 1.0, "a b", dev[-1].speaker)]
    with pytest.raises(SpeechGruError, match="nowhere"):
        calibrate_file(model, {"dev": bad}, Options(("confidence", "times")))
    with pytest.raises(SpeechGruError, match="3 recordings of noise; expected 20"):
        calibrate_file(model, {"dev": dev}, Options(noise=(dev[0].audio_filepath,) * 3))
    assert model.read_bytes() == before


def test_too_little_speech_is_refused(model: Path, dev: list[Utterance]) -> None:
    assert is_enough(dev)
    for few in (dev[:12], [Utterance(u.audio_filepath, u.duration, "a", u.speaker) for u in dev]):
        assert not is_enough(few)
        with pytest.raises(SpeechGruError, match="expected 10 with 100 or more"):
            calibrate_file(model, {"dev": few})


def test_what_is_all_right_teaches_no_confidence(model: Path, dev: list[Utterance]) -> None:
    right = [
        Utterance(u.audio_filepath, u.duration, sentence(6, number), u.speaker)
        for number, u in enumerate(dev)
    ]
    with pytest.raises(SpeechGruError, match=r"Nothing better was learnt.*expected 10 or more right ones"):
        calibrate_file(model, {"dev": right}, Options(("confidence",)))


def test_what_does_no_better_is_left(model: Path, dev: list[Utterance], noise: tuple[Path, ...]) -> None:
    options = Options(noise=noise)
    calibrate_file(model, {"dev": dev}, options)
    before = model.read_bytes()
    with pytest.raises(SpeechGruError, match=r"Nothing better was learnt.*does no better.*does no better"):
        calibrate_file(model, {"dev": dev}, options)
    assert model.read_bytes() == before


# ---------------------------------------------------------------------------------------- command line


@pytest.fixture
def command(
    model: Path, dev: list[Utterance], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Any]:
    manifest.write(tmp_path / "dev.jsonl", dev)

    def call(*arguments: str) -> tuple[int, str, str]:
        code = cli.main(["model", "calibrate", str(model), str(tmp_path / "dev.jsonl"), *arguments])
        return (code, *capsys.readouterr())

    return call


def test_the_command_writes_into_the_models_own_file(command: Any, model: Path, capsys: Any) -> None:
    cli.main(["inspect", str(model)])
    assert "no (speechgru model calibrate)" in capsys.readouterr().out
    code, out, _ = command("--only", "confidence,times")
    assert code == 0
    assert out.splitlines()[-1] == f"stored in {model}: confidence, times"
    assert header(model).confidence["greedy"]
    cli.main(["inspect", str(model)])
    assert any(
        line.split() == ["calibrated", "confidence,", "times"]
        for line in capsys.readouterr().out.splitlines()
    )


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--only", "gait"], 2, "there is no gait; expected some of gate, search"),
        (["--only", "times", "--noise", "."], 2, "--noise is for the gate"),
        (["--noise", "nowhere"], 2, "--noise nowhere is no folder"),
        (["--lm", "klingon"], 2, "expected none or one of"),
        (["--lose", "2"], 2, "below 1"),
        (["-o", "."], 2, "is a folder"),
    ],
)
def test_wrong_usage(
    command: Any,
    model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    code: int,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    before = model.read_bytes()
    got, _, error = command(*arguments)
    assert (got, model.read_bytes()) == (code, before)
    assert message in error


def test_a_model_of_another_kind_is_refused(
    tmp_path: Path, dev: list[Utterance], capsys: pytest.CaptureFixture[str]
) -> None:
    manifest.write(tmp_path / "dev.jsonl", dev)
    assert cli.main(["model", "calibrate", "vad", str(tmp_path / "dev.jsonl"), "-o", "x"]) == 1
    assert "expected 'acoustic'" in capsys.readouterr().err


def test_characters_that_the_network_lacks_are_not_placed() -> None:
    signal = beep("one two")
    (clip, _) = tune_times.clips([(signal, "one två"), (signal, "one two")], RATE)
    assert "å" not in VOCABULARY.symbols
    assert tune_times.place(recognizer(), clip, [0.25]) is None
