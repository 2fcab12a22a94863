"""Writing a container: one encoded video stream and whatever else is carried over."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import av.codec
import av.error

from frame_booster.errors import EncodeError, OutputError
from frame_booster.media.captions import carries_captions, with_captions
from frame_booster.media.carry import MP4_FAMILY, Carrier, is_timecode_track
from frame_booster.media.chroma import ENCODER_OPTION, LOCATIONS, chroma_location
from frame_booster.media.encoders import (
    HARDWARE_SUFFIXES,
    choose_codec,
    choose_pixel_format,
    encoder_options,
    has_alpha,
    options_asked_for,
    software_encoders,
    what_is_lost,
)
from frame_booster.media.filters import Palette
from frame_booster.media.hdr import hdr_parameters
from frame_booster.media.muxing import open_output, start_output
from frame_booster.media.planes import converted
from frame_booster.media.rational import exact, rescale
from frame_booster.media.reader import Source
from frame_booster.media.side_data import side_data
from frame_booster.media.tags import KEYS_OPTION, kept_tags, lost_tags
from frame_booster.media.timecode import KEY, retimed
from frame_booster.media.writer import SinkOptions, Written
from frame_booster.options import EncoderOptions

GOP_SECONDS = 10
"""Longest distance between key frames, s; x264's default at 25 fps, whatever the frame rate."""
_DEFAULT_RATE = Fraction(50)


