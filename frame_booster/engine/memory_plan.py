"""How much is computed at once: pairs a batch, the scale motion is found at, strips of a frame; bounded by bytes."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from frame_booster.errors import InputError
from frame_booster.pixels import PixelLayout

FLOW_SIDE = 540
"""Motion is found on frames whose short side is at most this, px, unless told otherwise.

The network has learned on frames of that order; on 720p and 1080p clips halved frames gave better pictures as well as
faster ones (docs/performance.md).
"""
FLOW_SCALES = (Fraction(1), Fraction(1, 2), Fraction(1, 4), Fraction(1, 8), Fraction(1, 16))
PIXELS_PER_BATCH = 256 * 144 * 8
"""On a processor batches only spread the cost of a call; beyond this they cost cache."""
PIXELS_AT_ONCE = 1920 * 1200
"""Frames beyond this are made one at a time: memory counts for more there than the few per cent."""
MARGIN = 128
"""Rows that a strip sees beyond its own, px: motion up to this is the same as without strips, or up to 16 px less
where frames are halved twice, 48 px less at three times: so far sees what makes motion exact there."""
LEAST_STRIP = 32
"""Rows of a strip, px."""
BASE_BYTES = 900 << 20
"""What a process has before its first frame: TensorFlow, compiled code, the encoder."""
FRAMES_IN_FLIGHT = 24
"""Decoded frames that decoder, encoder and writer hold beside the queues; an encoder's preset can ask for more."""


@dataclass(frozen=True)
class Needs:
    """Memory that a network takes while it makes a frame, bytes a pixel; a little more than was measured."""

    whole: float
    """A pixel of the frame, for a network that does all in one."""
    find: float = 0.0
    """A pixel of the frames that motion is found on."""


NEEDS = {"fbnet-r": Needs(whole=260.0, find=520.0), "fbnet": Needs(whole=1200.0)}


@dataclass(frozen=True)
class Plan:
    """How a layout's frames are made."""

    batch_size: int = 1
    """Pairs at once."""
    halvings: int = 0
    """How often frames are halved before motion is looked for."""
    strips: int = 1
    """A frame is made in so many strips of rows, one after the other; more than one only at a batch of 1."""
    at_once: int = 1
    """Batches that are made at the same time."""

    def smaller(self, network: Any, height: int) -> Plan | None:
        """Returns the next thing to try when a device has run out of memory; None if there is none."""
        if self.at_once > 1:
            return replace(self, at_once=1)
        if self.batch_size > 1:
            return replace(self, batch_size=self.batch_size // 2)
        if self.halvings < network.halvings and height >> (self.halvings + 1) >= FLOW_SIDE // 2:
            return replace(self, halvings=self.halvings + 1)
        if height // (2 * self.strips) >= LEAST_STRIP:
            return replace(self, strips=2 * self.strips)
        return None


def usual_halvings(width: int, height: int, network: Any) -> int:
    """Returns how often frames of this size, px, are halved where nobody asks for anything else."""
    side = min(width, height)
    return min(max((-(-side // FLOW_SIDE) - 1).bit_length(), 0), int(network.halvings))


def halvings_of(scale: Fraction, network: Any) -> int:
    """Returns how often frames are halved for a scale of the flow.

    Raises:
      InputError: there is no such scale, or the network has none.
    """
    if scale not in FLOW_SCALES:
        raise InputError(f"flow scale {float(scale):g} is not one of {', '.join(str(float(s)) for s in FLOW_SCALES)}")
    halvings = FLOW_SCALES.index(scale)
    if halvings > network.halvings:
        raise InputError("this network finds motion at full scale only", hint="leave out --flow-scale, or use fbnet-r")
    return halvings


def default_batch_size(layout: PixelLayout, device: str) -> int:
    """Returns how many pairs to run at once for frames of this size."""
    pairs = PIXELS_PER_BATCH * (8 if "GPU" in device else 1) // (layout.width * layout.height)
    return max(1, min(8, pairs))


def needed_bytes(plan: Plan, layout: PixelLayout, name: str) -> int:
    """Returns about how much memory a plan takes, beside `BASE_BYTES`."""
    needs = NEEDS.get(name, Needs(whole=260.0))
    rows = layout.height if plan.strips == 1 else min(layout.height, -(-layout.height // plan.strips) + 2 * MARGIN)
    found = layout.width * layout.height / 4**plan.halvings * needs.find
    return round(plan.at_once * plan.batch_size * (layout.width * rows * needs.whole + found))


def make_plan(
    layout: PixelLayout,
    model: Any,
    *,
    batch_size: int | None = None,
    flow_scale: Fraction | None = None,
    max_memory: int | None = None,
    refuse: bool = True,
    at_once: int = 1,
) -> Plan:
    """Plans the work for frames of one layout.

    Args:
      layout: of the frames.
      model: an `engine.model.Model`.
      batch_size: pairs at once; None chooses by the size of a frame.
      flow_scale: of `FLOW_SCALES`; None chooses by the size of a frame.
      max_memory: what the process may take, bytes; None is no limit.
      refuse: whether a limit that cannot be kept is an error, or only kept as far as can be.
      at_once: batches to make at the same time, if frames are not too large for it.

    Raises:
      InputError: the network has no such scale, or the frame cannot be made in so little memory.
    """
    network = model.network
    halvings = (
        usual_halvings(layout.width, layout.height, network) if flow_scale is None else halvings_of(flow_scale, network)
    )
    if layout.width * layout.height > PIXELS_AT_ONCE:
        at_once = 1
    plan = Plan(batch_size or default_batch_size(layout, model.device), halvings, at_once=at_once)
    if max_memory is None or "GPU" in model.device:
        return plan
    room = max_memory - BASE_BYTES - queue_bytes(max_memory) * 2 - FRAMES_IN_FLIGHT * layout.frame_bytes
    while needed_bytes(plan, layout, model.name) > room:
        if plan.at_once > 1:
            plan = replace(plan, at_once=1)
        elif plan.batch_size > 1:
            plan = replace(plan, batch_size=plan.batch_size // 2)
        elif layout.height // (2 * plan.strips) >= LEAST_STRIP:
            # The scale of the flow is not touched: the same pictures, whatever the memory.
            plan = replace(plan, strips=2 * plan.strips)
        elif not refuse:
            break
        else:
            least = needed_bytes(plan, layout, model.name) + max_memory - room
            raise InputError(
                f"{layout.width}x{layout.height} needs about {least / 2**20:.0f} MiB with {model.name}, "
                f"of which {max_memory / 2**20:.0f} MiB are allowed",
                hint="give more with --max-memory, or a smaller --flow-scale",
            )
    return plan


QUEUE_BYTES = 128 << 20
"""Decoded frames that may wait in one place."""


def queue_bytes(max_memory: int | None) -> int:
    """Returns how many bytes of decoded frames may wait before the network, and again behind it."""
    return QUEUE_BYTES if max_memory is None else min(QUEUE_BYTES, max_memory // 16)


def free_memory() -> int | None:
    """Returns how much memory is free for a new process, bytes, also under a container's limit; None if unknown."""
    try:
        lines = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines())
        free = int(lines["MemAvailable"].split()[0]) << 10
    except (OSError, KeyError, ValueError):
        try:
            return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        except (ValueError, OSError, AttributeError):
            return None
    for limit, used in (
        ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
        ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
    ):
        try:
            free = min(free, int(Path(limit).read_text()) - int(Path(used).read_text()))
        except (OSError, ValueError):
            continue
    return max(free, 0)
