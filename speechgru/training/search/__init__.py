"""`speechgru tune`: settings of a recipe, chosen by trial trainings. Optuna draws, prunes and remembers."""
