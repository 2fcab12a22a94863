"""What a run has no use for: options that mean nothing beside its others, and a GPU that is not taken."""

from __future__ import annotations

from frame_booster.engine.expected import left_unused
from frame_booster.options import SAMPLES, BoostOptions


def unused_options(options: BoostOptions) -> list[str]:
    """Returns a warning for each option that has no effect, whatever the input is."""
    told = []
    if options.segment is not None and not options.resume:
        told.append("--segment has no effect without --resume")
    if options.shutter_samples != SAMPLES and options.shutter is None:
        told.append("--shutter-samples has no effect without --shutter")
    return told


def unused_hardware(options: BoostOptions, devices: str) -> list[str]:
    """Returns what is to be warned of the devices that were taken.

    Args:
      options: of the run.
      devices: where the network works, by TensorFlow's names.
    """
    told = []
    if options.max_device_memory is not None and "GPU" not in devices:
        told.append("--max-device-memory has no effect on the processor")
    # A provider that is asked for by its name is meant.
    idle = left_unused(options.device, devices) if options.provider == "auto" else None
    return told if idle is None else [*told, idle]
