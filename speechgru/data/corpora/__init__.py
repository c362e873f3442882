"""One public corpus a file: SOURCE, LICENSE, CITATION, prepare(root), and ARCHIVES to fetch or BY_HAND, the steps."""
