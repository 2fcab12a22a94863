"""Motion blur of a shutter: which moments are averaged, across which none is, and when the frames are shown."""

from __future__ import annotations

import itertools
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from frame_booster.errors import InputError
from frame_booster.options import BoostOptions
from frame_booster.pipeline.light import mean_of
from frame_booster.pipeline.timeline import Grid, Multiple, RateChoice, Shutter
from frame_booster.pixels import PixelLayout, Planes
from tests.conftest import boosted, decoded, make_video

LAYOUT = PixelLayout(64, 48, "yuv", 8, 1, 1, matrix="bt601")


def planes(data: bytes) -> Planes:
    flat, found = np.frombuffer(data, np.uint8), []
    for height, width in LAYOUT.plane_shapes:
        found.append(flat[: height * width].reshape(height, width))
        flat = flat[height * width :]
    return tuple(found)


def frames(path: Path) -> list[Planes]:
    return [planes(data) for _, data in decoded(path)]


def equal(first: Planes, second: Planes) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def test_a_frame_is_the_mean_of_frames_made_one_by_one(tmp_path: Path) -> None:
    """Four moments of 180 degrees are at 0, 1/8, 2/8 and 3/8 of a gap: the first four of eight for one."""
    source = make_video(tmp_path / "in.mkv", codec="ffv1", cut_at=3)
    result = boosted(source, tmp_path / "out.mkv", codec="ffv1", shutter=180, shutter_samples=4)
    boosted(source, tmp_path / "eight.mkv", codec="ffv1", factor=8)
    before, singly, made = frames(source), frames(tmp_path / "eight.mkv"), frames(tmp_path / "out.mkv")
    assert [time for time, _ in decoded(tmp_path / "out.mkv")] == [time for time, _ in decoded(source)]
    for k in (0, 1, 3, 4):
        assert equal(made[k], mean_of(singly[8 * k : 8 * k + 4], LAYOUT))
        assert not equal(made[k], before[k])
    assert equal(made[2], before[2]), "nothing is averaged across the cut"
    assert equal(made[5], before[5]), "nor after the end"
    assert (result.frames_in, result.frames_out, result.made, result.held, result.cuts) == (6, 6, 4, 0, 1)
    assert result.duration == Fraction(6, 25)


def test_a_slower_rate_averages_over_several_source_frames(tmp_path: Path) -> None:
    """From 25 to 5 frames a second, open for the whole time: five moments are the five source frames."""
    source = make_video(tmp_path / "in.mkv", codec="ffv1", pts=range(12), cut_at=7)
    boosted(source, tmp_path / "out.mkv", codec="ffv1", shutter=360, shutter_samples=5, fps=5, scene_threshold=0.6)
    before, made = frames(source), frames(tmp_path / "out.mkv")
    assert [time for time, _ in decoded(tmp_path / "out.mkv")] == [Fraction(k, 5) for k in range(3)]
    assert equal(made[0], mean_of(before[:5], LAYOUT))
    assert equal(made[1], mean_of(before[5:7], LAYOUT)), "up to the cut, and no further"
    assert equal(made[2], mean_of(before[10:12], LAYOUT)), "up to the end"


@pytest.mark.parametrize("base", [Multiple(Fraction(1, 25), Fraction(25), 2), Grid(Fraction(1, 25), 7, Fraction(24))])
def test_moments_lie_where_the_shutter_is_open(base: Any) -> None:
    shutter = Shutter(base, 7, Fraction(90), 3)
    pts = [7, 8, 11, 12, 20]
    wanted = {slot.pts: slot for a, b in itertools.pairwise(pts) for slot in base.between(a, b)}
    found: dict[int, list[Fraction]] = {}
    for begin, end in itertools.pairwise(pts):
        for slot in shutter.between(begin, end):
            assert begin <= slot.at < end
            assert slot.duration == wanted[slot.pts].duration
            found.setdefault(slot.pts, []).append(slot.at)
    assert list(found) == list(wanted)
    for stamp, ats in found.items():
        slot = wanted[stamp]
        moments = [slot.at + slot.span * k / 12 for k in range(3)]
        assert ats == [at for at in moments if at < pts[-1]]


@pytest.mark.parametrize(
    "options",
    [
        {"shutter": 0},
        {"shutter": 361},
        {"shutter": 180, "shutter_samples": 1},
        {"shutter": 9, "fps": 9, "resume": True},
    ],
)
def test_what_is_no_shutter(options: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        BoostOptions(**{k: Fraction(v) if k in ("shutter", "fps") else v for k, v in options.items()})


def test_a_ratio_needs_a_rate() -> None:
    assert RateChoice(multiple=Fraction(5, 2), slower=Fraction(5, 2)).timeline(Fraction(1, 9), Fraction(9), 4).rate == 9
    with pytest.raises(InputError, match="--fps"):
        RateChoice(multiple=Fraction(5, 2)).timeline(Fraction(1, 9), None, 0)
