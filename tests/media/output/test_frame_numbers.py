"""Encoders that count frames: the output has the exact times all the same."""

from __future__ import annotations

import itertools
from fractions import Fraction
from pathlib import Path

import pytest

from frame_booster.media.output.frame_numbers import coded_rate
from tests.conftest import boosted, decoded, make_video, probed_times


@pytest.mark.parametrize(("codec", "bframes"), [("mpeg4", 0), ("mpeg4", 2), ("mpeg2video", 2)])
@pytest.mark.parametrize("resume", [False, True])
def test_encoders_of_coarse_clocks_give_exact_times(tmp_path: Path, codec: str, bframes: int, resume: bool) -> None:
    """MPEG-4 counts 1/65535 s at the finest, MPEG-2 knows some rates; the container counts for them."""
    pts = [7 + 151 * k for k in (0, 20, 60, 80, 140, 160, 200, 220, 260, 280)]
    source = make_video(tmp_path / "in.mp4", pts=pts, time_base=Fraction(1, 90001), rate=30)
    options = {"codec": codec, "options": (("bf", str(bframes)),), "resume": resume, "segment": Fraction(1, 10)}
    result = boosted(source, tmp_path / "out.mp4", **options)
    times = [Fraction(t - 7, 90001) for a, b in itertools.pairwise([*pts, 0]) for t in (a, Fraction(a + b, 2))]
    found = probed_times(tmp_path / "out.mp4")
    assert [time - found[0] for time in found][:-1] == times[:-1]
    assert len(decoded(tmp_path / "out.mp4")) == result.frames_out == 2 * len(pts)
    assert any("timestamps in the container are exact" in text for text in result.warnings)


def test_rates_that_encoders_know() -> None:
    assert coded_rate("mpeg2video", Fraction(48)) == coded_rate("mpeg4", Fraction(48)) == 48
    assert coded_rate("mpeg1video", Fraction(48)) == 50
    assert coded_rate("mpeg4", Fraction(120000, 1001)) == 120
