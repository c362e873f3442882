"""Compare detectors of speech on the same stretches in one run: a GRU's, the one by levels, and WebRTC's.

    python benchmarks/vad.py runs/vad/best.safetensors [corpus.root=DATA ...] [--transcribe] [--most 50]

The stretches are those of the test sets of recipes/vad (speechgru/tasks/vad_mixtures.py): recordings with gaps
between them, clean and with noise of files that nothing was trained on or tuned to, and that noise alone. Counted in
steps of 10 ms: precision, recall, F1 with a 95 % bootstrap interval, and false alarms, the share of what is no speech
that was taken for it. Speed is in seconds of audio a second, on one thread, the median of some runs over ten minutes.

gru            the network's frames at its threshold; gru, spans: with the rules of `speechgru vad`, without padding
levels         what `transcribe` goes by today: activity.pauses within what activity.may_hold_speech lets pass;
               levels, tuned: the same with the share that has the best F1 on the dev stretches
webrtc         webrtcvad in modes 0 to 3, frames of 30 ms, where it is installed (pip install webrtcvad-wheels)

The labels come from levels of the clean recordings, so the two detectors by levels are at home where there is no
noise. --labels compares the labels themselves with words that the default model aligned to dev recordings.
--transcribe: what the dev sets' WER, the time, and the words recognised in noise become when `transcribe` asks the GRU.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from speechgru.audio import stream as audio
from speechgru.audio.energy import FRAME_SECONDS, PAUSE_SHARE, may_hold_speech, pauses
from speechgru.audio.segments import Rules, spans, without_gaps
from speechgru.config import load_recipe
from speechgru.evaluation import vad as vad_metrics
from speechgru.evaluation.vad import Agreement, measures
from speechgru.tasks import vad
from speechgru.tasks.vad_mixtures import Mixtures
from speechgru.training import TaskContext
from speechgru.transcript import Transcript
from speechgru.utils import console
from speechgru.utils.tables import table
from speechgru.vad import Detector, load_detector
from speechgru.vad import labels as speech_labels

RATE = audio.SAMPLE_RATE
SHARES = np.arange(0.1, 0.81, 0.05)
SPEED_SECONDS, SPEED_RUNS = 600, 5
WEBRTC_SECONDS = 0.03
ALIGNED = 40  # dev recordings of a set whose labels are compared with words
Find = Callable[[np.ndarray], np.ndarray]  # signal [time] -> speech or not, every 10 ms
Stretches = list[tuple[np.ndarray, np.ndarray, str, str]]  # signal, spoken, condition, speaker


def by_gru(detector: Detector) -> Find:
    """The network's frames at its threshold."""

    def find(signal: np.ndarray) -> np.ndarray:
        (found,) = detector.probabilities([signal])
        speech = found >= detector.rules.threshold
        return speech_labels.on_grid(speech, detector.frame_seconds, steps(signal))

    return find


def by_spans(detector: Detector, rules: Rules) -> Find:
    """The stretches that `speechgru vad` prints, without padding."""

    def find(signal: np.ndarray) -> np.ndarray:
        (found,) = detector.probabilities([signal])
        marked = np.zeros(steps(signal), bool)
        for start, end in spans(found, detector.frame_seconds, len(signal) / RATE, rules):
            marked[round(start / speech_labels.GRID_SECONDS) : round(end / speech_labels.GRID_SECONDS)] = True
        return marked

    return find


def by_levels(share: float) -> Find:
    """All but the pauses of what may hold speech at all."""

    def find(signal: np.ndarray) -> np.ndarray:
        marked = np.full(steps(signal), may_hold_speech(signal, RATE))
        for start, end in pauses(signal, RATE, share, frame_seconds=FRAME_SECONDS):
            marked[
                round(start / RATE / speech_labels.GRID_SECONDS) : round(
                    end / RATE / speech_labels.GRID_SECONDS
                )
            ] = False
        return marked

    return find


def by_webrtc(mode: int) -> Find:
    """WebRTC's detector, begun anew for each signal."""
    import webrtcvad

    size, repeats = round(WEBRTC_SECONDS * RATE), round(WEBRTC_SECONDS / speech_labels.GRID_SECONDS)

    def find(signal: np.ndarray) -> np.ndarray:
        webrtc = webrtcvad.Vad(mode)
        samples = (signal.clip(-1, 1) * 32767).astype(np.int16)
        frames = [samples[at : at + size].tobytes() for at in range(0, len(samples) - size + 1, size)]
        found = np.repeat([webrtc.is_speech(frame, RATE) for frame in frames], repeats)
        return np.pad(found, (0, max(steps(signal) - len(found), 0)))

    return find


