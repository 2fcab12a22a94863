"""The available networks: one preset each, with every fact about it that other packages need.

Used by the command line (choices), the engine (weights, memory) and the documentation. Imports nothing heavy: the code
of a network is imported when it is built.
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
"""Scales of the frames on which flow is estimated: 1, 1/2, ..., 1/16, up to a network's `max_flow_downscale`."""
FLOW_SIDE = 540
"""Default limit for the short side of the frames on which optical flow is estimated, px.

Networks were trained on frames of about this size. With flow at half size, clips of 720p and 1080p become better and
faster with `fbnet-r`, twice as fast and slightly worse with `fbnet-2` (docs/performance.md).
"""


@dataclass(frozen=True)
class BytesPerPixel:
    """Memory that a network needs to interpolate a frame; slightly more than measured."""

    frame: float
    """Bytes per pixel of the frame."""
    flow: float = 0.0
    """Bytes per pixel of the frame at the scale of the flow."""


@dataclass(frozen=True)
class Preset:
    """A network, its weights and the facts about both."""

    name: str
    """Name for `--model`, and in the weights files."""
    load: Callable[[str], Network]
    """Function that builds the network with initial weights; its argument is the dtype of the convolutions."""
    weights: str
    """Weights: the name of a file in the folder `weights`, or a path."""
    bytes_per_pixel: BytesPerPixel
    max_flow_downscale: int
    """As `Network.max_flow_downscale`."""
    any_timestep: bool
    """As `Network.any_timestep`."""
    description: str
    """One sentence about how it works and what it is for."""
    licence: str
    """Licence of the weights, by its SPDX name."""
    run: str
    """Folder of the recipes (`fbnet train`) with which the weights were trained."""
    in_brief: str = ""
    """Its strength in a few words, for a list; can be empty."""
    float16_is_safe: bool = False
    """Whether float16 gives the frames of float32, as measured (docs/performance.md), so that `auto` can use it."""
    as_computations: bool = False
    """Whether a GPU runs the whole network as XLA computations (`network.computations`): XLA must support all of its
    operations and compile them within seconds (FBNet-2: 3 s of a CPU core, FBNet-R: 30). `Network.between` then gets
    indices as float32."""
    refined: bool = False
    """Whether inference refines the flow in ways that training omits by default (`compiling.is_refined`)."""
    gpu_bytes_per_pixel: BytesPerPixel = BytesPerPixel(frame=1200.0)
    """GPU memory per pair of a batch, in a 16-bit precision.

    For `fbnet-2` slightly more than an H200 needed while it compiled (135, then 90), for others the peak on a CPU.
    `python -m benchmarks gpu memory` measures it.
    """
    gpu_flow_side: int = FLOW_SIDE
    """Limit on a GPU for the short side of the frames on which flow is estimated, px; on a CPU it is `FLOW_SIDE`."""


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
"""All presets by name, the default first."""


def register(preset: Preset) -> None:
    """Adds a preset.

    Raises:
      ValueError: there is already one of that name.
    """
    if preset.name in PRESETS:
        raise ValueError(f"a preset {preset.name!r} exists already")
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
"""Name of the default network."""


def preset_of(name: str) -> Preset:
    """Returns the preset of a network.

    Raises:
      ModelError: there is no such network.
    """
    if name not in PRESETS:
        raise ModelError(f"unknown network {name!r}", hint=f"use one of {', '.join(PRESETS)}")
    return PRESETS[name]


def create_network(name: str, precision: str = "float32") -> Network:
    """Builds a network with initial weights.

    Args:
      name: name of its preset.
      precision: dtype of the convolutions, "float32", "bfloat16" or "float16".

    Raises:
      ModelError: there is no such network.
    """
    return preset_of(name).load(precision)
