"""A doctor for manifests: what is wrong with recordings, texts and splits, and how many hours it costs.

Every recording is decoded once, by a pool of processes. A problem is *serious* where a training or a score can't
be trusted with it; of those and of a few others a cleaned manifest is made.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from speechgru.data.check_audio import Examined, Part, Sample, examine
from speechgru.data.check_text import KINDS, Finding, Key, of_recordings, of_splits, of_texts
from speechgru.data.manifest import Utterance
from speechgru.errors import CorpusError
from speechgru.utils import tables
from speechgru.utils.files import is_file
from speechgru.utils.process_pool import PoolError, in_order

FRAMES_PER_SECOND = 25.0  # of the recipes' networks
TOLERANCE = (0.1, 0.02)  # seconds, share of the recording: a duration that differs by more is wrong
_CHUNK = 16  # files handed to a process at once


@dataclass(frozen=True)
class Diagnosis:
    """All findings on the splits, and the splits with measured durations."""

    splits: dict[str, list[Utterance]]
    findings: list[Finding]

    @property
    def serious(self) -> bool:
        """Whether a training or a score should wait until something is done."""
        return any(KINDS[f.kind].serious for f in self.findings)

    def by_kind(self) -> dict[str, list[Finding]]:
        """The kinds of problem that there are, the serious first, with their findings."""
        kinds = {kind: [f for f in self.findings if f.kind == kind] for kind in KINDS}
        return {kind: findings for kind, findings in kinds.items() if findings}

    def cleaned(self, drop: Iterable[str] = (), keep: Iterable[str] = ()) -> dict[str, list[Utterance]]:
        """The splits without the utterances whose problems are `dropped`; durations as measured.

        `drop` and `keep` name kinds that are to be left out, or left in, other than `KINDS` says.
        """
        kinds = ({kind for kind, k in KINDS.items() if k.dropped} | set(drop)) - set(keep)
        lost = {(f.split, f.place) for f in self.findings if f.kind in kinds}
        return {
            name: [u for place, u in enumerate(utterances) if (name, place) not in lost]
            for name, utterances in self.splits.items()
        }


def hours(utterances: Iterable[Utterance]) -> float:
    """The sum of their durations."""
    return sum(u.duration for u in utterances) / 3600


def table(diagnosis: Diagnosis) -> list[str]:
    """Lines for people: the splits, then the problems, with the hours they cost and what to do."""
    lines = []
    for name, utterances in diagnosis.splits.items():
        speakers = len({u.speaker for u in utterances} - {""})
        lines.append(
            f"{name}: {len(utterances):,} utterances, {hours(utterances):.2f} h, {speakers} speakers"
        )
    problems = diagnosis.by_kind()
    if not problems:
        return [*lines, "", "Nothing is wrong."]
    total = hours(u for us in diagnosis.splits.values() for u in us)
    rows = [("problem", "utterances", "hours", "share", "what it means; the first")]
    for kind, findings in problems.items():
        lost = hours(f.utterance for f in findings)
        share = f"{100 * lost / total:.1f} %" if total else ""
        mark = "!" if KINDS[kind].serious else ""
        count = f"{len(findings):,}"
        rows.append(
            (f"{kind} {mark}", count, f"{lost:.2f}", share, f"{KINDS[kind].advice}; {_first(findings[0])}")
        )
    lines += ["", *tables.aligned(rows, right=(1, 2, 3))]
    touched = {(f.split, f.place): f.utterance for f in diagnosis.findings}
    lines += ["", f"{len(touched):,} utterances have a problem, {hours(touched.values()):.2f} h."]
    if diagnosis.serious:
        lines.append(
            "Those marked ! are serious: a training or a score can't be trusted before they are mended."
        )
    return lines


def _first(finding: Finding) -> str:
    u = finding.utterance
    detail = f" ({finding.detail})" if finding.detail else ""
    return f"{finding.split}: {u.id or u.audio_filepath.name}{detail}"


def to_dict(diagnosis: Diagnosis) -> dict[str, Any]:
    """Everything, ready for JSON."""
    return {
        "serious": diagnosis.serious,
        "splits": {
            name: {"utterances": len(us), "hours": hours(us), "speakers": len({u.speaker for u in us} - {""})}
            for name, us in diagnosis.splits.items()
        },
        "problems": {
            kind: {
                "serious": KINDS[kind].serious,
                "utterances": len(findings),
                "hours": hours(f.utterance for f in findings),
                "advice": KINDS[kind].advice,
                "findings": [
                    {
                        "split": f.split,
                        "id": f.utterance.id,
                        "audio_filepath": str(f.utterance.audio_filepath),
                        "offset": f.utterance.offset,
                        "detail": f.detail,
                    }
                    for f in findings
                ],
            }
            for kind, findings in diagnosis.by_kind().items()
        },
    }


def diagnose(
    splits: Mapping[str, Sequence[Utterance]],
    *,
    frames_per_second: float = FRAMES_PER_SECOND,
    processes: int = 1,
    on_progress: Callable[[int], None] = lambda _: None,
) -> Diagnosis:
    """Look at every utterance of `splits`.

    Args:
        splits: by name, training first: what leaks is reported of, and dropped from, the earlier split.
        frames_per_second: the network's output frames, for CTC's need of one a character.
        processes: that decode; 1: this one.
        on_progress: called with the number of files done so far.
    """
    given = {name: list(utterances) for name, utterances in splits.items()}
    examined = _examine(given, processes, on_progress)
    measured = {
        name: [_measured(u, examined[name, place]) for place, u in enumerate(utterances)]
        for name, utterances in given.items()
    }
    findings = [
        Finding(kind, name, place, measured[name][place], detail)
        for name, utterances in given.items()
        for place, u in enumerate(utterances)
        for kind, detail in _of_audio(u, measured[name][place], examined[name, place])
    ]
    readable = {key for key, h in examined.items() if h.sample}
    # All silence is alike.
    digests = {key: h.sample.digest for key, h in examined.items() if h.sample and not h.sample.is_silent}
    findings += of_texts(measured, readable, frames_per_second)
    findings += of_recordings(measured, digests)
    findings += of_splits(measured)
    kinds, names = list(KINDS), list(given)
    findings.sort(key=lambda f: (kinds.index(f.kind), names.index(f.split), f.place))
    return Diagnosis(measured, findings)


class _Examination(NamedTuple):
    """Of an utterance: its file's examination (None: there is no file), its own part's, and whether that is all
    of the file."""

    file: Examined | None
    sample: Sample | None
    whole: bool


def _examine(
    splits: Mapping[str, list[Utterance]], processes: int, on_progress: Callable[[int], None]
) -> dict[Key, _Examination]:
    """Examine each file once, with all the parts of it that utterances are."""
    users = Counter(u.audio_filepath for utterances in splits.values() for u in utterances)
    parts: dict[Path, dict[Part, int]] = defaultdict(dict)
    wanted: dict[Key, tuple[Path, Part]] = {}
    for name, utterances in splits.items():
        for place, u in enumerate(utterances):
            whole = users[u.audio_filepath] == 1 and not u.offset
            part: Part = (u.offset, None if whole else u.duration)
            wanted[name, place] = u.audio_filepath, part
            parts[u.audio_filepath].setdefault(part, len(parts[u.audio_filepath]))
    there = [path for path in parts if is_file(path)]
    work = [(path, list(parts[path])) for path in there]
    files = dict(zip(there, list(_run(work, processes, on_progress))))
    examined = {}
    for key, (path, part) in wanted.items():
        file = files.get(path)
        sample = file.samples[parts[path][part]] if file and not file.error else None
        examined[key] = _Examination(file, sample, part[1] is None)
    return examined


def _run(
    work: list[tuple[Path, list[Part]]], processes: int, on_progress: Callable[[int], None]
) -> Iterator[Examined]:
    done = 0
    try:
        for examined in in_order(examine, work, processes, preload=[examine.__module__], chunk=_CHUNK):
            yield examined
            done += 1
            on_progress(done)
    except PoolError as error:
        raise CorpusError(
            f"A process that decodes recordings died, at {work[done][0]} or one of the {_CHUNK} files after it: out of "
            "memory, or a file that crashes the decoder. Check these one by one with --jobs 1."
        ) from error


def _of_audio(given: Utterance, measured: Utterance, examined: _Examination) -> Iterator[tuple[str, str]]:
    """Kind and detail of what is wrong with an utterance's recording."""
    file, sample, _ = examined
    if file is None:
        yield "missing audio", ""
    elif sample is None:
        yield "unreadable audio", file.error
    elif given.offset >= file.seconds:
        yield "beyond the end", f"begins at {given.offset:g} s of {file.seconds:.2f} s"
    else:
        if file.damaged:
            yield "damaged audio", file.damaged
        elif measured.duration != given.duration:
            yield "wrong duration", f"stated {given.duration:.2f} s, measured {measured.duration:.2f} s"
        if sample.is_silent:
            yield "silent audio", ""
        if file.clipped:
            yield "clipped audio", file.clipped
        if file.narrow:
            yield "narrow band", file.narrow


def _measured(given: Utterance, examined: _Examination) -> Utterance:
    """With the measured duration, where the stated one is wrong: it promises more than there is, or another length
    than that of the file whose only utterance it is."""
    file, sample, whole = examined
    if file is None or sample is None or given.offset >= file.seconds:
        return given
    rest = file.seconds - given.offset
    excess = given.duration - rest
    tolerance = max(TOLERANCE[0], TOLERANCE[1] * rest)
    right = abs(excess) <= tolerance if whole else excess <= tolerance
    return given if right and given.duration > 0 else replace(given, duration=round(rest, 3))
