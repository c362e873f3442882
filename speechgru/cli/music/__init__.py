"""Commands about music."""

HELP = "Music: look at, convert and hear files of notes; judge what models make, and the models"
