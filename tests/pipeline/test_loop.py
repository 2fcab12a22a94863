"""Loops: between the last frame and the first there are frames, too, however the run is done."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import boosted, decoded, make_video, picture
from tests.pipeline.test_resume import Crash, crash_at


def test_the_last_frame_moves_on_to_the_first(tmp_path: Path) -> None:
    """Over its own duration, not that of the gap before it: at thirds of it with three frames for one."""
    pts = [0, 30, 60, 90, 180]
    source = make_video(tmp_path / "in.nut", codec="ffv1", pts=pts, time_base=Fraction(1, 750), pix_fmt="gray")
    result = boosted(source, tmp_path / "out.nut", factor=3, loop=True)
    before, after = decoded(source), decoded(tmp_path / "out.nut")
    assert [time for time, _ in after[-3:]] == [Fraction(180 + 10 * k, 750) for k in range(3)]
    assert (result.duration, result.held, result.made) == (Fraction(210, 750), 0, 10)
    first, last = (np.frombuffer(before[k][1], np.uint8).astype(float) for k in (0, -1))
    assert np.array_equal(np.frombuffer(after[-3][1], np.uint8), last)
    for k in (1, 2):
        mean = last + (first - last) * k / 3
        assert np.abs(np.frombuffer(after[k - 3][1], np.uint8) - mean).max() <= 1
    assert [data for _, data in after[:-3:3]] == [data for _, data in before[:-1]]


def test_a_cut_between_last_and_first_is_held_and_told(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.nut", codec="ffv1", cut_at=3)
    result = boosted(source, tmp_path / "out.nut", loop=True)
    after = decoded(tmp_path / "out.nut")
    assert after[-1][1] == after[-2][1]
    assert (result.cuts, result.held) == (2, 2)
    assert result.warnings == ["--loop: there is a cut between the last frame and the first, so the last is held"]


def test_the_gap_of_a_loop_is_its_own(tmp_path: Path) -> None:
    """Not the one before it, which is too long to interpolate in."""
    pts = [0, 30, 60, 90, 90 + 3 * 750]
    source = make_video(tmp_path / "in.nut", codec="ffv1", pts=pts, time_base=Fraction(1, 750))
    result = boosted(source, tmp_path / "out.nut", loop=True)
    assert (result.gaps, result.held, result.made) == (1, 1, 4)
    assert not any("loop" in text for text in result.warnings)


@pytest.mark.parametrize("repeated", [False, True])
def test_a_part_is_a_loop_and_repeats_go_on_through_its_end(tmp_path: Path, repeated: bool) -> None:
    source = make_video(tmp_path / "in.nut", codec="ffv1", pts=range(8))
    part = {"start": Fraction(2, 25), "duration": Fraction(4, 25)}
    boosted(source, tmp_path / "out.nut", loop=True, dedupe=repeated, **part)
    before, after = decoded(source), decoded(tmp_path / "out.nut")
    assert [time for time, _ in after] == [Fraction(k, 50) for k in range(8)]
    first, last = (np.frombuffer(before[k][1], np.uint8).astype(float) for k in (2, 5))
    assert np.abs(np.frombuffer(after[-1][1], np.uint8) - (first + last) / 2).max() <= 1


def test_a_loop_goes_on_where_it_was_cut_off(tmp_path: Path) -> None:
    """With a mask and a shutter, which decide every frame, too."""
    source = make_video(tmp_path / "in.mkv", codec="ffv1", pts=range(20))
    mask = np.zeros((48, 64), np.uint8)
    mask[10:20, 10:30] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    asked = {"codec": "ffv1", "loop": True, "shutter": 180, "shutter_samples": 3, "mask": tmp_path / "mask.png"}
    boosted(source, tmp_path / "one.mkv", **asked)
    again = {**asked, "resume": True, "segment": Fraction(6, 25)}
    with pytest.raises(Crash):
        boosted(source, tmp_path / "out.mkv", progress=crash_at(15), **again)
    boosted(source, tmp_path / "out.mkv", **again)
    assert decoded(tmp_path / "out.mkv") == decoded(tmp_path / "one.mkv")


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".apng"])
def test_animations_are_shown_as_often_as_before(tmp_path: Path, suffix: str) -> None:
    images = [Image.fromarray((picture(k, 32, 24) * 255).astype(np.uint8)) for k in range(3)]
    source = tmp_path / "in.webp"
    images[0].save(source, save_all=True, append_images=images[1:], duration=40, lossless=True, loop=3)
    result = boosted(source, tmp_path / f"out{suffix}", loop=True)
    boosted(tmp_path / f"out{suffix}", tmp_path / "again.webp", loop=True)
    with Image.open(tmp_path / "again.webp") as image:
        assert image.info["loop"] == 3
    assert result.frames_out == 6
    assert result.held == 0
