"""The command line in a process of its own, as a user starts it, with the network shut."""

from __future__ import annotations

import subprocess
import sys

_CODE = """
import socket, sys
def no(*a, **k): raise AssertionError("the network was used")
socket.socket.connect = socket.create_connection = no
from speechgru.cli import main
sys.exit(main(sys.argv[1:]))
"""


def run_offline(*arguments: str) -> str:
    """What `speechgru ARGUMENTS` prints; it must succeed."""
    done = subprocess.run(
        [sys.executable, "-c", _CODE, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
