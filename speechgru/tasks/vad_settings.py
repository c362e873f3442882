"""Settings of task=vad: `vad` in a recipe."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, ClassVar

from speechgru.config.section import PROBABILITY, Section, between, ends


@dataclass(frozen=True)
class VadConfig(Section):
    """task=vad: mixtures of speech and noise from which a speech detector learns. The noise of training, and how much
    of it, are settings of `augment`. See speechgru/tasks/vad_mixtures.py."""

    KEY: ClassVar[str] = "vad"

    seconds: Annotated[float, between(1, 60)] = 8.0
    """Of a stretch."""
    gap: Annotated[list[float], ends(0.01)] = field(default_factory=lambda: [0.1, 3.0])
    """Seconds without speech before each recording, least and most."""
    level: Annotated[list[float], ends(-100)] = field(default_factory=lambda: [-38.0, -15.0])
    """Of speech, pauses not counted: least and most, in dB of full scale."""
    alone: Annotated[float, PROBABILITY] = 0.2
    """Share of the training stretches that hold no speech."""
    noise_level: Annotated[list[float], ends(-100)] = field(default_factory=lambda: [-55.0, -15.0])
    """Of noise where nobody speaks, in dB of full scale."""
    steady: Annotated[float, PROBABILITY] = 0.25
    """Share of the noises that are Gaussian although augment.noise_files names recordings."""
    dev_noise: str = ""
    """Folder or pattern (with `*`) of noises for the dev sets, below `corpus.root`; so too `test_noise`."""
    test_noise: str = ""
    snrs: list[float] = field(default_factory=lambda: [20.0, 10.0, 5.0, 0.0])
    """Of dev and test stretches, in turn, in dB; one in between has no noise."""
    licence: str = ""
    """Of the noises, for the report."""
    url: str = ""
