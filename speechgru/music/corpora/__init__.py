"""One corpus of music per file: SOURCE, LICENSE, CITATION, SHARE_ALIKE, FACTS, prepare(root).

One whose pieces are not known beforehand has `facts(pieces)` too.
"""
