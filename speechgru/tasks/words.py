"""Training of token models of music: the door to speechgru/music."""

from speechgru.music.training.token_task import CURVE, Task, prepare

__all__ = ["CURVE", "Task", "prepare"]
