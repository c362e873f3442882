"""Choosing a language model's weights, and storing them only where they help."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from beeps import RATE, VOCABULARY, beep, recognizer, save_checkpoint

from speechgru import cli
from speechgru.data import Utterance, manifest
from speechgru.decoding.beam import Decoder, Settings
from speechgru.decoding.greedy import Decoder as Greedy
from speechgru.decoding.greedy import Settings as GreedySettings
from speechgru.errors import SpeechGruError
from speechgru.evaluation import tune_lm
from speechgru.evaluation.tune_lm import RANGES, Emissions
from speechgru.inference import load_ctc
from speechgru.lm import NGram, arpa, slm
from speechgru.lm.ngram import from_table
from speechgru.models import checkpoint
from speechgru.utils import assets

ARPA = """\\data\\
ngram 1=7

\\1-grams:
-3.0\t<unk>
-99\t<s>
-0.6\t</s>
-0.6\tcat
-0.7\tdog
-0.9\tsat
-0.9\tran

\\end\\
"""


@pytest.fixture
def lm(tmp_path: Path) -> NGram:
    path = tmp_path / "pets.arpa"
    path.write_text(ARPA)
    return from_table(arpa.read(path))


def voice(said: str, sounds_like: str, share: float = 0.6) -> np.ndarray[Any, Any]:
    """Log-probabilities [frames, symbols] of a voice that mostly says another text of the same length."""
    matrix = np.full((3 * len(said) + 1, len(VOCABULARY)), 1e-3)
    for frame, (right, wrong) in enumerate(zip(VOCABULARY.encode(said), VOCABULARY.encode(sounds_like))):
        matrix[3 * frame + 1 : 3 * frame + 3, right] += 1 - share
        matrix[3 * frame + 1 : 3 * frame + 3, wrong] += share
    matrix[::3, 0] = 1.0
    return np.log(matrix / matrix.sum(axis=1, keepdims=True)).astype(np.float32)


def heard(name: str, share: float = 0.6, **sounds: str) -> Emissions:
    """A set of texts, and what each mostly sounds like (or less, by `share`)."""
    texts = tuple(text.replace("_", " ") for text in sounds)
    pairs = zip(texts, sounds.values(), strict=True)
    return Emissions(name, tuple(voice(*pair, share) for pair in pairs), texts, ("",) * len(texts))


HARD = heard("hard", cat_sat="kat sad", dog_ran="dog ram", cat="cut", ran="ran")
EASY = heard("easy", cat="cat", dog="dog")
STRANGE = heard("strange", 0.3, kat="cat", cut="cat", ram="ran")  # heard well, but not known as words


def errors(decoder: Any, *sets: Emissions) -> int:
    return round(sum(score.wer * score.words.total for score in tune_lm.measure(decoder, sets).sets))


def test_it_finds_weights_that_help(lm: NGram) -> None:
    start = Decoder(Settings(lm_weight=0.0, unknown_word=0.0, unknown_letter=0.0), VOCABULARY, lm)
    trials: list[tuple[int, int]] = []
    settings = tune_lm.tune(
        start, [HARD, EASY], trials=40, on_trial=lambda trial, _, found: trials.append((trial, found))
    )
    assert errors(start, HARD, EASY) == 4
    assert errors(start.with_settings(settings), HARD, EASY) == 0
    assert [trial for trial, _ in trials] == list(range(1, len(trials) + 1))
    assert len(trials) <= 40
    assert trials[0] == (1, 4)
    assert min(found for _, found in trials) == 0
    for name in tune_lm.LM_WEIGHTS:
        assert RANGES[name][0] <= getattr(settings, name) <= RANGES[name][1]


def test_the_same_seed_finds_the_same(lm: NGram) -> None:
    start = Decoder(Settings(lm_weight=0.0, unknown_word=0.0), VOCABULARY, lm)
    found = [tune_lm.tune(start, [HARD], trials=12, seed=seed) for seed in (3, 3, 4)]
    assert found[0] == found[1]


def test_nothing_better_is_nothing_changed(lm: NGram) -> None:
    start = Decoder(Settings(), VOCABULARY, lm)
    assert tune_lm.tune(start, [EASY], trials=10) == start.settings
    assert tune_lm.tune(start, [HARD], trials=1) == start.settings


def test_hotwords_have_a_weight_too(lm: NGram) -> None:
    start = Decoder(
        Settings(hotwords=("kat", "cut", "ram"), hotword_weight=0.5, lm_weight=1.0), VOCABULARY, lm
    )
    assert errors(start, STRANGE) > 0
    settings = tune_lm.tune(start, [STRANGE], ("hotword_weight",), trials=20)
    assert errors(start.with_settings(settings), STRANGE) == 0
    assert settings.hotword_weight > 0.5
    assert settings.lm_weight == 1.0


def test_better_is_better_in_every_set(lm: NGram) -> None:
    sets = [HARD, EASY, STRANGE]
    plain = Greedy(GreedySettings(), VOCABULARY)
    helped = tune_lm.measure(Decoder(Settings(lm_weight=1.0), VOCABULARY, lm), sets)
    greedy = tune_lm.measure(plain, sets)
    assert helped.total.wer < greedy.total.wer
    assert not helped.beats(greedy)  # the third set got worse
    assert tune_lm.measure(Decoder(Settings(lm_weight=1.0), VOCABULARY, lm), sets[:2]).beats(
        tune_lm.measure(plain, sets[:2])
    )


def test_the_network_hears_each_part_once(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "two.wav", np.concatenate([beep("one"), beep("two")]), RATE)
    seconds = [len(beep(text)) / RATE for text in ("one", "two")]
    utterances = [
        Utterance(tmp_path / "two.wav", seconds[0], "one"),
        Utterance(tmp_path / "two.wav", seconds[1], "two", offset=seconds[0]),
        Utterance(tmp_path / "two.wav", 1000.0, "too long"),
    ]
    done: list[int] = []
    found = tune_lm.emissions(recognizer(), "beeps", utterances[1:], done.append)
    decoder = Greedy(GreedySettings(), VOCABULARY)
    assert [decoder(p).text for p in found.log_probs] == ["two"]
    assert (found.texts, found.left_out, done) == (("two",), 1, [1])
    with pytest.raises(SpeechGruError, match="beeps"):
        tune_lm.emissions(recognizer(), "beeps", utterances[2:], done.append)


# --------------------------------------------------------------------------------------- command line


@pytest.fixture
def command(
    tmp_path: Path, lm: NGram, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Any:
    """`speechgru lm tune` on what was heard before, with a packaged language model called pets."""
    slm.save(tmp_path / "assets" / "pets.slm", tuple(lm.words), lm.arrays, {})
    model = save_checkpoint(tmp_path / "tiny.safetensors")
    monkeypatch.setattr(assets, "ASSETS", tmp_path / "assets")
    sets = {"hard": HARD, "easy": EASY, "strange": STRANGE}
    monkeypatch.setattr(tune_lm, "emissions", lambda recognizer, name, utterances, on_progress: sets[name])

    def call(*arguments: str) -> tuple[int, str, str]:
        paths = []
        for name in arguments[0].split():
            paths.append(str(tmp_path / f"{name}.jsonl"))
            manifest.write(paths[-1], [Utterance(tmp_path / "x.wav", 1.0, "x")])
        code = cli.main(["lm", "tune", *paths, "--model", str(model), "--trials", "25", *arguments[1:]])
        return (code, *capsys.readouterr())

    return call


def test_the_prior_is_the_mean_of_all_frames() -> None:
    found = tune_lm.prior([HARD, EASY])
    frames = np.exp(np.concatenate([*HARD.log_probs, *EASY.log_probs]))
    assert np.exp(found) == pytest.approx(frames.mean(axis=0), rel=1e-3)
    assert sum(np.exp(found)) == pytest.approx(1, abs=1e-3)


def test_what_helps_is_stored_in_a_copy(command: Any, tmp_path: Path) -> None:
    target = tmp_path / "tuned.safetensors"
    code, out, _ = command("hard easy", "--lm", "pets", "-o", str(target), "--beam", "20")
    assert code == 0
    assert [line.split("  ")[0] for line in out.splitlines()[1:5]] == [
        "greedy",
        "beam, no language model",
        "beam, untuned",
        "beam, tuned",
    ]
    assert f"stored in {target}" in out
    settings = load_ctc(target).decoder.settings
    assert (settings.lm, settings.beam, settings.hotwords) == ("pets", 20, ())
    assert settings.prior == tune_lm.prior([HARD, EASY])
    assert errors(load_ctc(target).decoder, HARD, EASY) == 0
    before, after = checkpoint.load(tmp_path / "tiny.safetensors"), checkpoint.load(target)
    assert before.header["decoder"] == {"name": "greedy", "settings": {}}
    assert {k: v for k, v in before.header.items() if k != "decoder"} == {
        k: v for k, v in after.header.items() if k != "decoder"
    }
    assert all((before.tensors[name] == after.tensors[name]).all() for name in before.tensors)


def test_what_does_not_help_is_not(command: Any, tmp_path: Path) -> None:
    target = tmp_path / "tuned.safetensors"
    code, out, _ = command("strange easy", "--lm", "pets", "-o", str(target))
    assert code == 0
    assert "not better" in out
    assert not target.exists()


def test_in_place(command: Any, tmp_path: Path) -> None:
    assert command("hard", "--lm", "pets", "--write")[0] == 0
    assert load_ctc(tmp_path / "tiny.safetensors").decoder.settings.lm == "pets"


def test_without_an_output_it_only_tells(command: Any, tmp_path: Path) -> None:
    code, out, _ = command("strange", "--lm", str(tmp_path / "pets.arpa"), "--hotwords", "Kat,cut,ram")
    assert code == 0
    assert "with hotwords, tuned" in out
    assert "hotword_weight=" in out.splitlines()[-1]
    assert isinstance(load_ctc(tmp_path / "tiny.safetensors").decoder, Greedy)


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--lm", "pets", "-o", "x", "--write"], 2, "--write"),
        (["--lm", "pets.arpa", "-o", "x"], 2, "packaged"),
        (["--lm", "klingon"], 1, "klingon"),
        (["--lm", "pets", "--dictionary", "klingon"], 2, "'klingon'; expected one of: english"),
        (["--lm", "pets", "--dictionary", "english"], 2, "tiny.safetensors has no phone head"),
        (["--lm", "pets", "-o", "."], 2, "folder"),
        (["--lm", "pets", "--hotwords", "世界"], 2, "世"),
    ],
)
def test_wrong_usage(
    command: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int, says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    found, _, err = command("easy", *arguments)
    assert found == code
    assert says in err
