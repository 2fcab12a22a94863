"""The video encoder of an output: takes frames with their times, returns packets with their times.

It uses its container only for what affects encoding (global headers, time base). It does not mux: the sink of a file
muxes its packets, and a run with segments stores them on disk.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.codec
import av.error
from av.codec.context import Flags

from frame_booster.errors import EncodeError
from frame_booster.media.frames.chroma_location import ENCODER_OPTION, LOCATIONS, chroma_location
from frame_booster.media.frames.pixel_formats import has_alpha, what_is_lost
from frame_booster.media.input.source import VideoInfo
from frame_booster.media.output.encoders import (
    HARDWARE_SUFFIXES,
    choose_codec,
    choose_pixel_format,
    container_for,
    encoder_options,
    loses_reordering,
    options_asked_for,
    software_encoders,
)
from frame_booster.media.output.frame_conversion import FrameConversion
from frame_booster.media.output.frame_numbers import COUNTS_FRAMES, FrameNumbers, coded_rate
from frame_booster.media.output.gif import without_header
from frame_booster.media.output.hdr import hdr_parameters
from frame_booster.media.output.sink import CONSTANT_RATE, SinkOptions
from frame_booster.media.passthrough.capabilities import shown_format
from frame_booster.media.passthrough.captions import carries_captions, with_captions
from frame_booster.media.pyav.ffmpeg_log import errors_logged
from frame_booster.media.pyav.rational import exact, rescale

GOP_SECONDS = 10
"""Longest distance between key frames, s, at any frame rate; x264's default at 25 fps."""
_DEFAULT_RATE = Fraction(50)


