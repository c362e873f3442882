"""The commands `speechgru corpus ...`."""

HELP = "Corpora: list, download, prepare, check"
