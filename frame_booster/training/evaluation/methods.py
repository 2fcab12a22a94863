"""Methods that compute the frame between two frames: a network, and baselines without one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from frame_booster.engine.interpolator import Interpolator, load_model
from frame_booster.errors import InputError
from frame_booster.network.weights import read_metadata
from frame_booster.training.data.manifest import FrameArray
from frame_booster.training.evaluation import metrics

Method = Callable[[FrameArray, FrameArray], FrameArray]
"""Function of two frames (H, W, 3) uint8 RGB to the frame half-way between them."""


def repetition(frame0: FrameArray, frame1: FrameArray) -> FrameArray:
    """Returns the first frame."""
    return frame0


def blending(frame0: FrameArray, frame1: FrameArray) -> FrameArray:
    """Returns the mean of both frames."""
    return metrics.to_8_bit((frame0.astype(np.float32) + frame1) / 510.0)


def optical_flow(frame0: FrameArray, frame1: FrameArray) -> FrameArray:
    """Warps both frames half-way along OpenCV's DIS flow (medium preset) and averages them."""
    import cv2

    dis = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    gray0, gray1 = (cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in (frame0, frame1))
    height, width = gray0.shape
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    total = np.zeros(frame0.shape, np.float32)
    for frame, flow in ((frame0, dis.calc(gray0, gray1, None)), (frame1, dis.calc(gray1, gray0, None))):
        moved = cv2.remap(
            frame, x - flow[..., 0] / 2, y - flow[..., 1] / 2, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        total += moved
    return metrics.to_8_bit(total / 510.0)


WITHOUT_A_NETWORK: dict[str, Method] = {"repetition": repetition, "blending": blending, "DIS flow": optical_flow}


def network_method(weights: Path, device: str = "auto", precision: str = "auto") -> Method:
    """Returns the method of a weights file, whose metadata names the network."""
    return interpolator_of(weights, device, precision).interpolate


def interpolator_of(weights: Path, device: str = "auto", precision: str = "auto") -> Interpolator:
    """Loads a weights file with the network that its metadata names.

    Raises:
      InputError, ModelError: the metadata names no network, or the file cannot be read.
    """
    name = read_metadata(weights).get("network")
    if name is None:
        raise InputError("the weights do not say which network they are for", path=weights)
    return load_model(name, weights, device, precision, engine="tensorflow")
