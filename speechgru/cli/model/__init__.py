"""The commands `speechgru model ...`."""

HELP = "Models: list, fetch, remove, average, calibrate"