def steps(signal: np.ndarray) -> int:
    return round(len(signal) / RATE / speech_labels.GRID_SECONDS)


def stretches(mixtures: Mixtures, most: int) -> Stretches:
    """Those of a set, or `most` of them by chance."""
    count = len(mixtures.utterances)
    chosen = sorted(random.Random(0).sample(range(count), min(most or count, count)))
    found = []
    for index in chosen:
        stretch = mixtures.stretch(0, index)
        speaker = mixtures.utterances[index].speaker
        found.append((stretch.signal.numpy(), stretch.spoken, vad.condition(stretch), speaker))
    return found


def score(find: Find, chosen: Stretches) -> Agreement:
    counts = [vad_metrics.count(find(signal), said) for signal, said, _, _ in chosen]
    return vad_metrics.summarise(counts, [c for _, _, c, _ in chosen], [s for _, _, _, s in chosen])


def tuned_share(dev: Stretches) -> float:
    """The share of `energy.pauses` with the best F1."""
    f1 = [measures(score(by_levels(share), dev).total)["f1"] for share in SHARES]
    return float(SHARES[int(np.argmax(f1))].round(2))


def speed(find: Find, signal: np.ndarray, runs: int) -> float:
    """Seconds of audio a second: the median of some runs after a first one."""
    times = []
    for _ in range(runs + 1):
        started = time.perf_counter()
        find(signal)
        times.append(time.perf_counter() - started)
    return len(signal) / RATE / statistics.median(times[1:])


def streamed(detector: Detector) -> Find:
    """For its speed: blocks of 30 s, as `speechgru vad` reads a long recording."""
    return lambda signal: detector.detect(np.split(signal, range(30 * RATE, len(signal), 30 * RATE)))[0]


def compare(
    detector: Detector, dev: Stretches, sets: Mapping[str, Stretches], runs: int, seconds: int
) -> str:
    """The table of all detectors on each set, with their speed."""
    share = tuned_share(dev)
    bare = Rules(detector.rules.threshold, detector.rules.release, padding=0.0)
    finders: dict[str, Find] = {
        "gru": by_gru(detector),
        "gru, spans": by_spans(detector, bare),
        "levels": by_levels(PAUSE_SHARE),
        f"levels, tuned ({share:g})": by_levels(share),
    }
    try:
        finders |= {f"webrtc {mode}": by_webrtc(mode) for mode in range(4)}
    except ImportError:
        print("webrtcvad is not installed: left out (pip install webrtcvad-wheels)", file=sys.stderr)
    everything = [stretch for chosen in sets.values() for stretch in chosen]
    long = np.resize(np.concatenate([signal for signal, *_ in everything[:100]]), seconds * RATE)
    parts = []
    for name, chosen in sets.items():
        results = {kind: score(find, chosen) for kind, find in finders.items()}
        rows = [[kind, *found.cells().values()] for kind, found in results.items()]
        parts += [f"## {name}", table(["detector", *next(iter(results.values())).cells()], rows)]
        conditions = [r.to_dict()["conditions"] for r in results.values()]
        if len(conditions[0]) > 1:
            names = sorted(conditions[0], key=_quietness)
            rows = [
                [kind, *(f"{100 * condition[name]['f1']:.1f}" for name in names)]
                for kind, condition in zip(finders, conditions)
            ]
            parts.append("F1 by noise, %:\n\n" + table(["detector", *names], rows))
    timed = {**finders, "gru": streamed(detector)}
    del timed["gru, spans"]
    rows = [[kind, f"{speed(find, long, runs):,.0f}"] for kind, find in timed.items()]
    parts += ["## speed", table(["detector", "seconds of audio a second"], rows)]
    return "\n\n".join(parts)


def _quietness(condition: str) -> float:
    """`clean` first, then from little noise to much."""
    return -np.inf if condition == "clean" else -float(condition.split()[0])


