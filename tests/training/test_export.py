"""Exported networks make the same frames as ours."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from frame_booster.engine.interpolator import load_model
from frame_booster.engine.model import shipped_weights
from frame_booster.errors import OutputError
from frame_booster.training.publishing.export import export, export_onnx
from tests.conftest import picture


@pytest.mark.parametrize("name", ["fbnet", "fbnet-r"])
def test_an_exported_network_makes_the_same_frames_at_any_size(tmp_path: Path, name: str) -> None:
    export(shipped_weights(name), tmp_path / "model")
    run = tf.saved_model.load(str(tmp_path / "model")).signatures["serving_default"]
    mine = load_model(name, precision="float32", engine="tensorflow")
    first, second = (picture(k, 70, 50).astype(np.float32) for k in (0, 2))
    made = run(frame0=first[None], frame1=second[None], t=tf.constant([0.5]))["frame"].numpy()[0]
    np.testing.assert_allclose(made, mine.interpolate(first, second), atol=2e-4)
    with pytest.raises(OutputError, match="exists already"):
        export(shipped_weights(name), tmp_path / "model")


@pytest.mark.parametrize("name", ["fbnet", "fbnet-r"])
def test_an_onnx_file_makes_the_same_frames_at_any_size(tmp_path: Path, name: str) -> None:
    if name == "fbnet-r" and not os.environ.get("FRAME_BOOSTER_SLOW"):
        pytest.skip("the conversion takes minutes: set FRAME_BOOSTER_SLOW=1")
    runtime = pytest.importorskip("onnxruntime", reason="ONNX Runtime is not installed")
    pytest.importorskip("tf2onnx", reason="the extra `onnx` is not installed")
    path = tmp_path / "model.onnx"
    export_onnx(shipped_weights(name), path)
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    mine = load_model(name, precision="float32", engine="tensorflow")
    for width, height in ((70, 50), (96, 64)):
        first, second = (picture(k, width, height).astype(np.float32) for k in (0, 2))
        inputs = {"frame0": first[None], "frame1": second[None], "t": np.array([0.5], np.float32)}
        [made] = session.run(["frame"], inputs)
        np.testing.assert_allclose(made[0], mine.interpolate(first, second), atol=2e-4)
