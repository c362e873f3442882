"""Training of models of piano rolls: the door to speechgru/music."""

from speechgru.music.training.roll_task import CURVE, Task, prepare

__all__ = ["CURVE", "Task", "prepare"]
