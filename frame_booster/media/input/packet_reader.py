"""Packets of a file by one clock, from where they are wanted."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error

from frame_booster.media.input.apng import ExactTimes
from frame_booster.media.input.clock import Clock
from frame_booster.media.input.container import is_raw_stream, may_restart
from frame_booster.media.input.decode_times import with_decode_times, with_times_of_data
from frame_booster.media.input.joined import said_of, second_file
from frame_booster.media.input.seeking import from_key_frame
from frame_booster.media.input.source import SourceReport
from frame_booster.media.input.window import SUBTITLES_LAST, skipped_by_decoders
from frame_booster.media.paths import is_pipe
from frame_booster.media.pyav.rational import exact
from frame_booster.media.remote_path import RemotePath
from frame_booster.options import InputOptions

_ENDS_WITH_AN_ERROR = frozenset({"mpjpeg", "smjpeg"})
"""Formats, by FFmpeg's names, whose demuxers call the end of a file invalid data."""
_TAIL = 64
"""Most bytes that these have behind their last picture."""
_MARGIN = Fraction(1)
"""So much, s, is read before the place that is wanted."""


class PacketReader:
    """Reads the packets of all streams of an open file.

    Args:
      container: of the file.
      path: of it, or `PIPE`.
      video: the stream that is decoded.
      options: how to read.
      report: told where the file cannot be read on.
      exact_times: the times of the packets, if FFmpeg's are not taken.
    """

    def __init__(
        self,
        container: Any,
        path: Path,
        video: Any,
        options: InputOptions,
        report: SourceReport,
        exact_times: ExactTimes | None = None,
    ) -> None:
        self._container, self._path, self._video = container, path, video
        self._options, self._report, self._exact = options, report, exact_times

    def seek(self, begin: Fraction | None, *, subtitles: bool) -> Fraction | None:
        """Goes to shortly before where frames are wanted.

        Args:
          begin: where that is, s, by the file's clock; None: at the beginning.
          subtitles: whether those that are on at that time are wanted, too.

        Returns:
          The time, s, for `packets`, where it cannot be sought by it; else None.
        """
        if begin is None or begin <= 0 or not self._can_seek():
            return None
        if may_restart(self._container):
            # Two frames may be at the time that is sought.
            return begin
        # What is on at the beginning of a part began before it, and what decoders of its sound skip is before it, too.
        others = [stream for stream in self._container.streams if stream.index != self._video.index]
        shown = subtitles and any(stream.type == "subtitle" for stream in others)
        skipped = max((skipped_by_decoders(s) for s in others if s.type == "audio"), default=Fraction(0))
        early = max(SUBTITLES_LAST * shown, skipped)
        target = max(begin - max(_MARGIN, early), Fraction(0))
        if skipped and not target:
            return begin
        base = exact(self._video.time_base) or Fraction(1, av.time_base)
        try:
            # By the stream that is decoded: Matroska goes to a key frame of one stream alone.
            self._container.seek(int(target / base), stream=self._video)
        except av.error.FFmpegError:
            # A format without an index: what comes before is decoded and left out.
            self._report.warn(
                "the input does not support seeking: everything before the start is decoded, which takes time"
            )
        return begin if early else None

    def _can_seek(self) -> bool:
        """Tells whether frames from a place on are the same when reading begins there."""
        # The cycles of pulldown are counted from the first frame, as are frames that have no times of their own.
        return not (is_pipe(self._path) or self._options.ivtc or is_raw_stream(self._container))

    def packets(self, begin: Fraction | None, joints: set[int]) -> Iterator[av.Packet]:
        """Yields packets, of the video only those that are needed from `begin` on, s; None is all.

        Args:
          begin: what `seek` has returned.
          joints: takes the times of the video at which the clock begins anew, in ticks of its time base.
        """
        clock = Clock(self._container, self._path, self._report, strict=self._options.strict)
        clock.starts[self._video.index] = joints
        packets = clock.joined(with_decode_times(with_times_of_data(self._readable()), self._video.index))
        return packets if begin is None else from_key_frame(packets, self._video.index, begin - _MARGIN)

    def _readable(self) -> Iterator[av.Packet]:
        """Yields packets up to where the file cannot be read on; then the decoder gives what it still holds."""
        end_of_last = 0
        try:
            packets = self._container.demux()
            for packet in packets if self._exact is None else self._exact.packets(packets):
                if packet.pos is not None:
                    end_of_last = packet.pos + packet.size
                yield packet
        # Each of the libraries that read addresses has errors of its own.
        except Exception as error:
            if not isinstance(error, av.error.FFmpegError) and not isinstance(self._path, RemotePath):
                raise
            why = getattr(error, "strerror", None) or str(error) or type(error).__name__
            text = f"the file cannot be read to the end: {why}"
            offset = second_file(self._path, self._container.format.name)
            if not self._is_end(end_of_last):
                self._report.truncated = text if offset is None else f"{text}; {said_of(offset)}"
            end = av.Packet()
            end.stream = self._video
            yield end

    def _is_end(self, end_of_last: int) -> bool:
        """Tells whether an error is the end of the file: no more than a mark of that follows the last packet."""
        if self._container.format.name not in _ENDS_WITH_AN_ERROR or not self._path.is_file():
            return False
        return end_of_last > 0 and self._path.stat().st_size - end_of_last <= _TAIL
