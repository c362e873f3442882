"""Recordings with their texts: manifests, corpora, splits, checks, batches, features on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from speechgru.utils.faces import lazy

if TYPE_CHECKING:
    from speechgru.data.dataset import Recordings
    from speechgru.data.dataset import plan as plan_batches
    from speechgru.data.manifest import Utterance, check, read_audio
    from speechgru.data.manifest import read as read_manifest
    from speechgru.data.manifest import write as write_manifest
    from speechgru.data.preparation import prepare


__all__ = [
    "Recordings",
    "Utterance",
    "check",
    "plan_batches",
    "prepare",
    "read_audio",
    "read_manifest",
    "write_manifest",
]

__getattr__, __dir__ = lazy(
    __name__,
    {
        "Recordings": "dataset",
        "Utterance": "manifest",
        "check": "manifest",
        "plan_batches": "dataset:plan",
        "prepare": "preparation",
        "read_audio": "manifest",
        "read_manifest": "manifest:read",
        "write_manifest": "manifest:write",
    },
)
