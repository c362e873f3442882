"""Each corpus on the project's shared data, where SPEECHGRU_DATA names it."""

from __future__ import annotations

import os
from pathlib import Path
from types import ModuleType

import pytest

from speechgru.data.corpora import (
    folder,
    free_spoken_digits,
    librispeech,
    speech_commands,
    speechocean762,
    tsv,
)

DATA = os.environ.get("SPEECHGRU_DATA")


@pytest.mark.slow
@pytest.mark.skipif(not DATA, reason="SPEECHGRU_DATA does not name the project's data folder")
@pytest.mark.parametrize(
    ("corpus", "place", "counts"),
    [
        (librispeech, "LibriSpeech", {"train-clean-5": 1519, "train-clean-100": 615, "dev-clean": 1065}),
        (speechocean762, "speechocean762", {"train": 2240, "dev": 260, "test": 1260}),
        (folder, "kathleen", {"all": 1620}),
        (tsv, "asterisk_prompts/en_AU.tsv", {"all": 424}),
        (free_spoken_digits, "free-spoken-digit-dataset", {"train": 1500, "dev": 500, "test": 500}),
        (speech_commands, "speech_commands_3words", {"train": 4112, "dev": 554, "test": 522}),
    ],
)
def test_real_data(corpus: ModuleType, place: str, counts: dict[str, int]) -> None:
    splits = corpus.prepare(Path(DATA or "", "speech", place))
    assert {name: len(us) for name, us in splits.items()} == counts
    for utterances in splits.values():  # train-clean-5 is a part of train-clean-100
        ids = [u.id for u in utterances]
        assert len(set(ids)) == len(ids)
        assert not any(i.startswith("/") for i in ids)
