"""Times of frames, which a container must not round to one another."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from frame_booster.errors import EncodeError
from frame_booster.media.output.video_encoder import VideoEncoder


def test_two_frames_on_one_tick_are_refused() -> None:
    encoder: Any = SimpleNamespace(time_base=Fraction(1, 90000), _tick=Fraction(1, 1000), _last_ticks=None)
    encoder.name, encoder._format = Path("out.mkv"), "matroska"
    # 44 ticks of 1/90000 s round to 0 ms, 45 to 1.
    for pts in (0, 45, 135):
        VideoEncoder._check_tick(encoder, pts)
    with pytest.raises(EncodeError, match=r"two frames are closer than 1/1000 s, the time resolution of matroska"):
        VideoEncoder._check_tick(encoder, 135 + 89)
    VideoEncoder._check_tick(encoder, 135 + 90)
