"""Music: notes, files of them, corpora, models that write them, and what to judge them by."""
