"""Pronunciations of words: dictionaries, and grapheme-to-phoneme conversion for words that they lack."""
