"""Threads that the end of a process waits for, and which do not keep it from its end."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from typing import Any

import pytest

from frame_booster.errors import Interrupted
from frame_booster.pipeline.workers import background_thread

SCRIPT = """
import sys, time
from frame_booster.pipeline import workers

workers._AT_THE_END_S = float(sys.argv[2])
threads = workers.Workers(1)
threads.start(lambda: (time.sleep(float(sys.argv[1])), print("done", flush=True)))
time.sleep(0.1)
raise SystemExit(6)
"""


def ended(seconds: str, limit: str) -> tuple[int, str]:
    command = [sys.executable, "-c", SCRIPT, seconds, limit]
    done = subprocess.run(command, capture_output=True, text=True, timeout=50, check=False)
    assert done.stderr == ""
    return done.returncode, done.stdout


def test_what_is_in_the_network_comes_back_before_the_process_ends() -> None:
    assert ended("0.5", "20") == (6, "done\n")


def test_the_end_does_not_wait_for_ever() -> None:
    assert ended("100", "0.2") == (6, "")


def test_a_signal_while_a_thread_is_started_leaves_it_running(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "_start_joinable_thread" if hasattr(threading, "_start_joinable_thread") else "_start_new_thread"
    usual, ran = getattr(threading, name), threading.Event()

    def interrupted(*given: Any, **more: Any) -> Any:
        signal.raise_signal(signal.SIGINT)
        return usual(*given, **more)

    def handler(number: int, frame: Any) -> None:
        raise Interrupted("interrupted")

    monkeypatch.setattr(threading, name, interrupted)
    before = signal.signal(signal.SIGINT, handler)
    try:
        with pytest.raises(Interrupted):
            background_thread(ran.set, "one").start()
    finally:
        signal.signal(signal.SIGINT, before)
    assert ran.wait(60)
