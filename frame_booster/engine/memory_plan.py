"""How much is computed at once, bounded by memory: pairs a batch, the scale of the flow, strips of a frame."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import psutil

from frame_booster.engine.contract import FlowScaled, NetworkFacts, PlannedNetwork
from frame_booster.engine.device_memory import busy_pairs, bytes_on_gpu, pairs_at_once
from frame_booster.errors import InputError
from frame_booster.network.presets import FLOW_SCALES, FLOW_SIDE, PRESETS, BytesPerPixel, Preset, preset_of
from frame_booster.pixels import PixelLayout

PIXELS_PER_BATCH = 256 * 144 * 8
"""On a processor batches only spread the cost of a call; beyond this they cost cache."""
PIXELS_AT_ONCE = 1920 * 1200
"""Larger frames are interpolated one at a time: two at once would be a few per cent faster, for twice the memory."""
MARGIN = 128
"""Rows of its neighbours that a strip sees on each side, px.

Motion shorter than this by 26 px gives the same pixels as without strips, at a flow scale of 1/2 or 1/4 by up to 42 px,
at 1/8 by up to 70 px, since the steps that refine the flow at larger scales need rows of their own.
"""
LEAST_STRIP = 32
"""Least rows of a strip, px."""
BASE_BYTES = 900 << 20
"""`LoadedNetwork.base_bytes` of the TensorFlow engine: TensorFlow, compiled code, the encoder."""
ONNX_BASE_BYTES = 400 << 20
"""The same of the ONNX engine."""
FRAMES_IN_FLIGHT = 24
"""Decoded frames that decoder, encoder and writer hold beside the queues; an encoder's preset can ask for more."""


