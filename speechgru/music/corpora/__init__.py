"""One corpus of music per file: SOURCE, LICENSE, CITATION, SHARE_ALIKE, prepare(root)."""
