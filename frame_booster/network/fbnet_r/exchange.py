"""FBNet-R: what makes it blind to the order of the two frames: exchanged, with t as 1 - t, they give the same picture.

What was matched is the same for both orders by itself. At 1/2 and below the learned parts look at the pair in both
orders, one after the other in the batch, and their opinions are averaged. At full resolution, where pixels are many,
one pass does both: channels are kept as two halves, what one order sees and what the other does, and every kernel is
used a second time with those halves exchanged (a group convolution, Cohen and Welling, 2016, of the group of two).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from frame_booster.network.layers import Convolution, Tensor


def in_both_orders(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """Returns (2 B, ...) of each of two (B, ...): what belongs to the first and to the second frame of both orders."""
    return tf.concat([first, second], 0), tf.concat([second, first], 0)


def repeated(x: Tensor) -> Tensor:
    """Returns (2 B, ...) of what is the same in both orders."""
    return tf.concat([x, x], 0)


def exchanged(flow: Tensor) -> Tensor:
    """Returns the flow (B, h, w, 4) of the pair in the other order."""
    return tf.concat([flow[..., 2:], flow[..., :2]], -1)


def halves_exchanged(channels: int, start: int = 0) -> list[int]:
    """Returns which channel takes the place of which, of `channels` from `start` on that are two halves."""
    half = channels // 2
    return [start + (k + half) % channels for k in range(channels)]


class ExchangedConvolution(Convolution):
    """A convolution that sees its input in both orders: half of its output is the other half of the other order's.

    Args:
      exchange: the channel of the input that takes the place of each when the frames are exchanged.
      filters: channels of each half of the output.
      others: as `Convolution` takes them.
    """

    def __init__(self, exchange: Sequence[int], filters: int, **others: Any) -> None:
        super().__init__(len(exchange), filters, **others)
        self.exchange = list(exchange)

    def weights_as_used(self) -> tuple[Tensor, Tensor]:
        kernel, bias = super().weights_as_used()
        return tf.concat([kernel, tf.gather(kernel, self.exchange, axis=2)], -1), tf.concat([bias, bias], 0)


class SignedConvolution(Convolution):
    """A convolution of both halves into one output, that keeps its value or changes its sign with the order.

    Args:
      exchange: as `ExchangedConvolution`.
      signs: for each channel of the output, 1 or -1.
      others: as `Convolution` takes them.
    """

    def __init__(self, exchange: Sequence[int], signs: Sequence[int], **others: Any) -> None:
        super().__init__(len(exchange), len(signs), **others)
        self.exchange, self.signs = list(exchange), list(signs)

    def weights_as_used(self) -> tuple[Tensor, Tensor]:
        kernel, bias = super().weights_as_used()
        signs = tf.constant(self.signs, kernel.dtype)
        return kernel + signs * tf.gather(kernel, self.exchange, axis=2), bias * (0.5 * (1.0 + signs))