def labels(sets: Mapping[str, Sequence]) -> str:
    """Labels against aligned words (joined over short pauses, as the labels are) of some dev recordings."""
    from speechgru.alignment import align_text
    from speechgru.audio.array import Sound
    from speechgru.data import read_audio
    from speechgru.inference import load_recognizer

    recognizer, rows = load_recognizer(decoder="greedy"), []
    for name, utterances in sets.items():
        total = np.zeros(4)
        for utterance in random.Random(1).sample(list(utterances), min(ALIGNED, len(utterances))):
            signal = read_audio(utterance, RATE).signal
            found = speech_labels.spoken(signal, RATE)
            words = np.zeros(len(found), bool)
            for word in align_text(recognizer, Sound(signal), utterance.text).transcript.words:
                words[
                    round(word.start / speech_labels.GRID_SECONDS) : round(
                        word.end / speech_labels.GRID_SECONDS
                    )
                ] = True
            total += vad_metrics.count(
                found, without_gaps(words, speech_labels.PAUSE_SECONDS / speech_labels.GRID_SECONDS)
            )
        rows.append([name, *(f"{100 * value:.1f} %" for value in measures(total).values())])
    return "## labels against aligned words\n\n" + table(
        ["set", "precision", "recall", "F1", "false alarms"], rows
    )


def transcribing(
    path: Path, sets: Mapping[str, Sequence], noises: Mapping[str, Sequence[Path]]
) -> Iterator[str]:
    """What `transcribe` gains by the detector: WER and time of dev sets, and how often noise gives words."""
    from speechgru.evaluation import evaluate
    from speechgru.evaluation.recognition import percent
    from speechgru.inference import load_recognizer

    recognizers = {"without": load_recognizer(), "with": load_recognizer(detector=path)}
    rows = []
    for name, utterances in sets.items():
        evaluate(recognizers["with"], utterances[:20])  # both have met their kernels
        for kind, recognizer in recognizers.items():
            done = evaluate(recognizer, utterances)
            skipped = sum(not row.confidences for row in done.rows)
            rows.append(
                [
                    name,
                    kind,
                    percent(done.score.wer),
                    f"{done.wall_seconds:.1f}",
                    f"{done.audio_seconds:.0f}",
                    skipped,
                ]
            )
    yield "## transcribe\n\n" + table(["set", "detector", "WER", "s", "s of audio", "without words"], rows)
    rows = []
    for name, paths in noises.items():
        for kind, recognizer in recognizers.items():
            started = time.perf_counter()
            recognised = [r for _, r in recognizer.transcribe_many(paths) if isinstance(r, Transcript)]
            worded = sum(bool(result.words) for result in recognised)
            seconds = time.perf_counter() - started
            rows.append(
                [name, kind, len(recognised), f"{100 * worded / len(recognised):.1f} %", f"{seconds:.1f}"]
            )
    yield "## noise\n\n" + table(["noises", "detector", "clips", "with words", "s"], rows)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("detector", type=Path, help="checkpoint of `speechgru train vad`")
    parser.add_argument("overrides", nargs="*", help="of the recipe vad: corpus.root=DATA")
    parser.add_argument("--most", type=int, default=0, metavar="N", help="stretches of a set (default: all)")
    parser.add_argument("--labels", action="store_true", help="compare the labels with aligned words too")
    parser.add_argument("--transcribe", action="store_true", help="measure what transcribe gains instead")
    parser.add_argument("--quick", action="store_true", help="little of everything: only to see that it runs")
    args = parser.parse_args()
    torch.set_num_threads(1)
    return console.exit_code(lambda: run(args))


def run(args: argparse.Namespace) -> None:
    most = 10 if args.quick else args.most
    recipe = load_recipe("vad", args.overrides)
    data = vad.prepare(recipe)
    some = {name: us[:most] if most else us for name, us in data.dev.items()}
    if args.transcribe:
        for part in transcribing(args.detector, some, {k: v[: most or None] for k, v in data.noises.items()}):
            print(part + "\n", flush=True)
        return
    if args.labels:
        print(labels(some) + "\n", flush=True)
    task = vad.Task(TaskContext(recipe, data, torch.device("cpu")))
    detector = load_detector(args.detector)
    dev = [s for _, mixtures in task.held_out("dev", data.dev) for s in stretches(mixtures, most)]
    sets = {name: stretches(mixtures, most) for name, mixtures in task.held_out("test", data.test)}
    print(compare(detector, dev, sets, *((1, 30) if args.quick else (SPEED_RUNS, SPEED_SECONDS))))


if __name__ == "__main__":
    sys.exit(main())
