"""A file or pipe as output: the length of its track, and what is said where it takes no more."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import av.error
import pytest

from frame_booster.errors import OutputError
from frame_booster.media.output.file import FileSink
from frame_booster.media.output.sink import Written


@pytest.mark.parametrize(
    ("last_pts", "duration", "wanted"),
    [
        # Shown last: as long as it is shown, or as the sum of an MP4's track lacks.
        (90, 20, 20),
        (90, 5, 10),
        # Decoded last and shown earlier: what the sum lacks, though it is shown for longer.
        (50, 20, 10),
    ],
)
def test_the_last_packet_makes_the_sum_of_durations_right(last_pts: int, duration: int, wanted: int) -> None:
    """Frames are shown from 0 to 100, and decoded from -20 to 70."""
    written, put = Written(), []
    for pts in (0, 50, 90):
        written.add(pts, 10)
    packet = SimpleNamespace(pts=last_pts, dts=70, duration=duration)
    sink: Any = SimpleNamespace(written=written, _last=packet, _first_dts=-20, _put=put.append)
    sink.container = SimpleNamespace(format=SimpleNamespace(name="mp4"))
    FileSink._put_last(sink)
    assert put == [packet]
    assert packet.duration == wanted


@pytest.mark.parametrize(
    ("code", "windows", "pipe", "gone"),
    [
        (errno.EPIPE, False, True, True),
        (errno.EINVAL, True, True, True),
        (errno.EINVAL, True, False, False),
        (errno.EINVAL, False, True, False),
        (errno.ENOSPC, True, True, False),
    ],
)
def test_a_reader_that_has_gone_is_told_as_that_by_each_system(
    monkeypatch: pytest.MonkeyPatch, code: int, windows: bool, pipe: bool, gone: bool
) -> None:
    def refuse(_packet: object = None) -> None:
        av.error.err_check(-code)

    monkeypatch.setattr("frame_booster.files.WINDOWS", windows)
    sink: Any = object.__new__(FileSink)
    sink.name, sink._is_pipe, sink.container = Path("-"), pipe, SimpleNamespace(mux_one=refuse, close=refuse)
    ways: list[Callable[[], None]] = [lambda: sink._put(None), sink.close]
    for way in ways:
        with pytest.raises(OutputError) as raised:
            way()
        assert ("the reader of the output has closed it" in str(raised.value)) == gone
