"""Loading of graphs: by jobs at the same time, and where a cache cannot be written."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from frame_booster.engine.onnx import session
from frame_booster.engine.onnx.providers import TENSORRT
from frame_booster.engine.onnx.session import provider_options

SCRIPT = """
import threading
from frame_booster.engine.onnx.session import _import_openvino
failed = []
begin = threading.Barrier(4)

def load():
    begin.wait()
    try:
        _import_openvino()
    except BaseException as error:
        failed.append(error)

threads = [threading.Thread(target=load) for _ in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(failed)
"""


@pytest.mark.skipif(importlib.util.find_spec("openvino") is None, reason="OpenVINO is not installed")
def test_jobs_at_the_same_time_import_openvino() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.strip() == "[]"


def test_tensorrt_keeps_its_engines_where_the_cache_can_be_written(tmp_path: Path) -> None:
    [(name, settings), _] = provider_options(TENSORRT, 0, "float16", tmp_path)
    assert name == TENSORRT
    assert settings["trt_engine_cache_path"] == settings["trt_timing_cache_path"] == str(tmp_path / "tensorrt")


@pytest.mark.parametrize("why", ["no folder", "no permission"])
def test_tensorrt_does_without_a_cache_that_cannot_be_written(
    tmp_path: Path, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path
    if why == "no folder":
        cache = tmp_path / "file"
        cache.write_bytes(b"")
    else:
        denied: Any = lambda path, mode: False  # noqa: E731
        monkeypatch.setattr(session.os, "access", denied)
    [(_, settings), _] = provider_options(TENSORRT, 0, "float16", cache)
    assert not any("cache" in key for key in settings)


@pytest.mark.skipif(importlib.util.find_spec("openvino") is None, reason="OpenVINO is not installed")
def test_an_input_that_openvino_has_left_out_is_not_given() -> None:
    """OpenVINO 2024 drops those that nothing depends on: the time, of a network for the middle alone."""
    onnx = pytest.importorskip("onnx", reason="needs the extra `onnx`")
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    values = [helper.make_tensor_value_info(name, kind, [2]) for name in "xy"]
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", values[:1], values[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    loaded = session.OpenVinoSession(model.SerializeToString(), 1, 1)
    [made] = loaded.run({"x": np.array([-1, 2], np.float32), "t": np.zeros(1, np.float32)})
    np.testing.assert_array_equal(made, [0.0, 2.0])
