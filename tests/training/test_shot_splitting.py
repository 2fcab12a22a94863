"""Sources become snippets of one shot: what ends them, what is left out, how frames are scaled."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from frame_booster.training.data.shot_splitting import MAX_FRAMES, Target, fitted, frames_of, runs_of, scaled
from tests.conftest import make_video
from tests.training.sources import eight_bit, write_video


def lengths(path: Path, short_side: int = 64) -> list[int]:
    return [len(run) for run in runs_of(frames_of((path,)), Target(short_side=short_side))]


def test_cuts_still_stretches_and_missing_frames_end_a_clip(tmp_path: Path) -> None:
    moving = [eight_bit(k) for k in range(60)]
    other = [(255 - eight_bit(k)[::-1, :, ::-1] ** 2.0 / 255).astype(np.uint8) for k in range(500, 512)]
    shown = [*moving[:10], *other, *[moving[20]] * 9, *moving[30:40], *moving[43:52]]
    path = write_video(tmp_path / "in.mp4", shown)
    runs = list(runs_of(frames_of((path,)), Target(short_side=64)))
    assert [len(run) for run in runs] == [10, 12, 10, 9]
    for run in runs:
        motion = [step.motion for step in run[1:]]
        assert max(motion) < 1.8 * np.mean(motion)


def test_fades_are_left_out_and_what_is_around_them_is_kept(tmp_path: Path) -> None:
    moving = [eight_bit(k).astype(float) for k in range(32)]
    for k in range(12, 20):
        moving[k] *= 1 - (k - 11) / 12
    for k in range(20, 32):
        moving[k] *= 1 / 3
    path = write_video(tmp_path / "in.mp4", [frame.round().astype(np.uint8) for frame in moving])
    found = lengths(path)
    assert len(found) == 2
    assert 10 <= found[0] <= 12
    assert 11 <= found[1] <= 13


def test_long_shots_are_cut_into_short_clips(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mp4", pts=range(MAX_FRAMES + 10), size=(96, 64))
    assert lengths(source) == [MAX_FRAMES, 10]


def test_scaling_is_by_area_and_to_multiples() -> None:
    frame = np.zeros((300, 500, 3), np.uint8)
    frame[::2] = 200
    small = scaled(frame, 150)
    assert small.shape == (144, 240, 3)
    assert np.abs(small.astype(int) - 100).max() <= 1
    assert scaled(frame[:100], 150).shape == (96, 496, 3)


def test_an_exact_size_is_cropped_only_where_shapes_differ_much() -> None:
    frame = np.zeros((256, 448, 3), np.uint8)
    frame[:, :8] = 255
    small = fitted(frame, (256, 144))
    assert small is not None
    assert small.shape == (144, 256, 3)
    assert small[0, 0, 0] == 255, "the published size keeps the whole picture"
    square = fitted(frame, (128, 128))
    assert square is not None
    assert square.shape == (128, 128, 3)
    assert square.max() == 0, "the sides are cropped"
    assert fitted(frame, (449, 100)) is None, "never enlarged"
