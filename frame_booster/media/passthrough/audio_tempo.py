"""Audio for slow motion: longer, at its own pitch."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.codec
import av.error
import av.filter

from frame_booster.errors import EncodeError
from frame_booster.media.pyav.rational import exact

_FALLBACK = "aac"
_ENCODERS = {"mp3": "libmp3lame", "opus": "libopus", "vorbis": "libvorbis"}
"""FFmpeg's encoder where it has another name than the codec."""


class AudioTempo:
    """Decodes one audio stream, slows it down (FFmpeg's atempo) and encodes it again.

    Args:
      stream: of the source.
      container: of the output; gets a stream of the same codec, of AAC where that has no encoder.
      slower: how many times longer; a power of 2.
      path: of the output, for messages.

    Raises:
      EncodeError: no encoder takes the stream's rate.
    """

    def __init__(self, stream: Any, container: Any, slower: int, path: Path) -> None:
        self.stream, self.slower, self.path = stream, slower, path
        rate = stream.codec_context.sample_rate
        try:
            self.target = container.add_stream(_encoder_for(stream), rate=rate)
        except (ValueError, av.error.FFmpegError) as error:
            raise EncodeError(f"audio cannot be encoded again: {error}", path=path) from error
        self.target.codec_context.layout = stream.codec_context.layout.name
        if stream.codec_context.bit_rate:
            self.target.codec_context.bit_rate = stream.codec_context.bit_rate
        self._graph: Any = None
        self._kind: tuple[str, str, int] | None = None
        """Sample format, layout and rate of what the graph takes: those of the first frame."""
        self._resamplers: dict[tuple[str, str, int], Any] = {}
        """For frames of other kinds, as come after a splice in a recording."""
        self._start: Fraction | None = None
        self._samples = 0

    def _build(self, frame: av.AudioFrame) -> None:
        graph = av.filter.Graph()
        last = graph.add_abuffer(
            sample_rate=frame.sample_rate,
            format=frame.format.name,
            layout=frame.layout.name,
            time_base=Fraction(1, frame.sample_rate),
        )
        chain = [graph.add("atempo", "0.5") for _ in range(self.slower.bit_length() - 1)]
        context = self.target.codec_context
        chain.append(
            graph.add(
                "aformat",
                f"sample_fmts={context.format.name}:channel_layouts={context.layout.name}:sample_rates={context.rate}",
            )
        )
        chain.append(graph.add("abuffersink"))
        for link in chain:
            last.link_to(link)
            last = link
        graph.configure()
        if context.frame_size:
            graph.set_audio_frame_size(context.frame_size)
        self._graph = graph

    def take(self, packet: av.Packet | None) -> list[av.Packet]:
        """Returns the packets that can be made by now; None is the end of the source's stream."""
        made: list[av.Packet] = []
        try:
            for frame in self.stream.codec_context.decode(packet):
                if self._graph is None:
                    self._build(frame)
                    base = exact(frame.time_base) or Fraction(1, frame.sample_rate)
                    self._start = (frame.pts or 0) * base * self.slower
                for part in self._alike(frame):
                    part.pts = None
                    self._graph.push(part)
                    made += self._pull()
        except av.error.InvalidDataError:
            # A damaged packet leaves a gap of its own length, as in a player.
            return made
        if packet is None and self._graph is not None:
            self._graph.push(None)
            made += self._pull()
            made += self._encode(None)
        return made

    def _alike(self, frame: av.AudioFrame) -> list[av.AudioFrame]:
        """Returns a frame as samples of the first one's kind."""
        kind = (frame.format.name, frame.layout.name, frame.sample_rate)
        self._kind = self._kind or kind
        if kind == self._kind:
            return [frame]
        if kind not in self._resamplers:
            self._resamplers[kind] = av.AudioResampler(*self._kind)
        return list(self._resamplers[kind].resample(frame))

    def _pull(self) -> list[av.Packet]:
        made: list[av.Packet] = []
        while True:
            try:
                frame = self._graph.pull()
            except (av.error.BlockingIOError, av.error.EOFError):
                return made
            frame.time_base = Fraction(1, frame.sample_rate)
            frame.pts = round((self._start or 0) * frame.sample_rate) + self._samples
            self._samples += frame.samples
            made += self._encode(frame)

    def _encode(self, frame: av.AudioFrame | None) -> list[av.Packet]:
        try:
            return list(self.target.encode(frame))
        except av.error.FFmpegError as error:
            raise EncodeError(f"the audio encoder failed: {error.strerror}", path=self.path) from error


def _encoder_for(stream: Any) -> str:
    name: str = stream.codec_context.codec.canonical_name if stream.codec_context.codec else stream.codec_context.name
    for candidate in (_ENCODERS.get(name, name), _FALLBACK):
        if candidate in av.codec.codecs_available:
            try:
                av.codec.Codec(candidate, "w")
            except ValueError:
                continue
            return candidate
    return _FALLBACK
