"""Per-pixel functions, compiled by XLA before their first use, or traced as plain operations for export."""

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
"""Usual `least_pixels`: on smaller maps a loop saves less than a millisecond per frame, and compiling it takes 20 to
100."""
AHEAD_BYTES = 256 << 20
"""Loops over more pixels are not compiled in advance, since that needs tensors of their size."""


@contextmanager
def plain_operations() -> Iterator[None]:
    """Context in which `compiled` functions are traced as plain operations: the same results, several times slower."""
    token = _plain.set(True)
    try:
        yield
    finally:
        _plain.reset(token)


@contextmanager
def training_graph(*, refined: bool = False, inlined: bool = False) -> Iterator[None]:
    """Context in which `compiled` functions use their `training` variant, if there is one: the same results, faster.

    Args:
      refined: value of `is_refined` in the context.
      inlined: whether XLA compiles the whole graph, so that loops are traced as a part of it. As separate functions
        they have unknown sizes, and their gradients need the sizes of the arguments: XLA then treats the frames
        themselves as constants, and compiles the graph again for each batch.
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
    """Context in which `is_refined` is true."""
    token = _refined.set(on)
    try:
        yield
    finally:
        _refined.reset(token)


def in_training() -> bool:
    """Tells whether a `training_graph` is being traced."""
    return _training.get()


def is_inlined() -> bool:
    """Tells whether XLA compiles the whole graph; layers of TensorFlow that are slow in XLA are then replaced."""
    return _inlined.get()


def is_refined() -> bool:
    """Tells whether a network applies its refinements of flow without weights: always, except in most training."""
    return _refined.get()


def differentiable(function: Callable[..., Any], gradients: Callable[..., Any]) -> Callable[..., Any]:
    """Returns a function of tensors with a custom gradient.

    Automatic differentiation of a gather is a scatter, which XLA runs on one core, element by element, for every tensor
    that the loop reads, needed or not.

    Args:
      function: maps tensors to one tensor, or to a tuple of that and others that its gradients need.
      gradients: takes the gradient of the result, then the arguments of the function, then those others; returns a
        gradient for each argument, or None.
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
    """Context in which loops that are traced into a graph are compiled in the background, also after its end.

    A graph that runs before they are compiled waits for those it needs.

    Args:
      device: TensorFlow's name of the device on which the graph will run.
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
    """Compiles an XLA function for these tensors in the background, while the graph that calls it is being traced."""
    ahead = _ahead.get()
    if ahead is not None and not tf.executing_eagerly():
        ahead.add(loop, tensors)


def prepare_ahead(function: Any, specs: Any) -> None:
    """Prepares a traced function by running it on zeros in the background, while others are being traced.

    Args:
      function: a `tf.function`, already traced.
      specs: its arguments, a list of `tf.TensorSpec` or of nested lists of them.
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
    """Returns a function that XLA compiles into one loop for each shape of its arguments.

    It is traced once for all heights and widths, since tracing takes longer than compiling and a network calls it at
    every level. The same holds for the plain operations used on small maps, whose calls TensorFlow inlines when it
    prepares a graph. Arguments that are not tensors are constants of the trace.

    Args:
      function: maps tensors (B, H, W, C) to one tensor with B, H and W of the first.
      plainly: variant in plain operations; None: `function`.
      training: variant in a `training_graph`; None: `function`.
      scale: height and width of the result relative to those of the first tensor.
      least_pixels: in a graph for a CPU, maps (B, H, W, C) of fewer pixels use plain operations, since a loop would
        save too little to be worth compiling.
      any_channels: whether it is traced once for all numbers of channels too; the result has those of the first tensor.
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
    """Returns the number of pixels H * W of a map (B, H, W, C); infinity if unknown."""
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
