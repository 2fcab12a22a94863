"""A network of the ONNX engine: weights on a provider, with the graphs that have been loaded of it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from frame_booster.engine.contract import LoadedNetwork, PictureFunction
from frame_booster.engine.device import begin_work
from frame_booster.engine.device_memory import room_of
from frame_booster.engine.files_on_disk import cache_folder
from frame_booster.engine.memory_plan import ONNX_BASE_BYTES, Plan
from frame_booster.engine.onnx.cache import GraphCache
from frame_booster.engine.onnx.functions import OnnxBatch, OnnxStream, OnnxStrips, picture_function
from frame_booster.engine.onnx.graphs import Builder
from frame_booster.engine.onnx.providers import CUDA, TENSORRT, choose_precision, choose_provider
from frame_booster.engine.onnx.session import Session, open_session
from frame_booster.engine.weights import shipped_weights
from frame_booster.errors import InputError, ModelError
from frame_booster.network.onnx_graphs.networks import graph_of
from frame_booster.network.presets import preset_of
from frame_booster.network.weights_file import check_metadata, read_arrays
from frame_booster.pixels import PixelLayout

_OUT_OF_MEMORY = ("out of memory", "failed to allocate", "bad_alloc", "cannot allocate", "e_outofmemory")
"""By which the errors of providers tell that memory is short: none has a class for it."""


@dataclass
class OnnxNetwork:
    """Facts of a network, as `NetworkFacts`."""

    multiple: int
    any_timestep: bool
    max_flow_downscale: int


class OnnxModel(LoadedNetwork):
    """A network of the ONNX engine.

    Args:
      name: of the network.
      weights: file to load; None is the one that ships.
      device: "auto", "cpu", "gpu" or "gpu:i".
      precision: "auto", "float32", "bfloat16" or "float16", of the convolutions.
      provider: name of ONNX Runtime's execution provider, or "auto".
      threads: that compute on a processor; None leaves it to the runtime.
      device_memory: bytes that it may take of a GPU, with CUDA and TensorRT; None is what is free.
      cache: whether graphs, and what providers compile, are kept on disk.

    Raises:
      InputError, ModelError: a name is unknown or not here, the weights are not the network's, or the process was
        forked from one in which a network was at work.
    """

    engine = "onnx"
    base_bytes = ONNX_BASE_BYTES

    def __init__(
        self,
        name: str,
        weights: str | Path | None = None,
        device: str = "auto",
        precision: str = "auto",
        provider: str = "auto",
        threads: int | None = None,
        device_memory: int | None = None,
        cache: bool = True,
    ) -> None:
        self.name, self.preset = name, preset_of(name)
        facts = graph_of(name)
        begin_work()
        chosen, self.device = choose_provider(provider, device)
        self.provider, self.precision = chosen.name, choose_precision(precision, chosen, self.preset)
        self.network = OnnxNetwork(facts.multiple, self.preset.any_timestep, self.preset.max_flow_downscale)
        self.weights = shipped_weights(name) if weights is None else Path(weights)
        self.metadata = check_metadata(self.weights, name)
        self.codes_frames, self.strip_stride = facts.codes_frames, facts.strip_stride
        self.peers = ()
        self._threads, self._device_memory = threads, device_memory
        self._cache = GraphCache(self.weights) if cache else None
        if device_memory is not None and chosen.accelerator and chosen.name not in (CUDA, TENSORRT):
            raise InputError(f"{chosen.name} cannot limit its device memory", hint="remove --max-device-memory")
        if chosen.name in (CUDA, TENSORRT):
            self.device_room = room_of(int(self.device.rpartition(":")[2]), device_memory)

    @cached_property
    def _builder(self) -> Builder:
        arrays = read_arrays(self.weights, graph_of(self.name).weight_shapes())
        return Builder(self.name, arrays, self.precision)

    def session(self, build: Callable[[Builder], bytes], at_once: int, *facts: object) -> Session:
        """Loads a graph, which is built first where it is not in the cache.

        Args:
          build: how.
          at_once: runs at the same time.
          *facts: all that it is built by, beside weights and precision.
        """
        try:
            if self._cache is None:
                graph: Path | bytes = build(self._builder)
            else:
                graph = self._cache.graph(lambda: build(self._builder), self.name, self.precision, *facts)
        except ImportError as error:
            raise ModelError(f"{error.name} is not installed", hint='pip install "frame-booster[onnx]"') from error
        index = int(self.device.rpartition(":")[2])
        folder = None if self._cache is None else cache_folder()
        return open_session(
            graph, str(self.provider), index, self.precision, at_once, self._threads, folder, self._device_memory
        )

    def frames_at_once(self) -> int:
        if self.device != "/CPU:0":
            # Runs share the device's memory, and what one of them needs is all there.
            return 1
        if (self._threads or os.cpu_count() or 1) == 1:
            return 1
        return 2

    def batch(self, layout: PixelLayout, plan: Plan) -> OnnxBatch:
        return OnnxBatch(self, layout, plan)

    def stream(self, layout: PixelLayout, plan: Plan) -> OnnxStream | None:
        return OnnxStream(self, layout, plan) if self.codes_frames else None

    def strips(self, layout: PixelLayout, part: PixelLayout, plan: Plan) -> OnnxStrips:
        return OnnxStrips(self, layout, part, plan)

    def pictures(self, shape: tuple[int, int, int, int], top: float, flow_downscale: int) -> PictureFunction:
        return picture_function(self, shape, top, flow_downscale)

    def is_out_of_memory(self, error: Exception) -> bool:
        return isinstance(error, MemoryError) or any(sign in str(error).lower() for sign in _OUT_OF_MEMORY)
