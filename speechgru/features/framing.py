"""Where the frames of a signal lie, and which samples each looks at: what blocks and streams are cut by.

Frame t is centred at sample `first` + t · `hop` and looks at no sample outside [t · hop − before,
t · hop + after).
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Framing:
    """All in samples at `rate` Hz."""

    rate: int
    hop: int
    before: int
    after: int
    first: float = 0.0
    extra: int = 0
    """A signal has (samples + extra) // hop frames."""
    shortest: int = 1
    """The shortest signal that makes sense."""

    @classmethod
    def centred(cls, rate: int, size: int, hop: int, shortest: int = 1, extra: int | None = None) -> Framing:
        """Frame t in the middle of `size` samples around t · hop; without `extra` 1 + samples // hop frames."""
        reach = size // 2 + 1
        return cls(rate, hop, reach, reach, extra=hop if extra is None else extra, shortest=shortest)

    @classmethod
    def inside(cls, rate: int, size: int, hop: int) -> Framing:
        """Only frames of `size` samples that lie within the signal: Kaldi's `snip_edges`."""
        return cls(rate, hop, 0, size, first=size / 2, extra=hop - size, shortest=size)

    def frames(self, samples: int) -> int:
        """Frames of a signal of `samples`."""
        return max(0, (samples + self.extra) // self.hop)

    def ready(self, samples: int) -> int:
        """Frames that no later sample can change once `samples` have come."""
        return max(0, min(self.frames(samples), (samples - self.after) // self.hop + 1))

    def span(self, begin: int, end: int, samples: int) -> tuple[int, int, int]:
        """Samples [start, stop) from which frames [begin, end) follow, and the frames to drop before them."""
        dropped = max(0, begin - -(-self.before // self.hop))
        return dropped * self.hop, min(samples, (end - 1) * self.hop + self.after), begin - dropped

    def widened(self, before: int, after: int) -> Framing:
        """The same frames, each of which also looks at so many frames before and after it."""
        return replace(self, before=self.before + before * self.hop, after=self.after + after * self.hop)

    def times(self, frames: int) -> list[float]:
        """Centres of the first `frames`, in seconds."""
        return [(self.first + t * self.hop) / self.rate for t in range(frames)]
