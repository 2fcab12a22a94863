"""A frame that every machine must make alike: the network, its engine and its device are tried by it within a second.

What is stored are means of blocks, made by TensorFlow on a processor in float32: `python -m
frame_booster.engine.self_test` writes them anew, which new weights ask for.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt

from frame_booster.engine.contract import LoadedNetwork
from frame_booster.engine.interpolator import Interpolator

STORED = Path(__file__).with_suffix(".json")
TOLERANCE = 2.0
"""Code values of 8 bits by which a mean may differ: bfloat16 differs by 0.2, what is wrong by tens."""
HEIGHT, WIDTH, BLOCK = 48, 64, 8


def scene(index: int) -> npt.NDArray[np.uint8]:
    """Returns a frame (HEIGHT, WIDTH, 3) of a texture that moves by 3 px right and 1 px down a frame."""
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float64)
    x, y = x - 3.0 * index, y - 1.0 * index
    colours = [0.5 + 0.25 * np.sin(x / a) * np.cos(y / b) + 0.2 * np.sin((x + 2 * y) / 9.0) for a, b in _WAVES]
    made: npt.NDArray[np.uint8] = np.rint(255.0 * np.stack(colours, -1)).astype(np.uint8)
    return made


_WAVES = ((4.0, 5.0), (6.0, 4.0), (5.0, 7.0))


def block_means(model: LoadedNetwork) -> npt.NDArray[np.float64]:
    """Makes the frame; returns the means of its blocks, (HEIGHT / BLOCK, WIDTH / BLOCK, 3), in code values."""
    frame = Interpolator(model).interpolate(scene(0), scene(1)).astype(np.float64)
    return frame.reshape(HEIGHT // BLOCK, BLOCK, WIDTH // BLOCK, BLOCK, 3).mean((1, 3))


def difference(model: LoadedNetwork) -> float | None:
    """Makes the frame; returns by how many code values its worst block differs from the stored one.

    None where no frame of that network is stored. More than `TOLERANCE` is wrong.
    """
    stored = json.loads(STORED.read_text(encoding="utf-8")).get(model.name)
    if stored is None:
        return None
    return float(np.abs(block_means(model) - np.asarray(stored)).max())


def _write() -> None:
    from frame_booster.engine.model import Model
    from frame_booster.network.presets import PRESETS

    means = {name: block_means(Model(name, device="cpu", precision="float32")).round(2).tolist() for name in PRESETS}
    STORED.write_text(json.dumps(means), encoding="utf-8")


if __name__ == "__main__":
    _write()
