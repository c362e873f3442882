"""Processes of the pool and Ctrl-C, which a terminal sends to all of them."""

from __future__ import annotations

import subprocess
import sys

_SCRIPT = """
import os, signal, threading, time
from speechgru.utils import process_pool

if __name__ == "__main__":
    over = False
    signal.signal(signal.SIGINT, lambda *_: None)  # this process is not what is tested

    def press():
        while not over:
            os.killpg(0, signal.SIGINT)
            time.sleep(0.002)

    thread = threading.Thread(target=press)
    process_pool.prepare([])
    thread.start()
    try:
        list(process_pool.in_order(len, [[]] * 4, 2))
    except KeyboardInterrupt:  # work in hand is interrupted, as it should be
        pass
    finally:
        over = True
        thread.join()
    print("done")
"""


def test_ctrl_c_finds_no_process_that_is_only_starting(tmp_path) -> None:
    script = tmp_path / "press.py"
    script.write_text(_SCRIPT)
    finished = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, timeout=60, start_new_session=True
    )
    assert (finished.stdout, finished.stderr) == ("done\n", "")
