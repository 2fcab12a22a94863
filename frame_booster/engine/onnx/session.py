"""A graph that is loaded on a provider, and run: by ONNX Runtime, or by OpenVINO's own package."""

from __future__ import annotations

import os
import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from frame_booster.engine.onnx.providers import COREML, CPU, CUDA, DIRECTML, OPENVINO, TENSORRT, runtime
from frame_booster.errors import ModelError

_TELEMETRY = "openvino_telemetry"
"""The package by which OpenVINO tells its maker, over the network, that it was imported."""
_importing = threading.Lock()


def _import_openvino() -> Any:
    """Imports OpenVINO so that it sends nothing and writes no file of its own.

    Its import reports to an address on the Internet, and warns where the home folder cannot be written. It takes a
    stand-in of its own where the package for that is missing, as it is here until the import is done. One thread at a
    time does so: jobs at the same time load a network each.
    """
    with _importing:
        had = sys.modules.get(_TELEMETRY)
        sys.modules[_TELEMETRY] = None  # type: ignore[assignment]
        try:
            import openvino
        finally:
            sys.modules.pop(_TELEMETRY, None)
            if had is not None:
                sys.modules[_TELEMETRY] = had
    return openvino


class Session(ABC):
    """A loaded graph; calls may come from several threads."""

    @abstractmethod
    def run(self, inputs: Mapping[str, Any], *, keep: bool = False) -> list[Any]:
        """Runs the graph.

        Args:
          inputs: NumPy arrays, or values that a run with `keep` has returned, by name.
          keep: whether the outputs stay on the device, for another graph of the same provider.

        Returns:
          The outputs in the graph's order, as NumPy arrays unless kept.
        """


class OpenVinoSession(Session):
    """A graph in OpenVINO, on the processor.

    Args:
      graph: an ONNX file, or what would be in it.
      at_once: runs at the same time, which share the cores.
      threads: that compute; None leaves it to OpenVINO.

    Raises:
      ModelError: it does not take the graph.
    """

    def __init__(self, graph: Path | bytes, at_once: int, threads: int | None) -> None:
        openvino = self._openvino = _import_openvino()
        core = openvino.Core()
        settings: dict[str, Any] = {
            "NUM_STREAMS": at_once,
            # Left to itself, OpenVINO takes bfloat16 for flows and grids as well where a processor has it; the graph
            # says what is computed in which precision.
            "INFERENCE_PRECISION_HINT": "f32",
        }
        if threads is not None:
            settings["INFERENCE_NUM_THREADS"] = threads
        try:
            self._model = core.compile_model(core.read_model(_loadable(graph)), "CPU", settings)
        except RuntimeError as error:
            raise _refused(OPENVINO, error) from error
        # OpenVINO 2024 leaves out an input that nothing depends on, as the time of a network for the middle alone.
        self._names = {name for port in self._model.inputs for name in port.get_names()}
        self._outputs = [(output.get_element_type(), output.get_shape()) for output in self._model.outputs]
        self._idle: list[Any] = []
        self._lock = threading.Lock()

    def run(self, inputs: Mapping[str, Any], *, keep: bool = False) -> list[Any]:
        with self._lock:
            request = self._idle.pop() if self._idle else self._model.create_infer_request()
        try:
            made = [self._openvino.Tensor(kind, shape) for kind, shape in self._outputs]
            for index, tensor in enumerate(made):
                request.set_output_tensor(index, tensor)
            given = {name: value for name, value in inputs.items() if name in self._names}
            request.infer(given, share_inputs=True, share_outputs=True)
        finally:
            with self._lock:
                self._idle.append(request)
        return made if keep else [tensor.data for tensor in made]


