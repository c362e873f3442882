"""Notes, keys, voices, piano rolls and tokens: music as data, without files or models."""
