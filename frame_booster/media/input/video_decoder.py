"""The video decoder of an input: packets of one stream in, whole frames of one format with their times out."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av

from frame_booster.errors import DecodeError, InputError
from frame_booster.media.frames.filters import Cropper, Deinterlacer
from frame_booster.media.frames.planes import planar
from frame_booster.media.frames.side_data import SideDataRemoval, side_data
from frame_booster.media.input.constant_format import ConstantFormat
from frame_booster.media.input.display_order import DisplayOrder
from frame_booster.media.input.source import FrameFormat, SourceFrame, SourceReport
from frame_booster.media.input.truncation import Completeness, gives_a_frame
from frame_booster.media.input.video_stream import VideoTrack
from frame_booster.options import InputOptions

_LOST = {
    "DOVI_RPU_BUFFER": "Dolby Vision",
    "DYNAMIC_HDR_PLUS": "HDR10+",
    "DYNAMIC_HDR_VIVID": "HDR Vivid",
    "AFD": "active format description",
    "S12M_TIMECODE": "timecode",
    "GOP_TIMECODE": "timecode",
}
"""Side data of frames that no encoder is given, by PyAV's names, and what people call it."""


class VideoDecoder:
    """Decodes the chosen stream of a file, and makes of what comes what is shown.

    Args:
      path: of the file, for messages.
      track: the stream.
      options: how it is read.
      report: told of damage and of what is lost.
      seen: counts frames and packets.
      origin: where the file begins, s, for messages.
      begin: where the part asked for begins, s; None is the file's beginning.
    """

    def __init__(
        self,
        path: Path,
        track: VideoTrack,
        options: InputOptions,
        report: SourceReport,
        seen: Completeness,
        origin: Fraction,
        begin: Fraction | None,
    ) -> None:
        self.path, self.options, self.report = path, options, report
        self.stream, self.info, self._cropping, self._decoder = track
        self._seen, self._origin, self._begin = seen, origin, begin
        rate = self.info.rate
        self._ticks_per_frame = round(1 / (rate * self.info.time_base)) if rate else None
        self._next_pts: int | None = None
        self.counts_packets = False
        """Whether each packet of some codecs is expected to give a frame."""
        self.counts_frames = False
        """Whether frames are shown at the rate, whatever their times."""
        self._frames = 0
        self.part_begun = False
        """Whether the first frame of the part asked for has been given."""
        self._in_part = False
        self._order = DisplayOrder(
            self._decoded,
            reorders=self.stream.codec_context.codec.reorder,
            time=self._time,
            path=path,
            report=report,
            strict=options.strict,
        )
        self.begin_in(None)

    def begin_in(self, frame_format: FrameFormat | None) -> None:
        """Takes the format of all frames, None for that of the next; filters are made for one."""
        self._constant = ConstantFormat(self.path, self.report, strict=self.options.strict, first=frame_format)
        self._removal: SideDataRemoval | None = None
        self._cropper: Cropper | None = None
        self._deinterlacer: Deinterlacer | None = None
        self._under_way: dict[int, tuple[int, bytes]] = {}
        """Duration and captions of frames in the deinterlacer, by pts."""

    @property
    def format(self) -> FrameFormat | None:
        """Of all frames that are given, before anything is cropped; known once the first is."""
        return self._constant.first

    def decode(self, packet: av.Packet) -> Iterator[SourceFrame]:
        """Yields the frames that a packet completes, as they are shown: in the format of all, cropped, whole.

        Raises:
          DecodeError: a frame is damaged or changes, and the reading is strict; or there are no times.
          InputError: the video is interlaced, or of a pixel format that is not supported.
        """
        if packet.is_corrupt:
            self._damaged(None)
        if packet.size and not packet.is_discard and self.counts_packets:
            self._seen.packets += gives_a_frame(packet, self.stream.codec_context.codec.canonical_name)
        if self.counts_frames:
            packet.pts = None
        for timed in self._order.push(packet):
            frame, pts, duration = timed.frame, timed.pts, timed.duration
            if not self._seen.frames:
                _warn_of_lost_metadata(frame, self.report)
            self._seen.add(pts, duration)
            interlaced, captions = frame.interlaced_frame, side_data(frame, "A53_CC") or b""
            frame = self._shown_part(frame, pts, captions)
            if self.options.deinterlace:
                frame.pts, frame.time_base = pts, self.info.time_base
                yield from self._deinterlaced(frame, duration, captions)
                continue
            if interlaced:
                self._refuse_interlaced(frame)
            yield SourceFrame(frame, pts, duration, captions)
        if self.options.deinterlace and packet.dts is None and packet.size == 0:
            yield from self._deinterlaced(None, 0, b"")

    def _decoded(self, packet: av.Packet) -> list[av.VideoFrame]:
        """Returns the frames that a packet completes, in the order of the decoder."""
        try:
            frames: list[av.VideoFrame] = packet.decode() if self._decoder is None else self._decoder.decode(packet)
        except av.error.InvalidDataError as error:
            # FFmpeg's own programs go on after a damaged packet, too; the report counts it.
            self._damaged(error)
            return []
        for frame in frames:
            if getattr(frame, "is_corrupt", False):
                self._damaged(None)
        return frames

    def _time(self, frame: av.VideoFrame) -> int:
        """Returns the time of a frame that the decoder gives, ticks."""
        if self.counts_frames and self.info.rate:
            pts = round(self._frames / (self.info.rate * self.info.time_base))
            self._frames, frame.duration = self._frames + 1, 0
            return pts
        pts = frame.pts if frame.pts is not None else self._missing_pts()
        self._next_pts = pts + (frame.duration or self._ticks_per_frame or 0)
        return pts

    def _shown_part(self, frame: av.VideoFrame, pts: int, captions: bytes) -> av.VideoFrame:
        """Returns a decoded frame in the format of all, without captions, which an encoder would repeat, cropped."""
        frame, time = planar(frame), pts * self.info.time_base
        if self._begin is not None and not (self.part_begun or self._in_part) and self._constant.is_new(frame):
            # What comes before the part asked for says nothing of its format.
            self.begin_in(None)
        self._in_part = self._begin is None or time >= self._begin
        frame = self._constant.take(frame, time - self._origin)
        if captions:
            self._removal = self._removal or SideDataRemoval(frame, ["A53_CC"])
            frame = self._removal.take_off(frame)
        if any(self._cropping):
            self._cropper = self._cropper or Cropper(frame, self._cropping)
            frame = self._cropper.crop(frame)
        return frame

    def _refuse_interlaced(self, frame: av.VideoFrame) -> None:
        if self._reached_frames:
            self.report.warn("some frames are interlaced; --deinterlace takes care of them")
            return
        raise InputError(
            "is interlaced: each picture shows two moments, with nothing right between two of them",
            path=self.path,
            hint="--deinterlace makes whole frames of it first",
        )

    @property
    def _reached_frames(self) -> bool:
        return self._ticks_per_frame is not None and (self._next_pts or 0) > 4 * self._ticks_per_frame

    def _deinterlaced(self, frame: av.VideoFrame | None, duration: int, captions: bytes) -> Iterator[SourceFrame]:
        if frame is not None:
            if self._deinterlacer is None:
                self._deinterlacer = Deinterlacer(frame, self.info.time_base)
            self._under_way[frame.pts] = duration, captions
        if self._deinterlacer is None:
            return
        for made in self._deinterlacer.push(frame):
            yield SourceFrame(planar(made), made.pts, *self._under_way.pop(made.pts, (0, b"")))

    def _damaged(self, error: BaseException | None) -> None:
        self.report.decode_errors += 1
        if self.options.strict:
            raise DecodeError("a frame is damaged", path=self.path, hint="without --strict it is concealed") from error

    def _missing_pts(self) -> int:
        """Returns where a frame without a timestamp follows, by the one before and the stream's rate."""
        if not self._ticks_per_frame:
            raise DecodeError("frames have neither timestamps nor a rate", path=self.path, hint="give --rate")
        self.report.warn(f"frames without timestamps are shown at {self.info.rate} frames a second")
        return 0 if self._next_pts is None else self._next_pts


def _warn_of_lost_metadata(frame: av.VideoFrame, report: SourceReport) -> None:
    for kind, name in _LOST.items():
        data = side_data(frame, kind)
        # Every group of MPEG-2 pictures has a timecode; 0 where nobody set it.
        if data is not None and (kind != "GOP_TIMECODE" or any(data)):
            report.warn(f"the {name} metadata of each frame is left out; the picture itself is kept")
