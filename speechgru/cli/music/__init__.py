"""Commands about music."""

HELP = "Music: show, convert and play files of notes; evaluate models and the pieces they make"