@dataclass(frozen=True)
class Plan:
    """How the frames of one layout are interpolated."""

    batch_size: int = 1
    """Pairs at once."""
    flow_downscale: int = 0
    """log2 of the factor by which frames are downscaled before motion is estimated: 2 is a flow scale of 1/4."""
    strips: int = 1
    """Strips of rows in which a frame is interpolated, one after the other; more than one only at a batch of 1."""
    at_once: int = 1
    """Batches that are interpolated at the same time."""

    def smaller(self, network: NetworkFacts, height: int, *, on_gpu: bool = False) -> Plan | None:
        """Returns the next thing to try when a device has run out of memory; None if there is none.

        On a GPU batches run one after the other, so that several under way take little more memory than one.
        """
        if on_gpu and self.batch_size > 1:
            return replace(self, batch_size=self.batch_size // 2)
        if self.at_once > 1:
            return replace(self, at_once=1)
        if self.batch_size > 1:
            return replace(self, batch_size=self.batch_size // 2)
        if self.flow_downscale < network.max_flow_downscale and height >> (self.flow_downscale + 1) >= FLOW_SIDE // 2:
            return replace(self, flow_downscale=self.flow_downscale + 1)
        if height // (2 * self.strips) >= LEAST_STRIP:
            return replace(self, strips=2 * self.strips)
        return None


def default_flow_downscale(width: int, height: int, preset: Preset, device: str) -> int:
    """Returns the `Plan.flow_downscale` of frames of this size, px, where no flow scale is asked for."""
    most = preset.gpu_flow_side if "GPU" in device else FLOW_SIDE
    return min(max((-(-min(width, height) // most) - 1).bit_length(), 0), preset.max_flow_downscale)


def default_flow_scale(width: int, height: int, network: str, device: str) -> Fraction:
    """Returns the flow scale that frames of this size have, px, with a network of this name on such a device."""
    return FLOW_SCALES[default_flow_downscale(width, height, preset_of(network), device)]


def flow_downscale_of(scale: Fraction, network: FlowScaled) -> int:
    """Returns the `Plan.flow_downscale` of a flow scale: 0 for 1, 1 for 1/2, and so on.

    Raises:
      InputError: there is no such scale, or the network has none.
    """
    if scale not in FLOW_SCALES:
        raise InputError(f"flow scale {float(scale):g} is not one of {', '.join(f'{float(s):g}' for s in FLOW_SCALES)}")
    flow_downscale = FLOW_SCALES.index(scale)
    if flow_downscale > network.max_flow_downscale:
        able = " or ".join(name for name, preset in PRESETS.items() if preset.max_flow_downscale >= flow_downscale)
        hint = f"leave out --flow-scale, or use {able}" if able else "leave out --flow-scale"
        raise InputError("this network finds motion at full scale only", hint=hint)
    return flow_downscale


def default_batch_size(layout: PixelLayout, device: str) -> int:
    """Returns how many pairs to run at once for frames of this size, where memory is no limit."""
    if "GPU" in device:
        return busy_pairs(layout)
    pairs = PIXELS_PER_BATCH // (layout.width * layout.height)
    return max(1, min(8, pairs))


def needed_bytes(plan: Plan, layout: PixelLayout, needs: BytesPerPixel) -> int:
    """Returns about how much memory a plan takes, beside `LoadedNetwork.base_bytes`, with a network of such needs."""
    rows = layout.height if plan.strips == 1 else min(layout.height, -(-layout.height // plan.strips) + 2 * MARGIN)
    flow = layout.width * layout.height / 4**plan.flow_downscale * needs.flow
    return round(plan.at_once * plan.batch_size * (layout.width * rows * needs.frame + flow))


def make_plan(
    layout: PixelLayout,
    model: PlannedNetwork,
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
      model: the network, loaded or expected.
      batch_size: pairs at once; None chooses by the size of a frame.
      flow_scale: of `FLOW_SCALES`; None chooses by the size of a frame.
      max_memory: what the process may take, bytes; None is no limit.
      refuse: whether a limit that cannot be kept is an error, or only kept as far as can be.
      at_once: batches to interpolate at the same time, if frames are not too large for it.

    Raises:
      InputError: the network has no such scale, or so little memory is not enough for a frame.
    """
    network, needs = model.network, model.preset.bytes_per_pixel
    if flow_scale is None:
        flow_downscale = default_flow_downscale(layout.width, layout.height, model.preset, model.device)
    else:
        flow_downscale = flow_downscale_of(flow_scale, network)
    if layout.width * layout.height > PIXELS_AT_ONCE and "GPU" not in model.device:
        at_once = 1
    if "GPU" in model.device:
        return _plan_on_gpu(layout, model, batch_size, flow_downscale, at_once)
    plan = Plan(batch_size or default_batch_size(layout, model.device), flow_downscale, at_once=at_once)
    if max_memory is None:
        return plan
    room = max_memory - model.base_bytes - queue_bytes(max_memory) * 2 - FRAMES_IN_FLIGHT * layout.frame_bytes
    while needed_bytes(plan, layout, needs) > room:
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
            least = needed_bytes(plan, layout, needs) + max_memory - room
            raise InputError(
                f"{layout.width}x{layout.height} needs about {least / 2**20:.0f} MiB with {model.name}, "
                f"of which {max_memory / 2**20:.0f} MiB are allowed",
                hint="give more with --max-memory, or a smaller --flow-scale",
            )
    return plan


def _plan_on_gpu(
    layout: PixelLayout, model: PlannedNetwork, batch_size: int | None, flow_downscale: int, at_once: int
) -> Plan:
    """Plans the work on a GPU, whose own memory decides how much is computed at once; arguments as of `make_plan`."""
    preset, precision, room = model.preset, model.precision, model.device_room
    pairs = batch_size or pairs_at_once(layout, preset, precision, flow_downscale, room)
    plan = Plan(max(pairs, 1), flow_downscale, at_once=at_once)
    if pairs or room is None:
        return plan
    # Not even one whole pair fits: strips of it, one after the other.
    plan, needs = replace(plan, at_once=1), bytes_on_gpu(preset, precision)
    while needed_bytes(plan, layout, needs) > room and layout.height // (2 * plan.strips) >= LEAST_STRIP:
        plan = replace(plan, strips=2 * plan.strips)
    return plan


QUEUE_BYTES = 128 << 20
"""Decoded frames that may wait in one place."""


def queue_bytes(max_memory: int | None) -> int:
    """Returns how many bytes of decoded frames may wait before the network, and again behind it."""
    return QUEUE_BYTES if max_memory is None else min(QUEUE_BYTES, max_memory // 16)


def free_memory() -> int:
    """Returns how much memory is free for a new process, bytes, also under a container's limit (Linux).

    What the system can take back from its caches counts as free, as every system's own tools have it.
    """
    free = psutil.virtual_memory().available
    for limit, used, facts, cache in _LIMITS:
        try:
            room = int(Path(limit).read_text()) - int(Path(used).read_text())
        except (OSError, ValueError):
            # Another system, another version of control groups, or no limit ("max").
            continue
        free = min(free, room + _fact(Path(facts), cache))
    return max(free, 0)


def _fact(path: Path, name: str) -> int:
    """Returns a number of a file of names and numbers; 0 where it is not told."""
    try:
        lines = [line.split() for line in path.read_text().splitlines()]
        return int(next((value for found, value in lines if found == name), 0))
    except (OSError, ValueError):
        return 0


_V2, _V1 = "/sys/fs/cgroup/memory", "/sys/fs/cgroup/memory/memory"
_LIMITS = (
    (f"{_V2}.max", f"{_V2}.current", f"{_V2}.stat", "inactive_file"),
    (f"{_V1}.limit_in_bytes", f"{_V1}.usage_in_bytes", f"{_V1}.stat", "total_inactive_file"),
)
"""Of Linux's control groups, version 2 and 1: the limit of a container, what it has used, and where, by which name, it
is told what of that are files that were read or written, which can be taken back."""
