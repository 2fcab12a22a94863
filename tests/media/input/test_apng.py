"""Animated PNG that ends too early, as a broken download does."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from frame_booster.errors import DecodeError, InputError
from frame_booster.media.input.apng import delays
from frame_booster.media.input.open import open_source
from frame_booster.media.input.source import SourceFrame
from frame_booster.options import InputOptions
from tests.conftest import boosted

FRAMES = 4


def animation(path: Path, side: int = 8) -> bytes:
    rng = np.random.default_rng(0)
    images = [Image.fromarray(rng.integers(0, 256, (side, side, 4)).astype(np.uint8)) for _ in range(FRAMES)]
    images[0].save(path, save_all=True, append_images=images[1:], duration=[50, 10, 70, 20])
    return path.read_bytes()


def test_wherever_it_is_cut_off_frames_that_lack_are_told_of(tmp_path: Path) -> None:
    whole, path = animation(tmp_path / "whole.apng", side=4), tmp_path / "in.apng"
    for size in range(1, len(whole) + 1):
        path.write_bytes(whole[:size])
        try:
            with open_source(path, InputOptions()) as source:
                frames = sum(isinstance(item, SourceFrame) for item in source.items())
                truncated = source.report.truncated
        except (InputError, DecodeError):
            # Less than the first frame is there.
            assert size < len(whole) // 2
            continue
        assert (truncated is None) == (frames == FRAMES), size
    assert frames == FRAMES


@pytest.mark.parametrize("side", [4, 8])
@pytest.mark.parametrize("kept", [4, 10, 24, 28])
def test_a_frame_control_chunk_that_is_cut_off_is_no_fault_of_the_program(tmp_path: Path, kept: int, side: int) -> None:
    whole, path = animation(tmp_path / "whole.apng", side), tmp_path / "in.apng"
    [_, _, third, _] = [match.end() for match in re.finditer(b"fcTL", whole)]
    path.write_bytes(whole[: third + kept])
    assert len(delays(path)) == (3 if kept >= 26 else 2)
    with pytest.raises(
        DecodeError, match=r"in\.apng: the file has fewer frames than its header says: it is truncated; .*kept as"
    ):
        boosted(path, tmp_path / "out.mkv")
    assert not (tmp_path / "out.mkv").exists()
