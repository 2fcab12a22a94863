"""What a network is given of a frame: RGB at full size and, where motion is estimated on smaller frames, those, too.

The smaller frames are averaged from the source's code values, not from RGB: an average of what was scaled to [0, 1]
before would be rounded once more, and the same frame as video, as a strip and as a picture would differ in a bit.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from frame_booster.engine.code_values import padded
from frame_booster.engine.colour import compiled_planes_to_rgb, pad_to, pooled
from frame_booster.network.layers import Tensor
from frame_booster.pixels import PixelLayout


class NetworkInput(NamedTuple):
    """Frames as `Network.between` and `FrameCoding.encode` take them."""

    frames: Tensor
    """(B, H, W, 3) float32 RGB, H and W multiples of the network's `multiple` times 2**flow_downscale."""
    downscaled: Tensor | None
    """(B, H / 2**flow_downscale, W / 2**flow_downscale, 3), or None where that is the frames themselves."""


def frame_rgb(planes: list[Tensor], layout: PixelLayout, multiple: int, flow_downscale: int) -> Tensor:
    """Returns `NetworkInput.frames` alone; arguments as `encode_planes`."""
    return compiled_planes_to_rgb(planes, layout, multiple << flow_downscale)


def flow_rgb(planes: list[Tensor], layout: PixelLayout, multiple: int, flow_downscale: int) -> Tensor:
    """Returns the frames at the scale of the flow alone; arguments as `encode_planes`."""
    return compiled_planes_to_rgb(planes, layout, multiple, flow_downscale)


def encode_planes(planes: list[Tensor], layout: PixelLayout, multiple: int, flow_downscale: int) -> NetworkInput:
    """Converts the planes of B frames.

    Args:
      planes: (B, h, w) code values, as `PixelLayout.plane_shapes`; alpha is ignored.
      layout: of the planes.
      multiple: of the network.
      flow_downscale: log2 of the factor by which frames are downscaled before motion is estimated.
    """
    frames = frame_rgb(planes, layout, multiple, flow_downscale)
    return NetworkInput(frames, flow_rgb(planes, layout, multiple, flow_downscale) if flow_downscale else None)


def encode_pictures(pictures: Tensor, top: float, multiple: int, flow_downscale: int) -> NetworkInput:
    """Converts B pictures.

    Args:
      pictures: (B, h, w, 3) float32 RGB in [0, 1].
      top: the code value that 1.0 stands for; 1.0 where they have never been code values.
      multiple, flow_downscale: as in `encode_planes`.
    """
    height, width = (padded(side, multiple << flow_downscale) for side in pictures.shape[1:3])
    frames = pad_to(pictures, height, width)
    if not flow_downscale:
        return NetworkInput(frames, None)
    codes = tf.round(frames * top) if top != 1.0 else frames
    return NetworkInput(frames, pooled(codes, flow_downscale, flow_downscale) * np.float32(1.0 / top))
