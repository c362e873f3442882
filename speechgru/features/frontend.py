"""Log-mel bands as trained models take them: the kind `log_mel`, with the conventions that are fixed for them.

Frames: Hann window, hop by hop, frame t centred at sample t * hop, zeros beyond both ends; 1 + time // hop frames.
Bands: triangular on the HTK mel scale, power spectrum, unnormalised. Log: natural, of power + floor.
Trained models depend on every number; other conventions are settings of `spectrogram.LogMelSpectrogram`.
"""

from __future__ import annotations

from speechgru.features.framing import Framing
from speechgru.features.settings import FrontendSettings
from speechgru.features.spectrogram import LogMelSettings, LogMelSpectrogram

Settings = FrontendSettings
_DEFAULT = FrontendSettings()


class LogMel(LogMelSpectrogram):
    """The log-mel features of trained models, of a signal however short or a padded batch."""

    def __init__(self, settings: FrontendSettings = _DEFAULT) -> None:
        super().__init__(
            LogMelSettings(
                rate=settings.sample_rate,
                window=settings.window,
                hop=settings.hop,
                n_mels=settings.n_mels,
                f_min=settings.f_min,
                f_max=settings.f_max,
                log_floor=settings.log_floor,
                normalise=settings.normalise,
            )
        )
        self.shortest = 0
        self.framing = Framing.centred(self.rate, self.settings.size, self.settings.hop_length)
