"""A network with its weights on a device of TensorFlow."""

from __future__ import annotations

from pathlib import Path

from frame_booster.engine.contract import LoadedNetwork, PictureFunction
from frame_booster.engine.device import (
    as_computations,
    begin_work,
    choose_device,
    choose_precision,
    device_parts,
    frames_at_once,
    limit_threads,
    tensorflow,
)
from frame_booster.engine.device_failure import device_failures, is_out_of_memory
from frame_booster.engine.device_memory import begin_on_gpus, room_of
from frame_booster.engine.memory_plan import BASE_BYTES, Plan
from frame_booster.engine.tensorflow_functions import (
    TensorFlowBatch,
    TensorFlowStream,
    picture_function,
)
from frame_booster.engine.tensorflow_strips import TensorFlowStrips
from frame_booster.engine.weights import shipped_weights
from frame_booster.engine.xla_cache import keep_compilations
from frame_booster.gc_pause import collection_paused
from frame_booster.network.interface import Network
from frame_booster.network.presets import preset_of
from frame_booster.pixels import PixelLayout

__all__ = ["Model", "shipped_weights"]


class Model(LoadedNetwork):
    """A network of the TensorFlow engine.

    Args:
      name: of the network.
      weights: file to load; None is the one that ships.
      device: "auto", "cpu", "gpu" or "gpu:i".
      precision: "auto", "float32", "bfloat16" or "float16", of the convolutions.
      device_memory: bytes that it may take of a GPU; None is what is free.
      cache: whether what XLA compiles for a GPU is kept on disk for the next process.
      threads: that compute on a processor; None leaves it to TensorFlow.

    Raises:
      InputError, ModelError: a name is unknown, the weights are not the network's, or the process was forked from one
        in which a network was at work.
    """

    engine = "tensorflow"
    base_bytes = BASE_BYTES
    network: Network

    def __init__(
        self,
        name: str,
        weights: str | Path | None = None,
        device: str = "auto",
        precision: str = "auto",
        device_memory: int | None = None,
        cache: bool = True,
        threads: int | None = None,
    ) -> None:
        begin_work()
        keep_compilations(wanted=cache and device_parts(device)[0] != "cpu")
        if threads is not None:
            limit_threads(threads)
        tf = tensorflow()
        begin_on_gpus(tf, device_memory)
        with collection_paused():
            from frame_booster.network.layers import weights_to_be_loaded
            from frame_booster.network.weights import load_weights

        self.name, self.preset, self.provider = name, preset_of(name), None
        self.peers = ()
        self.device = choose_device(device)
        self.precision = choose_precision(precision, self.device, self.preset)
        self.as_computations = self.preset.as_computations and as_computations(self.device)
        self.device_room = None
        if "GPU" in self.device:
            self.device_room = room_of(int(self.device.rpartition(":")[2]), device_memory)
        with device_failures(self.device), collection_paused(), tf.device(self.device):
            with weights_to_be_loaded():
                self.network = self.preset.load(self.precision)
            self.weights = shipped_weights(name) if weights is None else Path(weights)
            self.metadata = load_weights(self.weights, self.network)

    def frames_at_once(self) -> int:
        return frames_at_once(self.device)

    def batch(self, layout: PixelLayout, plan: Plan) -> TensorFlowBatch:
        return TensorFlowBatch(self, layout, plan)

    def stream(self, layout: PixelLayout, plan: Plan) -> TensorFlowStream | None:
        coding = self.network.frame_coding
        return None if coding is None else TensorFlowStream(self, coding, layout, plan)

    def strips(self, layout: PixelLayout, part: PixelLayout, plan: Plan) -> TensorFlowStrips:
        return TensorFlowStrips(self, layout, part, plan)

    def pictures(self, shape: tuple[int, int, int, int], top: float, flow_downscale: int) -> PictureFunction:
        return picture_function(self, shape, top, flow_downscale)

    def is_out_of_memory(self, error: Exception) -> bool:
        return is_out_of_memory(error)
