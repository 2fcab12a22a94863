"""The end of a process at once: what is to be done is done, whatever fails at it."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
import sys, threading, time
from frame_booster.process_end import at_process_end, end_at_once
threading.Thread(target=time.sleep, args=(60,), daemon={daemon}).start()

def fail():
    raise ValueError

at_process_end(lambda: print("done", flush=True))
at_process_end(fail)
{end}
"""


@pytest.mark.parametrize(("end", "code"), [("end_at_once(130)", 130), ("sys.exit(3)", 3)])
def test_what_is_to_be_done_is_done_at_either_end(end: str, code: int) -> None:
    script = SCRIPT.format(end=end, daemon=code == 3)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == code
    assert done.stdout == "done\n"
