"""Pieces that a model makes up: requests, continuation, harmonization, endings."""
