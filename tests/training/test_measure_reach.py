"""How far a network sees and follows, and the memory it takes, are measured."""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from frame_booster.engine.interpolator import load_model
from frame_booster.training.evaluation import measure_reach


def test_how_far_a_network_sees_and_follows_is_measured() -> None:
    class Still:
        """Sees nothing but the pixel itself."""

        def interpolate(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
            return (first // 2 + second // 2) if first.dtype == np.uint8 else (first + second) / 2

    class Around(Still):
        """Sees the mean of 21 px each way."""

        def interpolate(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
            return np.asarray(cv2.blur(super().interpolate(first, second), (43, 43)))

    assert measure_reach.receptive_radius(Still(), 256) <= 8  # type: ignore[arg-type]
    assert 20 <= measure_reach.receptive_radius(Around(), 256) <= 26  # type: ignore[arg-type]
    assert measure_reach.largest_motion(Still(), 96, 128) == 0  # type: ignore[arg-type]
    assert measure_reach.largest_motion(load_model("fbnet-r"), 128, 192) >= 16


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not tell")
def test_peak_memory_is_in_bytes_and_never_falls() -> None:
    before = measure_reach.peak_memory()
    assert before is not None
    block = np.ones(64 << 20, np.uint8)
    after = measure_reach.peak_memory()
    assert after is not None
    assert after >= max(before, block.nbytes)
    status = Path("/proc/self/status")
    if status.exists():
        [line] = [line for line in status.read_text().splitlines() if line.startswith("VmHWM")]
        known = int(line.split()[1]) << 10
        # It also counts what the process was before it became Python, and pages that are not counted at once.
        assert 0.9 * known < after < 20 * known
