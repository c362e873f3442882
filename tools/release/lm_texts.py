"""The texts that the packaged language model of English learns from, and the sentences that it must not know."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from speechgru.data import manifest
from speechgru.errors import LanguageModelError
from speechgru.lm.sentences import fast_normalise, read_lines, read_sentences, split_sentences

DEV = ("dev-libri", "dev-l2", "dev-cv")
KEPT_OUT = (*DEV, "dev-mini", "test-libri", "test-l2", "test-cv")
# Books and others write titles short; LibriSpeech, and so the acoustic model, writes them as they are said.
TITLES = {
    "mr": "mister",
    "mrs": "missus",
    "dr": "doctor",
    "st": "saint",
    "prof": "professor",
    "capt": "captain",
    "lieut": "lieutenant",
    "esq": "esquire",
    "mme": "madame",
    "mlle": "mademoiselle",
}
# In standard_ebooks.txt.gz, in order: where books begin that LibriSpeech's dev and test sets read, and where the next
# book begins that they don't. Anne of Green Gables with War and Peace, The Scarlet Letter, Far from the Madding Crowd.
READ_EBOOKS = (
    ("Mrs. Rachel Lynde Is Surprised", "Playing Pilgrims"),
    ("The Prison-Door", "I Set Off Upon My Journey to the House of Shaws"),
    ("Description of Farmer Oak; An Incident", "The schoolmaster was leaving the village"),
)
READ_SETS = ("dev-clean", "dev-other", "test-clean", "test-other")


@dataclass(frozen=True)
class Source:
    """Where text comes from, for the model's header and its card."""

    name: str
    licence: str
    sentences: Iterable[str]


def texts(path: Path) -> list[str]:
    """The normalised texts of a manifest."""
    return [fast_normalise(utterance.text) for utterance in manifest.read(path)]


def sources(data: Path, books: list[Path], manifests: Path) -> list[Source]:
    """The texts, in the order of WEIGHTS."""
    folder = data / "text"
    ebooks = sentences(without_read(read_lines(folder / "standard_ebooks.txt.gz")))
    novels = (sentence for path in books for sentence in read_sentences(path))
    tatoeba = sentences(line.partition("\t")[0] for line in read_lines(folder / "tatoeba_eng-fra.tsv.gz"))

    def plain(name: str) -> Iterator[str]:
        return said(read_sentences(folder / f"{name}.txt.gz"))

    return [
        Source(
            "Standard Ebooks, 42 novels of the 19th and early 20th century",
            "public domain, CC0",
            said(ebooks),
        ),
        Source(
            f"Project Gutenberg, {len(books)} books of before 1926, listed below",
            "public domain",
            said(novels),
        ),
        Source(
            "LibriSpeech train-clean-100 transcripts (Panayotov et al. 2015)",
            "CC BY 4.0",
            plain("librispeech_train-clean-100"),
        ),
        Source("Common Voice, sentences to be read", "CC0", plain("common_voice_prompts_en")),
        Source("Tatoeba, English side (tatoeba.org, manythings.org/anki)", "CC BY 2.0", said(tatoeba)),
        Source("Spacelog, radio transcripts of Mercury to Apollo", "public domain", plain("spacelog_nasa")),
        Source("inaugural addresses and State of the Union", "public domain", plain("us_speeches")),
        Source("LJ Speech, texts (Ito 2017)", "public domain", plain("ljspeech_texts")),
        Source(
            "what people say to assistants: Snips, CLINC150 (Larson et al. 2019)",
            "CC0, CC BY 3.0",
            plain("commands_snips_clinc"),
        ),
        Source(
            "training transcripts of the recipe english: LibriSpeech, speechocean762 (Zhang et al. 2021), kathleen, "
            "Asterisk en_AU, Common Voice (Ardila et al. 2020), LJ Speech",
            "CC BY 4.0, Apache-2.0, CC0, CC BY 3.0, CC0, public domain",
            texts(manifests / "train.jsonl"),
        ),
    ]


def find_books(folder: Path, chapters: Path) -> list[Path]:
    """The books of a folder, `TITLE (NUMBER).txt.gz` with Project Gutenberg's number, without those that
    LibriSpeech's dev and test sets read.

    Raises:
        LanguageModelError: there are none, or a file is not named so.
    """
    read = read_numbers(chapters)
    books = []
    for path in sorted(folder.glob("*.txt.gz")):
        number = path.name.removesuffix(").txt.gz").rpartition("(")[2]
        if not number.isdigit():
            raise LanguageModelError(
                f"{path} is not named 'TITLE (NUMBER).txt.gz'. Expected Project Gutenberg's number."
            )
        if number in read:
            print(f"left out, LibriSpeech's dev and test sets read it: {title(path)}", file=sys.stderr)
        else:
            books.append(path)
    if not books:
        raise LanguageModelError(
            f"{folder} holds no books. Expected files 'TITLE (NUMBER).txt.gz', a paragraph a line."
        )
    return books


def title(book: Path) -> str:
    """A book's title and number."""
    return book.name.removesuffix(".txt.gz")


def read_numbers(chapters: Path) -> set[str]:
    """Project Gutenberg's numbers of the books that LibriSpeech's dev and test sets read, of its CHAPTERS.TXT.

    Raises:
        LanguageModelError: the file can't be read or names none.
    """
    rows = [line.split("|") for line in read_lines(chapters) if not line.startswith(";")]
    numbers = {row[5].strip() for row in rows if len(row) > 5 and row[3].strip() in READ_SETS}
    if not numbers:
        raise LanguageModelError(
            f"{chapters} names no chapter of {', '.join(READ_SETS)}. Expected LibriSpeech's file."
        )
    return numbers


def without_read(paragraphs: Iterable[str]) -> Iterator[str]:
    """Standard Ebooks without the books of READ_EBOOKS.

    Raises:
        LanguageModelError: one of their beginnings isn't there.
    """
    borders = [border for book in READ_EBOOKS for border in book]
    passed = 0
    for paragraph in paragraphs:
        if passed < len(borders) and paragraph.startswith(borders[passed]):
            passed += 1
        if passed % 2 == 0:
            yield paragraph
    if passed < len(borders):
        raise LanguageModelError(
            f"standard_ebooks.txt.gz has no paragraph {borders[passed]!r} behind the others."
        )


def sentences(paragraphs: Iterable[str]) -> Iterator[str]:
    """The normalised sentences of paragraphs."""
    for paragraph in paragraphs:
        for sentence in split_sentences(paragraph):
            if spoken := fast_normalise(sentence):
                yield spoken


def said(sentences: Iterable[str]) -> Iterator[str]:
    """Titles written out."""
    for sentence in sentences:
        yield " ".join(TITLES.get(word, word) for word in sentence.split(" "))
