"""What can be learnt, one task a file; `task: NAME` in a recipe chooses. `training/task.py` says what each offers."""

PLUGINS = ("classify", "ctc", "hybrid", "language", "punctuation", "rolls", "vad", "words")
