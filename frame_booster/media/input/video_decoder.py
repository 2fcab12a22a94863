"""The video decoder of an input: packets of one stream in, whole frames of one format with their times out."""

from __future__ import annotations

import sys
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
from frame_booster.media.input.source import FrameFormat, SourceFrame, SourceReport
from frame_booster.media.input.telecine import FINER, Telecine
from frame_booster.media.input.truncation import Completeness, gives_a_frame
from frame_booster.media.input.video_stream import VideoTrack
from frame_booster.media.pyav.decoding import DamagedPacketError, decoded
from frame_booster.media.pyav.rational import exact
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
        self.stream, self.info, self._cropping, self._rate, self._decoder = track
        self._seen, self._origin, self._begin = seen, origin, begin
        rate = self._rate
        self._finer = FINER if options.ivtc else 1
        self._time_base = self.info.time_base * self._finer
        """Of decoded frames; those that are given may have a finer one."""
        self._ticks_per_frame = round(1 / (rate * self._time_base)) if rate else None
        self.fields: Interlacing | Telecine
        """What is done with fields before all else, as long as their rows are where they were decoded to."""
        if options.ivtc:
            self.fields = Telecine(report, rate or Fraction(30000, 1001))
        else:
            self.fields = Interlacing(path, report, self.info.time_base, options.deinterlace, strict=options.strict)
        self._next_pts: int | None = None
        self.counts_packets = False
        """Whether each packet of some codecs is expected to give a frame."""
        self.counts_frames = False
        """Whether frames are shown at the rate, whatever their times."""
        self._frames = 0
        self.part_begun = False
        """Whether the first frame of the part asked for has been given."""
        self._in_part = False
        self._damage = 0
        """Frames that are damaged, or that the decoder has failed at."""
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
        """Takes the format of all frames, None for that of the next; filters are made for one."""
        self._constant = ConstantFormat(self.path, self.report, strict=self.options.strict, first=frame_format)
        self._removal: SideDataRemoval | None = None
        self._cropper: Cropper | None = None

    def end_threads(self) -> None:
        """Waits for what the decoder's threads have under way, and drops it; to be called before the file is closed.

        Python frees a decoder with its lock held, which waits for these threads. One that meets an error in the stream
        while FFmpeg's log is collected (`pyav/ffmpeg_log.py`) wants that lock too, and both would wait for ever.
        """
        for decoder in (self.stream.codec_context, self._decoder):
            if decoder is not None:
                decoder.flush_buffers()

    @property
    def format(self) -> FrameFormat | None:
        """Of all frames that are given, before anything is cropped; known once the first is."""
        return self._constant.first

    def decode(self, packet: av.Packet) -> Iterator[SourceFrame]:
        """Yields the frames that a packet completes, as they are shown: in the format of all, cropped, whole.

        Raises:
          DecodeError: a frame is damaged, changes or is interlaced, and the reading is strict; or there are no times.
          InputError: the video is of a pixel format that is not supported.
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
                _warn_of_lost_metadata(frame, pts * self._time_base - self._origin, self.report)
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
        """Returns the frames that a packet completes, in the order of the decoder."""
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
        """Returns the time of a frame that the decoder gives, ticks."""
        if self.counts_frames and self._rate:
            pts = round(self._frames / (self._rate * self._time_base))
            self._frames, frame.duration = self._frames + 1, 0
            return pts
        pts = frame.pts if frame.pts is not None else self._missing_pts()
        self._next_pts = pts + (frame.duration or self._ticks_per_frame or 0)
        return pts

    def _shown_part(self, frame: av.VideoFrame, pts: int, captions: bytes) -> av.VideoFrame:
        """Returns a decoded frame in the format of all, without captions, which an encoder would repeat, cropped."""
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
            raise DecodeError("a frame is damaged", path=self.path, hint="without --strict it is concealed") from error

    def _warn_of_damage(self) -> None:
        """Warns of one more frame; not of a packet that a demuxer merely suspects, as where streams were joined."""
        text = "damaged frames are shown as the decoder conceals them, or left out"
        before, self._damage = f"{text}: {self._damage}", self._damage + 1
        self.report.warn(f"{text}: {self._damage}", instead_of=before)

    def _look_at_pixel_shape(self, pts: int) -> None:
        """Tells of pixels that change their shape, as where television goes over from 4:3 to 16:9."""
        shape = exact(self.stream.codec_context.sample_aspect_ratio)
        if not shape or shape == self._pixel_shape:
            return
        before, self._pixel_shape = self._pixel_shape, shape
        if before is None or self._told_shape or (self._begin is not None and not self._in_part):
            return
        time = float(pts * self._time_base - self._origin)
        ratios = " to ".join(f"{ratio.numerator}:{ratio.denominator}" for ratio in (before, shape))
        self._told_shape = True
        self._tell(
            f"at about {time:.2f} s the shape of pixels changes from {ratios}: they keep that of the first frame"
        )

    def _tell(self, text: str) -> None:
        if self.options.strict:
            raise DecodeError(text, path=self.path, hint="without --strict it goes on with this as a warning")
        self.report.warn(text)

    def _missing_pts(self) -> int:
        """Returns where a frame without a timestamp follows, by the one before and the stream's rate."""
        if not self._ticks_per_frame:
            raise DecodeError("frames have neither timestamps nor a rate", path=self.path, hint="give --rate")
        self.report.warn(f"frames without timestamps are shown at {self._rate} frames a second")
        return 0 if self._next_pts is None else self._next_pts


def _warn_of_lost_metadata(frame: av.VideoFrame, time: Fraction, report: SourceReport) -> None:
    """Warns of what comes with a frame and is given to no encoder.

    Args:
      frame: as decoded.
      time: since the beginning of the file, s.
      report: told of it.
    """
    for kind, name in _LOST.items():
        data = side_data(frame, kind)
        if data is not None and (kind != "GOP_TIMECODE" or _is_a_label(data, time)):
            report.warn(f"the {name} metadata of each frame is left out; the picture itself is kept")


def _is_a_label(data: bytes, time: Fraction) -> bool:
    """Tells whether the timecode of a group of MPEG-2's pictures is more than the time since the file's beginning.

    Every group has one: encoders that are given none count from 0, often at a whole rate.
    """
    # 25 bits: drop frame, hours (5), minutes (6), a marker, seconds (6), pictures (6); ISO/IEC 13818-2, 6.3.8.
    bits = int.from_bytes(data, sys.byteorder)
    hours, minutes, seconds, pictures = bits >> 19 & 31, bits >> 13 & 63, bits >> 6 & 63, bits & 63
    told = 3600 * hours + 60 * minutes + seconds
    return bool(told or pictures) and abs(told - time) > 1 + abs(time) / 100
