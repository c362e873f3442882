"""The committed split of english-small: no speaker in two lists, and the speakers that were promised."""

from __future__ import annotations

from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "recipes" / "english-small" / "splits"
NAMES = ("train", "train-words", "dev-libri", "dev-l2", "test-libri", "test-l2")

pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="the lists lie in the checkout, not in the package"
)


def ids(name: str) -> list[str]:
    return (FOLDER / f"{name}.txt").read_text(encoding="utf-8").split("\n")[:-1]


def speaker(listed: str) -> tuple[str, str]:
    source, _, name = listed.partition("/")
    if source == "librispeech":
        return source, name.partition("-")[0]
    # The first five digits of a speechocean762 id are its speaker; kathleen and
    # Asterisk are in train only.
    if source == "speech_commands":
        return source, name.partition("/")[2].partition("_")[0]
    return source, str(int(name[:5])) if source == "speechocean762" else ""


@pytest.mark.parametrize("name", NAMES)
def test_a_list_is_sorted_without_repeats(name: str) -> None:
    assert ids(name) == sorted(set(ids(name)))
    assert ids(name)


def test_no_speaker_is_in_two_lists() -> None:
    speakers = {name: {speaker(i) for i in ids(name)} for name in NAMES}
    for name, here in speakers.items():
        for other, there in speakers.items():
            assert name == other or not here & there


def test_the_speakers_are_those_of_the_fixed_split() -> None:
    def people(name: str) -> set[int]:
        return {int(speaker(i)[1]) for i in ids(name)}

    assert people("test-libri") == {84, 777, 1673, 2078}
    assert {p for p in people("dev-libri") if p % 5} == {422, 1462}
    assert all(p % 10 == 0 for p in people("dev-l2"))
    assert len(people("test-l2")) == 63


def test_only_sources_that_may_be_embedded() -> None:
    sources = {speaker(i)[0] for name in NAMES for i in ids(name)}
    assert sources == {"librispeech", "speechocean762", "kathleen", "asterisk_au", "speech_commands"}
