"""PyTorch's checkpoints read without PyTorch: the arrays of a table, and nothing else that a pickle could do."""

from __future__ import annotations

import collections
import io
import pickle
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from frame_booster.errors import ModelError
from frame_booster.training.perceptual.torch_checkpoint import read_checkpoint


class Storage:
    """Stands for `torch.FloatStorage`, by whose name a pickle calls it."""


def rebuild(*arguments: Any) -> None:
    """Stands for `torch._utils._rebuild_tensor_v2`."""


Storage.__module__, Storage.__qualname__ = "torch", "FloatStorage"
rebuild.__module__, rebuild.__qualname__ = "torch._utils", "_rebuild_tensor_v2"


class Tensor:
    """Pickled as PyTorch pickles a tensor."""

    def __init__(self, storage: tuple[Any, ...], offset: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> None:
        self.told = (storage, offset, shape, strides, False, collections.OrderedDict())

    def __reduce__(self) -> tuple[Any, ...]:
        # The storage is told by its identity, as `persistent_id` has it.
        return rebuild, (Identity(self.told[0]), *self.told[1:])


class Identity:
    """A storage's persistent identity."""

    def __init__(self, told: tuple[Any, ...]) -> None:
        self.told = told


class Pickler(pickle.Pickler):
    def persistent_id(self, value: Any) -> Any:
        return value.told if isinstance(value, Identity) else None


@pytest.fixture(autouse=True)
def names_of_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    torch.FloatStorage, utils._rebuild_tensor_v2 = Storage, rebuild  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(sys.modules, "torch._utils", utils)


def identity(key: str, count: int) -> tuple[Any, ...]:
    return ("storage", Storage, key, "cuda:0", count, None)


def checkpoint(table: Any, storages: dict[str, np.ndarray]) -> bytes:
    """A file as `torch.save` wrote it before PyTorch 1.6."""
    file = io.BytesIO()
    for value in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}, table, list(storages)):
        Pickler(file, 2).dump(value)
    for values in storages.values():
        file.write(np.int64(values.size).tobytes() + values.astype("<f4").tobytes())
    return file.getvalue()


def whole() -> tuple[Any, dict[str, np.ndarray]]:
    values = np.arange(24, dtype=np.float32)
    table = collections.OrderedDict(
        plain=Tensor(identity("7", 24), 0, (2, 3, 4), (12, 4, 1)),
        turned=Tensor(identity("7", 24), 4, (2, 3), (1, 4)),
        other=Tensor(identity("9", 2), 0, (2,), (1,)),
    )
    table._metadata = {"version": 1}  # type: ignore[attr-defined]
    return table, {"7": values, "9": np.array([5.0, 6.0], np.float32)}


def test_tensors_are_views_of_storages(tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    path.write_bytes(checkpoint(*whole()))
    read = read_checkpoint(path)
    assert list(read) == ["plain", "turned", "other"]
    assert (read["plain"] == np.arange(24).reshape(2, 3, 4)).all()
    assert read["turned"].tolist() == [[4, 8, 12], [5, 9, 13]]
    assert read["other"].tolist() == [5, 6]
    assert all(array.dtype == np.float32 for array in read.values())


class Command:
    """A pickle that would write a file when it is read by `pickle.load`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.write_text, (self.path, "was run")


def test_nothing_that_a_file_asks_for_is_run(tmp_path: Path) -> None:
    proof, path = tmp_path / "proof", tmp_path / "a.pth"
    path.write_bytes(checkpoint({"weights": Command(proof)}, {}))
    pickle.loads(pickle.dumps(Command(proof), 2))
    assert proof.exists(), "what is looked for would be there"
    proof.unlink()
    with pytest.raises(ModelError, match="refers to"):
        read_checkpoint(path)
    assert not proof.exists()


def test_files_of_another_form_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    with pytest.raises(ModelError, match="cannot be read"):
        read_checkpoint(path)
    table, storages = whole()
    data = checkpoint(table, storages)
    other = bytes([*data[:6], data[6] ^ 1, *data[7:]])
    outside = checkpoint({"far": Tensor(identity("7", 24), 20, (2, 3), (3, 1))}, storages)
    negative = checkpoint({"far": Tensor(identity("7", 24), 0, (2,), (-1,))}, storages)
    doubles = checkpoint({"x": Tensor(("storage", rebuild, "7", "cpu", 24, None), 0, (1,), (1,))}, storages)
    broken = [b"", b"PK\x03\x04", data[:10], data[:-4], other, outside, negative, doubles]
    for case in broken:
        path.write_bytes(case)
        with pytest.raises(ModelError, match=r"a\.pth: not a usable PyTorch checkpoint"):
            read_checkpoint(path)
