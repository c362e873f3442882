"""Trainings with many choices of settings: every combination (`train --multirun`), or a search by Optuna (`tune`)."""
