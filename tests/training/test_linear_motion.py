"""The middle frame as an even motion would have it: uneven ones are put right, even ones are left alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

cv2 = pytest.importorskip("cv2", reason="the extra `train` is not installed")

from frame_booster.training.data.flow_labels import flow_labels  # noqa: E402
from frame_booster.training.data.linear_motion import triplet_with_linear_motion, with_linear_motion  # noqa: E402
from frame_booster.training.data.triplets import Triplet  # noqa: E402
from frame_booster.training.evaluation import metrics  # noqa: E402
from tests.conftest import picture  # noqa: E402

SIZE = (160, 112)
INNER = (slice(16, -16), slice(16, -16))


def frame(index: float) -> np.ndarray:
    return metrics.to_8_bit(picture(index, *SIZE).astype(np.float32))


@pytest.mark.parametrize("taken", [1.2, 3.0])
def test_a_frame_that_was_taken_late_or_early_is_put_in_the_middle(taken: float) -> None:
    uneven = Triplet("x", 3.2, frame(0.0), frame(taken), frame(4.0))
    put_right = triplet_with_linear_motion(uneven)
    before, after = (metrics.psnr(t.truth[INNER], frame(2.0)[INNER]) for t in (uneven, put_right))
    assert before < 28.0
    assert after > before + 8.0
    np.testing.assert_array_equal(put_right.frame0, uneven.frame0)
    np.testing.assert_array_equal(put_right.frame1, uneven.frame1)
    assert replace(put_right, truth=uneven.truth).name == uneven.name


def test_a_frame_in_the_middle_stays_there() -> None:
    frames = [frame(index)[:-1, :-1] for index in (0.0, 1.0, 2.0)]
    even = Triplet("x", 1.6, *frames)
    moved = triplet_with_linear_motion(even).truth
    assert moved.shape == even.truth.shape, "odd sides, too"
    assert metrics.psnr(moved[INNER], even.truth[INNER]) > 36.0


@pytest.mark.parametrize("t", [0.25, 0.5])
def test_labels_point_along_an_even_motion_at_any_time(t: float) -> None:
    frames = np.stack([frame(0.0), frame(4.0 * t + 0.5), frame(4.0)])
    labels = flow_labels(frames)
    moved, made = with_linear_motion(frames, labels, t)

    def off(flows: np.ndarray) -> float:
        return float(np.abs(((1 - t) * flows[..., :2] + t * flows[..., 2:])[INNER].mean((0, 1))).max())

    assert off(labels) > 0.4
    assert off(made) < 0.1
    assert metrics.psnr(moved[INNER], frame(4.0 * t)[INNER]) > 32.0


def test_what_is_moved_is_hardly_blurred() -> None:
    rng = np.random.default_rng(1)
    still = cv2.GaussianBlur(rng.integers(0, 256, (*SIZE[::-1], 3)).astype(np.uint8), (0, 0), 0.8)
    half = np.full((*SIZE[::-1], 4), 0.5, np.float32)
    moved, labels = with_linear_motion(np.stack([still] * 3), half, 0.5)
    detail = [np.abs(cv2.Laplacian(x.astype(np.float32), cv2.CV_32F))[INNER].mean() for x in (still, moved)]
    np.testing.assert_array_less(np.abs(labels), 0.1)
    assert detail[1] > 0.9 * detail[0]
