"""What a video's stream says of itself: how many frames there are, whatever the ticks of the container's clock."""

from __future__ import annotations

import itertools
from fractions import Fraction
from pathlib import Path

import pytest

from frame_booster.media.input.open import open_source
from frame_booster.options import InputOptions
from tests.conftest import boosted, ffmpeg, probed_times

CLIP = ("-f", "lavfi", "-i", "testsrc2=s=96x64:r=25:d=4", "-pix_fmt", "yuv420p")


@pytest.fixture
def reordered(tmp_path: Path) -> Path:
    """An AVI of 100 frames that are decoded in another order than shown, in 200 entries of which half are empty."""
    ffmpeg(*CLIP, "-c:v", "libx264", tmp_path / "in.mp4")
    ffmpeg("-i", tmp_path / "in.mp4", "-c", "copy", tmp_path / "in.avi")
    return tmp_path / "in.avi"


def test_empty_entries_of_an_avi_are_no_lost_frames(reordered: Path, tmp_path: Path) -> None:
    with open_source(reordered, InputOptions()) as source:
        assert (source.info.rate, source.info.frames) == (25, 100)
    result = boosted(reordered, tmp_path / "out.mkv")
    assert result.frames_in == 100
    # An AVI has no times of its own, and FFmpeg guesses them in the order of decoding.
    assert [warning for warning in result.warnings if "were sorted" not in warning] == []
    times = probed_times(tmp_path / "out.mkv")
    assert len(times) == 200
    assert sum(b - a == Fraction(1, 50) for a, b in itertools.pairwise(times)) > 190


def test_such_an_avi_that_breaks_off_is_truncated(reordered: Path, tmp_path: Path) -> None:
    data = reordered.read_bytes()
    reordered.write_bytes(data[: len(data) // 3])
    result = boosted(reordered, tmp_path / "out.mkv", allow_truncated=True)
    assert any("of 4.00 s: it is truncated" in warning for warning in result.warnings)
