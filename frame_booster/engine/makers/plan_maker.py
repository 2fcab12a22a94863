"""The interface of the three makers, and what all of them do: describe planes to TensorFlow, and trace functions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from frame_booster.engine.device import tensorflow
from frame_booster.engine.maker import Request
from frame_booster.pixels import PixelLayout, Planes


class PlanMaker(Protocol):
    """Interpolates frames of one layout in the one way of a plan, with functions that are compiled for it."""

    @property
    def functions(self) -> list[Any]:
        """The compiled functions (`tf.function`, each of one signature), in the order in which they run."""

    def make(self, frames: Sequence[Planes], requests: Sequence[Request]) -> list[Planes]:
        """As `Maker.make`.

        Raises:
          tf.errors.ResourceExhaustedError: the device has too little memory for the plan.
        """


def plane_specs(layout: PixelLayout, frames: int) -> list[Any]:
    """Returns a `tf.TensorSpec` (frames, h, w) for each plane of a layout."""
    tf = tensorflow()
    return [tf.TensorSpec([frames, *shape], tf.as_dtype(layout.dtype)) for shape in layout.plane_shapes]


@contextmanager
def tracing(device: str) -> Iterator[None]:
    """Within it, functions are traced for a device.

    Loops that XLA compiles begin to be compiled meanwhile, so that the first frame does not wait for all of them.
    """
    from frame_booster.network.compiling import compiling_ahead

    with tensorflow().device(device), compiling_ahead(device):
        yield
