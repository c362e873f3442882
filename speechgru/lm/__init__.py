"""Language models: n-grams estimated, stored, queried, tuned."""
