"""Frames timestamps out of order, at one time, or with times of decoding: all of them, in their order."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import pytest

from frame_booster.errors import DecodeError
from frame_booster.media.input.display_order import REACH, DisplayOrder
from frame_booster.media.input.open import open_source
from frame_booster.media.input.source import SourceFrame, SourceReport
from frame_booster.options import InputOptions
from tests.conftest import boosted, decoded, make_video, probed_times


def remuxed(source: Path, path: Path, pts: list[int], ahead: int = 0) -> Path:
    """Copies packets into another file under other times, in frames of 1/25 s; decoding times count on."""
    with av.open(str(source)) as given, av.open(str(path), "w") as container:
        stream = container.add_stream_from_template(given.streams.video[0])
        for k, packet in enumerate(p for p in given.demux(video=0) if p.size):
            packet.stream, packet.time_base = stream, Fraction(1, 25)
            # No frame is shown before it is decoded.
            packet.pts, packet.dts, packet.duration = pts[k], k - ahead, 1
            container.mux(packet)
    return path


def warnings_of(result: Any) -> str:
    return " ".join(result.warnings)


def test_frames_that_a_decoder_did_not_wait_for_are_sorted(tmp_path: Path) -> None:
    """The pictures of a stream that says it reorders nothing, and yet does."""
    plain = make_video(tmp_path / "plain.mkv", pts=range(12), codec="mpeg4", options={"qscale": "2"})
    pts = [0, 3, 1, 2, 6, 4, 5, 7, 11, 8, 9, 10]
    source = remuxed(plain, tmp_path / "in.mkv", pts, ahead=4)
    pictures = dict(zip(pts, (data for _, data in decoded(plain)), strict=True))
    result = boosted(source, tmp_path / "out.mkv", codec="ffv1")
    made = decoded(tmp_path / "out.mkv")
    assert [data for _, data in made[::2]] == [pictures[k] for k in range(12)]
    assert [time for time, _ in made] == [Fraction(k, 50) for k in range(24)]
    assert "frames with timestamps out of order were sorted: " in warnings_of(result)
    with pytest.raises(DecodeError, match=r"timestamps out of order.*--strict"):
        boosted(source, tmp_path / "strict.mkv", input_strict=True)


def test_times_of_decoding_are_given_to_frames_in_their_order(tmp_path: Path) -> None:
    """AVI counts packets; with frames stored in another order than they are shown in, their times are mixed up."""
    options = {"x264-params": "bframes=3:b-adapt=0:b-pyramid=normal", "qp": "20"}
    plain, source = (make_video(tmp_path / name, pts=range(20), options=options) for name in ("plain.mkv", "in.avi"))
    with open_source(source, InputOptions()) as reading:
        frames = [item for item in reading.items() if isinstance(item, SourceFrame)]
    times = [frame.pts * reading.info.time_base for frame in frames]
    assert [time - times[0] for time in times] == [Fraction(k, 25) for k in range(20)]
    result = boosted(source, tmp_path / "out.mkv", codec="ffv1")
    assert [data for _, data in decoded(tmp_path / "out.mkv")[::2]] == [data for _, data in decoded(plain)]
    assert (result.frames_in, result.duration) == (20, Fraction(20, 25))
    assert "were sorted" in warnings_of(result)


def test_frames_of_one_time_are_spread(tmp_path: Path) -> None:
    pts = [0, 1, 2, 2, 2, 5, 6, 6]
    plain = make_video(tmp_path / "plain.mkv", pts=range(8), codec="mjpeg", pix_fmt="yuvj420p")
    source = remuxed(plain, tmp_path / "in.mkv", pts, ahead=4)
    result = boosted(source, tmp_path / "out.mp4", options=(("qp", "0"),))
    assert probed_times(tmp_path / "out.mp4")[::2] == [Fraction(k, 25) for k in (0, 1, 2, 3, 4, 5, 6)] + [
        Fraction(13, 50)
    ]
    assert "with the timestamp of the one before were spread over the gap that follows: 3" in warnings_of(result)


class Feed:
    """A decoder that gives, for each packet, frames of the times that it is told."""

    def __init__(self, *, strict: bool = False, reorders: bool = True) -> None:
        self.report = SourceReport()
        self.order = DisplayOrder(
            lambda packet: [SimpleNamespace(pts=t, duration=0) for t in packet.gives],
            reorders=reorders,
            time=lambda frame: frame.pts,
            path=Path("in"),
            report=self.report,
            strict=strict,
        )

    def through(self, packets: list[tuple[int, list[int]]]) -> list[tuple[int, int]]:
        """Gives packets (time, times of the frames that come with it); returns (own time, time given) of frames."""
        given = []
        for pts, gives in [*packets, (None, [])]:
            packet = SimpleNamespace(pts=pts, size=int(pts is not None), is_discard=False, gives=gives)
            given += [(f.frame.pts, f.pts) for f in self.order.push(packet)]  # type: ignore[arg-type]
        return given


def test_frames_in_order_pass_as_they_are() -> None:
    feed = Feed()
    packets = [(0, []), (30, [0]), (10, [10]), (20, [20]), (60, [30]), (40, [40]), (50, [50, 60])]
    assert feed.through(packets) == [(t, t) for t in range(0, 70, 10)]
    assert feed.report.warnings == []


def test_packets_that_give_no_frame_hold_nothing_back_for_long() -> None:
    """Second fields, damaged packets and pictures that are only referred to."""
    feed = Feed()
    given = feed.through([p for k in range(200) for p in ((20 * k, [20 * k]), (20 * k + 10, []))])
    assert given == [(20 * k, 20 * k) for k in range(200)]
    assert feed.report.warnings == []
    late = Feed()
    for k in range(100):
        for pts, gives in ((20 * k, [20 * k]), (20 * k + 10, [])):
            packet = SimpleNamespace(pts=pts, size=1, is_discard=False, gives=gives)
            list(late.order.push(packet))  # type: ignore[arg-type]
    assert len(late.order._held) <= 1


def test_more_frames_than_ticks_are_left_out_with_a_count() -> None:
    feed = Feed()
    given = feed.through([(t, [t]) for t in (0, 1, 1, 1, 2, 3)])
    assert given == [(t, t) for t in range(4)]
    assert feed.report.warnings == ["frames were dropped, since their timestamp is taken and none near it is free: 2"]


def test_a_frame_that_is_too_late_to_be_sorted_is_shown_all_the_same() -> None:
    feed = Feed(reorders=False)
    packets = [(100 * k, [100 * k]) for k in range(REACH + 8)]
    given = feed.through([*packets, (50, [50]), (2500, [2500])])
    assert len(given) == len(packets) + 2
    assert [pts for _, pts in given] == sorted({pts for _, pts in given})
    assert (
        feed.report.warnings[-1]
        == "frames with the timestamp of the one before were spread over the gap that follows: 1"
    )


def test_frames_of_one_time_are_spread_to_the_last_tick() -> None:
    feed = Feed()
    assert feed.through([(t, [t]) for t in (0, 10, 10, 10, 18)]) == [(0, 0), (10, 10), (10, 12), (10, 15), (18, 18)]
