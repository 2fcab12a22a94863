"""A network as it would be loaded, told without loading it or importing its engine.

So that a dry run refuses what the run would: a name that is none, a card that is not here, too little memory.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

from frame_booster.engine import device as tensorflow_devices
from frame_booster.engine.choice import tensorflow_has_gpu
from frame_booster.engine.contract import FlowScaled
from frame_booster.engine.cuda_toolkit import DRIVER, first_usable, lacks_driver
from frame_booster.engine.device_memory import room_of
from frame_booster.engine.memory_plan import BASE_BYTES, ONNX_BASE_BYTES
from frame_booster.engine.nvidia import gpus, nvidia_gpus
from frame_booster.engine.onnx import providers
from frame_booster.network.onnx_graphs.networks import graph_of
from frame_booster.network.presets import Preset, preset_of


@dataclass(frozen=True)
class ExpectedNetwork:
    """What `make_plan` asks of a network."""

    name: str
    preset: Preset
    device: str
    precision: str
    base_bytes: int
    device_room: int | None

    @property
    def network(self) -> FlowScaled:
        """What is known of it without running it."""
        return self.preset


def expected_network(
    engine: str, name: str, device: str, precision: str, provider: str, device_memory: int | None = None
) -> ExpectedNetwork:
    """Returns a network as an engine would load it on a device.

    Args:
      engine: "tensorflow" or "onnx".
      name: of the network.
      device: "auto", "cpu", "gpu" or "gpu:1".
      precision: of the convolutions, or "auto".
      provider: of ONNX Runtime, or "auto".
      device_memory: bytes that it may take of a GPU; None is what is free.

    Raises:
      InputError, ModelError: as when it is loaded.
    """
    preset = preset_of(name)
    if engine == "onnx":
        graph_of(name)
        chosen, place = providers.choose_provider(provider, device)
        found, base = providers.choose_precision(precision, chosen, preset), ONNX_BASE_BYTES
        on_card = chosen.name in (providers.CUDA, providers.TENSORRT)
    else:
        place = _tensorflow_device(device)
        found, base, on_card = _tensorflow_precision(precision, place, preset), BASE_BYTES, "GPU" in place
    room = room_of(int(place.rpartition(":")[2]), device_memory) if on_card else None
    return ExpectedNetwork(name, preset, place, found, base, room)


def _tensorflow_device(name: str) -> str:
    kind, index = tensorflow_devices.device_parts(name)
    if kind == "cpu" and index:
        # There is more than one only where this process has told TensorFlow so.
        if "tensorflow" not in sys.modules:
            raise tensorflow_devices.unknown_device(name)
        return tensorflow_devices.choose_device(name)
    if kind == "gpu" and index >= nvidia_gpus():
        raise tensorflow_devices.no_such_gpu(nvidia_gpus(), index)
    if kind == "auto":
        first = first_usable(card.capability for card in gpus())
        return f"/GPU:{first or 0}" if tensorflow_has_gpu() else "/CPU:0"
    return f"/{kind.upper()}:{index}"


def _tensorflow_precision(name: str, device: str, preset: Preset) -> str:
    if name == "auto" and "GPU" in device:
        index = int(device.rpartition(":")[2])
        return tensorflow_devices.gpu_precision(gpus()[index].capability if index < len(gpus()) else None, preset)
    return tensorflow_devices.choose_precision(name, device, preset)


def left_unused(asked: str, devices: str) -> str | None:
    """Returns a warning where the processor was taken, unasked, on a machine that is meant for a card; else None.

    Args:
      asked: names of devices, as they are asked for.
      devices: those that were taken, by TensorFlow's names.
    """
    if "auto" not in asked.split(",") or "GPU" in devices:
        return None
    if lacks_driver():
        return (
            "the CPU is used, although the CUDA libraries are installed: no NVIDIA driver is found "
            f"({DRIVER}); --device cpu silences this"
        )
    if not nvidia_gpus():
        return None
    return (
        "the CPU is used, although this machine has an NVIDIA GPU: frame-booster doctor shows what is missing; "
        "--device cpu silences this"
    )
