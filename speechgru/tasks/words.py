"""Training of token models of music: the door to speechgru/music."""

from speechgru.music.training.token_task import CORPORA, CURVE, GROUPS, MODELS, Task, prepare

__all__ = ["CORPORA", "CURVE", "GROUPS", "MODELS", "Task", "prepare"]
