"""Per-pixel functions, compiled by XLA ahead of their first use; or traced as plain operations, for export."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from fractions import Fraction
from typing import Any

import tensorflow as tf

from frame_booster.gc_pause import collection_paused

_plain = ContextVar("plain", default=False)
_training = ContextVar("training", default=False)
_refined = ContextVar("refined", default=True)
_inlined = ContextVar("inlined", default=False)
WHOLE = Fraction(1)
AHEAD_WORKERS = 2
FEW_PIXELS = 4096
"""What most functions of a network take as `least_pixels`: below it a loop saves less than a millisecond a frame, and
compiling it takes 20 to 100."""
AHEAD_BYTES = 256 << 20
"""Loops over more than this are not compiled ahead: that takes tensors of their size."""


@contextmanager
def plain_operations() -> Iterator[None]:
    """Within it, what is `compiled` is traced operation by operation: the same numbers, several times slower."""
    token = _plain.set(True)
    try:
        yield
    finally:
        _plain.reset(token)


@contextmanager
def training_graph(*, refined: bool = False, inlined: bool = False) -> Iterator[None]:
    """Within it, what is `compiled` stands for what trains it faster, if it has that: the same numbers.

    Args:
      refined: what `is_refined` says there.
      inlined: whether XLA compiles all of the graph, so that loops are traced as a part of it. As functions of their
        own they know no sizes, and their gradients ask for those of what they were called with: XLA then takes the
        frames themselves for constants, and compiles the graph anew for each batch.
    """
    tokens = _training.set(True), _inlined.set(inlined)
    try:
        with refinement(refined):
            yield
    finally:
        _training.reset(tokens[0])
        _inlined.reset(tokens[1])


@contextmanager
def refinement(on: bool) -> Iterator[None]:
    """Within it, `is_refined` says so."""
    token = _refined.set(on)
    try:
        yield
    finally:
        _refined.reset(token)


def in_training() -> bool:
    """Tells whether what is traced is a `training_graph`."""
    return _training.get()


def is_inlined() -> bool:
    """Tells whether XLA compiles all of what is traced: where a layer of TensorFlow's is slow in XLA, another stands."""
    return _inlined.get()


def is_refined() -> bool:
    """Tells whether a network does what it does without weights to the flow that it found: yes, but for training."""
    return _refined.get()


def differentiable(function: Callable[..., Any], gradients: Callable[..., Any]) -> Callable[..., Any]:
    """Returns a function of tensors with a gradient of its own.

    Automatic differentiation of a gather is a scatter, which XLA runs on one core, one element after the other, for
    every tensor that the loop reads, asked for or not.

    Args:
      function: of tensors, to one tensor, or to a tuple of that and others that its gradients need.
      gradients: takes the gradient of what the function returns, then the function's tensors, then those others;
        returns a gradient for each of the function's tensors, None where there is none.
    """

    @tf.custom_gradient
    def call(*values: Any) -> Any:
        made, *kept = made if isinstance(made := function(*values), tuple) else (made,)
        return made, lambda upstream: gradients(upstream, *values, *kept)

    return functools.wraps(function)(lambda *values: call(*map(tf.convert_to_tensor, values)))


class _Ahead:
    """Compiles loops in other threads while a graph that calls them is still being traced.

    XLA compiles a loop when it first runs, one after the other as the frame passes through the network. Its cache is
    keyed by the loop and the shapes, so running each once on zeros, from a small graph of its own, fills it.
    """

    def __init__(self, device: str, pool: ThreadPoolExecutor) -> None:
        self._device, self._pool = device, pool
        self.on_processor = "CPU" in device.upper()
        self._known: set[Any] = set()

    def add(self, loop: Any, tensors: list[Any]) -> None:
        shapes = tuple((tensor.dtype, *(tensor.shape.as_list() or ())) for tensor in tensors)
        sizes = [tensor.shape.num_elements() for tensor in tensors]
        if (loop, shapes) in self._known or None in sizes:
            return
        self._known.add((loop, shapes))
        if sum(size * tensor.dtype.size for size, tensor in zip(sizes, tensors, strict=True)) <= AHEAD_BYTES:
            specs = [(tensor.shape, tensor.dtype) for tensor in tensors]
            self._pool.submit(self._run, loop, specs)

    def prepare(self, function: Any, specs: Any) -> None:
        sizes = [spec.shape.num_elements() * spec.dtype.size for spec in tf.nest.flatten(specs)]
        if sum(sizes) <= AHEAD_BYTES // 16:
            self._pool.submit(self._call, function, specs)

    def _call(self, function: Any, specs: Any) -> None:
        with tf.device(self._device):
            try:
                function(*tf.nest.map_structure(lambda spec: tf.zeros(spec.shape, spec.dtype), specs))
            except tf.errors.OpError:
                # It fails again where it is needed, and the error is reported there.
                return

    def _run(self, loop: Any, specs: list[Any]) -> None:
        with tf.device(self._device):
            try:
                graph = tf.function(lambda *tensors: loop(*tensors), autograph=False)
                graph.get_concrete_function(*[tf.TensorSpec(*spec) for spec in specs])(*[tf.zeros(*s) for s in specs])
            except tf.errors.OpError:
                # The graph that needs the loop fails in the same way, and the error is reported there.
                return


