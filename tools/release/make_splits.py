"""Write the fixed split of the project's English data: sorted lists, one `source/utterance_id` a line.

    python tools/release/make_splits.py --root DATA --output recipes/english-small/splits

No speaker is in two lists. Share-alike data (Asterisk `en`, Free Spoken Digits) is in none of them, because
the model that is trained on them travels in the package. Sentences that the training list shares with the
others are counted on standard output; they stay in the lists.

`train-all` has train and the corpora that came later: train-clean-5, Common Voice and LJ Speech; `dev-mini` is the
speakers of train-clean-5 whose id is divisible by 5.

`train-50` and `train-25` are a half and a quarter of train's hours, of each source alike, the quarter within the
half: for the learning curve over hours of speech.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from speechgru.data import Utterance
from speechgru.errors import SpeechGruError
from speechgru.utils import files, plugins

# Source label -> (corpus module, place below --root).
SOURCES = {
    "librispeech": ("librispeech", "speech/LibriSpeech"),
    "speechocean762": ("speechocean762", "speech/speechocean762"),
    "kathleen": ("folder", "speech/kathleen"),
    "asterisk_au": ("tsv", "speech/asterisk_prompts/en_AU.tsv"),
    "speech_commands": ("speech_commands", "speech/speech_commands_3words"),
    "commonvoice": ("commonvoice", "speech/cv-corpus-delta/en"),
    "ljspeech": ("ljspeech", "speech/LJSpeech-1.1"),
}
SPLITS = (
    "train",
    "train-words",
    "train-all",
    "dev-libri",
    "dev-l2",
    "dev-mini",
    "dev-cv",
    "test-libri",
    "test-l2",
    "test-cv",
)
TEST_LIBRI = frozenset({"84", "777", "1673", "2078"})
DEV_LIBRI = frozenset({"422", "1462"})
# The three speakers of train-clean-100 with many utterances here; of the others every fifth id is dev.
MANY_UTTERANCES = frozenset({"19", "26", "27"})

SHARES = {"train-50": 0.5, "train-25": 0.25}

Listed = tuple[str, Utterance]


def split_of(source: str, part: str, speaker: str) -> str | None:
    """The list that a speaker of `source` belongs to, or None; `part` is the corpus's own split."""
    if source == "librispeech":
        return _libri_split(part, speaker)
    if source == "speechocean762":
        if part == "test":
            return "test-l2"
        return "dev-l2" if int(speaker) % 10 == 0 else "train"
    if source == "commonvoice":
        return {"dev": "dev-cv", "test": "test-cv"}.get(part, "train-all")
    if source == "ljspeech":
        return "train-all"
    # Half of all recordings, but only three different words: a recipe should take them by choice.
    return "train-words" if source == "speech_commands" else "train"


def _libri_split(part: str, speaker: str) -> str | None:
    if part == "dev-clean":
        return "test-libri" if speaker in TEST_LIBRI else "dev-libri" if speaker in DEV_LIBRI else "train"
    if part == "train-clean-100":
        is_dev = speaker not in MANY_UTTERANCES and int(speaker) % 5 == 0
        return "dev-libri" if is_dev else "train"
    if part == "train-clean-5":
        return "dev-mini" if int(speaker) % 5 == 0 else "train-all"
    return None


def collect(root: Path) -> dict[str, list[Listed]]:
    """Every list with its utterances as (source, utterance)."""
    lists: dict[str, list[Listed]] = {name: [] for name in SPLITS}
    for source, (corpus, place) in SOURCES.items():
        for part, utterances in plugins.find("data.corpora", corpus).prepare(root / place).items():
            for utterance in utterances:
                name = split_of(source, part, utterance.speaker)
                if name:
                    lists[name].append((source, utterance))
    known = {(source, u.id) for source, u in lists["train"]}  # 43 recordings are in two sets of LibriSpeech
    lists["train-all"] = lists["train"] + [
        (source, u) for source, u in lists["train-all"] if (source, u.id) not in known
    ]
    return lists


def share_of(listed: list[Listed], share: float) -> list[Listed]:
    """`share` of the hours of each source, in an order that only the ids decide: smaller shares lie within larger."""
    chosen: list[Listed] = []
    for source in SOURCES:
        part = [(s, u) for s, u in listed if s == source]
        part.sort(key=lambda one: hashlib.sha256(f"{source}/{one[1].id}".encode()).digest())
        left = share * sum(u.duration for _, u in part)
        for one in part:
            if left <= 0:
                break
            chosen.append(one)
            left -= one[1].duration
    return chosen


def refuse_shared_speakers(lists: dict[str, list[Listed]]) -> None:
    """Raise if a speaker is in two lists."""
    places: dict[tuple[str, str], set[str]] = {}
    for name, listed in lists.items():
        for source, utterance in listed:
            if utterance.speaker:
                places.setdefault((source, utterance.speaker), set()).add(_purpose(name))
    shared = {speaker: names for speaker, names in places.items() if len(names) > 1}
    if shared:
        raise SpeechGruError(f"Speakers in two lists: {shared}. Expected lists without a common speaker.")


def _purpose(name: str) -> str:
    """Lists of one purpose may share speakers."""
    return {"train-all": "train", "dev-mini": "dev-libri"}.get(name, name)


def report(lists: dict[str, list[Listed]]) -> Iterator[str]:
    """Lines with the size of each list, and the sentences of train that are in the others too."""
    for name, listed in lists.items():
        speakers = {(source, u.speaker) for source, u in listed}
        yield f"{name}: {_size(listed)}, {len(speakers)} speakers"
        for source in SOURCES:
            part = [(s, u) for s, u in listed if s == source]
            if part:
                yield f"  {source}: {_size(part)}"
    for name in SPLITS[3:]:
        yield from _shared_sentences(lists["train-all"], lists[name], name)


def _size(listed: list[Listed]) -> str:
    hours = sum(u.duration for _, u in listed) / 3600
    return f"{len(listed)} utterances, {hours:.2f} h, {sum(len(u.text.split()) for _, u in listed)} words"


def _shared_sentences(train: list[Listed], other: list[Listed], name: str) -> Iterator[str]:
    sentences = {u.text for _, u in other}
    shared = Counter(source for source, u in train if u.text in sentences)
    trained = {u.text for _, u in train}
    both = sentences & trained
    touched = sum(u.text in both for _, u in other)
    by_source = ", ".join(f"{n} of {source}" for source, n in shared.most_common()) or "none"
    yield (
        f"shared with {name}: {len(both)} sentences; {touched} of its {len(other)} utterances; "
        f"train utterances: {by_source}"
    )


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--root", type=Path, required=True, help="the data folder, with `speech` in it")
    parser.add_argument("--output", type=Path, required=True, help="where the lists are written")
    args = parser.parse_args()
    try:
        lists = collect(args.root)
        refuse_shared_speakers(lists)
    except SpeechGruError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print("\n".join(report(lists)))
    for name, share in SHARES.items():
        lists[name] = share_of(lists["train"], share)
        print(f"{name}: {_size(lists[name])}")
    for name, listed in lists.items():
        ids = sorted(f"{source}/{utterance.id}" for source, utterance in listed)
        files.write_text(args.output / f"{name}.txt", "".join(f"{i}\n" for i in ids))
    return 0


if __name__ == "__main__":
    sys.exit(main())
