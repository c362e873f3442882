"""How good a model is: error rates, intervals, comparisons, calibration."""
