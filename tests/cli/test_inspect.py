"""`speechgru inspect` on real checkpoints, and on everything that isn't one."""

from __future__ import annotations

import json
import pickle

import pytest
import torch

from speechgru.cli import main
from speechgru.models import checkpoint
from speechgru.utils import assets

HEADER = {
    "model": {"name": "acoustic", "settings": {"layers": 2, "width": 8, "reset": "before"}},
    "features": {"kind": "log_mel", "settings": {"n_mels": 80}, "fingerprint": "0123456789abcdef"},
    "vocabulary": ["<blank>", " ", "'", "a", "é"],
    "decoder": {"name": "greedy", "settings": {}},
    "provenance": {
        "recipe": "digits",
        "overrides": ["seed=3"],
        "seed": 3,
        "commit": "abc1234",
        "scores": {"dev": {"wer": 0.123456789, "interval": [0.1, 0.15]}},
        "corpora": [{"name": "free_spoken_digits", "licence": "CC BY-SA 4.0", "source": "Jackson"}],
        "trained_hours": 0.25,
    },
}


@pytest.fixture
def model(tmp_path):
    tensors = {"a": torch.zeros(3, 4, dtype=torch.float16), "b": torch.zeros(5, dtype=torch.float32)}
    checkpoint.save(tmp_path / "model.safetensors", "acoustic", HEADER, tensors)
    return tmp_path / "model.safetensors"


def lines(capsys) -> dict[str, str]:
    """Key to value of what was printed, without the indentation; the first of a repeated key."""
    pairs = [line.strip().partition("  ") for line in capsys.readouterr().out.splitlines()]
    return {key.strip(): value.strip() for key, _, value in reversed(pairs)}


def test_shows_all_that_a_reader_asks(model, capsys):
    assert main(["inspect", "--all", str(model)]) == 0
    shown = lines(capsys)
    assert shown["file"] == str(model)
    assert shown["format"] == "speechgru/1"
    assert shown["kind"] == "acoustic"
    assert shown["parameters"] == "12 float16, 5 float32 in 2 tensors"
    assert shown["bytes"].startswith(f"{model.stat().st_size:,} (")
    assert shown["reset"] == "before"
    assert shown["fingerprint"] == "0123456789abcdef"
    assert shown["vocabulary"] == "5 symbols: <blank> ␣ ' a é"
    assert shown["wer"] == "0.123457"
    assert shown["interval"] == "0.1, 0.15"
    assert shown["1"] == "name free_spoken_digits, licence CC BY-SA 4.0, source Jackson"


def test_values_are_aligned_and_nested(model, capsys):
    main(["inspect", "--all", str(model)])
    printed = capsys.readouterr().out.splitlines()
    column = printed[0].index(str(model))
    for line in printed:
        assert line[:column].endswith("  ") or len(line) <= column
    assert printed.index("provenance") < next(
        i for i, line in enumerate(printed) if line.startswith("  recipe")
    )


def test_json_holds_the_header_and_every_tensor(model, capsys):
    assert main(["inspect", "--json", str(model)]) == 0
    read = json.loads(capsys.readouterr().out)
    assert {key: read[key] for key in HEADER} == HEADER
    assert [key for key in read if key in HEADER] == list(HEADER)
    assert read["tensors"]["a"] == {"shape": [3, 4], "dtype": "float16"}
    assert (read["parameters"], read["kind"], read["format"]) == (17, "acoustic", "speechgru/1")
    assert read["bytes"] == model.stat().st_size


def test_long_vocabularies_are_cut_for_people(tmp_path, capsys):
    symbols = ["<blank>", *(chr(0x4E00 + n) for n in range(500))]
    checkpoint.save(tmp_path / "m.safetensors", "acoustic", {"vocabulary": symbols}, {"a": torch.zeros(1)})
    assert main(["inspect", str(tmp_path / "m.safetensors")]) == 0
    value = lines(capsys)["vocabulary"]
    assert value.startswith("501 symbols")
    assert value.endswith("…")


def test_packaged_models_go_by_name_and_the_default_needs_none(model, capsys, monkeypatch):
    monkeypatch.setattr(assets, "ASSETS", model.parent)
    monkeypatch.setattr(assets, "DEFAULT_MODEL", "model")
    for arguments in ([], ["model"]):
        assert main(["inspect", *arguments]) == 0
        assert lines(capsys)["file"].startswith(str(model))


def write_junk(path):
    path.write_bytes(b"RIFF....WAVEfmt ")


