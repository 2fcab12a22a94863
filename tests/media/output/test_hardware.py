"""Encoders in hardware: one is named only where a trial on this machine gave packets."""

from __future__ import annotations

from pathlib import Path

import pytest

from frame_booster.media.output import hardware
from frame_booster.media.output.encoders import HARDWARE_SUFFIXES
from frame_booster.media.output.hardware import usable_hardware_encoder
from tests.conftest import make_video

# Encoders in software stand for those in hardware, which few machines have.


def test_one_that_works_and_has_the_same_coding_is_named(tmp_path: Path) -> None:
    made = make_video(tmp_path / "in.mp4", pts=range(2))
    assert usable_hardware_encoder(made, ("libx265", "libx264")) == "libx264"
    assert usable_hardware_encoder(made, ("libx265", "none")) is None


def test_one_that_does_not_work_is_not_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = make_video(tmp_path / "in.mp4", pts=range(2))
    monkeypatch.setattr(hardware, "encoder_options", lambda name, options: {"profile": "none such"})
    assert usable_hardware_encoder(made, ("libx264",)) is None


def test_one_that_would_lose_depth_is_not_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = make_video(tmp_path / "in.mp4", pts=range(2), pix_fmt="yuv420p10le")
    monkeypatch.setattr(hardware, "choose_pixel_format", lambda name, source, asked: "yuv420p")
    assert usable_hardware_encoder(made, ("libx264",)) is None


def test_what_is_no_video_has_none(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("not a video")
    assert usable_hardware_encoder(tmp_path / "text.mp4") is None


def test_what_is_found_here_is_hardware(tmp_path: Path) -> None:
    found = usable_hardware_encoder(make_video(tmp_path / "in.mp4", pts=range(2), size=(256, 144)))
    assert found is None or found.endswith(HARDWARE_SUFFIXES)
