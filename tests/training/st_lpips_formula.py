"""Pictures and weights made by a formula, which the reference in PyTorch and our network are both given."""

from __future__ import annotations

from math import prod

import numpy as np

SIZES = {"even": (48, 64), "odd": (45, 61)}
"""Height and width of the pictures, px."""


def drawn(shape: tuple[int, ...], seed: int) -> np.ndarray:
    """Numbers in [0, 1) without visible order, the same on every machine: integers mixed as MurmurHash3 ends."""
    x = np.arange(prod(shape), dtype=np.uint32) + np.uint32((seed * 0x9E3779B9) % 2**32)
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        x = (x ^ (x >> np.uint32(shift))) * np.uint32(factor)
    x ^= x >> np.uint32(16)
    return (x.astype(np.float64) / 2.0**32).astype(np.float32).reshape(shape)


def drawn_weights(shapes: dict[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    """Weights by name: kernels as He et al. (2015) start them, comparisons positive."""
    weights = {}
    for seed, (name, shape) in enumerate(shapes.items()):
        if name.endswith(".kernel"):
            bound = (6.0 / prod(shape[:3])) ** 0.5
            weights[name] = np.float32(bound) * (2 * drawn(shape, seed) - 1)
        else:
            weights[name] = drawn(shape, seed) * np.float32(0.2)
    return weights


def drawn_pictures(size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Two batches (2, H, W, 3) in [0, 1]: noise beside other noise, and a pattern beside itself moved by 3 px."""
    y, x = np.mgrid[: size[0], : size[1]].astype(np.float64)
    pattern = [
        np.stack([0.5 + 0.5 * np.sin((x - k) / a) * np.cos(y / b) for a, b in ((3, 5), (4, 2), (6, 7))], -1)
        for k in (0, 3)
    ]
    first, second = (drawn((*size, 3), seed) for seed in (101, 102))
    return (
        np.stack([first, pattern[0].astype(np.float32)]),
        np.stack([0.75 * first + 0.25 * second, pattern[1].astype(np.float32)]).astype(np.float32),
    )