class OnnxRuntimeSession(Session):
    """A graph in ONNX Runtime.

    Args:
      graph: an ONNX file, or what would be in it.
      provider: name of the execution provider.
      index: of its device.
      precision: dtype of the convolutions.
      at_once: runs at the same time.
      threads: that compute on a processor; None is one for each core.
      cache: folder for what providers compile; None keeps nothing.
      device_memory: bytes that may be taken of a GPU; None is what is free.

    Raises:
      ModelError: the provider does not take the graph.
    """

    def __init__(
        self,
        graph: Path | bytes,
        provider: str,
        index: int,
        precision: str,
        at_once: int,
        threads: int | None,
        cache: Path | None,
        device_memory: int | None = None,
    ) -> None:
        onnxruntime = runtime()
        if provider in (CUDA, TENSORRT):
            # Those of the wheels of CUDA and cuDNN, where the system has none.
            onnxruntime.preload_dlls()
        options = onnxruntime.SessionOptions()
        # Warnings go to stderr past every handler, and tell nothing that a person could act on.
        options.log_severity_level = 3
        if provider == CPU:
            # The threads that call compute, too: with several at once, the pool has what they leave of the cores.
            cores = threads or os.cpu_count() or 1
            options.intra_op_num_threads = max(cores - at_once + 1, 1)
            # A pattern of all maps at once is half as large again as what is in use at any moment, and no faster here:
            # 1,523 MiB instead of 989 for a frame of 1920x1080.
            options.enable_mem_pattern = False
            # Decoder and encoder work on the same cores, which a thread that waits must leave to them.
            options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        if provider not in (CPU, COREML):
            # A node that falls to the processor copies whole frames there and back; better to fail. CoreML has not all
            # operators, and shares its memory with the processor.
            options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
        if provider == DIRECTML:
            # As its documentation demands: memory patterns and parallel execution are not supported.
            options.enable_mem_pattern = False
            options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        try:
            self._session = onnxruntime.InferenceSession(
                _loadable(graph),
                options,
                providers=provider_options(provider, index, precision, cache, device_memory),
            )
        # All its errors are classes of its own without a common base but this.
        except Exception as error:
            raise _refused(provider, error) from error
        self._outputs = [output.name for output in self._session.get_outputs()]
        self._memory, self._index = _MEMORY.get(provider), index
        self._one_at_a_time = threading.Lock() if provider == DIRECTML else None

    def run(self, inputs: Mapping[str, Any], *, keep: bool = False) -> list[Any]:
        if self._one_at_a_time is None:
            return self._run(inputs, keep)
        with self._one_at_a_time:
            return self._run(inputs, keep)

    def _run(self, inputs: Mapping[str, Any], keep: bool) -> list[Any]:
        if self._memory is None:
            made: list[Any] = self._session.run(None, dict(inputs))
            return made
        binding = self._session.io_binding()
        for name, value in inputs.items():
            if isinstance(value, np.ndarray):
                binding.bind_cpu_input(name, value)
            else:
                binding.bind_ortvalue_input(name, value)
        for name in self._outputs:
            binding.bind_output(name, *((self._memory, self._index) if keep else ("cpu", 0)))
        self._session.run_with_iobinding(binding)
        values: list[Any] = binding.get_outputs() if keep else binding.copy_outputs_to_cpu()
        return values


def _loadable(graph: Path | bytes) -> str | bytes:
    return graph if isinstance(graph, bytes) else os.fspath(graph)


def _refused(provider: str, error: Exception) -> ModelError:
    return ModelError(f"{provider} cannot load the network: {error}", hint="use another --provider")


_MEMORY = {CUDA: "cuda", TENSORRT: "cuda", DIRECTML: "dml"}
"""Where outputs that stay on the device lie, by ONNX Runtime's names."""


def provider_options(
    provider: str, index: int, precision: str, cache: Path | None, device_memory: int | None = None
) -> list[Any]:
    """Returns the providers that a session is given, each with its options, as ONNX Runtime documents them."""
    # TensorFloat-32 keeps ten bits of a float32: float16's precision under another name.
    options: dict[str, Any] = {"device_id": index, "use_tf32": 0 if precision == "float32" else 1}
    if device_memory is not None:
        options["gpu_mem_limit"] = device_memory
    cuda = (CUDA, options)
    if provider == CUDA:
        return [cuda]
    if provider == TENSORRT:
        settings: dict[str, Any] = {"device_id": index, "trt_fp16_enable": precision == "float16"}
        folder = None if cache is None else _made(cache / "tensorrt")
        if folder is not None:
            for kind in ("engine", "timing"):
                settings |= {f"trt_{kind}_cache_enable": True, f"trt_{kind}_cache_path": os.fspath(folder)}
        return [(TENSORRT, settings), cuda]
    if provider == DIRECTML:
        return [(DIRECTML, {"device_id": index})]
    if provider == COREML:
        return [(COREML, {"ModelFormat": "MLProgram", "MLComputeUnits": "ALL"}), CPU]
    return [CPU]


def _made(folder: Path) -> Path | None:
    """Returns a folder of a cache, made if needed; None where it cannot be written, which is no reason to fail."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return folder if os.access(folder, os.W_OK) else None


def open_session(
    graph: Path | bytes,
    provider: str,
    index: int,
    precision: str,
    at_once: int,
    threads: int | None,
    cache: Path | None,
    device_memory: int | None = None,
) -> Session:
    """Loads a graph on a provider; arguments as those of the two kinds of session."""
    if provider == OPENVINO:
        return OpenVinoSession(graph, at_once, threads)
    return OnnxRuntimeSession(graph, provider, index, precision, at_once, threads, cache, device_memory)
