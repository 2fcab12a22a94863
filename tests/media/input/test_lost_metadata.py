"""Side data of frames that is lost is told of, where it says something."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import boosted, ffmpeg, make_video

TOLD = "the timecode metadata of each frame is left out; the picture itself is kept"


@pytest.mark.parametrize("label", [None, "00:00:00:00", "10:00:00:00", "00:00:05:00"])
@pytest.mark.parametrize("suffix", [".mpg", ".ts"])
def test_the_timecode_of_groups_of_pictures_is_told_of_where_it_is_more_than_the_time(
    tmp_path: Path, label: str | None, suffix: str
) -> None:
    make_video(tmp_path / "plain.mkv", pts=range(25), size=(32, 16))
    asked = () if label is None else ("-timecode", label)
    path = tmp_path / f"in{suffix}"
    ffmpeg("-i", tmp_path / "plain.mkv", "-c:v", "mpeg2video", *asked, path)
    result = boosted(path, tmp_path / "out.mp4")
    assert (TOLD in result.warnings) == (label in ("10:00:00:00", "00:00:05:00"))


def test_a_part_of_a_file_without_a_timecode_has_none_that_is_lost(tmp_path: Path) -> None:
    make_video(tmp_path / "plain.mkv", pts=range(100), size=(32, 16))
    ffmpeg("-i", tmp_path / "plain.mkv", "-c:v", "mpeg2video", tmp_path / "in.mpg")
    assert TOLD not in boosted(tmp_path / "in.mpg", tmp_path / "out.mp4", start="3").warnings
