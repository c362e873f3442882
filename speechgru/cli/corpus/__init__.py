"""The commands `speechgru corpus ...`."""

HELP = "Corpora: download, prepare, check"
