"""Synthetic motion: layers cut from still images and moved by known motions, with exact flow and an exact middle frame.

It provides large motion with exact labels and realistic occlusion. Images are sampled by OpenCV's cubic interpolation,
whose positions are exact to 1/64 px.
"""

from __future__ import annotations

import cv2
import numpy as np

from frame_booster.training.data.manifest import FloatArray, FrameArray
from frame_booster.training.data.motion import Motion, draw_motion

BLURRED = 0.2
"""Share of triplets with motion blur."""
SHUTTER = 0.15
"""Longest exposure, as a share of the interval between the outer frames."""
EXPOSURES = 5
"""Number of images that are averaged for a blurred frame."""


def _moved(picture: FrameArray | FloatArray, motion: Motion, time: float) -> FloatArray:
    y, x = motion.backward(*motion.grid(), time)
    made = cv2.remap(
        picture.astype(np.float32),
        x.astype(np.float32),
        y.astype(np.float32),
        cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REFLECT_101,
    )
    return np.asarray(made.reshape(picture.shape), np.float32)


def _shape(rng: np.random.Generator, height: int, width: int) -> FloatArray:
    """Draws a polygon or ellipse with a soft edge, (H, W, 1) in [0, 1]."""
    mask = np.zeros((height, width), np.float32)
    centre = rng.uniform([0.2 * width, 0.2 * height], [0.8 * width, 0.8 * height])
    radius = rng.uniform(0.08, 0.4) * min(height, width)
    if rng.random() < 0.5:
        axes = (int(radius), max(int(radius * rng.uniform(0.2, 1)), 2))
        cv2.ellipse(mask, tuple(int(c) for c in centre), axes, float(rng.uniform(0, 180)), 0, 360, 1.0, -1)
    else:
        angles = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(3, 9))))
        reach = radius * rng.uniform(0.4, 1.3, len(angles))
        points = centre + np.stack([np.cos(angles) * reach, np.sin(angles) * reach], -1)
        cv2.fillPoly(mask, [points.astype(np.int32)], 1.0)
    return np.asarray(cv2.GaussianBlur(mask, (3, 3), 0.7)[..., None], np.float32)


def layered_triplet(
    rng: np.random.Generator, pictures: list[FrameArray], t: float, reach: float
) -> tuple[FrameArray, FloatArray]:
    """Moves images over each other.

    Args:
      rng: random generator.
      pictures: (H, W, 3) uint8 of one size. The first is the background; shapes are cut from the others.
      t: time of the middle frame, in (0, 1).
      reach: largest motion from frame 0 to frame 1, px.

    Returns:
      Frames (3, H, W, 3) uint8, and exact flow labels (H, W, 4) px, as in `sampling.Batch`.
    """
    height, width = pictures[0].shape[:2]
    times = (-t, 0.0, 1.0 - t)
    layers = [(pictures[0], draw_motion(rng, (height, width), reach), np.ones((height, width, 1), np.float32))]
    for picture in pictures[1:]:
        layers.append((picture, draw_motion(rng, (height, width), reach), _shape(rng, height, width)))
    shutter = SHUTTER * float(rng.random()) if rng.random() < BLURRED else 0.0
    offsets = np.linspace(-shutter / 2, shutter / 2, EXPOSURES) if shutter else np.zeros(1)

    def seen(time: float) -> FloatArray:
        frame = _moved(layers[0][0], layers[0][1], time)
        for picture, motion, mask in layers[1:]:
            cover = np.clip(_moved(mask, motion, time), 0, 1)
            frame += cover * (_moved(picture, motion, time) - frame)
        return frame

    frames = np.stack([np.mean([seen(time + float(offset)) for offset in offsets], 0) for time in times])
    flows = np.zeros((height, width, 4), np.float32)
    for _, motion, mask in layers:
        label = np.concatenate([motion.flow(times[0]), motion.flow(times[2])], -1)
        flows = np.where(mask > 0.5, label, flows)
    noise = rng.normal(0, rng.uniform(0, 2), (3, height, width, 1))
    return np.clip(np.rint(frames + noise), 0, 255).astype(np.uint8), flows.astype(np.float32)
