"""Batches for training, drawn ahead of use by tf.data so that the network does not wait for them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
import tensorflow as tf

from frame_booster.errors import FrameBoosterError
from frame_booster.training.data.sampling import Batch, Sampler

WORKERS, AHEAD = 2, 4
"""Number of batches drawn at once, and number of batches kept ready."""


def prefetched_batches(sampler: Sampler, start: int, stop: int) -> Iterator[Batch]:
    """Yields the batches of steps `start` to `stop - 1`, in order.

    A batch depends only on its step. The order in which workers draw therefore does not matter, and a run can begin at
    any step without drawing earlier batches.

    Raises:
      FrameBoosterError: raised by the sampler.
    """
    cv2.setNumThreads(1)
    failures: list[FrameBoosterError] = []

    def draw(step: Any) -> tuple[Any, Any, Any]:
        try:
            batch = sampler.batch(int(step))
        except FrameBoosterError as error:
            # TensorFlow passes on only the text of the error.
            failures.append(error)
            raise
        return batch.frames, batch.t, batch.flows

    kinds = (tf.uint8, tf.float32, tf.float32)
    with tf.device("/CPU:0"):
        steps = tf.data.Dataset.range(start, stop)
        dataset = steps.map(
            lambda step: tf.numpy_function(draw, [step], kinds), num_parallel_calls=WORKERS, deterministic=True
        )
        options = tf.data.Options()
        options.threading.private_threadpool_size = WORKERS
        batches = dataset.with_options(options).prefetch(AHEAD).as_numpy_iterator()
    while True:
        try:
            frames, times, flows = next(batches)
        except StopIteration:
            return
        except tf.errors.OpError:
            if failures:
                raise failures[0] from None
            raise
        yield Batch(np.asarray(frames), np.asarray(times), np.asarray(flows))
