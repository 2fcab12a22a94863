"""Decode times of copied packets: none is decoded after it is shown."""

from __future__ import annotations

from fractions import Fraction
from types import SimpleNamespace
from typing import Any

from frame_booster.media.input.decode_times import with_decode_times, with_times_of_data

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


def test_data_without_times_is_of_the_moment_at_which_it_lies_in_the_file() -> None:
    sound = SimpleNamespace(index=0, type="audio", disposition=0)
    data = SimpleNamespace(index=1, type="data", disposition=0)

    def timed(dts: int) -> Any:
        return SimpleNamespace(stream=sound, pts=dts, dts=dts, size=9, time_base=Fraction(1, 1000))

    def timeless(size: int = 9) -> Any:
        return SimpleNamespace(stream=data, pts=None, dts=None, size=size, time_base=Fraction(1, 90000))

    end = timeless(0)
    given = list(with_times_of_data(iter([timeless(), timed(10), timeless(), timed(20), timed(30), timeless(), end])))
    assert [packet.stream.index for packet in given] == [1, 0, 1, 0, 0, 1, 1]
    assert [packet.dts for packet in given] == [900, 10, 900, 20, 30, 2700, None]
    assert [packet.pts for packet in given] == [packet.dts for packet in given]
