"""Truncation and lost frames: what a header promises against what was read, since FFmpeg conceals both."""

from __future__ import annotations

import collections
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from frame_booster.media.input.container import LENGTH_FROM_0
from frame_booster.media.input.source import Source, SourceReport
from frame_booster.media.input.start_time import is_fragmented

TRUNCATED_BY = Fraction(1)
"""A file that ends this much earlier than its header says, s, is truncated, as a broken download is."""
_SHORT_BY_FRAMES = 2
"""One that ends earlier by more than this many frames is warned of."""
_SHORT_HOLE = 25
"""A gap of more usual ones than this may be a picture that stands still, as in recordings of a screen."""
_REGULAR = Fraction(9, 10)
"""Share of equal gaps from which a video counts as one of constant rate."""
_TS_PACKETS = (188, 192, 204)
"""Bytes of a packet of MPEG-TS: as such, with a time before it (M2TS), with parity behind it."""
_ONE_FRAME_A_PACKET = frozenset({"h264", "hevc", "mpeg4", "mpeg2video", "ffv1", "prores", "mjpeg", "av1", "flv1"})
"""Codecs whose packets give a frame each, of video that is not interlaced; others have packets that show nothing."""
_TELL_THEIR_LENGTH = frozenset({"matroska", "mov", "avi", "asf", "nut"})
"""Containers, by FFmpeg's names, whose header has the true length; for others FFmpeg may guess it."""
_ENDLESS_S = (1 << 32) // 1000
"""A file that is said to last 2^32 ms, as FFmpeg's DVD subtitles that are shown until the next last, tells nothing."""
_PLACEHOLDER = 8
"""MPEG-4 Visual has packets of fewer bytes that stand for a frame stored elsewhere, or for none."""


def tells_its_length(source: Source) -> bool:
    """Tells whether an input is of a container whose header has its true length."""
    container = getattr(source, "container", None)
    return container is not None and bool(set(container.format.name.split(",")) & _TELL_THEIR_LENGTH)


def gives_a_frame(packet: av.Packet, codec: str) -> bool:
    """Tells whether a packet of a codec is expected to give a frame."""
    return codec in _ONE_FRAME_A_PACKET and (codec != "mpeg4" or packet.size >= _PLACEHOLDER)


