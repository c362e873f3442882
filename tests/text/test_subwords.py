"""Pieces of words: what they write, bytes, capitals, and what kind of vocabulary they make."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from speechgru.errors import CheckpointError, ConfigError, CorpusError
from speechgru.text import Vocabulary, token_table
from speechgru.text.subwords import Subwords, joined, piece, vocabulary


@pytest.mark.parametrize("text", ["the café", "日本 語", "a 🎉 b", "naïve"])
def test_bytes_make_characters(text: str) -> None:
    pieces = [piece(f"<0x{byte:02X}>") for byte in text.encode()]
    assert all(len(p) == 1 for p in pieces)
    assert joined(pieces) == text


def test_half_a_character_is_told() -> None:
    assert joined(["a", piece("<0xC3>")]) == "a�"
    assert joined(["\ud800"]) == "\ud800"  # of a damaged file


@pytest.mark.parametrize("token", ["<unk>", "<sos/eos>", "</s>", "<pad>", "[PAD]", "SIL", "<|endoftext|>"])
def test_what_writes_nothing(token: str) -> None:
    assert piece(token) == ""


def test_characters_make_a_plain_vocabulary() -> None:
    assert type(vocabulary([" ", "a", "b"])) is Vocabulary
    assert vocabulary([" ", "A", "B", "'"]).symbols == ("<blank>", " ", "a", "b", "'")
    assert vocabulary([" ", "A", "b"]).symbols == ("<blank>", " ", "A", "b")
    assert type(vocabulary([" ", "a", "a"])) is Subwords
    assert type(vocabulary([" a", "b"])) is Subwords
    assert type(vocabulary(["a", "\udcc3"])) is Subwords


def test_pieces_know_their_characters() -> None:
    pieces = Subwords(("<blank>", " the", "\udcc3", "e"))
    assert pieces.characters == ("<blank>", " ", "e", "h", "t")
    assert pieces.unknown("then") == {"n"}
    with pytest.raises(CorpusError, match="no tokenizer"):
        pieces.encode("the")
    for wrong in ((), ("a",), ("<blank>", "")):
        with pytest.raises(ConfigError):
            Subwords(wrong)


def write(folder: Path, text: str, name: str = "tokens.txt") -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def test_a_number_alone_is_a_space(tmp_path: Path) -> None:
    assert token_table.read(write(tmp_path, "<blk> 0\n 1\na 2\n")) == ["<blk>", " ", "a"]


def test_lines_without_numbers_count(tmp_path: Path) -> None:
    assert token_table.read(write(tmp_path, "▁the\na\n<blk>\n")) == ["▁the", "a", "<blk>"]


def test_lines_come_in_any_order(tmp_path: Path) -> None:
    assert token_table.read(write(tmp_path, "a 2\r\n<blk> 0\r\nb 1\r\n")) == ["<blk>", "b", "a"]


JSON = {
    "vocab": {"<pad>": 0, "|": 1, "A": 2},
    "list": ["<pad>", "|", "A"],
    "tokenizer": {
        "model": {"vocab": [["<pad>", 0.0], ["|", -1.0]]},
        "added_tokens": [{"content": "A", "id": 2}],
    },
}


@pytest.mark.parametrize("value", JSON.values(), ids=JSON)
def test_tables_in_json(tmp_path: Path, value: object) -> None:
    assert token_table.read(write(tmp_path, json.dumps(value), "vocab.json")) == ["<pad>", "|", "A"]


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "3",
        '{"a": "b"}',
        '{"model": {}}',
        "[1]",
        '{"model": {"vocab": [[[]]]}}',
        '{"model": {"vocab": {}}, "added_tokens": [{}]}',
        "[" * 5000,
    ],
)
def test_json_that_is_no_table(tmp_path: Path, text: str) -> None:
    with pytest.raises(CheckpointError, match=r"vocab\.json is no symbol table"):
        token_table.read(write(tmp_path, text, "vocab.json"))


def test_the_blank_may_be_left_out_where_it_is_last() -> None:
    columns = token_table.columns(["▁a", "b"], 3, Path("t"))
    assert (columns.blanks, columns.order) == ((2,), (0, 1))
    assert columns.vocabulary.symbols == ("<blank>", " a", "b")
