"""Training of models of piano rolls: the door to speechgru/music."""

from speechgru.music.training.roll_task import CORPORA, CURVE, GROUPS, MODELS, Task, prepare

__all__ = ["CORPORA", "CURVE", "GROUPS", "MODELS", "Task", "prepare"]
