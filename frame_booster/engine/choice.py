"""Which engine runs a network: TensorFlow or ONNX Runtime, told without importing the one that is not used."""

from __future__ import annotations

import ctypes.util
import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path

from frame_booster.engine.contract import LoadedNetwork
from frame_booster.engine.cuda_toolkit import first_usable, packaged_cudnn, wanted_cudnn
from frame_booster.engine.device import has_bfloat16
from frame_booster.engine.nvidia import gpus, nvidia_gpus
from frame_booster.engine.onnx import providers
from frame_booster.errors import FrameBoosterError, InputError, ModelError
from frame_booster.network.onnx_graphs.networks import GRAPHS
from frame_booster.network.presets import DEFAULT, preset_of

ENGINES = ("auto", "tensorflow", "onnx")


@dataclass(frozen=True)
class Work:
    """How much is to be interpolated, as far as it is known before the first frame."""

    pixels: int
    """Of a frame."""
    frames: int
    """To be interpolated."""


@dataclass(frozen=True)
class Cost:
    """What an engine takes on a processor, in seconds of the processor, which hardly change with what else is running:
    docs/engines.md has the figures and how they were measured."""

    start: float
    """From the start of the process to the first interpolated frame, s."""
    per_pixel: float
    """For each pixel of a further frame, s."""

    def seconds(self, work: Work) -> float:
        """Returns how long so much work takes."""
        return self.start + self.per_pixel * work.pixels * work.frames


_HD = 1280 * 720
TENSORFLOW_COSTS = {"bfloat16": Cost(3.7, 0.149 / _HD), "float32": Cost(3.9, 0.231 / _HD)}
"""Of TensorFlow with FBNet-2, by the precision that `auto` takes."""
ONNX_COSTS = {
    (providers.OPENVINO, "bfloat16"): Cost(1.1, 0.158 / _HD),
    (providers.OPENVINO, "float32"): Cost(1.6, 0.257 / _HD),
    (providers.CPU, "float32"): Cost(1.3, 0.392 / _HD),
}
"""Of the ONNX engine with FBNet-2."""


def choose_engine(
    name: str, *, model: str, device: str, precision: str, provider: str, work: Work | None = None
) -> str:
    """Returns "tensorflow" or "onnx".

    Of "auto": TensorFlow where it would have a GPU; else ONNX Runtime where it has an accelerator; else, on a
    processor, the one that is done sooner with the work, by `TENSORFLOW_COSTS` and `ONNX_COSTS`.

    Args:
      name: of an engine, or "auto".
      model: name of the network.
      device, precision, provider: as asked for.
      work: None where it is not known: a folder, or a pipe, which are taken for long.

    Raises:
      InputError: there is no such engine, or a provider is asked for that TensorFlow has not.
      ModelError: the engine is not installed, or has no such network.
    """
    device = device.lower()
    if name not in ENGINES:
        raise InputError(f"unknown engine {name!r}", hint=", ".join(ENGINES))
    if name == "tensorflow":
        if provider != "auto":
            raise InputError(
                "--provider applies to ONNX Runtime, not to TensorFlow", hint="remove it, or use --engine onnx"
            )
        if not has_tensorflow():
            raise ModelError("TensorFlow is not installed", hint="use --engine onnx, or pip install tensorflow")
        return name
    if name == "onnx" or provider != "auto":
        return "onnx"
    if not has_tensorflow():
        return "onnx"
    if model not in GRAPHS or not (providers.has_onnx_runtime() or providers.has_openvino()):
        return "tensorflow"
    if device.split(",")[0].partition(":")[0] != "cpu" and tensorflow_has_gpu():
        return "tensorflow"
    try:
        chosen, _ = providers.choose_provider("auto", device.split(",")[0])
        wanted = providers.choose_precision(precision, chosen, preset_of(model))
    except FrameBoosterError:
        # TensorFlow may have it, or says what is wrong.
        return "tensorflow"
    if chosen.accelerator:
        return "onnx"
    other = "float32" if precision == "float32" or not has_bfloat16() else "bfloat16"
    work = work or Work(1, 1 << 60)
    sooner = ONNX_COSTS[chosen.name, wanted].seconds(work) < TENSORFLOW_COSTS[other].seconds(work)
    return "onnx" if sooner else "tensorflow"


def usual_cost(engine: str, model: str, device: str, precision: str, provider: str) -> Cost | None:
    """Returns what an engine takes on a processor with the arguments of `choose_engine`, by the figures above.

    None where there are none: of another network than the default, and of accelerators.
    """
    device = device.lower()
    if model != DEFAULT or "gpu" in device:
        return None
    if engine == "tensorflow":
        if device == "auto" and tensorflow_has_gpu():
            return None
        return TENSORFLOW_COSTS.get("bfloat16" if precision == "auto" and has_bfloat16() else _or_float32(precision))
    try:
        chosen, _ = providers.choose_provider(provider, device.split(",")[0])
        return ONNX_COSTS.get((chosen.name, providers.choose_precision(precision, chosen, preset_of(model))))
    except FrameBoosterError:
        return None


def _or_float32(precision: str) -> str:
    return "float32" if precision == "auto" else precision


def has_tensorflow() -> bool:
    """Tells whether TensorFlow is installed, without importing it."""
    return importlib.util.find_spec("tensorflow") is not None


def tensorflow_has_gpu() -> bool:
    """Tells whether TensorFlow would have a GPU, without importing it.

    It has none on native Windows since 2.11, and none on macOS; elsewhere it needs a card, and its own cuDNN, 8 for
    TensorFlow 2.15 and 9 for later ones, which comes with the extra `cuda` or is the system's, and has kernels for it.
    """
    if not sys.platform.startswith("linux") or not has_tensorflow() or not nvidia_gpus():
        return False
    packaged = packaged_cudnn()
    if packaged is None:
        return ctypes.util.find_library("cudnn") is not None
    return packaged[0] == wanted_cudnn() and first_usable(card.capability for card in gpus()) is not None


def load_network(
    name: str,
    weights: str | Path | None = None,
    device: str = "auto",
    precision: str = "auto",
    *,
    engine: str = "auto",
    provider: str = "auto",
    threads: int | None = None,
    work: Work | None = None,
    device_memory: int | None = None,
    cache: bool = True,
) -> LoadedNetwork:
    """Loads a network on a device, by the engine that is asked for or chosen.

    Args:
      name: of the network.
      weights: file to load; None is the one that ships.
      device: "auto", "cpu", "gpu" or "gpu:1".
      precision: of the convolutions: "auto", "float32", "bfloat16" or "float16".
      engine: "auto", "tensorflow" or "onnx".
      provider: of ONNX Runtime, by name; "auto" takes the first that is here.
      threads: that compute on a processor; None leaves it to the engine.
      work: as in `choose_engine`.
      device_memory: bytes that it may take of a GPU; None is what is free.
      cache: whether graphs, and what is compiled for a GPU, are kept on disk for the next process.

    Raises:
      InputError, ModelError: a name is unknown, something is not installed, or the weights are not the network's.
    """
    chosen = choose_engine(engine, model=name, device=device, precision=precision, provider=provider, work=work)
    if chosen == "onnx":
        from frame_booster.engine.onnx.model import OnnxModel

        return OnnxModel(name, weights, device, precision, provider, threads, device_memory, cache)
    from frame_booster.engine.model import Model

    return Model(name, weights, device, precision, device_memory, cache, threads)
