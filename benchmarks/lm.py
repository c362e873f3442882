"""Time n-gram language models: estimating, opening, querying; queries against KenLM's in the same run.

    python benchmarks/lm.py --text DATA/text/standard_ebooks.txt.gz [--words 10000000] [--repeats 5]

Builds a 4-gram model of the first words of the text (repeated where it is shorter) in a process of its own, as
`speechgru lm build` does: words a second, peak memory. Then, in this process: the time to open the .slm file
(median, the file in the page cache), and queries a second on one thread along held-out text, sentence after
sentence, of ours (in a compiled loop, words as ids) and of the same model written as ARPA and loaded by kenlm
(probing hash tables, exact weights), asked word by word from Python and, one call each, for whole sentences, which
includes finding the words' ids. The candidates take turns. The first run compiles; run it twice.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from speechgru.lm import NGram, load
from speechgru.lm import bit_packing as lm_bits
from speechgru.lm import packed_query as lm_arrays
from speechgru.lm.packed_query import Arrays, advance
from speechgru.lm.sentences import read_lines, read_sentences
from speechgru.utils.jit import compiled


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--text", required=True, help="UTF-8 text, .gz or not")
    parser.add_argument("--words", type=int, default=10_000_000)
    parser.add_argument("--max-size", default="10MB", help="of the model that is queried")
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        first_words(args.text, args.words, path / "text.txt", path / "held.txt")
        for size in ([], ["--max-size", args.max_size]):
            building(path, args.words, size)
        opening(path / "model.slm", args.repeats)
        querying(path, args.repeats)


def first_words(text: str, words: int, train: Path, held: Path) -> None:
    """Every hundredth line to `held`, the others to `train` until it has `words` words."""
    count = 0
    with open(train, "w", encoding="utf-8") as out, open(held, "w", encoding="utf-8") as aside:
        while count < words:
            for number, line in enumerate(read_lines(text)):
                (aside if number % 100 == 0 else out).write(line)
                count += len(line.split()) * (number % 100 != 0)
                if count >= words:
                    break


def building(folder: Path, words: int, options: list[str]) -> None:
    command = ["lm", "build", "text.txt", "-o", "model.slm", "--min-count", "2", "--arpa", "model.arpa"]
    started = time.perf_counter()
    # The ARPA file is for the comparison below and is not part of the time.
    command = command if options else command[:-2]
    code = "import resource, sys; from speechgru.cli import main; code = main(sys.argv[1:]); "
    code += "print('peak', resource.getrusage(resource.RUSAGE_SELF).ru_maxrss); sys.exit(code)"
    done = subprocess.run(
        [sys.executable, "-c", code, *command, *options],
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
    )
    seconds = time.perf_counter() - started
    peak = int(done.stdout.rsplit("peak", 1)[1]) / 2**20
    what = " ".join(options) or "unpruned"
    size = (folder / "model.slm").stat().st_size
    print(
        f"build, {what}: {seconds:.0f} s for {words:,} words ({words / seconds:,.0f} words/s), {peak:.2f} GiB peak"
    )
    print(done.stdout.split("peak")[0].rstrip())
    counts = load(folder / "model.slm").counts
    print(f"  {size / sum(counts):.2f} bytes an n-gram\n")


def opening(path: Path, repeats: int) -> None:
    load(path)
    times = []
    for _ in range(max(repeats, 5)):
        started = time.perf_counter()
        load(path)
        times.append(time.perf_counter() - started)
    print(f"open: {1000 * statistics.median(times):.1f} ms, {path.stat().st_size:,} bytes")


def querying(folder: Path, repeats: int) -> None:
    """Queries a second of each candidate, in turns."""
    sentences = list(read_sentences(folder / "held.txt"))
    ours = load(folder / "model.slm")
    candidates: dict[str, Callable[[], float]] = {"speechgru": our_queries(ours, sentences)}
    candidates.update(kenlm_queries(folder / "model.arpa", sentences))
    queries = sum(len(sentence.split()) + 1 for sentence in sentences)
    times: dict[str, list[float]] = {name: [] for name in candidates}
    totals = {name: run() for name, run in candidates.items()}  # warm, compiled
    for _ in range(repeats):
        for name, run in candidates.items():
            started = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - started)
    print(f"queries ({queries:,} along {len(sentences):,} held-out sentences, one thread):")
    for name, found in times.items():
        rate = queries / statistics.median(found)
        print(f"  {name:<24}{rate / 1e6:8.2f} M/s   perplexity {np.exp(-totals[name] / queries):.2f}")


def our_queries(model: NGram, sentences: list[str]) -> Callable[[], float]:
    ids = [model.index(word) for sentence in sentences for word in [*sentence.split(), "</s>"]]
    words = np.array(ids, np.int64)
    return lambda: float(walk(model.arrays, words, model.start))


@compiled(__file__, lm_arrays.__file__, lm_bits.__file__)
def walk(arrays: Arrays, words: np.ndarray, start: int) -> float:
    """The log probability of sentences that each end in `</s>`."""
    state, total = start, 0.0
    for word in words:
        state, log_prob = advance(arrays, state, word)
        total += log_prob
        if word == 2:
            state = start
    return total


def kenlm_queries(arpa: Path, sentences: list[str]) -> dict[str, Callable[[], float]]:
    """kenlm's query per word and per sentence; empty without kenlm."""
    try:
        import kenlm
    except ImportError:
        print("kenlm is not installed: no comparison")
        return {}
    model = kenlm.Model(str(arpa))
    split = [[*sentence.split(), "</s>"] for sentence in sentences]

    def by_word() -> float:
        total, state, after = 0.0, kenlm.State(), kenlm.State()
        for words in split:
            model.BeginSentenceWrite(state)
            for word in words:
                total += model.BaseScore(state, word, after)
                state, after = after, state
        return total * np.log(10)

    def by_sentence() -> float:
        return sum(map(model.score, sentences)) * np.log(10)

    return {"kenlm probing, by word": by_word, "kenlm probing, sentence": by_sentence}


if __name__ == "__main__":
    main()
