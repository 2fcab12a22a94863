"""Splits a network into several XLA computations, which are compiled in parallel.

As a single computation, FBNet-2 took 24 s on one core to compile for a GPU. As one computation per stage, it compiles
on all cores. The split costs nothing: the tensors between the stages are written to memory in any case.
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
    """The XLA computations of a graph, in the order in which they run.

    Args:
      device: TensorFlow's name of the device.
    """

    def __init__(self, device: str) -> None:
        self._device = device
        self.functions: list[Any] = []
        """The compiled functions: a `tf.function` with one signature for each computation."""
        self._alone: list[Any] = []
        self._compiling, self._compiled = Lock(), False

    @contextmanager
    def traced(self) -> Iterator[None]:
        """Context in which a graph is traced: each call of `computation` becomes one of its computations."""
        token = _computations.set(self)
        try:
            yield
        finally:
            _computations.reset(token)
        # If several graphs were traced, the functions of the last one.
        for function in self.functions[len(self._alone) :]:
            # Traced here and not where they run: XLA's cache on disk finds a compilation by a name, and the name counts
            # the functions that were traced before.
            alone = tf.function(_called(function), input_signature=function.input_signature, autograph=False)
            self._alone.append(alone.get_concrete_function())

    def call(self, body: Callable[..., Any], given: tuple[Any, ...]) -> Any:
        """Traces a body as a further computation, and calls it."""
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
        """Compiles all computations in parallel; the second call does nothing."""
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
                # It fails again when the network runs, and the error is reported then.
                return


def _called(function: Any) -> Callable[..., Any]:
    return lambda *values: function(*values)


_computations: ContextVar[Computations | None] = ContextVar("computations", default=None)


def computation(body: Callable[..., Any], *given: Any) -> Any:
    """Calls a function on tensors; within `Computations.traced` the call is a computation of its own.

    Args:
      body: the function; all tensors that it uses are arguments.
      given: its arguments, tensors or nested lists of tensors.
    """
    computations = _computations.get()
    return body(*given) if computations is None else computations.call(body, given)
