"""Training: the loop, runs and their state, optimisation, reports, searches."""