class FileSink:
    """Encodes frames and carries packets into a file or standard output; a `writer.Sink`.

    Args:
      path: of the file, which is made or replaced; the caller renames it when all is well. `PIPE` is
        standard output.
      source: what is boosted; its tags and other streams are carried over.
      first: its first frame, which has the colour tags.
      options: how to write.

    Raises:
      EncodeError: the encoder or the container refuses.
    """

    def __init__(self, path: Path, source: Source, first: av.VideoFrame, options: SinkOptions) -> None:
        self.path, self.name, self.time_base = path, options.name, options.time_base
        self.warnings: list[str] = []
        self.written = Written()
        self._durations: dict[int, int] = {}
        self._captions: dict[int, bytes] = {}
        """Of frames in the encoder, by pts."""
        self._lost_captions = False
        self._last_ticks: int | None = None
        self._first_dts: int | None = None
        self._last: av.Packet | None = None
        self._palette: Palette | None = None
        source_format = first.format.name
        codec = choose_codec(options.encoder, options.format, source_format)
        self._codec, self._coding = codec, av.codec.Codec(codec, "w").canonical_name
        self.pix_fmt = choose_pixel_format(codec, source_format, options.encoder.pix_fmt, options.format)
        lost = None if options.encoder.pix_fmt else what_is_lost(source_format, self.pix_fmt)
        if lost is not None:
            self.warnings.append(f"{lost} of {source_format} is lost: {codec} gets {self.pix_fmt}")
        if options.reproducible and codec.startswith("libvpx") and has_alpha(self.pix_fmt):
            # It lies beside the packets, where PyAV cannot put it back.
            raise EncodeError(
                f"--resume loses the alpha of {codec}",
                path=self.name,
                hint="leave it out, or use --codec ffv1 and .mkv",
            )
        self._rates = source.info.rate, options.rate, source.begins_at
        tags = self._retimed(source.metadata)
        self.container = open_output(path, options, tags)
        try:
            self._add_video(codec, first, source, options)
            self._carrier = Carrier(self.container, source, self.name, options.carry, self._put, self._retimed)
            self.written.packets = self._carrier.packets
            self.written.tags |= self._carrier.tags
            self._warn_of_lost_tags(tags)
            if source.whole and source.chapters:
                self._add_chapters(source, options.carry.slower)
            self._open(options.encoder)
        except BaseException:
            self.container.close()
            raise
        self.warnings += self._carrier.warnings

    def _add_video(self, codec: str, first: av.VideoFrame, source: Source, options: SinkOptions) -> None:
        rate = options.rate or _DEFAULT_RATE
        settings = encoder_options(codec, options.encoder)
        if options.reproducible and codec.startswith("libx264"):
            # Without it one encoding in fifty or so came out different, whatever the number of threads.
            settings["x264-params"] = ":".join(p for p in (settings.get("x264-params"), "cpu-independent=1") if p)
        chroma = chroma_location(first)
        if chroma != LOCATIONS[0]:
            settings[ENCODER_OPTION] = chroma
        hdr = hdr_parameters(codec, first)
        if hdr is None:
            self.warnings.append(f"the HDR metadata is left out: {codec} cannot take it (libx265 can)")
        elif hdr[1]:
            settings[hdr[0]] = ":".join(part for part in (settings.get(hdr[0]), hdr[1]) if part)
        try:
            stream = self.container.add_stream(codec, rate=rate, options=settings)
        except (av.error.FFmpegError, ValueError) as error:
            raise EncodeError(f"{codec} cannot be used here: {error}", path=self.name) from error
        context = stream.codec_context
        context.width, context.height, context.pix_fmt = first.width, first.height, self.pix_fmt
        context.time_base = 1 / rate if options.format in _CONSTANT_RATE else self.time_base
        context.gop_size = max(round(rate * GOP_SECONDS), 1)
        context.thread_type, context.thread_count = "AUTO", options.threads or 0
        stream.time_base = context.time_base
        if source.info.sample_aspect_ratio is not None:
            context.sample_aspect_ratio = source.info.sample_aspect_ratio
        for tag, value in source.info.colour.items():
            if hasattr(context, tag):
                setattr(context, tag, value)
        tags = {k: v for k, v in source.info.metadata.items() if k.lower() not in _STALE_TAGS}
        label = next((s.metadata[KEY] for s in source.other_streams if is_timecode_track(s)), None)
        tags = self._retimed(tags if label is None else {KEY: label} | tags)
        stream.metadata.update(tags)
        self.written.tags[stream.index] = tags
        if source.info.disposition:
            stream.disposition = source.info.disposition
        matrix = side_data(first, "DISPLAYMATRIX")
        if matrix is not None:
            if hasattr(stream, "set_display_matrix"):
                stream.set_display_matrix(struct.unpack("9i", matrix))
            else:
                self.warnings.append("rotation is lost: this PyAV cannot write it, 18 and later can")
        if side_data(first, "SPHERICAL") is not None:
            self.warnings.append(
                "that this is a 360 degree video is lost, and players show it flat: PyAV cannot write it"
            )
        self._constant = Fraction(1) / rate if options.format in _CONSTANT_RATE else None
        self._video = stream

    def _retimed(self, tags: dict[str, str]) -> dict[str, str]:
        """Returns tags with the timecode that the output begins at."""
        moved, warning = retimed(tags, *self._rates)
        if warning is not None and warning not in self.warnings:
            self.warnings.append(warning)
        return moved

    def _warn_of_lost_tags(self, tags: dict[str, str]) -> None:
        name = self.container.format.name
        key, value = KEYS_OPTION
        flags = (settings.get(key, "") for settings in (self.container.options, self.container.container_options))
        options = {key: value} if any(value in flag for flag in flags) else {}
        tags = {k: v for k, v in self._video.metadata.items() if k.lower() == KEY} | tags
        lost = lost_tags(tags, kept_tags(name, tags, options, self._rates[1]))
        if lost:
            self.warnings.append(f"tags are lost, since {name} does not keep them: {', '.join(lost)}")

    def _add_chapters(self, source: Source, slower: int) -> None:
        chapters = [dict(chapter) for chapter in source.chapters]
        for chapter in chapters:
            chapter["start"] *= slower
            chapter["end"] *= slower
        self.container.set_chapters(chapters)

    def _open(self, encoder: EncoderOptions) -> None:
        try:
            start_output(self.container, encoder, self.name)
        except (av.error.FFmpegError, ValueError) as error:
            hint, reason = None, getattr(error, "strerror", None) or error
            if self._codec.endswith(HARDWARE_SUFFIXES):
                hint = f"its hardware may be missing; in software there is: {', '.join(software_encoders())}"
            raise EncodeError(
                f"the encoder or container refuses its settings: {reason}", path=self.name, hint=hint
            ) from error
        self._tick = exact(self._video.time_base) or self.time_base
        # FFmpeg leaves over what nothing in the encoder goes by, and says nothing.
        unknown = options_asked_for(self._codec, encoder) & set(self._video.codec_context.options)
        if unknown:
            raise EncodeError(f"{self._codec} has no option {', '.join(sorted(unknown))}", path=self.name)

    def write(self, frame: av.VideoFrame, pts: int, duration: int, captions: bytes = b"") -> None:
        """Encodes a frame to be shown at `pts` for `duration`, both in ticks of the time base."""
        if self.pix_fmt == "pal8":
            frame = self._paletted(frame)
        elif frame.format.name != self.pix_fmt:
            frame = converted(frame, self.pix_fmt)
        # The source's picture types would force the encoder's.
        frame.pict_type = 0
        self.written.add(pts, duration)
        if self._constant is not None:
            # The format has no timestamps: frames are counted.
            pts, duration = self.written.frames - 1, 1
        frame.pts, frame.time_base = pts, self._constant or self.time_base
        self._note(pts, duration, captions)
        self._mux(self._encode(frame))

    def _note(self, pts: int, duration: int, captions: bytes) -> None:
        self._check_tick(pts)
        self._durations[pts] = duration
        if captions and carries_captions(self._coding):
            self._captions[pts] = captions
        elif captions and not self._lost_captions:
            self._lost_captions = True
            self.warnings.append(f"closed captions are lost: {self._codec} cannot carry them (libx264 and libx265 can)")

    def _check_tick(self, pts: int) -> None:
        """Raises EncodeError where the container would round a frame's time to that of the one before."""
        if self._constant is not None:
            return
        ticks = rescale(pts, self.time_base, self._tick)
        if self._last_ticks is not None and ticks <= self._last_ticks:
            raise EncodeError(
                f"two frames lie closer than {self._tick} s, which {self.container.format.name} counts time in",
                path=self.name,
                hint="write an .mp4 or .mov, which count more finely",
            )
        self._last_ticks = ticks

    def _paletted(self, frame: av.VideoFrame) -> av.VideoFrame:
        rgb = frame if frame.format.is_rgb else converted(frame, "rgb24")
        rgb = (
            rgb
            if rgb.format.name in ("rgb24", "bgra")
            else rgb.reformat(format="bgra" if has_alpha(rgb.format.name) else "rgb24")
        )
        if self._palette is None:
            self._palette = Palette(rgb, Fraction(1))
        rgb.pts, rgb.time_base = self.written.frames, Fraction(1)
        [made] = self._palette.push(rgb)
        return made

    def _encode(self, frame: av.VideoFrame | None) -> Sequence[av.Packet]:
        try:
            packets: Sequence[av.Packet] = self._video.encode(frame)
        except av.error.FFmpegError as error:
            raise EncodeError(f"the encoder failed: {error.strerror}", path=self.name) from error
        return [self._with_captions(packet) for packet in packets] if self._captions else packets

    def _with_captions(self, packet: av.Packet) -> av.Packet:
        captions = self._captions.pop(packet.pts, b"")
        if not captions:
            return packet
        data = with_captions(bytes(packet), captions, self._coding)
        if data is None:
            raise EncodeError(f"closed captions cannot be put into what {self._codec} gives", path=self.name)
        made = av.Packet(data)
        made.pts, made.dts, made.duration = packet.pts, packet.dts, packet.duration
        made.time_base, made.is_keyframe, made.stream = packet.time_base, packet.is_keyframe, self._video
        return made

    def encoded(
        self, frame: av.VideoFrame | None, pts: int = 0, duration: int = 0, captions: bytes = b""
    ) -> list[av.Packet]:
        """Encodes without writing: for a run in segments. None flushes the encoder, which is then at its end."""
        if frame is not None:
            frame = frame if frame.format.name == self.pix_fmt else converted(frame, self.pix_fmt)
            frame.pict_type = 0
            frame.pts, frame.time_base = pts, self.time_base
            self._note(pts, duration, captions)
        packets = list(self._encode(frame))
        for packet in packets:
            packet.duration = self._durations.pop(packet.pts, packet.duration or 0)
        return packets

    def put_encoded(self, packet: av.Packet) -> None:
        """Writes a packet that `encoded` gave, perhaps in another process; durations are its own."""
        packet.stream = self._video
        packet.time_base = self.time_base
        self.written.add(packet.pts, packet.duration)
        self._durations[packet.pts] = packet.duration
        self._mux([packet])

    def _mux(self, packets: Sequence[av.Packet]) -> None:
        for packet in packets:
            # Not every encoder hands durations on, and a muxer would guess the last one.
            packet.duration = self._durations.pop(packet.pts, packet.duration or 0)
            if self._first_dts is None:
                self._first_dts = packet.dts
            if self._last is not None:
                self._put(self._last)
            self._last = packet

    def _put_last(self) -> None:
        """Writes the last packet, with the duration that makes the track as long as its frames are shown.

        MP4 has a track's length twice, up to the end of the frame shown last and as the sum in decoding order, and
        FFmpeg reads the shorter. Where frames are reordered and their gaps are uneven, the duration of the frame that
        happens to be decoded last would give a wrong sum.
        """
        packet, self._last = self._last, None
        if packet is None:
            return
        if packet.dts is not None and self._first_dts is not None and self.written.first_pts is not None:
            rest = self.written.end_pts - self.written.first_pts - (packet.dts - self._first_dts)
            if self.container.format.name in MP4_FAMILY and rest > 0:
                shown_last = packet.pts == self.written.last_pts
                packet.duration = max(rest, packet.duration or 0) if shown_last else rest
        self._put(packet)

    def _put(self, packet: av.Packet) -> None:
        try:
            self.container.mux_one(packet)
        except BrokenPipeError as error:
            raise OutputError("whoever read the output has stopped reading", path=self.name) from error
        except av.error.FFmpegError as error:
            raise OutputError(f"cannot be written: {error.strerror}", path=self.name) from error

    def copy(self, packet: av.Packet) -> None:
        """Writes what becomes of a packet of another stream; nothing if the stream is left out."""
        self._carrier.take(packet)

    def finish(self) -> Written:
        """Flushes the encoder, closes the file and tells what it must hold."""
        self._mux(self._encode(None))
        return self.complete()

    def complete(self) -> Written:
        """Writes what is held back and closes the file; the encoder must have been flushed."""
        self._put_last()
        self._carrier.finish()
        self.close()
        return self.written

    def close(self) -> None:
        try:
            self.container.close()
        except BrokenPipeError as error:
            raise OutputError("whoever read the output has stopped reading", path=self.name) from error
        except av.error.FFmpegError as error:
            raise OutputError(f"cannot be completed: {error.strerror}", path=self.name) from error

    def __enter__(self) -> FileSink:
        return self

    def __exit__(self, *error: object) -> None:
        if error[0] is None:
            self.close()
            return
        try:
            self.container.close()
        except (av.error.FFmpegError, OSError):
            # The run has failed already, with an error that says more.
            return


_CONSTANT_RATE = frozenset({"yuv4mpegpipe", "rawvideo"})
"""Formats without timestamps."""

_STALE_TAGS = frozenset(
    {"alpha_mode", "encoder", "duration", "bps", "number_of_frames", "number_of_bytes", "duration-eng"}
)
"""Stream tags that describe the source's encoding, not its content."""
