"""The networks that there are: one preset each, which holds every fact about it that other packages need.

Read by the command line (choices), the engine (weights, memory) and the documentation. Imports nothing heavy: the
network's code is imported when it is built.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from frame_booster.errors import ModelError

if TYPE_CHECKING:
    from frame_booster.network.interface import Network


FLOW_SCALES = tuple(Fraction(1, 1 << downscale) for downscale in range(5))
"""Of frames on which optical flow is estimated: 1, 1/2 and so on to 1/16, each network to its `max_flow_downscale`."""
FLOW_SIDE = 540
"""Optical flow is estimated on frames whose short side is at most this, px, unless told otherwise.

Networks have learned on frames of that order. With `fbnet-r` 720p and 1080p clips became better as well as faster when
flow was estimated at half their size; with `fbnet-2` they become twice as fast, and a little worse
(docs/performance.md).
"""


@dataclass(frozen=True)
class BytesPerPixel:
    """Memory that a network takes while it interpolates a frame; a little more than was measured."""

    frame: float
    """For each pixel of the frame, bytes."""
    flow: float = 0.0
    """For each pixel of the frame at the scale of the flow, bytes."""


@dataclass(frozen=True)
class Preset:
    """A network, its weights and what is known of both."""

    name: str
    """By which people choose it (`--model`); also that of the network in its weights files."""
    load: Callable[[str], Network]
    """Builds it with fresh weights, the argument being the dtype of its convolutions."""
    weights: str
    """Its weights: the name of a file in the folder `weights`, or a path."""
    bytes_per_pixel: BytesPerPixel
    max_flow_downscale: int
    """As `Network.max_flow_downscale`."""
    any_timestep: bool
    """As `Network.any_timestep`."""
    description: str
    """One sentence about how it works and what it is for."""
    licence: str
    """Of the weights, as SPDX names it."""
    run: str
    """Where the repository keeps the files of the runs (`fbnet train`) that made the weights."""
    in_brief: str = ""
    """What it is good for, in a few words for a list; empty where its name says it."""
    float16_is_safe: bool = False
    """Whether float16 was shown to give the frames of float32 (docs/performance.md), so that `auto` may take it."""
    as_computations: bool = False
    """Whether a GPU runs the whole of it as computations of XLA's (`network.computations`): XLA must have all of its
    operations, and compile them within seconds (FBNet-2: 3 s of a processor's core, FBNet-R: 30). `Network.between` is
    given indices as float32 then."""
    refined: bool = False
    """Whether it does more to the flow that it found than it is trained with (`compiling.is_refined`)."""
    gpu_bytes_per_pixel: BytesPerPixel = BytesPerPixel(frame=1200.0)
    """Memory of a GPU that one pair of a batch takes, in a precision of 16 bits.

    Of `fbnet-2` a little more than an H200 took while it compiled a computation (135; 90 from then on), of others the
    processor's peak. `python -m benchmarks gpu memory` measures it.
    """
    gpu_flow_side: int = FLOW_SIDE
    """On a GPU flow is estimated on frames whose short side is at most this, px; on a processor, `FLOW_SIDE`."""


def _fbnet_r(precision: str) -> Network:
    from frame_booster.network.fbnet_r.network import FBNetR

    network: Network = FBNetR(precision)
    return network


def _fbnet(precision: str) -> Network:
    from frame_booster.network.fbnet.network import FBNet

    network: Network = FBNet(precision)
    return network


def _fbnet_2(precision: str) -> Network:
    from frame_booster.network.fbnet_2.network import FBNet2

    network: Network = FBNet2(precision)
    return network


PRESETS: dict[str, Preset] = {}
"""By name, the default first."""


def register(preset: Preset) -> None:
    """Adds a preset.

    Raises:
      ValueError: there is one of that name.
    """
    if preset.name in PRESETS:
        raise ValueError(f"there is a preset {preset.name!r} already")
    PRESETS[preset.name] = preset


register(
    Preset(
        name="fbnet-2",
        load=_fbnet_2,
        weights="fbnet-2.safetensors",
        bytes_per_pixel=BytesPerPixel(frame=260.0, flow=240.0),
        max_flow_downscale=4,
        any_timestep=True,
        description="Learned optical flow to the wanted time, from coarse to fine on a shared feature pyramid, and a "
        "blend of both warped frames at full resolution.",
        in_brief="the sharpest",
        licence="MIT",
        run="weights/recipes/fbnet-2",
        float16_is_safe=True,
        as_computations=True,
        refined=True,
        gpu_bytes_per_pixel=BytesPerPixel(frame=150.0),
        # Frames of 1080p are better by 0.5 dB with flow at full size, which a GPU has the time for.
        gpu_flow_side=1080,
    )
)
register(
    Preset(
        name="fbnet-r",
        load=_fbnet_r,
        weights="fbnet-r.safetensors",
        bytes_per_pixel=BytesPerPixel(frame=260.0, flow=520.0),
        max_flow_downscale=4,
        any_timestep=True,
        float16_is_safe=True,
        gpu_bytes_per_pixel=BytesPerPixel(frame=260.0, flow=520.0),
        description="Block matching without weights, a learned choice among motions, and a blend of both warped frames "
        "at full resolution.",
        in_brief="with a smaller mean error, but softer",
        licence="MIT",
        run="weights/recipes/fbnet-r",
    )
)
register(
    Preset(
        name="fbnet",
        load=_fbnet,
        weights="fbnet.safetensors",
        bytes_per_pixel=BytesPerPixel(frame=1200.0),
        max_flow_downscale=0,
        any_timestep=False,
        float16_is_safe=True,
        description="The network as published: feature pyramids of both frames, bidirectional optical flow from coarse "
        "to fine, and fusion of the warped features.",
        in_brief="as published",
        licence="MIT",
        run="weights/recipes/fbnet",
    )
)

DEFAULT = next(iter(PRESETS))
"""Name of the network that is used unless another is asked for."""


def preset_of(name: str) -> Preset:
    """Returns the preset of a network.

    Raises:
      ModelError: there is no such network.
    """
    if name not in PRESETS:
        raise ModelError(f"no network named {name!r}", hint=f"there is: {', '.join(PRESETS)}")
    return PRESETS[name]


def create_network(name: str, precision: str = "float32") -> Network:
    """Builds a network with fresh weights.

    Args:
      name: of its preset.
      precision: dtype of the convolutions, "float32", "bfloat16" or "float16".

    Raises:
      ModelError: there is no such network.
    """
    return preset_of(name).load(precision)
