"""The memory plan of a run: batch size, flow scale and strips, within a memory limit."""

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
"""Largest batch on a CPU, where batches only amortize the cost of a call; larger ones exceed the caches."""
PIXELS_AT_ONCE = 1920 * 1200
"""Largest frames of which two are interpolated in parallel; above, that gains a few percent for twice the memory."""
MARGIN = 128
"""Rows of its neighbours that a strip contains on each side, px.

Motion shorter than this by 26 px gives the same pixels as without strips, at a flow scale of 1/2 or 1/4 by up to 42 px,
at 1/8 by up to 70 px, since the steps that refine the flow at larger scales need rows of their own.
"""
LEAST_STRIP = 32
"""Minimum rows of a strip, px."""
BASE_BYTES = 900 << 20
"""`LoadedNetwork.base_bytes` of the TensorFlow engine: TensorFlow, compiled code, the encoder."""
ONNX_BASE_BYTES = 400 << 20
"""`LoadedNetwork.base_bytes` of the ONNX engine."""
FRAMES_IN_FLIGHT = 24
"""Decoded frames that decoder, encoder and writer hold besides the queues; an encoder preset can need more."""


@dataclass(frozen=True)
class Plan:
    """How the frames of one layout are interpolated."""

    batch_size: int = 1
    """Pairs of frames in a call."""
    flow_downscale: int = 0
    """log2 of the factor by which frames are downscaled before motion is estimated: 2 is a flow scale of 1/4."""
    strips: int = 1
    """Number of strips in which a frame is interpolated, one after the other; more than 1 only with a batch of 1."""
    at_once: int = 1
    """Batches that are interpolated in parallel."""

    def smaller(self, network: NetworkFacts, height: int, *, on_gpu: bool = False) -> Plan | None:
        """Returns the next smaller plan for a device that has run out of memory; None if there is none.

        On a GPU batches run one after the other, so several in flight need little more memory than one.
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
    """Returns the default `Plan.flow_downscale` for frames of this size, px."""
    most = preset.gpu_flow_side if "GPU" in device else FLOW_SIDE
    return min(max((-(-min(width, height) // most) - 1).bit_length(), 0), preset.max_flow_downscale)


def default_flow_scale(width: int, height: int, network: str, device: str) -> Fraction:
    """Returns the default flow scale for frames of this size, px, a network and a device."""
    return FLOW_SCALES[default_flow_downscale(width, height, preset_of(network), device)]


def flow_downscale_of(scale: Fraction, network: FlowScaled) -> int:
    """Returns the `Plan.flow_downscale` of a flow scale: 0 for 1, 1 for 1/2, and so on.

    Raises:
      InputError: there is no such scale, or the network does not support it.
    """
    if scale not in FLOW_SCALES:
        raise InputError(
            f"--flow-scale {float(scale):g} is not one of {', '.join(f'{float(s):g}' for s in FLOW_SCALES)}"
        )
    flow_downscale = FLOW_SCALES.index(scale)
    if flow_downscale > network.max_flow_downscale:
        able = " or ".join(name for name, preset in PRESETS.items() if preset.max_flow_downscale >= flow_downscale)
        hint = f"remove --flow-scale, or use --model {able}" if able else "remove --flow-scale"
        raise InputError("this network supports only --flow-scale 1", hint=hint)
    return flow_downscale


def default_batch_size(layout: PixelLayout, device: str) -> int:
    """Returns the batch size for frames of this size, without a memory limit."""
    if "GPU" in device:
        return busy_pairs(layout)
    pairs = PIXELS_PER_BATCH // (layout.width * layout.height)
    return max(1, min(8, pairs))


def needed_bytes(plan: Plan, layout: PixelLayout, needs: BytesPerPixel) -> int:
    """Returns an estimate of the memory of a plan, in addition to `LoadedNetwork.base_bytes`."""
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
      layout: pixel layout of the frames.
      model: the network, loaded or expected.
      batch_size: pairs in a call; None: by the frame size.
      flow_scale: one of `FLOW_SCALES`; None: by the frame size.
      max_memory: memory limit of the process, bytes; None: no limit.
      refuse: whether a limit that cannot be kept is an error; else it is kept as far as possible.
      at_once: batches to interpolate in parallel, if frames are not too large for that.

    Raises:
      InputError: the network does not support the scale, or the limit is too small for a frame.
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
                f"but {max_memory / 2**20:.0f} MiB are allowed",
                hint="raise --max-memory, or use a smaller --flow-scale",
            )
    return plan


def _plan_on_gpu(
    layout: PixelLayout, model: PlannedNetwork, batch_size: int | None, flow_downscale: int, at_once: int
) -> Plan:
    """Plans the work on a GPU, by the memory of the GPU; arguments as for `make_plan`."""
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
"""Most decoded frames in one queue."""


def queue_bytes(max_memory: int | None) -> int:
    """Returns the limit for decoded frames in the queue before the network, and in that after it, bytes."""
    return QUEUE_BYTES if max_memory is None else min(QUEUE_BYTES, max_memory // 16)


def free_memory() -> int:
    """Returns the memory that is free for a new process, bytes, also under the limit of a container (Linux).

    Caches that the system can reclaim count as free, as in the system's own tools.
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
    """Returns a number from a file of names and numbers; 0 if it is not there."""
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
"""Files of Linux control groups, version 2 and 1: the memory limit of a container, its usage, and the file and name of
the part of the usage that is file cache, which can be reclaimed."""
