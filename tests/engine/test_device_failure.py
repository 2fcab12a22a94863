"""A device that fails is told of by an error that says what to do; a fault of the program stays one."""

from __future__ import annotations

from typing import Any

import pytest
import tensorflow as tf

from frame_booster.engine.batch_interpolator import BatchInterpolator
from frame_booster.engine.device_failure import device_failure, device_failures
from frame_booster.engine.interpolator import Interpolator
from frame_booster.engine.maker import Request
from frame_booster.engine.memory_plan import Plan
from frame_booster.errors import ModelError
from frame_booster.pixels import PixelLayout
from tests.conftest import MeanModel
from tests.engine.test_contract import scene

LAYOUT = PixelLayout(64, 48, "yuv", 8, 1, 1)


def internal(text: str) -> Exception:
    return tf.errors.InternalError(None, None, text)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("libdevice not found at ./libdevice.10.bc [Op:__inference_run_1]", r"frame-booster\[cuda\].*cuda_data_dir"),
        ("Failed to determine best cudnn convolution algorithm for: %conv", "--batch-size 1"),
        ("Autotuning failed for HLO: NOT_FOUND: No valid config found!", "--batch-size 1"),
        ("Failed to determine best cudnn convolution algorithm: DNN library is not found", "LD_LIBRARY_PATH"),
        ("CUDNN_STATUS_NOT_INITIALIZED in cudnnCreate", "LD_LIBRARY_PATH"),
        ("DNN library initialization failed. Look at the errors above", "LD_LIBRARY_PATH"),
        ("CUDA_ERROR_NO_BINARY_FOR_GPU: no kernel image is available for execution", "update the driver"),
        ("CUDA error: an illegal memory access was encountered", "--resume"),
        ("cudaSetDevice() on GPU:0 failed. Status: devices are busy or unavailable", "frame-booster doctor"),
    ],
)
def test_what_to_do_follows_from_what_the_engine_says(text: str, hint: str) -> None:
    failure = device_failure("/GPU:0", internal(text))
    assert failure is not None
    assert failure.exit_code == 4
    assert text in str(failure)
    with pytest.raises(ModelError, match=rf"/GPU:0: .*{hint}.*--device cpu"), device_failures("/GPU:0"):
        raise internal(text)


def test_long_words_of_an_engine_are_cut() -> None:
    failure = device_failure("/GPU:0", internal("a kernel failed\n" + "  at a place\n" * 1000))
    assert len(str(failure)) < 400
    assert "\n" not in str(failure)


@pytest.mark.parametrize(
    ("device", "error"),
    [("/CPU:0", internal("libdevice not found")), ("/GPU:0", ValueError("libdevice")), ("/GPU:0", KeyError("x"))],
)
def test_a_fault_of_the_program_stays_one(device: str, error: Exception) -> None:
    assert device_failure(device, error) is None
    with pytest.raises(type(error)), device_failures(device):
        raise error


def test_video_and_pictures_tell_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    class OnGpu(MeanModel):
        def fails(self, *_: Any) -> Any:
            def run(*_: Any) -> Any:
                raise internal("libdevice not found at ./libdevice.10.bc")

            return run

        batch = pictures = fails

    model = OnGpu()
    model.device = "/GPU:0"
    frames = [scene(LAYOUT, 2 * k) for k in range(3)]
    with pytest.raises(ModelError, match="CUDA's libdevice on /GPU:0"):
        BatchInterpolator(model, LAYOUT, Plan(2)).make(frames, [Request(0, 1), Request(1, 2)])
    picture = frames[0][0][..., None].repeat(3, -1)
    with pytest.raises(ModelError, match="CUDA's libdevice on /GPU:0"):
        Interpolator(model).interpolate(picture, picture)
