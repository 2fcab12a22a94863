"""FBNet-2's weights between the form of its reference in PyTorch and that of this program, exactly, both ways.

What the reference's training writes has other names and layouts, and its flow another convention:

| | reference | here |
| --- | --- | --- |
| kernels | (out, in, height, width) | (height, width, in, out) |
| flow | (x, y) to frame 0, (x, y) to frame 1, `frame(p + flow(p))` | (dy, dx) each, `frame(x - flow(x))` |
| 2x2 pixels stacked | a channel's four pixels side by side | a pixel's channels side by side |
| slopes of PReLU | `weight` of a layer of its own | `slopes` of the convolution |

Each is a permutation of channels, or a change of sign: nothing is rounded, in whatever dtype.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from frame_booster.errors import ModelError, OutputError
from frame_booster.files import atomic
from frame_booster.network.fbnet_2.network import FBNet2
from frame_booster.network.layers import named_weights
from frame_booster.network.weights import FORMAT_VERSION, read_metadata
from frame_booster.network.weights_file import tensor_of

Array = Any
"""A NumPy array."""
LEVELS = {"coarse": "coarse", "again": "sixteenth", "mid": "eighth", "fine": "quarter", "fusion": "fusion"}
"""Stages with a head, by their names in the reference."""
FEATURES = {"coarse": 96, "again": 96, "mid": 64, "fine": 32}
"""Channels of the features of one frame that a stage's head sees."""
BLOCKS = {"coarse": 3, "again": 2, "mid": 3, "fine": 2, "fusion": 1}
"""Residual blocks of the stages."""
PYRAMID = (("half",), ("quarter_down", "quarter"), ("eighth_down", "eighth"), ("sixteenth_down", "sixteenth"))
FLOW = ([1, 0, 3, 2], [-1, -1, -1, -1])
"""Where each channel of a flow comes from, and its sign; the same both ways."""


@dataclass(frozen=True)
class Layer:
    """A convolution with its PReLU, if it has one, in both forms."""

    reference: str
    """Name of the convolution."""
    slopes: str | None
    """Name of its PReLU there; None where it is linear."""
    name: str
    """Name here."""
    inputs: tuple[list[int], list[int]] | None = None
    """Channels of the input: for each one here that of the reference, and its sign; None: the same. Those after them
    are the same."""
    outputs: tuple[list[int], list[int]] | None = None
    """The same of the output."""


def _stacked(channels: int) -> list[int]:
    """Returns, for each channel of 2x2 stacked pixels here, that of the reference."""
    return [channel * 4 + pixel for pixel in range(4) for channel in range(channels)]


def _head_inputs(stage: str) -> tuple[list[int], list[int]]:
    # In both forms the first 12 channels of a fusion's input are frame 0's pixels, and the next 12 frame 1's.
    pixels = _stacked(3)
    warped = [*pixels, *(12 + k for k in pixels)] if stage == "fusion" else list(range(2 * FEATURES[stage]))
    order, signs = FLOW
    return [*warped, *(len(warped) + k for k in order)], [1] * len(warped) + signs


def _outputs(stage: str) -> tuple[list[int], list[int]]:
    order, signs = FLOW
    if stage != "fusion":
        return FLOW
    per_pixel, sign = [*order, 4, 5, 6, 7], [*signs, 1, 1, 1, 1]
    return [per_pixel[channel] * 4 + pixel for pixel in range(4) for channel in range(8)], sign * 4


def layers() -> Iterator[Layer]:
    """Yields all layers."""
    for level, names in enumerate(PYRAMID):
        for k, name in enumerate(names):
            prefix = f"encoder.levels.{level}.{k}"
            yield Layer(f"{prefix}.0", f"{prefix}.1", f"pyramid.{name}")
    for stage, name in LEVELS.items():
        yield Layer(f"{stage}.head.0", f"{stage}.head.1", f"{name}.head", inputs=_head_inputs(stage))
        for k in range(BLOCKS[stage]):
            block = f"{stage}.body.{k}"
            yield Layer(f"{block}.a", f"{block}.p", f"{name}.block{k + 1}.conv1")
            yield Layer(f"{block}.b", f"{block}.q", f"{name}.block{k + 1}.conv2")
        yield Layer(f"{stage}.out", None, f"{name}.out", outputs=_outputs(stage))
        if stage != "fusion":
            yield Layer(f"{stage}.hand.0", f"{stage}.hand.1", f"{name}.hand_on")


def is_reference(names: Iterable[str]) -> bool:
    """Returns whether names of tensors are those of the reference."""
    return any(name.startswith("encoder.") for name in names)


