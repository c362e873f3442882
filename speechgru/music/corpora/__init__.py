"""One corpus of music per file: SOURCE, LICENSE, CITATION, FACTS, prepare(root).

One whose pieces are not known beforehand has `facts(pieces)` too.
"""
