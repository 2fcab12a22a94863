"""Memory of a GPU: how much of it a network may take, and how many pairs of frames fit into that at once."""

from __future__ import annotations

from typing import Any

from frame_booster.engine.nvidia import free_gpu_memory
from frame_booster.errors import ModelError
from frame_booster.network.presets import BytesPerPixel, Preset
from frame_booster.pixels import PixelLayout

PIXELS_PER_BATCH = 16 << 20
"""A card that computes so many pixels at once is busy: 16 pairs of 1280x720, 8 of 1920x1080, 2 of 3840x2160."""
MOST_PAIRS = 64
"""Of small frames; more wait for each other longer than they take."""
RESERVED = 600 << 20
"""What CUDA itself, cuDNN, the weights and trials of the compiler take of a card beside frames, bytes."""
SHARE = 0.9
"""Of what is free then: an allocator cannot use the last tenth."""
UNKNOWN_ROOM = 2 << 30
"""Taken for free where a card does not tell."""


def room_of(index: int, limit: int | None) -> int | None:
    """Returns how many bytes of a GPU's memory frames may take, of what is free now; None where that is not known.

    Args:
      index: as CUDA counts GPUs.
      limit: bytes that the process may take of it; None is all that is free.
    """
    free = free_gpu_memory(index)
    known = [amount for amount in (free, limit) if amount is not None]
    return max(int((min(known) - RESERVED) * SHARE), 0) if known else None


def bytes_on_gpu(preset: Preset, precision: str) -> BytesPerPixel:
    """Returns what a pair takes of a GPU's memory for each pixel; float32 has maps of twice the size.

    Args:
      preset: of the network.
      precision: of the convolutions.
    """
    needs, wider = preset.gpu_bytes_per_pixel, 2.0 if precision == "float32" else 1.0
    return BytesPerPixel(wider * needs.frame, wider * needs.flow)


def frame_bytes(layout: PixelLayout, preset: Preset, precision: str, flow_downscale: int) -> float:
    """Returns the bytes that one pair of a batch takes on a GPU.

    Args:
      layout: of the frames.
      preset: of the network.
      precision: of the convolutions.
      flow_downscale: as `Plan.flow_downscale`.
    """
    needs = bytes_on_gpu(preset, precision)
    return layout.width * layout.height * (needs.frame + needs.flow / 4**flow_downscale)


def pairs_at_once(layout: PixelLayout, preset: Preset, precision: str, flow_downscale: int, room: int | None) -> int:
    """Returns how many pairs to run at once on a GPU: a power of two, so that few sizes are ever compiled.

    0 where not even one fits.

    Args:
      layout: of the frames.
      preset: of the network.
      precision: of the convolutions.
      flow_downscale: as `Plan.flow_downscale`.
      room: as `room_of` returns it.
    """
    fitting = (UNKNOWN_ROOM if room is None else room) / frame_bytes(layout, preset, precision, flow_downscale)
    return _power_of_two(min(int(fitting), busy_pairs(layout)))


def busy_pairs(layout: PixelLayout) -> int:
    """Returns how many pairs keep a card busy."""
    return _power_of_two(max(min(PIXELS_PER_BATCH // (layout.width * layout.height), MOST_PAIRS), 1))


def _power_of_two(most: int) -> int:
    return 1 << (most.bit_length() - 1) if most else 0


def begin_on_gpus(tf: Any, limit: int | None) -> None:
    """Has TensorFlow take of its GPUs what it needs, and no more than a limit.

    Left to itself it takes all that is free when it starts, and another program finds nothing.

    Raises:
      ModelError: there is a limit, and TensorFlow is at work already.
    """
    try:
        for gpu in tf.config.list_physical_devices("GPU"):
            if limit is None:
                if tf.config.get_logical_device_configuration(gpu) is None:
                    tf.config.experimental.set_memory_growth(gpu, True)
                continue
            wanted = [tf.config.LogicalDeviceConfiguration(memory_limit=limit >> 20)]
            tf.config.set_logical_device_configuration(gpu, wanted)
    except RuntimeError as error:
        if limit is not None:
            raise ModelError("device memory can only be limited before a network is loaded") from error
