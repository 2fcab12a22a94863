"""A device, its driver or its libraries that fail: told apart from faults of this program, with what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from frame_booster.engine.cuda_toolkit import CUDNN_OF_ALL_CARDS, cudnn_lacks
from frame_booster.engine.device import tensorflow
from frame_booster.engine.nvidia import gpus
from frame_booster.errors import ModelError

_LONGEST = 240
"""Characters of an engine's own words that are told."""


class _Remedy(NamedTuple):
    signs: tuple[str, ...]
    """What the engine's words have, in lower case."""
    what: str
    hint: str


_CUDNN = (
    "cuDNN failed, or is not the version that the engine needs",
    'pip install --upgrade "frame-booster[cuda]", and remove other cuDNN versions from LD_LIBRARY_PATH',
)
_REMEDIES = (
    _Remedy(
        ("libdevice",),
        "XLA does not find CUDA's libdevice",
        'pip install "frame-booster[cuda]", or set XLA_FLAGS=--xla_gpu_cuda_data_dir=FOLDER to that of a CUDA toolkit',
    ),
    _Remedy(("dnn library", "dnn_library"), *_CUDNN),
    _Remedy(
        ("failed to determine best", "no valid config", "no algorithm worked", "no supported config", "alloc_failed"),
        "XLA cannot compute a convolution, often because memory is too small",
        "close other programs that use the GPU, or use --batch-size 1 or a smaller --flow-scale",
    ),
    _Remedy(("cudnn",), *_CUDNN),
    _Remedy(
        ("no kernel image", "invalid_ptx", "no_binary_for_gpu", "unsupported_ptx", "unsupported ptx", "ptxas"),
        "the engine was not built for this GPU, or the driver is too old for the engine",
        "update the driver, use Python 3.12 or later, or use --engine onnx --provider cuda",
    ),
    _Remedy(
        ("illegal memory access", "launch failed", "unspecified launch", "device_removed", "device lost", "ecc error"),
        "the device stopped working during the computation",
        "the driver may have reset it, or it may be faulty: try again; a run with --resume continues",
    ),
)
_OLDER_CARD = _Remedy(
    ("dnn", "no kernel image", "no algorithm", "no valid config", "autotuning"),
    "cuDNN 9.11 and later do not support GPUs before Turing, such as this one",
    CUDNN_OF_ALL_CARDS,
)
"""Of a card that cuDNN has no kernels for: the extra would bring the same cuDNN again."""
_ANOTHER = _Remedy((), "the device failed", "frame-booster doctor checks drivers and libraries")


def device_failure(device: str, error: Exception) -> ModelError | None:
    """Returns what to raise for an exception of an engine's on a device that is no processor; None for any other.

    Args:
      device: "/GPU:0", as `LoadedNetwork.device`.
      error: as it was raised.
    """
    if "CPU" in device or not type(error).__module__.startswith(("tensorflow", "onnxruntime")):
        return None
    text = str(error)
    lower = text.lower()
    remedies = (_OLDER_CARD, *_REMEDIES) if _is_older(device) else _REMEDIES
    remedy = next((r for r in remedies if any(sign in lower for sign in r.signs)), _ANOTHER)
    said = " ".join(text.split())
    said = said if len(said) <= _LONGEST else f"{said[:_LONGEST]} ..."
    return ModelError(f"{remedy.what} on {device}: {said}", hint=f"{remedy.hint}; or use --device cpu")


def _is_older(device: str) -> bool:
    """Tells whether a device, as "/GPU:0", is a card that cuDNN has no kernels for."""
    number, cards = device.rpartition(":")[2], gpus()
    return number.isdecimal() and int(number) < len(cards) and cudnn_lacks(cards[int(number)].capability)


@contextmanager
def device_failures(device: str) -> Iterator[None]:
    """Within it, exceptions of an engine's on a device become errors that say what to do.

    Raises:
      ModelError: as `device_failure` says.
    """
    try:
        yield
    # Which classes an engine raises is its own affair; they are known by the package that they come from.
    except Exception as error:
        failure = device_failure(device, error)
        if failure is None:
            raise
        raise failure from error


_OUT_OF_MEMORY = ("out of memory", "out_of_memory", "resource_exhausted", "resource exhausted", "failed to allocate")


def is_out_of_memory(error: Exception) -> bool:
    """Tells whether TensorFlow has raised an exception for want of a device's memory."""
    errors = tensorflow().errors
    # XLA and cuDNN report it by an error of another class where they look for the fastest way, or start a kernel.
    other = (errors.InternalError, errors.UnknownError, errors.AbortedError, errors.NotFoundError)
    text = str(error).lower()
    return isinstance(error, errors.ResourceExhaustedError) or (
        isinstance(error, other) and any(sign in text for sign in _OUT_OF_MEMORY)
    )
