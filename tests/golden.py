"""Frames that every network must interpolate alike on both lanes, whatever its trained weights.

Adds a network's, or replaces it: `python -m tests.golden NAME`, on Python 3.11 with TensorFlow 2.15 and
tensorflow-addons.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import tensorflow as tf
from safetensors.numpy import load_file, save_file

from frame_booster.network.presets import PRESETS, create_network
from tests.conftest import picture
from tests.network.test_network import fill

GOLDEN = Path(__file__).parent / "data" / "golden.safetensors"


def golden_frame(name: str) -> np.ndarray:
    """The frame of a network with weights that depend on their names only, (1, 32, 48, 3) float32."""
    first, second = (tf.constant(picture(k, 48, 32)[None], tf.float32) for k in (0.0, 2.0))
    frame: np.ndarray = fill(create_network(name), 0.5)(first, second).frame.numpy()
    return frame


def expected_frame(name: str, file: Path = GOLDEN) -> np.ndarray:
    """The same as it was when it was added."""
    frame: np.ndarray = load_file(str(file))[name]
    return frame


def add(name: str, file: Path = GOLDEN) -> None:
    """Adds a network's frame to a file of them; the others stay as they are."""
    save_file({**load_file(str(file)), name: golden_frame(name)}, str(file))


if __name__ == "__main__":
    about = "Adds a network's golden frame, or replaces it."
    parser = argparse.ArgumentParser("python -m tests.golden", description=about)
    parser.add_argument("name", choices=[*PRESETS], help="name of the network")
    add(parser.parse_args().name)
