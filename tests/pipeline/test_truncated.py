"""Inputs that break off: what was made is kept under another name, or gets its name where that is allowed."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from frame_booster.errors import DecodeError
from frame_booster.media.input.open import open_source
from frame_booster.media.input.source import SourceFrame
from frame_booster.options import InputOptions
from tests.conftest import boosted, decoded, ffmpeg, make_video, packets

FRAMES = 150


def cut(folder: Path, suffix: str) -> tuple[Path, int]:
    """The first half of a file of six seconds, and how many frames of it can be decoded."""
    whole = make_video(
        folder / f"whole{suffix}",
        pts=range(FRAMES),
        codec="mpeg4" if suffix == ".avi" else "libx264",
        options={"g": "10"} if suffix == ".avi" else {"g": "10", "preset": "ultrafast"},
        tones=0 if suffix == ".avi" else 1,
        container_options={"movflags": "faststart"} if suffix in (".mp4", ".mov") else {},
    )
    path = folder / f"in{suffix}"
    path.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    whole.unlink()
    with open_source(path, InputOptions()) as source:
        frames = sum(isinstance(item, SourceFrame) for item in source.items())
        assert source.report.truncated is not None
    assert FRAMES // 4 < frames < FRAMES - 25
    return path, frames


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi"])
@pytest.mark.parametrize("resume", [False, True])
def test_what_was_made_of_a_truncated_file_is_kept(tmp_path: Path, suffix: str, resume: bool) -> None:
    path, frames = cut(tmp_path, suffix)
    output = tmp_path / f"out{'.mkv' if suffix == '.avi' else suffix}"
    options: dict[str, Any] = {"resume": resume, "segment": Fraction(1)}
    with pytest.raises(DecodeError, match=r"in\.\w+: .*truncated: .*kept as .*out\.partial\.\w+ \(.*--allow-truncated"):
        boosted(path, output, **options)
    kept = tmp_path / f"out.partial{output.suffix}"
    assert sorted(tmp_path.iterdir()) == sorted([path, kept])
    assert len(decoded(kept)) == 2 * frames
    result = boosted(path, output, allow_truncated=True, **options)
    assert sorted(tmp_path.iterdir()) == sorted([path, kept, output])
    assert (result.frames_in, len(decoded(output))) == (frames, 2 * frames)
    assert packets(output, "audio") == packets(kept, "audio")
    assert any("the output ends there, too" in text for text in result.warnings)


def test_a_part_that_is_there_is_not_replaced(tmp_path: Path) -> None:
    path, frames = cut(tmp_path, ".mkv")
    kept = tmp_path / "out.partial.mkv"
    kept.write_bytes(b"mine")
    for overwrite, name in ((False, "out.partial-1.mkv"), (True, "out.partial.mkv")):
        with pytest.raises(DecodeError, match=name):
            boosted(path, tmp_path / "out.mkv", overwrite=overwrite)
        assert len(decoded(tmp_path / name)) == 2 * frames
        assert (kept.read_bytes() == b"mine") != overwrite
    assert not (tmp_path / "out.mkv").exists()


def test_pictures_and_pipes_of_a_truncated_file(tmp_path: Path) -> None:
    path, frames = cut(tmp_path, ".mkv")
    with pytest.raises(DecodeError, match=r"kept as .*out\.partial"):
        boosted(path, tmp_path / "out" / "%03d.bmp")
    assert len(list((tmp_path / "out.partial").iterdir())) == 2 * frames
    assert not (tmp_path / "out").exists()
    with pytest.raises(DecodeError, match=r"truncated: .* \(use the complete file"):
        boosted(path, "/dev/null", output_format="rawvideo")


def test_a_last_frame_of_no_told_length_lasts_as_long_as_others(tmp_path: Path) -> None:
    """ASF tells no durations, and its header counts the delay of the video, too: not short by two frames."""
    path = tmp_path / "in.wmv"
    sources = ("-f", "lavfi", "-i", "testsrc=s=64x48:r=25:d=0.4", "-f", "lavfi", "-i", "sine=d=0.4")
    ffmpeg(*sources, "-c:v", "wmv2", "-c:a", "wmav2", path)
    assert boosted(path, tmp_path / "out.mkv").warnings == []
