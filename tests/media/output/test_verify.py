"""The check of a result: a single packet that lacks is found."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from frame_booster.errors import OutputError
from frame_booster.media.output.sink import Written
from frame_booster.media.output.verify import verify
from tests.conftest import make_video, packets


def test_one_copied_packet_that_lacks_is_found(tmp_path: Path) -> None:
    path = make_video(tmp_path / "out.mkv", pts=range(10), tones=1)
    [sound] = packets(path, "audio")
    written = Written(packets={1: len(sound)}, sizes={1: sum(map(len, sound))})
    for k in range(10):
        written.add(k, 1)
    assert verify(path, "matroska", written, Fraction(1, 25)) == []
    written.packets[1] += 1
    written.sizes[1] += max(map(len, sound))
    with pytest.raises(
        OutputError, match=f"stream 1 of the result has {len(sound)} packets instead of {len(sound) + 1}"
    ):
        verify(path, "matroska", written, Fraction(1, 25))
