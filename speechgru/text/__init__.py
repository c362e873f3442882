"""Writing: normalisation, numbers, languages, and the symbols that a model can write."""
