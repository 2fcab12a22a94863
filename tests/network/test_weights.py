"""Weights files: what is kept, what is refused, and that both lanes compute the same from them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from frame_booster.engine.model import shipped_weights
from frame_booster.errors import ModelError
from frame_booster.network.layers import count_weights, named_weights, weights_to_be_loaded
from frame_booster.network.presets import PRESETS, create_network
from frame_booster.network.weights import load_weights, read_metadata, save_weights, stored_dtype
from tests.golden import expected_frame, golden_frame
from tests.network.test_network import fill


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "w.safetensors"
    save_weights(path, fill(create_network("fbnet")), {"training_data": "none", "steps": "0"})
    return path


def test_round_trip(saved: Path) -> None:
    other = create_network("fbnet")
    metadata = load_weights(saved, other)
    assert metadata["network"] == "fbnet"
    assert metadata["parameters"] == "1199971"
    assert metadata["format_version"] == "1"
    assert metadata["training_data"] == "none"
    for (name, a), (_, b) in zip(named_weights(fill(create_network("fbnet"))), named_weights(other), strict=True):
        assert np.array_equal(a.numpy(), b.numpy()), name


def test_nothing_is_drawn_for_weights_that_are_loaded(saved: Path) -> None:
    with weights_to_be_loaded():
        network = create_network("fbnet")
    assert not any(variable.numpy().any() for name, variable in named_weights(network) if name.endswith("kernel"))
    load_weights(saved, network)
    for (name, a), (_, b) in zip(named_weights(fill(create_network("fbnet"))), named_weights(network), strict=True):
        assert np.array_equal(a.numpy(), b.numpy()), name
    assert any(variable.numpy().any() for name, variable in named_weights(create_network("fbnet")))


def test_a_file_in_float16_is_half_as_large_and_is_known_again(saved: Path, tmp_path: Path) -> None:
    half = tmp_path / "half.safetensors"
    save_weights(half, fill(create_network("fbnet")), {}, "float16")
    assert (stored_dtype(saved), stored_dtype(half)) == ("float32", "float16")
    assert half.stat().st_size < 0.51 * saved.stat().st_size
    network = create_network("fbnet")
    load_weights(half, network)
    for (name, a), (_, b) in zip(named_weights(fill(create_network("fbnet"))), named_weights(network), strict=True):
        assert np.array_equal(a.numpy().astype(np.float16), b.numpy()), name


def test_names_follow_the_layers(saved: Path) -> None:
    names = set(load_file(str(saved)))
    assert "extract_first.conv16.kernel" in names
    assert "flow_level4.first_to_second.conv1.kernel" in names
    assert "fusion.to_rgb.bias" in names


def test_another_networks_weights_are_refused_with_advice(saved: Path) -> None:
    with pytest.raises(ModelError, match=r"weights for the network 'fbnet', not 'fbnet-r'.*--model fbnet"):
        load_weights(saved, create_network("fbnet-r"))


@pytest.mark.parametrize("damage", ["missing", "unknown", "shape", "order of axes"])
def test_tensors_that_do_not_fit_are_refused_and_change_nothing(saved: Path, damage: str) -> None:
    tensors = load_file(str(saved))
    if damage == "missing":
        del tensors["fusion.to_rgb.bias"]
    elif damage == "unknown":
        tensors["fusion.extra.bias"] = np.zeros(1, np.float32)
    elif damage == "order of axes":
        kernel = tensors["fusion.to_rgb.kernel"]
        tensors["fusion.to_rgb.kernel"] = np.ascontiguousarray(kernel.transpose(0, 1, 3, 2))
    else:
        tensors["fusion.to_rgb.bias"] = np.zeros(4, np.float32)
    save_file(tensors, str(saved), metadata=read_metadata(saved))
    network = fill(create_network("fbnet"), 2.0)
    before = [variable.numpy() for _, variable in named_weights(network)]
    with pytest.raises(ModelError, match="fusion"):
        load_weights(saved, network)
    assert all(np.array_equal(a, v.numpy()) for a, (_, v) in zip(before, named_weights(network), strict=True))


BFLOAT16 = """
import struct, sys
from pathlib import Path
from frame_booster.errors import ModelError
from frame_booster.network.weights_file import read_arrays

path = Path(sys.argv[1])
head = b'{"a":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}}'
path.write_bytes(struct.pack("<Q", len(head)) + head + bytes(4))
try:
    read_arrays(path, {"a": (2,)})
except ModelError as error:
    print(error)
"""


def test_numbers_that_only_tensorflow_knows_are_an_error_without_it(tmp_path: Path) -> None:
    """With TensorFlow comes NumPy's bfloat16, which the ONNX engine does not wait for."""
    command = [sys.executable, "-c", BFLOAT16, str(tmp_path / "w.safetensors")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert re.search(r"w\.safetensors.* a has the dtype BF16, .*\(save it as float16\)", done.stdout)


@pytest.mark.parametrize("content", [None, b"", b"not a weights file at all"])
def test_a_file_that_is_no_weights_file(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "w.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelError, match=r"w\.safetensors"):
        load_weights(path, create_network("fbnet"))


@pytest.mark.parametrize("name", PRESETS)
def test_shipped_weights_load(name: str) -> None:
    network = create_network(name)
    metadata = load_weights(shipped_weights(name), network)
    assert metadata["parameters"] == str(count_weights(network))
    assert metadata["licence"] == PRESETS[name].licence
    assert float(metadata["validation_psnr_256x144"]) > 23.5
    for key in ("training_data", "steps", "samples", "training_hours", "licence"):
        assert metadata.get(key), f"{key} is not told"


@pytest.mark.parametrize("name", PRESETS)
def test_both_lanes_compute_the_same(name: str) -> None:
    """The expected frame was computed on Python 3.11 with TensorFlow 2.15 and tensorflow-addons."""
    np.testing.assert_allclose(golden_frame(name), expected_frame(name), atol=2e-5)
