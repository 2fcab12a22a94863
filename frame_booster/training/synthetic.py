"""Synthetic motion: layers cut from still pictures, moved by known transforms, with exact flow and middle."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from frame_booster.training.clips import FrameArray

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Motion:
    """Rotation, zoom and shift over the whole interval, linear in time around a centre."""

    shift: tuple[float, float]
    """(dy, dx), px from frame 0 to frame 1."""
    angle: float
    """Radians."""
    zoom: float
    """Natural logarithm of the scale."""
    centre: tuple[float, float]
    """(y, x), px."""

    def matrix(self, time: float) -> npt.NDArray[np.float64]:
        """Returns the 2x3 matrix, on (x, y), from a place now to the place `time` intervals later."""
        scale, angle = np.exp(self.zoom * time), self.angle * time
        cos, sin = scale * np.cos(angle), scale * np.sin(angle)
        y, x = self.centre
        return np.array(
            [
                [cos, -sin, x - cos * x + sin * y + self.shift[1] * time],
                [sin, cos, y - sin * x - cos * y + self.shift[0] * time],
            ]
        )

    def flow(self, height: int, width: int, time: float) -> FloatArray:
        """Returns (H, W, 2) px, (dy, dx), such that `frame(x - flow(x))` is what is at x now."""
        matrix = self.matrix(time)
        x, y = np.meshgrid(np.arange(width), np.arange(height))
        to_x = matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2]
        to_y = matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2]
        return np.stack([y - to_y, x - to_x], -1).astype(np.float32)


def draw_motion(rng: np.random.Generator, height: int, width: int, reach: float) -> Motion:
    """Draws a motion of up to `reach` px from frame 0 to frame 1, small ones as often as large ones."""
    length, direction = reach * float(rng.random()), float(rng.uniform(0, 2 * np.pi))
    turn = rng.random() < 0.5
    return Motion(
        shift=(length * np.sin(direction), length * np.cos(direction)),
        angle=float(rng.normal(0, 0.04)) if turn else 0.0,
        zoom=float(rng.normal(0, 0.04)) if turn else 0.0,
        centre=(float(rng.uniform(0, height)), float(rng.uniform(0, width))),
    )


def _move(picture: FrameArray | FloatArray, motion: Motion, time: float) -> FrameArray | FloatArray:
    size = (picture.shape[1], picture.shape[0])
    return np.asarray(
        cv2.warpAffine(picture, motion.matrix(time), size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)
    )


def _shape(rng: np.random.Generator, height: int, width: int) -> FloatArray:
    """Draws a soft-edged polygon or ellipse, (H, W, 1) in [0, 1]."""
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
    return cv2.GaussianBlur(mask, (3, 3), 0.7)[..., None]


def layered_triplet(
    rng: np.random.Generator, pictures: list[FrameArray], t: float, reach: float
) -> tuple[FrameArray, FloatArray]:
    """Moves pictures over each other.

    Args:
      rng: source of all choices.
      pictures: (H, W, 3) uint8 of one size; the first is the background, the others are cut to shapes.
      t: time of the middle frame, in (0, 1).
      reach: largest shift from frame 0 to frame 1, px.

    Returns:
      frames (3, H, W, 3) uint8 and exact flow labels (H, W, 4) px, as `sampling.Batch`.
    """
    height, width = pictures[0].shape[:2]
    times = (-t, 0.0, 1.0 - t)
    motion = draw_motion(rng, height, width, reach)
    frames = [_move(pictures[0], motion, time).astype(np.float32) for time in times]
    flows = np.concatenate([motion.flow(height, width, times[0]), motion.flow(height, width, times[2])], -1)
    for picture in pictures[1:]:
        motion = draw_motion(rng, height, width, reach)
        mask = _shape(rng, height, width)
        moved = [np.clip(_move(mask, motion, time).reshape(height, width, 1), 0, 1) for time in times]
        for k, time in enumerate(times):
            frames[k] += moved[k] * (_move(picture, motion, time) - frames[k])
        label = np.concatenate([motion.flow(height, width, times[0]), motion.flow(height, width, times[2])], -1)
        flows = np.where(mask > 0.5, label, flows)
    noise = rng.normal(0, rng.uniform(0, 2), (3, height, width, 1))
    return np.clip(np.rint(np.stack(frames) + noise), 0, 255).astype(np.uint8), flows.astype(np.float32)
