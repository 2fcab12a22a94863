"""Threads that are asked for are those that compute, in each engine."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest

from frame_booster.engine.onnx import session
from frame_booster.engine.onnx.providers import CPU
from tests.engine.onnx.test_session import doubling

SCRIPT = """
from frame_booster.engine.device import frames_at_once, limit_threads, tensorflow
from frame_booster.errors import ModelError

limit_threads(1)
threading = tensorflow().config.threading
print(threading.get_intra_op_parallelism_threads(), threading.get_inter_op_parallelism_threads())
print(frames_at_once("/CPU:0"))
tensorflow().zeros(1)
limit_threads(1)
try:
    limit_threads(2)
except ModelError as error:
    print(error)
"""


def test_tensorflow_computes_in_so_many_and_is_told_in_time() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=120, check=True)
    threads, frames, refusal = done.stdout.splitlines()
    assert threads == "1 1"
    assert frames == "1", "one thread has no use for two frames"
    assert "before a network is loaded" in refusal


@pytest.mark.skipif(importlib.util.find_spec("openvino") is None, reason="OpenVINO is not installed")
def test_openvino_computes_in_so_many() -> None:
    assert session.OpenVinoSession(doubling(), 1, 1)._model.get_property("INFERENCE_NUM_THREADS") == 1


@pytest.mark.parametrize(("at_once", "threads", "pool"), [(1, 3, 3), (2, 3, 2), (2, 1, 1), (2, None, 4)])
def test_onnx_runtime_leaves_a_thread_to_each_call(
    monkeypatch: pytest.MonkeyPatch, at_once: int, threads: int | None, pool: int
) -> None:
    pytest.importorskip("onnxruntime", reason="needs the extra `onnx`")
    monkeypatch.setattr(session.os, "cpu_count", lambda: 5)
    loaded = session.OnnxRuntimeSession(doubling(), CPU, 0, "float32", at_once, threads, None)
    assert loaded._session.get_session_options().intra_op_num_threads == pool
