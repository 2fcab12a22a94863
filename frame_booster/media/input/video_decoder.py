"""The video decoder of an input: takes packets of one stream, yields frames of one format with their times."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av

from frame_booster.errors import DecodeError
from frame_booster.media.frames.filters import Cropper
from frame_booster.media.frames.planes import conversion_of, planar
from frame_booster.media.frames.side_data import SideDataRemoval, side_data
from frame_booster.media.input.constant_format import ConstantFormat
from frame_booster.media.input.display_order import DisplayOrder
from frame_booster.media.input.interlacing import Decoded, Interlacing
from frame_booster.media.input.lost_metadata import warn_of_lost_metadata
from frame_booster.media.input.source import FrameFormat, SourceFrame, SourceReport
from frame_booster.media.input.telecine import FINER, Telecine
from frame_booster.media.input.truncation import Completeness, gives_a_frame
from frame_booster.media.input.video_stream import VideoTrack
from frame_booster.media.pyav.decoding import DamagedPacketError, decoded
from frame_booster.media.pyav.rational import exact
from frame_booster.options import InputOptions


class VideoDecoder:
    """Decodes the chosen stream of a file to progressive, cropped frames of one format.

    Args:
      path: path of the file, for messages.
      track: the stream.
      options: how to read it.
      report: gets warnings about damage and losses.
      seen: counts frames and packets.
      origin: start time of the file, s, for messages.
      begin: start of the requested part, s; None for the start of the file.
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
        self.stream, self.info, self._cropping, self._rate, self._decoder = track
        self._seen, self._origin, self._begin = seen, origin, begin
        rate = self._rate
        self._finer = FINER if options.ivtc else 1
        self._time_base = self.info.time_base * self._finer
        """Time base of decoded frames; that of yielded frames may be finer."""
        self._ticks_per_frame = round(1 / (rate * self._time_base)) if rate else None
        self.fields: Interlacing | Telecine
        """Handling of interlaced fields; first of all, while their rows are where they were decoded."""
        if options.ivtc:
            self.fields = Telecine(report, rate or Fraction(30000, 1001))
        else:
            self.fields = Interlacing(path, report, self.info.time_base, options.deinterlace, strict=options.strict)
        self._next_pts: int | None = None
        self.counts_packets = False
        """Whether each packet of certain codecs must give a frame."""
        self.counts_frames = False
        """Whether times follow from the frame rate instead of timestamps."""
        self._frames = 0
        self.part_begun = False
        """Whether the first frame of the requested part has been yielded."""
        self._in_part = False
        self._damage = 0
        """Number of frames that are damaged, or on which the decoder failed."""
        self._pixel_shape: Fraction | None = None
        self._told_shape = False
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
        """Sets the format of all frames; None: that of the next frame. Filters are created for one format."""
        self._constant = ConstantFormat(self.path, self.report, strict=self.options.strict, first=frame_format)
        self._removal: SideDataRemoval | None = None
        self._cropper: Cropper | None = None

    def end_threads(self) -> None:
        """Waits for the decoder's threads and drops their frames; call it before the file is closed.

        Python frees a decoder while it holds its lock, and waits for these threads. A thread that meets an error in the
        stream while FFmpeg's log is collected (`pyav/ffmpeg_log.py`) needs that lock too: a deadlock.
        """
        for decoder in (self.stream.codec_context, self._decoder):
            if decoder is not None:
                decoder.flush_buffers()

    @property
    def format(self) -> FrameFormat | None:
        """Format of all frames before cropping; known after the first."""
        return self._constant.first

    def decode(self, packet: av.Packet) -> Iterator[SourceFrame]:
        """Yields the frames that a packet completes: deinterlaced, cropped, in the common format.

        Raises:
          DecodeError: the reading is strict and a frame is damaged, changes or is interlaced; or there are no times.
          InputError: the pixel format is not supported.
        """
        if packet.is_corrupt:
            self._damaged(None)
        if not packet.size and packet.dts is not None:
            # Of Theora and others: the frame before goes on. To the decoder an empty packet means the end.
            return
        if packet.size and not packet.is_discard and self.counts_packets:
            self._seen.packets += gives_a_frame(packet, self.stream.codec_context.codec.canonical_name)
        if self.counts_frames:
            packet.pts = None
        for timed in self._order.push(packet):
            frame, pts, duration = timed.frame, timed.pts, timed.duration
            if not self._seen.frames:
                warn_of_lost_metadata(frame, pts * self._time_base - self._origin, self.report)
            self._look_at_pixel_shape(pts)
            self._seen.add(pts, duration)
            interlaced, captions = frame.interlaced_frame, side_data(frame, "A53_CC") or b""
            if interlaced:
                # Each field may have a packet of its own.
                self.counts_packets, self._seen.packets = False, 0
            converted = conversion_of(frame.format.name)
            if converted is not None:
                self._tell(converted)
            frame = planar(frame)
            pts, duration = pts * self._finer, duration * self._finer
            frame.pts, frame.time_base = pts, self.info.time_base
            for item in self.fields.push(Decoded(frame, pts, duration, captions, interlaced)):
                yield self._shown(item)
        if packet.dts is None and packet.size == 0:
            for item in self.fields.flush():
                yield self._shown(item)

    def _shown(self, item: Decoded) -> SourceFrame:
        return SourceFrame(self._shown_part(*item[:2], item.captions), item.pts, item.duration, item.captions)

    def _decoded(self, packet: av.Packet) -> list[av.VideoFrame]:
        """Returns the frames that a packet completes, in decoder order."""
        try:
            frames: list[av.VideoFrame] = decoded(
                av.Packet.decode if self._decoder is None else self._decoder.decode, packet
            )
        except DamagedPacketError as error:
            # FFmpeg's own programs go on after a damaged packet, too; the report counts it.
            self._damaged(error)
            self._warn_of_damage()
            return []
        for frame in frames:
            if getattr(frame, "is_corrupt", False):
                self._damaged(None)
                self._warn_of_damage()
        return frames

    def _time(self, frame: av.VideoFrame) -> int:
        """Returns the time of a decoded frame, ticks."""
        if self.counts_frames and self._rate:
            pts = round(self._frames / (self._rate * self._time_base))
            self._frames, frame.duration = self._frames + 1, 0
            return pts
        pts = frame.pts if frame.pts is not None else self._missing_pts()
        self._next_pts = pts + (frame.duration or self._ticks_per_frame or 0)
        return pts

    def _shown_part(self, frame: av.VideoFrame, pts: int, captions: bytes) -> av.VideoFrame:
        """Returns a decoded frame cropped, in the common format, without captions, which an encoder would repeat."""
        time = pts * self.info.time_base
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

    def _damaged(self, error: BaseException | None) -> None:
        self.report.decode_errors += 1
        if self.options.strict:
            raise DecodeError(
                "a frame is damaged", path=self.path, hint="without --strict this is only a warning"
            ) from error

    def _warn_of_damage(self) -> None:
        """Counts a damaged frame in a warning; not a packet that a demuxer only suspects, as at a joint of streams."""
        text = "damaged frames are concealed by the decoder or dropped"
        before, self._damage = f"{text}: {self._damage}", self._damage + 1
        self.report.warn(f"{text}: {self._damage}", instead_of=before)

    def _look_at_pixel_shape(self, pts: int) -> None:
        """Warns of a change of pixel aspect ratio, as where television switches from 4:3 to 16:9."""
        shape = exact(self.stream.codec_context.sample_aspect_ratio)
        if not shape or shape == self._pixel_shape:
            return
        before, self._pixel_shape = self._pixel_shape, shape
        if before is None or self._told_shape or (self._begin is not None and not self._in_part):
            return
        time = float(pts * self._time_base - self._origin)
        ratios = " to ".join(f"{ratio.numerator}:{ratio.denominator}" for ratio in (before, shape))
        self._told_shape = True
        self._tell(f"at about {time:.2f} s the pixel aspect ratio changes from {ratios}: the output keeps the first")

    def _tell(self, text: str) -> None:
        if self.options.strict:
            raise DecodeError(text, path=self.path, hint="without --strict this is only a warning")
        self.report.warn(text)

    def _missing_pts(self) -> int:
        """Returns the time of a frame without a timestamp, from the frame before and the frame rate."""
        if not self._ticks_per_frame:
            raise DecodeError("the frames have neither timestamps nor a frame rate", path=self.path, hint="use --rate")
        self.report.warn(f"frames without timestamps are placed at {self._rate} fps")
        return 0 if self._next_pts is None else self._next_pts
