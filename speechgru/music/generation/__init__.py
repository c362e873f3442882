"""Pieces sampled from a model: requests, continuation, harmonization, endings."""
