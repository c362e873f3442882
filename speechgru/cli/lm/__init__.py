"""The commands `speechgru lm ...`."""

HELP = "Language models: build, tune, sample"
