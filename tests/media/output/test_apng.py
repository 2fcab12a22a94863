"""Animated PNG out: colours, alpha, every frame's time, as Pillow reads them."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from frame_booster.errors import EncodeError, InputError
from frame_booster.media.input.apng import delays
from frame_booster.media.input.webp import webp_frames
from frame_booster.media.output.apng import set_last_delay
from tests.conftest import boosted, make_video


def test_uneven_frames_keep_times_colours_and_alpha(tmp_path: Path) -> None:
    rng, shown = np.random.default_rng(0), [50, 10, 70]
    pixels = [rng.integers(0, 256, (24, 32, 4)).astype(np.uint8) for _ in shown]
    images = [Image.fromarray(each) for each in pixels]
    images[0].save(tmp_path / "in.apng", save_all=True, append_images=images[1:], duration=shown, loop=2)
    result = boosted(tmp_path / "in.apng", tmp_path / "out.apng")
    assert result.warnings == []
    assert delays(tmp_path / "out.apng") == [Fraction(ms, 2000) for ms in shown for _ in (0, 1)]
    with Image.open(tmp_path / "out.apng") as image:
        assert (image.n_frames, image.info["loop"]) == (6, 2)
        for k, each in enumerate(pixels):
            image.seek(2 * k)
            assert np.array_equal(np.asarray(image.convert("RGBA")), each)
    assert result.duration == Fraction(130, 1000)


def test_a_rate_of_ntsc_is_exact_and_colours_stay(tmp_path: Path) -> None:
    source = make_video(
        tmp_path / "in.mp4", pts=[1001 * k for k in range(3)], time_base=Fraction(1, 24000), rate=Fraction(24000, 1001)
    )
    boosted(source, tmp_path / "out.apng")
    assert delays(tmp_path / "out.apng") == [Fraction(1001, 48000)] * 6
    with Image.open(tmp_path / "out.apng") as image:
        assert image.mode == "RGB"
    set_last_delay(tmp_path / "out.apng", Fraction(100000))
    assert delays(tmp_path / "out.apng")[-1] == 65535


def test_delays_that_ffmpeg_rounds_are_read_exactly(tmp_path: Path) -> None:
    times = [k * 1001 for k in range(6)]
    source = make_video(tmp_path / "in.mp4", pts=times, time_base=Fraction(1, 30000), rate=Fraction(30000, 1001))
    boosted(source, tmp_path / "first.apng")
    assert delays(tmp_path / "first.apng") == [Fraction(1001, 60000)] * 12
    result = boosted(tmp_path / "first.apng", tmp_path / "second.apng")
    assert delays(tmp_path / "second.apng") == [Fraction(1001, 120000).limit_denominator(65535)] * 24
    assert result.duration == Fraction(1001, 60000) * 12
    boosted(tmp_path / "first.apng", tmp_path / "part.apng", start=Fraction(1001, 60000) * 9)
    assert len(delays(tmp_path / "part.apng")) == 6


def test_segments_and_pipes_are_refused_before_anything_is_made(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mp4", pts=range(3))
    with pytest.raises(InputError, match="write to a file"):
        boosted(source, "-", output_format="apng")
    with pytest.raises(EncodeError, match="--resume"):
        boosted(source, tmp_path / "out.apng", resume=True)
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]


def test_a_webp_whose_last_frames_are_equal_is_as_long_as_its_source(tmp_path: Path) -> None:
    images = [Image.new("RGB", (32, 32), (shade,) * 3) for shade in (10, 200)]
    images[0].save(tmp_path / "in.webp", save_all=True, append_images=images[1:], duration=[300, 350], lossless=True)
    boosted(tmp_path / "in.webp", tmp_path / "out.webp")
    assert webp_frames(tmp_path / "out.webp")[1] == Fraction(650, 1000)
