"""Where CUDA's libdevice is, and for which cards TensorFlow was built."""

from __future__ import annotations

from pathlib import Path

import pytest

from frame_booster.engine import cuda_toolkit
from frame_booster.engine.cuda_toolkit import (
    LIBDEVICE,
    TensorFlowBuild,
    libdevice_is_found,
    tensorflow_build,
    toolkit_elsewhere,
)


def toolkit(folder: Path) -> Path:
    (folder / LIBDEVICE).parent.mkdir(parents=True)
    (folder / LIBDEVICE).touch()
    return folder


@pytest.fixture(autouse=True)
def without_toolkits(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in cuda_toolkit._VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(cuda_toolkit, "_ELSEWHERE", (str(tmp_path / "arch"),))
    monkeypatch.setattr(cuda_toolkit.sys, "prefix", str(tmp_path / "conda"))


@pytest.mark.parametrize("place", ["arch", "conda", "named"])
def test_a_toolkit_is_found_where_xla_does_not_look(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, place: str
) -> None:
    assert toolkit_elsewhere() is None
    toolkit(tmp_path / place)
    monkeypatch.setenv("CUDA_HOME", str(tmp_path / "named"))
    assert toolkit_elsewhere() == tmp_path / place


@pytest.mark.parametrize("place", ["local", "site/nvidia/cuda_nvcc", "site/tensorflow/cuda"])
def test_xla_finds_it_in_its_usual_places(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, place: str) -> None:
    """Of the system, of the wheel beside TensorFlow, and of conda-forge's build."""
    monkeypatch.setattr(cuda_toolkit, "_tensorflow_package", lambda: tmp_path / "site" / "tensorflow")
    monkeypatch.setattr(cuda_toolkit, "_USUAL", tmp_path / "local")
    assert not libdevice_is_found()
    toolkit(tmp_path / place)
    assert libdevice_is_found()


def test_machine_code_runs_on_later_cards_of_its_generation() -> None:
    build = TensorFlowBuild("12.5", ((7, 0), (8, 0), (8, 9)))
    assert build.has_kernels_for((7, 5))
    assert build.has_kernels_for((8, 6))
    assert not build.has_kernels_for((6, 1))
    assert not build.has_kernels_for((9, 0))


def test_what_this_tensorflow_was_built_for_is_read_without_it() -> None:
    import tensorflow as tf

    told = tf.sysconfig.get_build_info()
    build = tensorflow_build()
    assert build.cuda == told.get("cuda_version")
    assert len(build.kernels) == sum(name.startswith("sm_") for name in told.get("cuda_compute_capabilities", []))