@dataclass
class Completeness:
    """Watches the frames of one reading.

    Args:
      path: of the file, for messages.
      report: where warnings go.
      rate: average frames a second, None if unknown.
      time_base: of the frames' timestamps.
      listed: how many frames the file's index lists, 0 if it has none.
    """

    path: Path
    report: SourceReport
    rate: Fraction | None
    time_base: Fraction
    listed: int = 0
    frames: int = 0
    packets: int = 0
    """Of the video, that should each give a frame."""
    joints: set[int] = field(default_factory=set)
    """Times before which nothing is expected, as the clock restarts there."""
    _shown: int = 0
    """Sum of the durations that the file gives its frames, ticks."""
    _first: int | None = None
    _last: int | None = None
    _gaps: collections.Counter[int] = field(default_factory=collections.Counter)

    def add(self, pts: int, duration: int = 0) -> None:
        """Counts a frame that is shown at a time for a duration, ticks; 0 is unknown."""
        self.frames += 1
        self._shown += duration
        self._first = pts if self._first is None else self._first
        if self._last is not None and pts not in self.joints:
            self._gaps[pts - self._last] += 1
        self._last = pts

    def check_count(self) -> None:
        """Warns where frames are missing that the file lists, or that its regular times leave a gap for."""
        missing = self.listed - self.frames
        if missing > 0:
            if self.rate:
                # FFmpeg tells the length of an AVI by the size of the file, where that is less than the header says.
                self.check_length((self._last or 0) * self.time_base + self._frame, self.listed / self.rate)
            if self.report.truncated is None:
                self.report.decode_errors += missing
                self.report.warn(
                    f"{missing} of the {self.listed} frames in the file's index are empty or cannot be decoded"
                )
            return
        without = self.packets - self.frames
        if without > 0:
            self.report.decode_errors += without
            self.report.warn(f"{without} video packets could not be decoded to a frame")
            return
        holes = self._holes()
        short = sum(holes[k] for k in holes if k <= _SHORT_HOLE)
        if short:
            self.report.warn(f"about {short} frames seem to be missing: the timestamps have gaps")
        if sum(holes.values()) > short:
            longest = float(max(holes) * self._usual * self.time_base)
            why = "the picture is still there, or frames are missing"
            self.report.warn(f"there are gaps of up to {longest:.2f} s without a frame: {why}")

    @property
    def _usual(self) -> int:
        """The most common gap, ticks."""
        return self._gaps.most_common(1)[0][0]

    def _holes(self) -> collections.Counter[int]:
        """Returns how many frames are missing, in gaps of so many usual ones."""
        nothing: collections.Counter[int] = collections.Counter()
        total = sum(self._gaps.values())
        if total < 3:
            return nothing
        usual = self._usual
        if self._shown >= sum(gap * count for gap, count in self._gaps.items()):
            # The file says itself how long each frame is shown: a recording of a screen, where little happens.
            return nothing
        near = sum(count for gap, count in self._gaps.items() if abs(gap - usual) <= 1)
        if near == total or (near < _REGULAR * total and total - near > 2):
            return nothing
        ratios = {gap: Fraction(gap, usual) for gap in self._gaps if abs(gap - usual) > 1}
        # A gap that is no multiple of the frame interval is variable frame rate, not a lost frame.
        if any(ratio < 2 - Fraction(1, 10) or abs(ratio - round(ratio)) > Fraction(1, 10) for ratio in ratios.values()):
            return nothing
        return collections.Counter({round(r): (round(r) - 1) * self._gaps[gap] for gap, r in ratios.items()})

    def check_header(
        self,
        container: Any,
        metadata: dict[str, str],
        last_end: Fraction,
        reached: Fraction,
        *,
        end: Fraction | None,
        whole: bool,
    ) -> None:
        """Compares where the video and the file end with what the container's header says.

        Args:
          container: as PyAV opens it.
          metadata: of the video stream.
          last_end: where the last frame ends, s.
          reached: up to where there were packets of other streams, s.
          end: the last moment that was asked for, s; None is the file's.
          whole: whether all of the file was read.
        """
        kinds = set(container.format.name.split(","))
        if not container.duration or not kinds & _TELL_THEIR_LENGTH:
            return
        if container.duration >= _ENDLESS_S * av.time_base:
            return
        # There times and length count from 0, not from the first frame, so that a beginning that is lost leaves a gap.
        counted_from_0 = kinds & LENGTH_FROM_0 or is_fragmented(container)
        start = 0 if counted_from_0 else container.start_time or 0
        promised = Fraction(start + container.duration, av.time_base)
        if end is not None:
            promised = min(promised, end)
        elif "matroska" in kinds:
            self.check_track(last_end, metadata)
        if whole and container.start_time is not None and not (is_fragmented(container) or kinds & {"nut", "asf"}):
            self.check_beginning(Fraction(start, av.time_base))
        self.check_length(max(last_end, reached), promised)

    def check_length(self, reached: Fraction, promised: Fraction) -> None:
        """Compares where the file ends, s, with where its header says, and reports one that is truncated."""
        short = promised - reached
        if self.report.truncated is not None:
            return
        if short > TRUNCATED_BY:
            self.report.truncated = (
                f"the file is truncated: it ends at {float(reached):.2f} s instead of {float(promised):.2f} s"
            )
            return
        self._warn_if_short("file", reached, promised)

    def check_beginning(self, start: Fraction) -> None:
        """Warns where the video begins some frames after the file does, s: that may be so, or frames are lost."""
        first = start if self._first is None else self._first * self.time_base
        if first - start > _SHORT_BY_FRAMES * self._frame:
            self.report.warn(f"the video starts {float(first - start):.2f} s after the start of the file")

    def check_track(self, reached: Fraction, metadata: dict[str, str]) -> None:
        """Compares where the video ends, s, with the duration that Matroska's writers note with each track."""
        hours, _, rest = next((v for k, v in metadata.items() if k.upper() == "DURATION"), "").partition(":")
        minutes, _, seconds = rest.partition(":")
        try:
            promised = int(hours) * 3600 + int(minutes) * 60 + Fraction(seconds)
        except ValueError:
            return
        self._warn_if_short("video", reached, promised)

    def lasts(self, told: Fraction) -> Fraction:
        """Returns how long a frame is shown, s: what the file tells, or as long as the rate has it (ASF tells 0)."""
        return told or self._frame

    @property
    def _frame(self) -> Fraction:
        return 1 / self.rate if self.rate else Fraction(1, 25)

    def _warn_if_short(self, what: str, reached: Fraction, promised: Fraction) -> None:
        if promised - reached > _SHORT_BY_FRAMES * self._frame:
            self.report.warn(f"the {what} ends at {float(reached):.2f} s instead of {float(promised):.2f} s")

    def check_packets(self, format_name: str) -> None:
        """Warns of an MPEG transport stream that ends within a packet; its header tells no length."""
        if (
            format_name == "mpegts"
            and self.path.is_file()
            and all(self.path.stat().st_size % size for size in _TS_PACKETS)
        ):
            self.report.warn("the file ends within a packet: it may be truncated")