class VideoEncoder:
    """Encodes frames of one format, each with its own timestamp.

    Args:
      container: PyAV's container, open for writing, without a header yet; gets a stream.
      first: the first frame, which has the colour tags of all frames.
      info: facts about the source's video.
      options: options of the output.
      begun: number of frames in earlier segments of the output, for formats without timestamps.

    Raises:
      EncodeError: the encoder does not exist, or does not support the frames.
    """

    def __init__(
        self, container: Any, first: av.VideoFrame, info: VideoInfo, options: SinkOptions, begun: int = 0
    ) -> None:
        self.name: Path = options.name
        self.warnings: list[str] = []
        self._format, self._asked, self._frames = options.format, options.encoder, begun
        self._follows = begun > 0
        """Whether the next packet is the first of this encoder, but not of the output."""
        source_format = first.format.name
        self.codec = choose_codec(options.encoder, options.format, source_format)
        self._coding = av.codec.Codec(self.codec, "w").canonical_name
        size = first.width, first.height
        self.pix_fmt = choose_pixel_format(self.codec, source_format, options.encoder.pix_fmt, options.format, size)
        usual = choose_pixel_format(self.codec, source_format, options.encoder.pix_fmt, options.format)
        if usual != self.pix_fmt:
            self.warnings.append(
                f"{self.codec} cannot encode {size[0]}x{size[1]} in {usual}: {self.pix_fmt} is used, which not every "
                "player supports (--codec libvpx-vp9 supports any size)"
            )
        self._convert = FrameConversion(first, self.codec, self.pix_fmt)
        if self._convert.narrows:
            self.warnings.append(f"full range is converted to limited range, the only one that {self.codec} supports")
        lost = None if options.encoder.pix_fmt else what_is_lost(source_format, self.pix_fmt)
        if lost is not None:
            self.warnings.append(f"{source_format} is converted to {self.pix_fmt} for {self.codec}, which loses {lost}")
        if options.reproducible and self.codec.startswith("libvpx") and has_alpha(self.pix_fmt):
            # Alpha is in side data of the packets, which PyAV cannot write.
            raise EncodeError(
                f"--resume does not support {self.codec} with alpha",
                path=self.name,
                hint="remove --resume, or write an .mkv with --codec ffv1",
            )
        if options.reproducible and self.codec == "apng":
            # The chunks of an APNG are numbered consecutively, but each segment would start again.
            raise EncodeError(
                "--resume does not support animated PNG",
                path=self.name,
                hint="remove --resume, or write a .webp, or an .mkv with --codec ffv1",
            )
        rate = options.rate or _DEFAULT_RATE
        self._counts = options.format in CONSTANT_RATE
        self.time_base = 1 / rate if self._counts else options.time_base
        """Time base of the packets."""
        self._tick = self.time_base
        self._rate = rate
        self._numbers = FrameNumbers(rate, self.time_base) if self.codec in COUNTS_FRAMES else None
        self.stream = self._add_stream(container, first, info, options, rate)
        self._durations: dict[int, int] = {}
        """Durations of frames in the encoder, by pts."""
        self._captions: dict[int, bytes] = {}
        self._lost_captions = False
        self._last_ticks: int | None = None
        self._in_order = loses_reordering(self.codec, options.format)
        self._given_last: int | None = None
        """pts of the last packet, if packets must be in the order of their pts."""

    def _add_stream(
        self, container: Any, first: av.VideoFrame, info: VideoInfo, options: SinkOptions, rate: Fraction
    ) -> Any:
        try:
            stream = container.add_stream(self.codec, rate=rate, options=self._settings(first, options))
        except (av.error.FFmpegError, ValueError) as error:
            suffix = container_for(self.codec)
            raise EncodeError(
                f"{shown_format(options.format)} does not support video from {self.codec}",
                path=self.name,
                hint=f"use another --codec{f', or write {suffix}, which can' if suffix else ''}",
            ) from error
        context = stream.codec_context
        if container.format.name == "tee":
            # FFmpeg's tee muxer does not report that the muxer behind it needs global headers.
            context.flags |= Flags.global_header
        context.width, context.height, context.pix_fmt = first.width, first.height, self.pix_fmt
        context.time_base = self.time_base
        if self._coding == "hevc" and options.format in ("mp4", "mov"):
            # Apple's players do not play hev1, FFmpeg's default; hvc1 is correct, as headers are not in the packets.
            context.codec_tag = "hvc1"
        if self._numbers is not None:
            coded = coded_rate(self.codec, rate)
            context.time_base = 1 / coded
            if coded != rate:
                self.warnings.append(
                    f"{self.codec} does not support {float(rate):.6g} fps: its stream says {float(coded):.6g} fps, but "
                    "the timestamps in the container are exact"
                )
        context.gop_size = max(round(rate * GOP_SECONDS), 1)
        context.thread_type, context.thread_count = "AUTO", options.threads or 0
        stream.time_base = self.time_base
        if info.sample_aspect_ratio is not None:
            context.sample_aspect_ratio = info.sample_aspect_ratio
        for tag, value in self._convert.colour(info.colour).items():
            if hasattr(context, tag):
                setattr(context, tag, value)
        return stream

    def _settings(self, first: av.VideoFrame, options: SinkOptions) -> dict[str, str]:
        settings = encoder_options(self.codec, options.encoder, options.format)
        if options.reproducible and self.codec.startswith("libx264"):
            # Without this, about one encoding in fifty differed, with any number of threads.
            settings["x264-params"] = ":".join(p for p in (settings.get("x264-params"), "cpu-independent=1") if p)
        chroma = chroma_location(first)
        if chroma != LOCATIONS[0]:
            settings[ENCODER_OPTION] = chroma
        hdr = hdr_parameters(self.codec, first)
        if hdr is None:
            self.warnings.append(f"the HDR metadata is lost: {self.codec} cannot store it (libx265 can)")
        elif hdr[1]:
            settings[hdr[0]] = ":".join(part for part in (settings.get(hdr[0]), hdr[1]) if part)
        return settings

    def refused(self, error: Exception, said: Sequence[str] = ()) -> EncodeError:
        """Returns the error to raise if the encoder or its container cannot be opened.

        Args:
          error: PyAV's error.
          said: FFmpeg's log messages about it.
        """
        context = self.stream.codec_context
        reason = next(iter(said), None) or getattr(error, "strerror", None) or str(error)
        reason = reason.rstrip(".")
        if context.is_open:
            return EncodeError(
                f"{shown_format(self._format)} rejects {self.codec} or its settings: {reason}",
                path=self.name,
                hint="remove --container-option, or write an .mkv, which supports nearly every encoder",
            )
        what = f"{context.width}x{context.height} in {self.pix_fmt} at {float(self._rate):.6g} fps"
        return EncodeError(f"{self.codec} cannot encode {what}: {reason}", path=self.name, hint=self._way_out(reason))

    def _way_out(self, reason: str) -> str:
        if self.codec.endswith(HARDWARE_SUFFIXES):
            return f"its hardware may be missing; software encoders: {', '.join(software_encoders())}"
        if re.search(r"fps|frame ?rate|time ?base", reason, re.IGNORECASE):
            return "use a rate that it supports, for example --fps 50 or --fps 60000/1001, or another --codec"
        if re.search(r"size|width|height|dimension|resolution", reason, re.IGNORECASE):
            return "--codec libvpx-vp9 or --codec ffv1 supports any size"
        if options_asked_for(self.codec, self._asked):
            return "remove --encoder-option, --crf and --preset, or use another --codec"
        return "use another --codec; --list-encoders shows them"

    def opened(self, tick: Fraction | None = None) -> None:
        """Checks options and times after the encoder has been opened.

        Args:
          tick: time resolution of the container, s; None if unknown before its header is written.

        Raises:
          EncodeError: the encoder does not know a requested option.
        """
        self._tick = tick or exact(self.stream.time_base) or self.time_base
        # FFmpeg leaves options that the encoder does not know, without an error.
        unknown = options_asked_for(self.codec, self._asked) & set(self.stream.codec_context.options)
        if unknown:
            raise EncodeError(f"{self.codec} has no option {', '.join(sorted(unknown))}", path=self.name)

    def encode(self, frame: av.VideoFrame, pts: int, duration: int, captions: bytes = b"") -> list[av.Packet]:
        """Encodes a frame and returns the packets that are ready, with pts, dts and duration.

        Args:
          frame: frame in the format of the first.
          pts, duration: its time and duration, ticks of the output's timeline.
          captions: closed captions, as for `Sink.write`.

        Raises:
          EncodeError: the encoder fails, or the container would round the pts to that of the frame before.
        """
        frame = self._convert(frame, self._frames)
        # The source's picture types would force the encoder's.
        frame.pict_type = 0
        if self._counts:
            # The format has no timestamps: frames are counted.
            pts, duration = self._frames, 1
        else:
            self._check_tick(pts)
        self._frames += 1
        frame.pts, frame.time_base = pts, self.time_base
        if self._numbers is not None:
            frame.pts, frame.time_base = self._numbers.number(pts), self.stream.codec_context.time_base
        self._durations[pts] = duration
        if captions and carries_captions(self._coding):
            self._captions[pts] = captions
        elif captions and not self._lost_captions:
            self._lost_captions = True
            self.warnings.append(f"closed captions are lost: {self.codec} cannot store them (libx264 and libx265 can)")
        return self._packets(frame)

    def flush(self) -> list[av.Packet]:
        """Flushes the encoder and returns the remaining packets."""
        return self._packets(None)

    def _packets(self, frame: av.VideoFrame | None) -> list[av.Packet]:
        try:
            packets: list[av.Packet] = list(self.stream.encode(frame))
        except av.error.FFmpegError as error:
            reason = (self._why_refused(frame) or error.strerror).rstrip(".")
            hint = self._way_out(reason)
            raise EncodeError(f"{self.codec} cannot encode a frame: {reason}", path=self.name, hint=hint) from error
        if self._numbers is not None:
            for packet in packets:
                self._numbers.give_time(packet)
        if self._captions:
            packets = [self._with_captions(packet) for packet in packets]
        if self._follows and packets and self.codec == "gif":
            packets[0] = self._replaced(packets[0], without_header(bytes(packets[0])))
            self._follows = False
        if self._in_order:
            self._check_order(packets)
        for packet in packets:
            # Not every encoder passes durations on, and a muxer would guess that of the last packet.
            packet.duration = self._durations.pop(packet.pts, packet.duration or 0)
        return packets

    def _why_refused(self, frame: av.VideoFrame | None) -> str | None:
        # Encodes the frame again to get FFmpeg's log, which is not collected during normal encoding.
        with errors_logged() as said, suppress(av.error.FFmpegError):
            self.stream.encode(frame)
        return next(iter(said), None)

    def _with_captions(self, packet: av.Packet) -> av.Packet:
        captions = self._captions.pop(packet.pts, b"")
        if not captions:
            return packet
        data = with_captions(bytes(packet), captions, self._coding)
        if data is None:
            raise EncodeError(f"closed captions cannot be written into the output of {self.codec}", path=self.name)
        return self._replaced(packet, data)

    def _replaced(self, packet: av.Packet, data: bytes) -> av.Packet:
        made = av.Packet(data)
        made.pts, made.dts, made.duration = packet.pts, packet.dts, packet.duration
        made.time_base, made.is_keyframe, made.stream = packet.time_base, packet.is_keyframe, self.stream
        return made

    def _check_order(self, packets: Sequence[av.Packet]) -> None:
        """Raises EncodeError if the pts of a packet is before that of the packet before it."""
        for packet in packets:
            if self._given_last is not None and packet.pts < self._given_last:
                raise EncodeError(
                    f"{shown_format(self._format)} cannot store the times of B-frames of {self.codec}",
                    path=self.name,
                    hint="remove the --encoder-option for B-frames, or write an .mkv, .mp4 or .mov",
                )
            self._given_last = packet.pts

    def _check_tick(self, pts: int) -> None:
        """Raises EncodeError if the container would round the pts of a frame to that of the frame before."""
        ticks = rescale(pts, self.time_base, self._tick)
        if self._last_ticks is not None and ticks <= self._last_ticks:
            raise EncodeError(
                f"two frames are closer than {self._tick} s, the time resolution of {shown_format(self._format)}",
                path=self.name,
                hint="write an .mp4 or .mov, which have a finer one",
            )
        self._last_ticks = ticks