def write_empty(path):
    path.write_bytes(b"")


def write_pickle(path):
    torch.save({"a": torch.zeros(2)}, path)


def write_plain_pickle(path):
    path.write_bytes(pickle.dumps({"a": 1}))


def write_cut_off(path):
    checkpoint.save(path, "acoustic", HEADER, {"a": torch.zeros(1000)})
    path.write_bytes(path.read_bytes()[:-100])


def write_foreign_safetensors(path):
    from safetensors.torch import save_file

    save_file({"a": torch.zeros(2)}, str(path), {"format": "pt"})


def make_folder(path):
    path.mkdir()


def leave_missing(path):
    pass


@pytest.mark.parametrize(
    "make",
    [
        *(
            write_junk,
            write_empty,
            write_pickle,
            write_plain_pickle,
            write_cut_off,
            write_foreign_safetensors,
        ),
        *(make_folder, leave_missing),
    ],
)
@pytest.mark.parametrize("option", [[], ["--json"]])
def test_what_is_no_checkpoint_is_said_to_be_none(make, option, tmp_path, capsys):
    path = tmp_path / "file.safetensors"
    make(path)
    assert main(["inspect", *option, str(path)]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("speechgru: error: ")
    assert str(path) in err
    assert "Traceback" not in err


def test_a_dozen_lines_say_what_most_people_ask(model, capsys):
    assert main(["inspect", str(model)]) == 0
    printed = capsys.readouterr().out
    assert printed.count("\n") <= 14
    shown = {line.partition("  ")[0]: line.partition("  ")[2].strip() for line in printed.splitlines()}
    assert shown["kind"] == "acoustic, 17 parameters"
    assert shown["network"] == "acoustic, layers 2, width 8"
    assert shown["trained on"] == "0.25 h, free_spoken_digits"
    assert shown["licences"] == "CC BY-SA 4.0"
    assert shown["recipe"] == "digits"
    assert shown["calibrated"].startswith("no")
    for packaged in ("english-small", "vad", "folk"):
        assert main(["inspect", packaged]) == 0
        assert capsys.readouterr().out.count("\n") <= 14


def test_the_folder_of_a_run_stands_for_its_model(model, tmp_path, capsys):
    run = tmp_path / "runs" / "mine"
    run.mkdir(parents=True)
    assert main(["inspect", str(run)]) == 1
    assert "best.safetensors" in capsys.readouterr().err
    model.rename(run / "best.safetensors")
    checkpoint.save(run / "epoch-1.safetensors", "acoustic", HEADER, {"a": torch.zeros(1)})
    assert main(["inspect", str(run)]) == 0
    assert lines(capsys)["file"].startswith(str(run / "best.safetensors"))


def test_no_control_character_of_a_file_reaches_the_terminal(tmp_path, capsys):
    header = {"vocabulary": ["<blank>", "\x1b"], "provenance": {"recipe": "a\x1b[2Jb\nkind  another"}}
    checkpoint.save(tmp_path / "m.safetensors", "acoustic", header, {"a": torch.zeros(1)})
    for options in ([], ["--all"]):
        assert main(["inspect", str(tmp_path / "m.safetensors"), *options]) == 0
        out = capsys.readouterr().out
        assert "\x1b" not in out and "a\\x1b[2Jb kind" in out


def test_a_long_list_is_counted_and_not_printed_whole(tmp_path, capsys):
    path = tmp_path / "tagger.safetensors"
    checkpoint.save(path, "tagger", {"words": [f"w{n}" for n in range(8000)]}, {"a": torch.zeros(2)})
    assert main(["inspect", "--all", str(path)]) == 0
    words = lines(capsys)["words"]
    assert words.startswith("8,000: w0, w1") and "w41" not in words and words.endswith("…")
    assert main(["inspect", "--json", str(path)]) == 0
    assert len(json.loads(capsys.readouterr().out)["words"]) == 8000


def test_a_strange_header_is_shown_and_steers_no_terminal(tmp_path, capsys):
    header = {**HEADER, "vocabulary": ["<blank>", 7, None], "provenance": {"note": "\x1b[2J\x9b"}}
    checkpoint.save(tmp_path / "m.safetensors", "acoustic", header, {"a": torch.zeros(1)})
    assert main(["inspect", "--all", str(tmp_path / "m.safetensors")]) == 0
    shown = capsys.readouterr().out
    assert "3 symbols: <blank> 7 None" in shown and "\\x1b[2J\\x9b" in shown
    assert "\x1b" not in shown and "\x9b" not in shown
