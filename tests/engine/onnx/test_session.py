"""Loading of graphs: by jobs at the same time, and where a cache cannot be written."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from frame_booster.engine.onnx import session
from frame_booster.engine.onnx.providers import COREML, CPU, CUDA, DIRECTML, TENSORRT
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


@pytest.mark.parametrize(("precision", "tf32"), [("float32", 0), ("float16", 1)])
def test_cuda_computes_in_the_precision_on_the_card_and_within_the_memory_that_are_asked_for(
    precision: str, tf32: int
) -> None:
    """TensorFloat-32 is CUDA's own default, and has ten bits of float32's 23."""
    assert provider_options(CUDA, 1, precision, None) == [(CUDA, {"device_id": 1, "use_tf32": tf32})]
    [(name, options)] = provider_options(CUDA, 0, precision, None, 5 << 30)
    assert (name, options["gpu_mem_limit"]) == (CUDA, 5 << 30)
    [(_, settings), (name, options)] = provider_options(TENSORRT, 1, precision, None, 5 << 30)
    assert settings == {"device_id": 1, "trt_fp16_enable": precision == "float16"}
    assert (name, options) == (CUDA, {"device_id": 1, "use_tf32": tf32, "gpu_mem_limit": 5 << 30})


def test_other_providers_are_told_what_they_know() -> None:
    assert provider_options(DIRECTML, 1, "float16", None) == [(DIRECTML, {"device_id": 1})]
    assert [name for name, _ in provider_options(COREML, 0, "float16", None)[:1]] == [COREML]
    assert provider_options(CPU, 0, "float32", None) == [CPU]


class _Options:
    """Of a session."""

    enable_mem_pattern = True

    def __init__(self) -> None:
        self.entries: dict[str, str] = {}

    def add_session_config_entry(self, name: str, value: str) -> None:
        self.entries[name] = value


class _Runtime:
    """ONNX Runtime, as it would be with the providers of cards; two runs wait for each other where both may be."""

    SessionOptions, ExecutionMode = _Options, SimpleNamespace(ORT_SEQUENTIAL="one after the other")

    def __init__(self, at_once: int) -> None:
        self.met, self.busy = threading.Barrier(at_once, timeout=10), threading.Semaphore(at_once)
        self.loaded = False

    def preload_dlls(self) -> None:
        self.loaded = True

    def InferenceSession(self, graph: str, options: _Options, providers: Any) -> Any:
        self.options = options
        return self

    def get_outputs(self) -> list[Any]:
        return [SimpleNamespace(name="y")]

    def io_binding(self) -> Any:
        return SimpleNamespace(copy_outputs_to_cpu=lambda: ["made"], bind_output=lambda *_: None)

    def run_with_iobinding(self, binding: Any) -> None:
        assert self.busy.acquire(blocking=False), "more at the same time than the provider takes"
        self.met.wait()
        # Whoever does not wait for a lock comes meanwhile.
        time.sleep(0.01)
        self.busy.release()


@pytest.mark.parametrize(
    ("provider", "patterns", "at_once", "libraries"),
    [
        (CUDA, True, 2, True),
        (TENSORRT, True, 2, True),
        # Its documentation demands both (ONNX Runtime, "DirectML Execution Provider").
        (DIRECTML, False, 1, False),
    ],
)
def test_a_card_does_all_or_fails_and_directml_runs_one_at_a_time(
    monkeypatch: pytest.MonkeyPatch, provider: str, patterns: bool, at_once: int, libraries: bool
) -> None:
    runtime = _Runtime(at_once)
    monkeypatch.setattr(session, "runtime", lambda: runtime)
    loaded = session.OnnxRuntimeSession(b"", provider, 0, "float16", 2, None, None)
    assert runtime.options.entries == {"session.disable_cpu_ep_fallback": "1"}
    assert runtime.options.enable_mem_pattern == patterns
    assert runtime.loaded == libraries
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(lambda _: loaded.run({}), range(4))) == [["made"]] * 4


def test_coreml_may_leave_to_the_processor_what_it_has_not(monkeypatch: pytest.MonkeyPatch) -> None:
    runtime = _Runtime(1)
    monkeypatch.setattr(session, "runtime", lambda: runtime)
    session.OnnxRuntimeSession(b"", COREML, 0, "float16", 1, None, None)
    assert runtime.options.entries == {}


@pytest.mark.skipif(importlib.util.find_spec("openvino") is None, reason="OpenVINO is not installed")
def test_runs_at_the_same_time_have_each_a_request_and_outputs_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = session.OpenVinoSession(doubling(), 2, 1)
    both, usual = threading.Barrier(2, timeout=10), loaded._model.create_infer_request

    class Request:
        """One of OpenVINO's, whose computation begins when another run is as far."""

        def __init__(self) -> None:
            self._request, self.busy = usual(), threading.Lock()

        def set_output_tensor(self, index: int, tensor: Any) -> None:
            self._request.set_output_tensor(index, tensor)

        def infer(self, *given: Any, **options: Any) -> None:
            assert self.busy.acquire(blocking=False), "a request is of one run at a time"
            both.wait()
            self._request.infer(*given, **options)
            self.busy.release()

    monkeypatch.setattr(loaded, "_model", SimpleNamespace(create_infer_request=Request))
    values = [np.array([k, k + 1], np.float32) for k in range(8)]
    with ThreadPoolExecutor(2) as pool:
        made = list(pool.map(lambda x: loaded.run({"x": x})[0], values))
    np.testing.assert_array_equal(made, [2.0 * x for x in values])
    assert len(loaded._idle) == 2, "as many as ran at the same time"


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
    loaded = session.OpenVinoSession(doubling(), 1, 1)
    [made] = loaded.run({"x": np.array([-1, 2], np.float32), "t": np.zeros(1, np.float32)})
    np.testing.assert_array_equal(made, [-2.0, 4.0])


def doubling() -> bytes:
    """A graph from two numbers, `x`, to twice as much."""
    onnx = pytest.importorskip("onnx", reason="needs the extra `onnx`")
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    values = [helper.make_tensor_value_info(name, kind, [2]) for name in "xy"]
    graph = helper.make_graph([helper.make_node("Add", ["x", "x"], ["y"])], "g", values[:1], values[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    made: bytes = model.SerializeToString()
    return made
