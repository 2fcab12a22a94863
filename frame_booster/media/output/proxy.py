"""A proxy: a small H.264 file that any browser plays, with every frame at its own time.

It replaces a video in a page, since browsers may not play the video, or it is too large to embed.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import av
import av.error

from frame_booster.errors import EncodeError
from frame_booster.media.passthrough.audio_encoders import DEFAULT, find_encoder, settings_for
from frame_booster.media.passthrough.audio_encoding import AudioEncoding
from frame_booster.media.pyav.rational import exact, rescale

_ENCODER = "libx264"
_CRF = 19
_MOST_BITS = 24_000_000
"""Limit of the bit rate in bits per second, also for a short proxy."""


class ProxyWriter:
    """Writes a proxy; a context manager that closes the file.

    It has no B frames, which make browsers start later than at 0, and a key frame every half second, so that stepping
    back is fast.

    Args:
      path: path of the file, an MP4.
      size: width and height in px, both even.
      time_base: time base of the frames' timestamps.
      rate: approximate frame rate, in frames per second.
      most_bytes: limit for the size of a proxy that lasts `seconds`; its quality is reduced if necessary.
      seconds: expected duration, in s.

    Raises:
      EncodeError: this FFmpeg has no libx264.
    """

    def __init__(
        self, path: Path, size: tuple[int, int], time_base: Fraction, rate: Fraction, most_bytes: int, seconds: Fraction
    ) -> None:
        self.path = path
        bits = min(int(most_bytes * 8 / max(seconds, Fraction(1))), _MOST_BITS)
        options = {
            "preset": "veryfast",
            "crf": str(_CRF),
            "maxrate": str(bits),
            "bufsize": str(bits),
            "bf": "0",
            "g": str(max(round(rate / 2), 1)),
        }
        self._container = av.open(str(path), "w", format="mp4")
        try:
            self._stream: Any = self._container.add_stream(_ENCODER, rate=rate, options=options)
        except ValueError as error:
            self._container.close()
            raise EncodeError("a page with videos needs libx264, which this FFmpeg lacks", path=path) from error
        context = self._stream.codec_context
        context.width, context.height, context.pix_fmt, context.time_base = *size, "yuv420p", time_base
        context.colorspace = context.color_primaries = context.color_trc = context.color_range = 1
        self._stream.time_base = time_base
        self._time_base = time_base
        self._audio: AudioEncoding | None = None

    def add_audio(self, stream: Any) -> bool:
        """Adds a stream for audio of the source; returns False if it cannot be decoded or encoded."""
        if stream.codec_context is None or find_encoder(DEFAULT) is None:
            return False
        settings = settings_for(stream, DEFAULT, None, "mp4")
        if settings is None:
            return False
        self._audio = AudioEncoding(stream, self._container, settings, Fraction(1), self.path)
        return True

    def write(self, frame: av.VideoFrame, pts: int, duration: int) -> None:
        """Encodes a frame.

        Args:
          frame: yuv420p frame of the proxy's size.
          pts, duration: time and duration in ticks of the time base.
        """
        frame.pts, frame.time_base, frame.duration = pts, self._time_base, duration
        self._encode(frame)

    def _encode(self, frame: av.VideoFrame | None) -> None:
        try:
            for packet in self._stream.encode(frame):
                self._container.mux(packet)
        except av.error.FFmpegError as error:
            raise EncodeError(f"encoding the video of the page failed: {error.strerror}", path=self.path) from error

    def write_audio(self, packet: av.Packet, earlier: Fraction) -> None:
        """Encodes a packet of the audio stream, moved to an earlier time by `earlier` s."""
        base = exact(packet.time_base)
        if self._audio is None or base is None or packet.pts is None:
            return
        ticks = rescale(1, earlier, base)
        packet.pts -= ticks
        packet.dts = packet.pts if packet.dts is None else packet.dts - ticks
        if packet.pts >= 0:
            self._mux_audio(self._audio.take(packet))

    def _mux_audio(self, packets: Iterable[av.Packet]) -> None:
        for packet in packets:
            self._container.mux(packet)

    def finish(self) -> None:
        """Flushes the encoders and writes the index."""
        self._encode(None)
        if self._audio is not None:
            self._mux_audio(self._audio.take(None))
        self._container.close()

    def __enter__(self) -> ProxyWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._container.close()
