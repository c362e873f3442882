"""How words are pronounced: dictionaries, and grapheme-to-phoneme conversion for words that none has."""
