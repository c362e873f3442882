"""Recordings with their texts: manifests, corpora, splits, checks, batches, features on disk."""
