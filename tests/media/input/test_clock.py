"""Clocks that restart: every stream goes on, and audio stays where it was beside the video, to the tick."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from av.format import Flags

from frame_booster.errors import DecodeError
from frame_booster.media.input.clock import Clock
from frame_booster.media.input.open import open_source
from frame_booster.media.input.source import Resume, SourceFrame, SourceReport
from frame_booster.options import InputOptions
from tests.conftest import boosted, make_video, packets, probed_times

FRAMES = 30


def joined(folder: Path, late: int = 0, *, again: bool = False) -> tuple[Path, list[Path]]:
    """A transport stream of two parts, the second of which begins `late` seconds after 0, or of three."""
    parts = [make_video(folder / "a.ts", pts=range(FRAMES), tones=1)]
    container = {"output_ts_offset": str(late)}
    parts.append(make_video(folder / "b.ts", pts=range(FRAMES), tones=1, cut_at=0, container_options=container))
    parts += parts[:1] if again else []
    path = folder / "in.ts"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    return path, parts


def times(path: Path, **part: Any) -> tuple[list[Fraction], list[Fraction], list[str]]:
    """Times of frames and of audio packets as they are read, s, and the warnings."""
    frames, sound = [], []
    with open_source(path, InputOptions(), **part) as source:
        for item in source.items():
            if isinstance(item, SourceFrame):
                frames.append(item.pts * source.info.time_base)
            else:
                sound.append(item.pts * Fraction(1, 90000))
        return frames, sound, source.report.warnings


@pytest.mark.parametrize(
    ("late", "again", "told"),
    [
        (0, False, r"at \d\.\d\d s the timestamps go back to \d\.\d\d s: all streams are made continuous"),
        (0, True, r"the timestamps go back to \d\.\d\d s \(2 such jumps in all\): all streams"),
        (5000, False, r"at \d\.\d\d s the timestamps jump to 500\d\.\d\d s: all streams are made continuous"),
    ],
)
def test_streams_stay_in_step_over_a_restart(tmp_path: Path, late: int, again: bool, told: str) -> None:
    path, parts = joined(tmp_path, late, again=again)
    frames, sound, warnings = times(path)
    assert len([text for text in warnings if re.search(told, text)]) == 1
    assert len(warnings) == 1, "no frames are taken for missing at the joint"
    assert frames == sorted(set(frames))
    assert sound == sorted(set(sound))
    for part in parts:
        own_frames, own_sound, _ = times(part)
        moved = frames[0] - own_frames[0]
        assert moved < len(parts) * Fraction(2)
        assert [time - moved for time in frames[: len(own_frames)]] == own_frames
        assert [time - moved for time in sound[: len(own_sound)]] == own_sound
        frames, sound = frames[len(own_frames) :], sound[len(own_sound) :]
    assert not frames
    assert not sound


def test_the_result_goes_on_over_a_restart_and_a_part_is_found_behind_it(tmp_path: Path) -> None:
    path, parts = joined(tmp_path)
    result = boosted(path, tmp_path / "out.ts")
    assert (result.frames_in, result.frames_out) == (2 * FRAMES, 4 * FRAMES)
    made = probed_times(tmp_path / "out.ts")
    assert made == sorted(set(made))
    assert packets(tmp_path / "out.ts", "audio")[0] == [p for part in parts for p in packets(part, "audio")[0]]
    whole, _, _ = times(path)
    begin = whole[0] + Fraction(5, 4)
    part, _, _ = times(path, start=begin)
    wanted = [time for time in whole if time >= begin]
    assert len(part) == len(wanted) < FRAMES
    with open_source(path, InputOptions()) as source:
        frames = [item for item in source.items(packets=False) if isinstance(item, SourceFrame)]
    for k in (10, 45):
        with open_source(path, InputOptions()) as again:
            rest = list(again.items(resume=Resume(frames[k].pts, source.shift), packets=False))
        assert [item.pts for item in rest if isinstance(item, SourceFrame)] == [frame.pts for frame in frames[k:]]
        assert bytes(rest[0].frame.planes[0]) == bytes(frames[k].frame.planes[0])  # type: ignore[union-attr]


def test_a_restart_is_an_error_where_the_reading_is_strict(tmp_path: Path) -> None:
    path, _ = joined(tmp_path)
    with pytest.raises(DecodeError, match=r"in\.ts: at \d.* the timestamps go back to .*--strict"):
        boosted(path, tmp_path / "out.mp4", input_strict=True)


@dataclass
class Fake:
    """Stands in for a packet of a transport stream, with times in hundredths of a second."""

    stream: Any
    dts: int
    pts: int = 0
    duration: int = 0
    size: int = 1
    time_base: Fraction = Fraction(1, 100)

    def __post_init__(self) -> None:
        self.pts = self.dts


KINDS = [SimpleNamespace(index=k, type=t, disposition=0) for k, t in enumerate(("video", "audio", "subtitle"))]


def read(order: Sequence[tuple[int, int]], flags: Flags = Flags.ts_discont) -> tuple[list[tuple[int, int]], list[str]]:
    """What becomes of packets (stream, dts): (stream, dts) as passed on, and the warnings."""
    streams = [SimpleNamespace(time_base=Fraction(1, 100)) for _ in KINDS]
    listing = type("Streams", (list,), {"video": KINDS[:1]})(streams)
    container = SimpleNamespace(format=SimpleNamespace(flags=int(flags.value)), streams=listing)
    report = SourceReport()
    clock = Clock(container, Path("in.ts"), report, strict=False)
    passed = clock.joined(iter([Fake(KINDS[k], dts) for k, dts in order]))  # type: ignore[arg-type]
    return [(p.stream.index, p.dts) for p in passed], report.warnings


def test_packets_of_the_old_clock_may_come_after_some_of_the_new() -> None:
    """A demuxer gives the last picture of a part when it has seen the first of the next."""
    old = [(k, 500 + 4 * n + k) for n in range(10) for k in (0, 1)]
    new = [(k, 100 + 4 * n + k) for n in range(20) for k in (0, 1)]
    order = [*old, (1, 101), (0, 540), (2, 541), (1, 105), (2, 103), *new[:1], *new[4:]]
    passed, warnings = read(order)
    assert len(passed) == len(order)
    assert len(warnings) == 1
    moved = passed[len(old)][1] - 101
    assert dict.fromkeys(passed[: len(old)]) == dict.fromkeys(old)
    assert passed[len(old) :][:5] == [(1, 101 + moved), (0, 540), (2, 541), (1, 105 + moved), (2, 103 + moved)]
    assert passed[len(old) + 5 :] == [(k, dts + moved) for k, dts in order[len(old) + 5 :]]
    assert moved == 544 - 100, "the video goes on where it ended, and the audio ended before"


def test_a_gap_of_one_stream_is_no_restart() -> None:
    """Nobody speaks in a video for twenty seconds, or a picture stands still for as long."""
    order = [(k, 4 * n + k) for n in range(1000) for k in (0, 1) if k or n < 100 or n >= 600]
    assert read(order) == (order, [])


def test_a_film_may_pause_in_a_file() -> None:
    order = [(k, 4 * n + k + (100_000 if n >= 50 else 0)) for n in range(100) for k in (0, 1)]
    assert read(order, Flags.show_ids) == (order, [])
    passed, warnings = read(order)
    assert passed == [(k, 4 * n + k) for n in range(100) for k in (0, 1)]
    assert "jump" in warnings[0]


def test_a_subtitle_overtakes_none_of_its_stream() -> None:
    """An MP4 may hold its subtitles a second away from the pictures: those far behind them wait, those near do not."""
    order = [(0, 500), (2, 440), (2, 495), (1, 504), (0, 504)]
    assert [dts for k, dts in read(order)[0] if k == 2] == [440, 495]


def increases(passed: Sequence[tuple[int, int]]) -> bool:
    """Whether the times of each stream grow from packet to packet."""
    by_stream = [[dts for k, dts in passed if k == index] for index in (0, 1)]
    return all(a < b for times in by_stream for a, b in itertools.pairwise(times))


def test_a_clock_that_goes_back_in_one_stream_long_before_the_other_has_restarted() -> None:
    """Only a leap ahead can be a gap: to go back is a new clock, however long the other stream goes on by the old."""
    old = [(k, 4 * n + k) for n in range(100) for k in (0, 1)]
    between = [(k, dts) for n in range(60) for k, dts in ((0, 4 * n), (1, 400 + 4 * n + 1))]
    new = [(k, dts) for n in range(30) for k, dts in ((0, 240 + 4 * n), (1, 4 * n + 1))]
    passed, warnings = read([*old, *between, *new])
    assert len(warnings) == 1
    assert len(passed) == len([*old, *between, *new])
    assert increases(passed)


def test_the_offset_of_a_restart_is_a_whole_number_of_ticks_and_overlaps_nothing() -> None:
    """Pictures count in 1/25 s, sound in ms, and the sound ends 10 ms after the pictures."""
    streams = [SimpleNamespace(time_base=Fraction(1, 25)), SimpleNamespace(time_base=Fraction(1, 1000))]
    listing = type("Streams", (list,), {"video": KINDS[:1]})(streams)
    container = SimpleNamespace(format=SimpleNamespace(flags=int(Flags.ts_discont.value)), streams=listing)

    def part() -> list[Fake]:
        pictures = [Fake(KINDS[0], n, duration=1, time_base=Fraction(1, 25)) for n in range(50)]
        sound = [Fake(KINDS[1], 30 * n, duration=30, time_base=Fraction(1, 1000)) for n in range(67)]
        return sorted([*pictures, *sound], key=lambda packet: packet.dts * packet.time_base)

    clock = Clock(container, Path("in.ts"), SourceReport(), strict=False)
    passed = list(clock.joined(iter([*part(), *part()])))  # type: ignore[arg-type]
    pictures, sound = ([p.dts for p in passed if p.stream.index == k] for k in (0, 1))
    assert pictures[50:] == [51 + n for n in range(50)], "2.01 s is no tick of the pictures: the next is 2.04 s"
    assert sound[67:] == [2040 + 30 * n for n in range(67)]


def test_pictures_that_are_shown_before_the_first_of_a_new_clock_overlap_nothing() -> None:
    """An open group of pictures: those decoded after the first may be shown before it."""
    old = [Fake(KINDS[k], 500 + 4 * n + k) for n in range(10) for k in (0, 1)]
    new = [Fake(KINDS[k], 100 + 4 * n + 41 * k) for n in range(20) for k in (1, 0)]
    for packet in [*old, *new]:
        packet.pts = packet.dts + (40 if packet.stream is KINDS[0] else 0)
    leading = [packet for packet in new if packet.stream is KINDS[0]]
    for packet, shown in zip(leading[:8], (168, 140, 144, 148, 152, 156, 160, 164), strict=True):
        packet.pts = shown
    streams = [SimpleNamespace(time_base=Fraction(1, 100)) for _ in KINDS]
    listing = type("Streams", (list,), {"video": KINDS[:1]})(streams)
    container = SimpleNamespace(format=SimpleNamespace(flags=int(Flags.ts_discont.value)), streams=listing)
    clock = Clock(container, Path("in.ts"), SourceReport(), strict=False)
    list(clock.joined(iter([*old, *new])))  # type: ignore[arg-type]
    assert min(packet.pts for packet in leading) == 580, "where the old pictures end"
