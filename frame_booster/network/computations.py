"""The stages of a network as computations of XLA's of their own, compiled at the same time on all cores.

As one computation FBNet-2 took 24 s of one core to be compiled for a GPU. Cut into its stages it is a few computations,
each compiled in a thread; between them only maps are handed on that would be written down in any case.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock
from typing import Any

import tensorflow as tf


class Computations:
    """The computations that a graph consists of, in the order in which they run.

    Args:
      device: as TensorFlow names it.
    """

    def __init__(self, device: str) -> None:
        self._device = device
        self.functions: list[Any] = []
        """The compiled functions (`tf.function`, each of one signature)."""
        self._alone: list[Any] = []
        self._compiling, self._compiled = Lock(), False

    @contextmanager
    def traced(self) -> Iterator[None]:
        """Within it, each `computation` of a graph becomes one of these."""
        token = _computations.set(self)
        try:
            yield
        finally:
            _computations.reset(token)
        # Of several graphs, one after the other, those of the last.
        for function in self.functions[len(self._alone) :]:
            # Traced here, not where they run: XLA's compilations are known again by names that count what was traced.
            alone = tf.function(_called(function), input_signature=function.input_signature, autograph=False)
            self._alone.append(alone.get_concrete_function())

    def call(self, body: Callable[..., Any], given: tuple[Any, ...]) -> Any:
        """Traces a body as one more computation, and calls it."""
        tensors = tf.nest.flatten(given)

        def packed(*values: Any) -> Any:
            token = _computations.set(None)
            try:
                return body(*tf.nest.pack_sequence_as(given, values))
            finally:
                _computations.reset(token)

        packed.__name__ = body.__name__.strip("_<>")
        signature = [tf.TensorSpec(tensor.shape, tensor.dtype) for tensor in tensors]
        function = tf.function(packed, input_signature=signature, autograph=False, jit_compile=True)
        self.functions.append(function)
        return function(*tensors)

    def compile(self) -> None:
        """Has all of them compiled, at the same time; does nothing when that is done."""
        with self._compiling:
            if not self._compiled:
                with ThreadPoolExecutor(max(1, min(len(self._alone), os.cpu_count() or 1))) as pool:
                    list(pool.map(self._run, self._alone))
                self._compiled = True

    def _run(self, function: Any) -> None:
        with tf.device(self._device):
            try:
                function(*[tf.zeros(spec.shape, spec.dtype) for spec in function.structured_input_signature[0]])
            except tf.errors.OpError:
                # It fails again where it is needed, and the error is reported there.
                return


def _called(function: Any) -> Callable[..., Any]:
    return lambda *values: function(*values)


_computations: ContextVar[Computations | None] = ContextVar("computations", default=None)


def computation(body: Callable[..., Any], *given: Any) -> Any:
    """Returns what a function makes of tensors, or nested lists of them: as a computation of its own, if the graph that
    is being traced is made of such.

    Args:
      body: of tensors alone, all of which are given here.
      given: the tensors.
    """
    computations = _computations.get()
    return body(*given) if computations is None else computations.call(body, given)