_ahead: ContextVar[_Ahead | None] = ContextVar("ahead", default=None)


@contextmanager
def compiling_ahead(device: str) -> Iterator[None]:
    """Within it, loops that are traced into a graph are compiled in the background, which may go on after it.

    A graph that runs before they are compiled waits for those it needs.

    Args:
      device: that the graph will run on, as TensorFlow names it.
    """
    pool = ThreadPoolExecutor(AHEAD_WORKERS)
    token = _ahead.set(_Ahead(device, pool))
    try:
        with collection_paused():
            yield
    except BaseException:
        pool.shutdown(cancel_futures=True)
        raise
    finally:
        _ahead.reset(token)
        pool.shutdown(wait=False)


def compile_ahead(loop: Callable[..., Any], tensors: list[Any]) -> None:
    """Has a function of XLA's, that a graph calls with these tensors, compiled while that graph is being traced."""
    ahead = _ahead.get()
    if ahead is not None and not tf.executing_eagerly():
        ahead.add(loop, tensors)


def prepare_ahead(function: Any, specs: Any) -> None:
    """Has a traced function made ready to run, by running it on zeros, while others are being traced.

    Args:
      function: a `tf.function`, already traced.
      specs: of its arguments, a list of `tf.TensorSpec` or of nested lists of them.
    """
    ahead = _ahead.get()
    if ahead is not None and ahead.on_processor:
        ahead.prepare(function, specs)


def compiled(
    function: Callable[..., Any],
    *,
    plainly: Callable[..., Any] | None = None,
    training: Callable[..., Any] | None = None,
    scale: Fraction = WHOLE,
    least_pixels: int = 0,
    any_channels: bool = False,
) -> Callable[..., Any]:
    """Returns a function that XLA compiles into one loop for each shape it is called with.

    It is traced for any height and width at once, since tracing takes longer than compiling: a network calls it at
    every level. So are the plain operations that stand for it on small maps: TensorFlow unfolds their calls when it
    makes a graph ready to run. Values that are no tensors are part of what is traced.

    Args:
      function: of tensors (B, H, W, C), to one tensor of the B, H and W of the first.
      plainly: what stands for it among plain operations; None: itself.
      training: what stands for it in a `training_graph`; None: itself.
      scale: what it returns is so many times as high and wide instead.
      least_pixels: in a graph for a processor, maps (B, H, W, C) of fewer pixels go through plain operations instead:
        a loop saves too little there to be worth compiling.
      any_channels: it is traced for any number of channels at once as well, and keeps that of its first tensor.
    """
    traced: dict[Any, Any] = {}
    unfused = plainly or function

    def shape_of(tensor: Any) -> list[int | None]:
        shape = _relaxed(tensor)
        return [None] * len(shape) if any_channels else shape

    def traced_for(values: tuple[Any, ...], *, loop: bool) -> Any:
        key = (loop, *(value if _is_constant(value) else (value.dtype, *shape_of(value)) for value in values))
        if key not in traced:
            specs = [tf.TensorSpec(shape_of(value), value.dtype) for value in values if not _is_constant(value)]
            traced[key] = _traced(function if loop else unfused, values, specs, loop=loop)
        return traced[key]

    @functools.wraps(function)
    def call(*values: Any) -> Any:
        if _plain.get():
            return unfused(*values)
        if training is not None and _training.get():
            return training(*values)
        if _inlined.get():
            return function(*values)
        values = tuple(value if _is_constant(value) else tf.convert_to_tensor(value) for value in values)
        ahead = _ahead.get()
        loop = ahead is None or not ahead.on_processor or _pixels(values[0]) >= least_pixels
        chosen = traced_for(values, loop=loop)
        tensors = [value for value in values if not _is_constant(value)]
        made = chosen(*tensors)
        if loop:
            compile_ahead(chosen, tensors)
        first = values[0].shape
        if len(first) == 4:
            sides = [None if side is None else int(side * scale) for side in first[1:3]]
            made.set_shape([first[0], *sides, first[-1] if any_channels else made.shape[-1]])
        return made

    return call


def _pixels(tensor: Any) -> float:
    """Returns the pixels of a map (B, H, W, C), of one of the batch; infinity where they are not known."""
    pixels = tensor.shape[1:3].num_elements() if len(tensor.shape) == 4 else None
    return math.inf if pixels is None else float(pixels)


def _is_constant(value: Any) -> bool:
    return isinstance(value, str)


def _relaxed(tensor: Any) -> list[int | None]:
    """Returns the shape with all but the channel dimension unknown; a vector or scalar keeps its own."""
    shape = tensor.shape.as_list()
    return shape if len(shape) < 2 else [None] * (len(shape) - 1) + shape[-1:]


def _traced(function: Callable[..., Any], values: tuple[Any, ...], signature: list[Any], *, loop: bool) -> Any:
    def of_tensors(*tensors: Any) -> Any:
        left = iter(tensors)
        return function(*(value if _is_constant(value) else next(left) for value in values))

    of_tensors.__name__ = function.__name__.lstrip("_")
    return tf.function(of_tensors, input_signature=signature, jit_compile=loop or None, autograph=False)
