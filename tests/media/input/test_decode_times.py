"""Decode times of copied packets: none is decoded after it is shown."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from frame_booster.media.input.decode_times import with_decode_times

VIDEO = SimpleNamespace(index=1, type="video", disposition=0)


def packet(pts: int, dts: int | None) -> Any:
    return SimpleNamespace(stream=VIDEO, pts=pts, dts=dts, duration=1)


def test_times_are_counted_back_and_none_lies_after_that_of_showing() -> None:
    following = packet(100, 97)
    given = list(with_decode_times(iter([packet(90, None), packet(99, None), packet(96, None), following]), 0))
    assert [p.dts for p in given] == [90, 95, 96, 97]
    early = list(with_decode_times(iter([packet(90, None), packet(99, None), packet(93, None), following]), 0))
    assert [p.dts for p in early] == [90, 92, 93, 97]
    assert all(p.dts <= p.pts for p in [*given, *early])


def test_a_stream_that_ends_before_any_decode_time_is_known() -> None:
    given = list(with_decode_times(iter([packet(0, None), packet(3, None), packet(1, None), packet(2, None)]), 0))
    assert [p.dts for p in given] == [-1, 0, 1, 2]
