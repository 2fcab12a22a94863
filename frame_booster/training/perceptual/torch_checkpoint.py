"""The arrays of a PyTorch checkpoint, read without PyTorch and without running code from the file.

A checkpoint is a pickle, which can call any function. Here only the three names that a table of float32 tensors needs
are allowed, and all three stand for classes of this module.
"""

from __future__ import annotations

import collections
import pickle
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from frame_booster.errors import ModelError

Array = npt.NDArray[np.float32]

_MAGIC = 0x1950A86A20F9469CFC6C
"""Value of the first of the five pickles at the beginning of such a file."""
_PROTOCOL = 1001
"""Value of the second. The third describes the integers of the machine, the fourth is the table, the fifth lists the
storages."""


class _Storage:
    """A sequence of float32 values that tensors are views of; its values follow the last pickle."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.values: Array = np.zeros(0, np.float32)


class _Table(collections.OrderedDict[str, Any]):
    """Replaces the class of the table; attributes that the file sets are ignored."""

    def __setstate__(self, state: object) -> None:
        pass


class _Tensor:
    """The description of a tensor: its storage, and offset, shape and strides in elements."""

    def __init__(self, storage: _Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: Any):
        self.storage, self.offset, self.shape, self.strides = storage, offset, shape, strides

    def array(self) -> Array:
        last = self.offset + sum((side - 1) * step for side, step in zip(self.shape, self.strides, strict=True))
        if min((self.offset, *self.strides, *(side - 1 for side in self.shape))) < 0 or last >= self.storage.count:
            raise ValueError("a tensor lies outside its storage")
        values = self.storage.values[self.offset :]
        strides = [4 * step for step in self.strides]
        return np.lib.stride_tricks.as_strided(values, self.shape, strides, writeable=False).copy()


_ANOTHER_FORMAT = "it is not in the format before PyTorch 1.6"
_KNOWN: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): _Table,
    ("torch", "FloatStorage"): _Storage,
    ("torch._utils", "_rebuild_tensor_v2"): _Tensor,
}


class _Unpickler(pickle.Unpickler):
    """Allows only the names of `_KNOWN`."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__(file)
        self.storages: dict[str, _Storage] = {}

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _KNOWN:
            raise pickle.UnpicklingError(f"refers to {module}.{name}, which a table of tensors does not need")
        return _KNOWN[module, name]

    def persistent_load(self, identity: Any) -> _Storage:
        kind, of, key, _device, count, view = identity
        if kind != "storage" or of is not _Storage or view is not None:
            raise pickle.UnpicklingError("contains something else than float32 storages")
        return self.storages.setdefault(key, _Storage(count))


def read_checkpoint(path: Path) -> dict[str, Array]:
    """Reads a table of float32 tensors in the format that `torch.save` wrote before PyTorch 1.6.

    The format is that of `torch.serialization._legacy_save`: five pickles; then, for each storage in the order of the
    last pickle, the number of its values (int64) and the values, both little-endian.

    Args:
      path: path of the .pth file.

    Returns:
      The tensors by name, float32, with the shapes in the file.

    Raises:
      ModelError: the file is missing, truncated, in another format, or contains anything but tensors.
    """
    try:
        with path.open("rb") as file:
            return _read(file)
    except OSError as error:
        raise ModelError(f"cannot be read: {error.strerror}", path=path) from error
    # A broken pickle can raise all of these, because its values are used without checking their types.
    except (pickle.UnpicklingError, EOFError, ValueError, TypeError, LookupError, AttributeError) as error:
        raise ModelError(f"not a usable PyTorch checkpoint: {error}", path=path) from error


def _read(file: IO[bytes]) -> dict[str, Array]:
    if file.read(2) != b"\x80\x02":
        raise ValueError(_ANOTHER_FORMAT)
    file.seek(0)
    if (_Unpickler(file).load(), _Unpickler(file).load()) != (_MAGIC, _PROTOCOL):
        raise ValueError(_ANOTHER_FORMAT)
    if not _Unpickler(file).load()["little_endian"]:
        raise ValueError("its values are big-endian")
    unpickler = _Unpickler(file)
    table = unpickler.load()
    for key in _Unpickler(file).load():
        storage = unpickler.storages[key]
        count = int(np.frombuffer(file.read(8), "<i8")[0])
        data = file.read(4 * storage.count)
        if count != storage.count or len(data) != 4 * count:
            raise EOFError("a storage is truncated")
        storage.values = np.frombuffer(data, "<f4").astype(np.float32)
    return {name: tensor.array() for name, tensor in table.items()}
