"""Pixels that become channels and back, as TensorFlow's own operations have it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from frame_booster.network.resample import channels_to_pixels, pixels_to_channels


@pytest.mark.parametrize("known", [True, False], ids=["size known", "any size"])
def test_pixels_become_channels_and_channels_pixels(known: bool) -> None:
    x = np.random.default_rng(1).random((2, 6, 4, 12), np.float32)
    spec = tf.TensorSpec(x.shape if known else [None, None, None, 12])
    stacked: Any = tf.function(pixels_to_channels, input_signature=[spec], autograph=False)
    spread: Any = tf.function(channels_to_pixels, input_signature=[spec], autograph=False)
    np.testing.assert_array_equal(stacked(x), tf.nn.space_to_depth(x, 2))
    np.testing.assert_array_equal(spread(x), tf.nn.depth_to_space(x, 2))
    np.testing.assert_array_equal(channels_to_pixels(stacked(x)), x)
    assert stacked.get_concrete_function().output_shapes[1:] == ([3, 2, 48] if known else [None, None, 48])