def _taken(x: Array, axis: int, channels: tuple[list[int], list[int]] | None) -> Array:
    """Returns an array with the channels along an axis in the order and sign of here, the reference's given."""
    if channels is None:
        return x
    order, signs = channels
    rest = list(range(len(order), x.shape[axis]))
    shape = [1] * x.ndim
    shape[axis] = -1
    sign = np.asarray([*signs, *[1] * len(rest)], x.dtype).reshape(shape)
    return np.take(x, [*order, *rest], axis) * sign


def _inverse(channels: tuple[list[int], list[int]] | None) -> tuple[list[int], list[int]] | None:
    if channels is None:
        return None
    order, signs = channels
    back = sorted(range(len(order)), key=order.__getitem__)
    return back, [signs[k] for k in back]


def from_reference(tensors: Mapping[str, Array]) -> dict[str, Array]:
    """Returns the reference's tensors in the form of this program; dtypes are kept.

    Args:
      tensors: all of them, as `convert_file` checks.
    """
    made: dict[str, Array] = {}
    for layer in layers():
        kernel = np.transpose(tensors[f"{layer.reference}.weight"], (2, 3, 1, 0))
        made[f"{layer.name}.kernel"] = _taken(_taken(kernel, 2, layer.inputs), 3, layer.outputs)
        made[f"{layer.name}.bias"] = _taken(tensors[f"{layer.reference}.bias"], 0, layer.outputs)
        if layer.slopes:
            made[f"{layer.name}.slopes"] = tensors[f"{layer.slopes}.weight"]
    return {name: np.ascontiguousarray(x) for name, x in made.items()}


def to_reference(tensors: Mapping[str, Array]) -> dict[str, Array]:
    """Returns this program's tensors in the form of the reference; dtypes are kept.

    Args:
      tensors: all of them, as `convert_file` checks.
    """
    made: dict[str, Array] = {}
    for layer in layers():
        inputs, outputs = _inverse(layer.inputs), _inverse(layer.outputs)
        kernel = _taken(_taken(tensors[f"{layer.name}.kernel"], 2, inputs), 3, outputs)
        made[f"{layer.reference}.weight"] = np.transpose(kernel, (3, 2, 0, 1))
        made[f"{layer.reference}.bias"] = _taken(tensors[f"{layer.name}.bias"], 0, outputs)
        if layer.slopes:
            made[f"{layer.slopes}.weight"] = tensors[f"{layer.name}.slopes"]
    return {name: np.ascontiguousarray(x) for name, x in made.items()}


def _check(tensors: Mapping[str, Array], path: Path) -> None:
    """Raises ModelError unless names and shapes are those of the network in one of the forms."""
    expected = {name: np.zeros(tuple(v.shape), np.float16) for name, v in named_weights(FBNet2())}
    if is_reference(tensors):
        expected = to_reference(expected)
    for name in sorted(expected.keys() | tensors.keys()):
        shapes = [x[name].shape if name in x else None for x in (tensors, expected)]
        if shapes[0] != shapes[1]:
            reason = (
                f"{name} has shape {shapes[0]}, not {shapes[1]}"
                if None not in shapes
                else (f"{'no' if shapes[0] is None else 'unknown'} tensor {name}")
            )
            raise ModelError(f"does not contain weights of {FBNet2.network_name}: {reason}", path=path)


def convert_file(source: Path, target: Path) -> str:
    """Writes a weights file in the other form than it has; dtypes and metadata are kept.

    What this program asks for in the metadata (format version, network, parameters) is added on the way here and left
    out on the way back.

    Args:
      source: .safetensors in either form.
      target: .safetensors to write; replaced if it exists.

    Returns:
      The form that was written, in words.

    Raises:
      ModelError: the source is no such file.
      OutputError: the target cannot be written.
    """
    metadata = read_metadata(source)
    with safe_open(str(source), framework="numpy") as file:
        tensors = {name: tensor_of(file, name, source) for name in file.keys()}  # noqa: SIM118
    _check(tensors, source)
    here = is_reference(tensors)
    made = from_reference(tensors) if here else to_reference(tensors)
    parameters = sum(x.size for x in made.values())
    facts = {"format_version": FORMAT_VERSION, "network": FBNet2.network_name, "parameters": str(parameters)}
    metadata = metadata | facts if here else {key: value for key, value in metadata.items() if key not in facts}
    try:
        with atomic(target, durable=True) as partial:
            save_file(made, str(partial), metadata=metadata)
            # The library makes files for their owner only.
            partial.chmod(0o644)
    except (SafetensorError, OSError) as error:
        raise OutputError(f"cannot be written: {error}", path=target) from error
    return "this program's" if here else "the reference's"
