"""Flicker of a clip whose every second frame is interpolated: material of which the answer is known."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from frame_booster.errors import InputError
from frame_booster.training.evaluation import flicker as flickers
from frame_booster.training.evaluation.flicker import flicker_of, measure_flicker, table
from frame_booster.training.evaluation.methods import Method, blending, optical_flow
from tests.conftest import make_video
from tests.training.sources import eight_bit

SMALL = np.random.default_rng(3).random((32, 32)).astype(np.float32)
"""Thumbnail of all frames of one shot."""


def still(amplitude: int, count: int = 49) -> list[tuple[np.ndarray, np.ndarray]]:
    """A shot of a checkerboard about 128."""
    return [(checkerboard(128, amplitude), SMALL)] * count


def checkerboard(brightness: int, amplitude: int) -> np.ndarray:
    sign = 1 - 2 * (np.indices((24, 32)).sum(0) % 2)
    return np.repeat((brightness + amplitude * sign).astype(np.uint8)[..., None], 3, -1)


def always(frame: np.ndarray) -> Method:
    return lambda first, second: frame


def flicker_in(frames: list[tuple[np.ndarray, np.ndarray]], method: Method) -> float:
    [found] = measure_flicker(frames, {"method": method})
    return found.flicker


def test_the_truth_has_none() -> None:
    assert flicker_in(still(20), always(checkerboard(128, 20))) == 0.0


def test_brightness_and_contrast_are_told_in_code_values() -> None:
    assert flicker_in(still(0), always(checkerboard(138, 0))) == pytest.approx(10.0)
    assert flicker_in(still(20), always(checkerboard(128, 10))) == pytest.approx(10.0, rel=0.01)
    assert flicker_in(still(20), always(checkerboard(128, 30))) == pytest.approx(10.0, rel=0.01)
    assert flicker_in(still(20), always(checkerboard(131, 16))) == pytest.approx(5.0, rel=0.01)


def test_what_does_not_last_is_no_alternation() -> None:
    """Errors of changing sign are for the figures of single frames; those of one sign are what pulses."""
    turns = iter([1, -1] * 12)
    assert flicker_in(still(0), lambda first, second: checkerboard(128 + 10 * next(turns), 0)) == pytest.approx(0.0)


def test_a_blend_pulses_where_things_move_and_flow_does_so_less() -> None:
    frames = [(eight_bit(1.5 * k), SMALL) for k in range(49)]
    truth = iter([frame for frame, _ in frames[1::2]])
    methods = {"truth": lambda first, second: next(truth), "flow": optical_flow, "blending": blending}
    found = {one.method: one.flicker for one in measure_flicker(frames, methods)}
    assert found["truth"] == 0.0
    assert 0.0 < 2 * found["flow"] < found["blending"]


def test_nothing_is_interpolated_across_a_cut() -> None:
    one, other = still(20, 25), [(checkerboard(60, 5), 1.0 - SMALL)] * 26
    [found] = measure_flicker(one + other, {"blending": blending})
    assert (found.flicker, found.frames) == (0.0, 12 + 12)
    with pytest.raises(InputError, match="no shot has the 13 frames"):
        measure_flicker(still(20, 12) + other[:12], {"blending": blending})
    assert measure_flicker(still(20, 13), {"blending": blending})[0].frames == 6


def test_a_video_is_read_scaled_and_told_in_a_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clips = [make_video(tmp_path / name, pts=range(20), size=(96, 64)) for name in ("a.mp4", "long-name.mp4")]
    shapes = set()

    def method(first: np.ndarray, second: np.ndarray) -> np.ndarray:
        shapes.add(first.shape)
        return blending(first, second)

    found = [one for clip in clips for one in flicker_of(clip, {"blending": blending, "mine": method}, (48, 32), 15)]
    assert shapes == {(32, 48, 3)}
    assert {one.frames for one in found} == {7}
    assert found[0].flicker == found[1].flicker > 0.0
    heading, *rows = table(found).splitlines()
    assert heading.split() == ["a.mp4", "long-name.mp4", "mean"]
    value = f"{found[0].flicker:.2f}"
    assert [row.split() for row in rows] == [[name, value, value, value] for name in ("blending", "mine")]
    with pytest.raises(InputError, match="is 96x64, smaller than --size"):
        flicker_of(clips[0], {"blending": blending}, (97, 32), 15)

    def read_too_far(paths: tuple[Path, ...]) -> Iterator[object]:
        yield from still(0, 15)
        raise AssertionError("read past the limit")

    monkeypatch.setattr(flickers, "frames_of", read_too_far)
    with pytest.raises(AssertionError):
        flicker_of(clips[0], {"blending": blending}, None, 16)
    flicker_of(clips[0], {"blending": blending}, None, 14)
