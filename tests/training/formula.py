"""Frames, flows and masks by formula, which the golden values of the reference were computed on as well."""

from __future__ import annotations

import numpy as np


def field(seed: int, shape: tuple[int, ...], size: float) -> np.ndarray:
    """A smooth map (B, H, W, C) within -size and size, float32."""
    b, y, x, c = np.meshgrid(*(np.arange(side, dtype=np.float64) for side in shape), indexing="ij")
    slow = np.sin(0.31 * x + 0.17 * y + 1.3 * c + 0.7 * b + seed)
    fast = np.cos(0.05 * x * (1 + c) - 0.43 * y + 2.1 * b + 2 * seed)
    return np.float32(size * (0.6 * slow + 0.4 * fast))


def frames(seed: int, batch: int, side: int, move: float = 1.5) -> list[np.ndarray]:
    """First, wanted and last frame (B, side, side, 3) in [0, 1], that move evenly by `move` px a step, and differ."""
    made = []
    for step in range(3):
        y, x = np.meshgrid(*(np.arange(side, dtype=np.float64) for _ in range(2)), indexing="ij")
        one = [
            0.5
            + 0.3 * np.sin(0.35 * (x - move * step) + 0.9 * c + b + seed) * np.cos(0.28 * (y - 0.5 * move * step) + b)
            + 0.15 * np.sin(0.9 * (x - move * step) - 0.8 * y + c)
            for b in range(batch)
            for c in range(3)
        ]
        made.append(np.float32(np.stack(one).reshape(batch, 3, side, side).transpose(0, 2, 3, 1)))
    return made


def levels(seed: int, batch: int, side: int) -> list[np.ndarray]:
    """Flows (dy, dx, dy, dx) and the logit of the mask at 1/16 twice, 1/8, 1/4 and full size, (B, h, w, 5)."""
    return [field(seed + k, (batch, side // f, side // f, 5), 6.0 / f**0.5) for k, f in enumerate((16, 16, 8, 4, 1))]
