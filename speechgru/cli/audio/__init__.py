"""The commands `speechgru audio ...`."""

HELP = "Sound files: look at them, convert, resample, trim, split, mix noise, normalize"
ALIASES = {"normalise": "normalize"}
