"""FBNet-R: symmetry under exchange: swapping the two frames, with 1 - t for t, gives the same interpolated frame.

Matching is symmetric without further means. Up to 1/2 resolution the learned stages process the pair in both orders,
one after the other in the batch, and average the results. The fusion, whose input has more pixels, needs a single pass:
its channels are two halves, one for each order, and every kernel is applied a second time with the halves exchanged
(a group-equivariant convolution, Cohen and Welling, 2016, for the group of two elements).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from frame_booster.network.layers import Convolution, Tensor


def in_both_orders(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """Returns two (2 B, ...) batches from two (B, ...): the first and the second frame's data in both orders."""
    return tf.concat([first, second], 0), tf.concat([second, first], 0)


def repeated(x: Tensor) -> Tensor:
    """Returns (2 B, ...) from (B, ...) data that are the same in both orders."""
    return tf.concat([x, x], 0)


def exchanged(flow: Tensor) -> Tensor:
    """Returns the flow (B, h, w, 4) of the pair in the opposite order."""
    return tf.concat([flow[..., 2:], flow[..., :2]], -1)


def halves_exchanged(channels: int, start: int = 0) -> list[int]:
    """Returns the indices that exchange the two halves of `channels` channels, counted from `start`."""
    half = channels // 2
    return [start + (k + half) % channels for k in range(channels)]


class ExchangedConvolution(Convolution):
    """A convolution whose output has one half for each order: exchanging the frames exchanges the halves.

    Args:
      exchange: for each input channel, the one that replaces it when the frames are exchanged.
      filters: channels of each half of the output.
      others: other arguments of `Convolution`.
    """

    def __init__(self, exchange: Sequence[int], filters: int, **others: Any) -> None:
        super().__init__(len(exchange), filters, **others)
        self.exchange = list(exchange)

    def weights_as_used(self) -> tuple[Tensor, Tensor]:
        kernel, bias = super().weights_as_used()
        return tf.concat([kernel, tf.gather(kernel, self.exchange, axis=2)], -1), tf.concat([bias, bias], 0)


class SignedConvolution(Convolution):
    """A convolution of both halves to outputs that are unchanged or negated when the frames are exchanged.

    Args:
      exchange: as in `ExchangedConvolution`.
      signs: for each output channel, 1 if it is unchanged, -1 if it is negated.
      others: other arguments of `Convolution`.
    """

    def __init__(self, exchange: Sequence[int], signs: Sequence[int], **others: Any) -> None:
        super().__init__(len(exchange), len(signs), **others)
        self.exchange, self.signs = list(exchange), list(signs)

    def weights_as_used(self) -> tuple[Tensor, Tensor]:
        kernel, bias = super().weights_as_used()
        signs = tf.constant(self.signs, kernel.dtype)
        return kernel + signs * tf.gather(kernel, self.exchange, axis=2), bias * (0.5 * (1.0 + signs))
