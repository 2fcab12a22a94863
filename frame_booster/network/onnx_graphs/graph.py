"""An ONNX graph while it is built: operators on maps (B, C, H, W) whose shapes are known.

Shapes are fixed, so that ONNX Runtime folds all arithmetic on them away and plans its memory once. Built with the
`onnx` package from NumPy arrays; operators are those of opset 17, which every provider has (ONNX, operator schemas).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

OPSET = 17
"""Between 16, which brought GridSample, and 20, which spells its mode otherwise: DirectML and CUDA take 16 to 19."""
IR_VERSION = 8
"""Of the file format, that which came with opset 17: the oldest ONNX Runtime that has the operators reads it."""
DTYPES = {
    "float32": 1,
    "uint8": 2,
    "uint16": 4,
    "int32": 6,
    "int64": 7,
    "bool": 9,
    "float16": 10,
    "bfloat16": 16,
}
"""`TensorProto.DataType` of the dtypes that graphs have."""
Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Map:
    """A value of a graph."""

    name: str
    shape: tuple[int, ...]
    """(B, C, H, W), unless said otherwise."""
    dtype: str = "float32"

    @property
    def sides(self) -> tuple[int, int]:
        """Height and width, px."""
        return self.shape[2], self.shape[3]

    @property
    def channels(self) -> int:
        """Channels of (B, C, H, W)."""
        return self.shape[1]


@dataclass(frozen=True)
class _Node:
    kind: str
    inputs: list[str]
    output: str
    attributes: dict[str, Any]


class Graph:
    """A graph that grows by an operator with every call; all methods that return a `Map` add it.

    Args:
      name: of the graph.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._nodes: list[_Node] = []
        self._inputs: list[Map] = []
        self._outputs: list[Map] = []
        self._arrays: dict[str, Array] = {}
        self._constants: dict[tuple[Any, ...], Map] = {}

    def input(self, name: str, shape: Sequence[int], dtype: str = "float32") -> Map:
        """Adds an input."""
        self._inputs.append(Map(name, tuple(shape), dtype))
        return self._inputs[-1]

    def output(self, value: Map, name: str) -> Map:
        """Makes a value an output under a name."""
        self._nodes.append(_Node("Identity", [value.name], name, {}))
        self._outputs.append(Map(name, value.shape, value.dtype))
        return self._outputs[-1]

    def constant(self, values: Any, dtype: str = "float32") -> Map:
        """Returns a constant; equal ones are kept once. NumPy has no bfloat16: such are cast by the runtime."""
        if dtype == "bfloat16":
            return self.cast(self.constant(values), dtype)
        array = np.asarray(values, dtype)
        key = (dtype, array.shape, array.tobytes())
        if key not in self._constants:
            name = f"constant_{len(self._arrays)}"
            self._arrays[name] = array
            self._constants[key] = Map(name, array.shape, dtype)
        return self._constants[key]

    def op(
        self, kind: str, inputs: Sequence[Map | None], shape: Sequence[int], dtype: str | None = None, **attributes: Any
    ) -> Map:
        """Adds an operator with one output of the given shape; its dtype is that of the first input unless given."""
        name = f"{kind.lower()}_{len(self._nodes)}"
        self._nodes.append(_Node(kind, ["" if x is None else x.name for x in inputs], name, attributes))
        if dtype is None:
            assert inputs[0] is not None
            dtype = inputs[0].dtype
        return Map(name, tuple(shape), dtype)

    def model(self) -> bytes:
        """Returns the graph as an ONNX file.

        Raises:
          ImportError: the package `onnx` is not installed.
          onnx.checker.ValidationError: a part of it is not ONNX.
        """
        # Only here: what is found in the cache is run without it, and its import takes a while.
        import onnx
        from onnx import helper, numpy_helper

        def info(value: Map) -> Any:
            return helper.make_tensor_value_info(value.name, DTYPES[value.dtype], list(value.shape))

        graph = helper.make_graph(
            [helper.make_node(n.kind, n.inputs, [n.output], name=n.output, **n.attributes) for n in self._nodes],
            self.name,
            [info(value) for value in self._inputs],
            [info(value) for value in self._outputs],
            [numpy_helper.from_array(array, name) for name, array in self._arrays.items()],
        )
        made = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION, producer_name="frame-booster"
        )
        onnx.checker.check_model(made)
        return bytes(made.SerializeToString())

    # Arithmetic.

    def _paired(self, kind: str, first: Map, second: Map | float, **attributes: Any) -> Map:
        other = second if isinstance(second, Map) else self.constant(second, first.dtype)
        return self.op(kind, [first, other], np.broadcast_shapes(first.shape, other.shape), **attributes)

    def add(self, first: Map, second: Map | float) -> Map:
        """Returns the sum, broadcast."""
        return self._paired("Add", first, second)

    def subtract(self, first: Map, second: Map | float) -> Map:
        """Returns the difference, broadcast."""
        return self._paired("Sub", first, second)

    def multiply(self, first: Map, second: Map | float) -> Map:
        """Returns the product, broadcast."""
        return self._paired("Mul", first, second)

    def divide(self, first: Map, second: Map | float) -> Map:
        """Returns the quotient, broadcast."""
        return self._paired("Div", first, second)

    def maximum(self, first: Map, second: Map | float) -> Map:
        """Returns the greater of both, broadcast."""
        return self._paired("Max", first, second)

    def each(self, kind: str, x: Map, dtype: str | None = None, **attributes: Any) -> Map:
        """Applies an operator of one input to each number."""
        return self.op(kind, [x], x.shape, dtype, **attributes)

    def cast(self, x: Map, dtype: str) -> Map:
        """Returns the same numbers in a dtype; the map itself where it has it."""
        return x if x.dtype == dtype else self.each("Cast", x, dtype, to=DTYPES[dtype])

    # Shapes.

    def reshape(self, x: Map, shape: Sequence[int]) -> Map:
        """Returns the same numbers in another shape."""
        return self.op("Reshape", [x, self.constant(list(shape), "int64")], shape)

    def transpose(self, x: Map, order: Sequence[int]) -> Map:
        """Returns the axes in another order."""
        return self.op("Transpose", [x], [x.shape[k] for k in order], perm=list(order))

    def concat(self, parts: Sequence[Map], axis: int = 1) -> Map:
        """Joins maps of one dtype along an axis."""
        if len(parts) == 1:
            return parts[0]
        shape = list(parts[0].shape)
        shape[axis] = sum(part.shape[axis] for part in parts)
        return self.op("Concat", parts, shape, axis=axis)

    def slice(self, x: Map, begin: int, end: int, axis: int = 1, *, every: int = 1) -> Map:
        """Returns a stretch of an axis, at 2 every second of it; the map itself where that is all of it."""
        if (begin, end, every) == (0, x.shape[axis], 1):
            return x
        shape = list(x.shape)
        shape[axis] = -(-(end - begin) // every)
        values = (begin, end, axis) if every == 1 else (begin, end, axis, every)
        bounds = [self.constant([value], "int64") for value in values]
        return self.op("Slice", [x, *bounds], shape)

    def split(self, x: Map, sizes: Sequence[int], axis: int = 1) -> list[Map]:
        """Cuts an axis into stretches of these sizes."""
        begins = np.cumsum([0, *sizes])
        return [self.slice(x, int(a), int(b), axis) for a, b in itertools.pairwise(begins)]

    def take(self, x: Map, indices: Map, axis: int) -> Map:
        """Gathers along an axis by a vector of indices."""
        return self.op("Gather", [x, indices], [*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :]], axis=axis)

    def cropped(self, x: Map, height: int, width: int) -> Map:
        """Returns the first rows and columns."""
        return self.slice(self.slice(x, 0, height, 2), 0, width, 3)

    def edge_padded(self, x: Map, height: int, width: int) -> Map:
        """Repeats the last row and column until the map has these sides."""
        rows, columns = height - x.shape[2], width - x.shape[3]
        if not rows and not columns:
            return x
        pads = self.constant([0, 0, 0, 0, 0, 0, rows, columns], "int64")
        return self.op("Pad", [x, pads], [*x.shape[:2], height, width], mode="edge")

    def pooled(self, x: Map, rows: int, columns: int) -> Map:
        """Averages blocks of so many px; the map itself where both are 1."""
        if (rows, columns) == (1, 1):
            return x
        shape = [*x.shape[:2], x.shape[2] // rows, x.shape[3] // columns]
        return self.op("AveragePool", [x], shape, kernel_shape=[rows, columns], strides=[rows, columns])

    def repeated(self, x: Map, rows: int, columns: int) -> Map:
        """Repeats each pixel over a block of so many px."""
        if (rows, columns) == (1, 1):
            return x
        scales = self.constant([1.0, 1.0, rows, columns])
        shape = [*x.shape[:2], x.shape[2] * rows, x.shape[3] * columns]
        return self.op(
            "Resize",
            [x, None, scales],
            shape,
            mode="nearest",
            coordinate_transformation_mode="asymmetric",
            nearest_mode="floor",
        )

    def merged_phases(self, phases: Map) -> Map:
        """Brings the phases of 2x2 pixels together, as `FBNet2Graph.fuse` returns them: (B, 4 C, H/2, W/2) to
        (B, C, H, W)."""
        batch, channels, height, width = phases.shape
        shape = [batch, channels // 4, 2 * height, 2 * width]
        return self.op("DepthToSpace", [phases], shape, blocksize=2, mode="CRD")

    def convolution(
        self,
        x: Map,
        kernel: Array,
        bias: Array | None = None,
        *,
        stride: int = 1,
        pads: Sequence[int] | None = None,
        group: int = 1,
    ) -> Map:
        """Convolves, in the dtype of the map.

        Args:
          x: (B, C, H, W).
          kernel: (filters, C / group, size, size).
          bias: (filters,).
          stride: px.
          pads: zeros above, left, below, right; None: as many as keep the sides.
          group: of channels that are convolved apart.
        """
        filters, _, rows, columns = kernel.shape
        pads = [rows // 2, columns // 2, rows // 2, columns // 2] if pads is None else list(pads)
        weights = [self.constant(value, x.dtype) for value in (kernel, bias) if value is not None]
        sides = [
            (side + pads[k] + pads[k + 2] - size) // stride + 1
            for k, (side, size) in enumerate(zip(x.sides, (rows, columns), strict=True))
        ]
        return self.op(
            "Conv",
            [x, *weights],
            [x.shape[0], filters, *sides],
            kernel_shape=[rows, columns],
            strides=[stride, stride],
            pads=pads,
            group=group,
        )
