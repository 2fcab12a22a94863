"""Warnings about options without effect and about an unused GPU."""

from __future__ import annotations

from frame_booster.engine.expected import left_unused
from frame_booster.options import SAMPLES, BoostOptions


def unused_options(options: BoostOptions) -> list[str]:
    """Returns a warning for each option that has no effect with any input."""
    told = []
    if options.segment is not None and not options.resume:
        told.append("--segment has no effect without --resume")
    if options.shutter_samples != SAMPLES and options.shutter is None:
        told.append("--shutter-samples has no effect without --shutter")
    return told


def unused_hardware(options: BoostOptions, devices: str) -> list[str]:
    """Returns warnings about the devices of a run.

    Args:
      options: options of the run.
      devices: TensorFlow's names of the devices on which the network runs.
    """
    told = []
    if options.max_device_memory is not None and "GPU" not in devices:
        told.append("--max-device-memory has no effect on the CPU")
    # A provider that the user chose is intended.
    idle = left_unused(options.device, devices) if options.provider == "auto" else None
    return told if idle is None else [*told, idle]
