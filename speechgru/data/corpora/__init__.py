"""One public corpus a file: SOURCE, LICENSE, CITATION, prepare(root), and ARCHIVES where it can be fetched."""
