"""Flow labels and synthetic motion: exact, invertible, of all kinds, in the sign of the backward warp."""

from __future__ import annotations

import numpy as np
import pytest

from frame_booster.network.warp import gather_warp
from frame_booster.training.data.flow_labels import flow_labels
from frame_booster.training.data.motion import draw_motion
from frame_booster.training.data.synthetic import layered_triplet
from tests.conftest import picture


def test_flow_labels_have_the_sign_of_our_warp() -> None:
    frames = np.stack([(picture(k, 96, 64) * 255).astype(np.uint8) for k in (0, 1, 2)])
    inner = flow_labels(frames)[16:-16, 16:-16].mean((0, 1))
    np.testing.assert_allclose(inner, [0.5, 1.5, -0.5, -1.5], atol=0.3)


@pytest.mark.parametrize("seed", range(12))
def test_motion_is_undone_exactly_and_no_farther_than_asked(seed: int) -> None:
    motion = draw_motion(np.random.default_rng(seed), (96, 160), 40.0)
    y, x = motion.grid()
    for moment in (-0.7, 0.3, 0.5):
        back = motion.backward(*motion.forward(y, x, moment), moment)
        assert max(np.abs(back[0] - y).max(), np.abs(back[1] - x).max()) < 1e-3
    (y0, x0), (y1, x1) = (motion.forward(y, x, moment) for moment in (-0.5, 0.5))
    assert np.hypot(y1 - y0, x1 - x0).max() <= 40.5


def test_motions_are_of_all_kinds() -> None:
    drawn = [draw_motion(np.random.default_rng(seed), (96, 160), 100.0) for seed in range(300)]
    assert any(motion.wave is not None for motion in drawn)
    assert any(motion.generator[2, :2].any() for motion in drawn), "perspective"
    assert any(not motion.generator[:2, :2].any() for motion in drawn), "shifts alone"
    shear = [abs(m.generator[0, 1] + m.generator[1, 0]) + abs(m.generator[0, 0] - m.generator[1, 1]) for m in drawn]
    assert max(shear) > 0.02
    lengths = [float(np.linalg.norm(motion.flow(1.0), axis=-1).mean()) for motion in drawn]
    assert max(lengths) > 80
    assert min(lengths) < 5


def test_synthetic_motion_and_its_labels_agree() -> None:
    rng = np.random.default_rng(4)
    pictures = [(picture(k, 96, 96) * 255).astype(np.uint8) for k in (0, 40)]
    frames, flows = layered_triplet(rng, pictures, 0.5, 12.0)
    for side in (0, 1):
        warped = gather_warp(frames[2 * side][None].astype(np.float32), flows[None, ..., 2 * side : 2 * side + 2])
        error = np.abs(warped.numpy()[0] - frames[1])[12:-12, 12:-12]
        still = np.abs(frames[2 * side].astype(float) - frames[1])[12:-12, 12:-12]
        assert np.median(error) < 4
        assert error.mean() < still.mean() / 2
