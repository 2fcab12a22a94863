"""Re-encoding of audio that cannot be copied: every sample keeps its time, or is slowed down at constant pitch."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error
import av.filter
import numpy as np
from av.codec.context import Flags
from av.packet import PacketSideData, packet_sidedata_type_from_literal

from frame_booster.errors import EncodeError
from frame_booster.media.passthrough.audio_encoders import AudioSettings, apply_settings, layout_name
from frame_booster.media.passthrough.stretch import TAIL, lead, tempos
from frame_booster.media.pyav.decoding import DamagedPacketError, decoded
from frame_booster.media.pyav.rational import exact, rescale

JITTER = Fraction(15, 1000)
"""How far timestamps may differ from the count of samples, in s, before silence is inserted or samples are dropped.

It is more than the rounding of containers, and less than one frame of any usual codec, so that a lost frame leaves its
gap."""

_NEED_OTHERS = 2
"""Packets that a decoder may refuse at the start without damage: they can depend on packets before the start."""


class AudioEncoding:
    """Decodes one audio stream and encodes it again, for slow motion through FFmpeg's atempo filter.

    Samples keep the times of the source. The encoder's priming samples get times before the first sample.

    Args:
      stream: audio stream of the source.
      container: container of the output, to which a stream is added.
      settings: settings of the encoder.
      slower: factor by which the audio becomes longer, at least 1.
      path: path of the output, for messages.

    Raises:
      ValueError: the container does not accept the encoder's codec.
    """

    def __init__(self, stream: Any, container: Any, settings: AudioSettings, slower: Fraction, path: Path) -> None:
        self.stream, self.slower, self.path = stream, slower, path
        self.target = container.add_stream(settings.encoder, rate=settings.rate)
        apply_settings(self.target.codec_context, settings)
        if container.format.name == "tee":
            # FFmpeg's tee muxer does not report that the muxer behind it needs global headers.
            self.target.codec_context.flags |= Flags.global_header
        self._graph: Any = None
        self._kind: tuple[str, str, int] | None = None
        """Sample format, layout and rate of the filter graph's input: those of the first frame."""
        self._resamplers: dict[tuple[str, str, int], Any] = {}
        """Resamplers for frames of another kind, which follow a splice in a recording."""
        self._start = 0
        """Time of the first sample, in samples at the input rate of the graph."""
        self._taken = self._given = 0
        """Numbers of samples that entered and left the graph."""
        self._end = 0
        """End of the last sample that left the graph, in samples at the encoder's rate."""
        self._last: av.AudioFrame | None = None
        """The last frame that entered the graph."""
        self._limit: int | None = None
        """Where stretched audio has to end, in samples at the encoder's rate; None before the end of the source."""
        self._failed = self._failed_first = 0
        """Packets that could not be decoded: all, and those before the first decoded frame."""

    def _build(self, frame: av.AudioFrame) -> None:
        layout = layout_name(frame.layout)
        self._kind = frame.format.name, layout, frame.sample_rate
        graph = av.filter.Graph()
        last = graph.add_abuffer(
            sample_rate=frame.sample_rate,
            format=frame.format.name,
            layout=layout,
            time_base=Fraction(1, frame.sample_rate),
        )
        chain = [graph.add("atempo", tempo) for tempo in tempos(self.slower)]
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

    def take(self, packet: av.Packet | None) -> Iterator[av.Packet]:
        """Decodes a packet of the source and yields the packets encoded so far; None ends the stream."""
        try:
            frames: list[av.AudioFrame] = decoded(self.stream.codec_context.decode, packet)
        except DamagedPacketError:
            # A damaged packet leaves a gap of its own length, as in a player.
            self._failed += 1
            self._failed_first += self._kind is None
            frames = []
        for frame in frames:
            yield from self._push(frame)
        if packet is None and self._graph is not None:
            made = [*self._push_end(), *self._encode(None)]
            self._mark_padding(made)
            yield from made

    @property
    def damaged(self) -> int:
        """Number of packets that could not be decoded and became silence."""
        # When reading starts in mid-stream, the first packets may depend on earlier ones.
        return self._failed - min(self._failed_first, _NEED_OTHERS if self._kind is not None else 0)

    def damage(self, stream: str) -> list[str]:
        """Returns a warning about packets that became silence."""
        return [f"damaged packets of {stream} are replaced by silence: {self.damaged}"] if self.damaged else []

    def _mark_padding(self, last: list[av.Packet]) -> None:
        """Marks the padding samples of the last packet as side data, which Matroska stores."""
        if not last or last[-1].has_sidedata("skip_samples") or last[-1].pts is None:
            return
        rate = self.target.codec_context.sample_rate
        begin = rescale(last[-1].pts, exact(last[-1].time_base) or Fraction(1, rate), Fraction(1, rate))
        over = begin + self.target.codec_context.frame_size - self._end
        if 0 < over < self.target.codec_context.frame_size:
            # AV_PKT_DATA_SKIP_SAMPLES: samples to skip at the start and at the end, and two reasons.
            note = PacketSideData(packet_sidedata_type_from_literal("skip_samples"), 10)
            note.update(struct.pack("<IIBB", 0, over, 0, 0))
            last[-1].set_sidedata(note)

    def _push(self, frame: av.AudioFrame) -> Iterator[av.Packet]:
        time = None if frame.pts is None else frame.pts * (exact(frame.time_base) or Fraction(1, frame.sample_rate))
        if self._kind is None:
            self._build(frame)
            self._start = 0 if time is None else rescale(1, time, Fraction(1, frame.sample_rate))
        assert self._kind is not None
        rate = self._kind[2]
        for part in self._alike(frame):
            late = 0
            if time is not None:
                late = rescale(1, time, Fraction(1, rate)) - self._start - self._taken
                # If a frame is resampled into several parts, its time belongs to the first.
                time = None
            for piece in self._in_time(part, late if abs(late) > JITTER * rate else 0):
                piece.pts = None
                self._taken += piece.samples
                self._last = piece
                self._graph.push(piece)
                yield from self._pull()

    def _push_end(self) -> Iterator[av.Packet]:
        """Ends the graph, and makes stretched audio exactly as long as it has to be, to the sample."""
        assert self._kind is not None
        if self.slower != 1 and self._last is not None:
            end = (self._start + self._taken) * self.slower / self._kind[2]
            self._limit = round(end * self.target.codec_context.rate)
            self._graph.push(_silence(self._last, round(TAIL * self._kind[2])))
        self._graph.push(None)
        return self._pull()

    def _in_time(self, frame: av.AudioFrame, late: int) -> Iterator[av.AudioFrame]:
        """Yields a frame with silence before it, or without the samples that overlap the previous frame.

        Silence is generated in pieces of one second, since an hour of it would fill the memory.

        Args:
          frame: frame of the same kind as the first one.
          late: samples between the end of the previous frame and this one; negative if they overlap.
        """
        while late > 0:
            samples = min(late, frame.sample_rate)
            yield _silence(frame, samples)
            late -= samples
        if late == 0:
            yield frame
        elif -late < frame.samples:
            yield _like(frame, np.ascontiguousarray(frame.to_ndarray()[:, -late * _rows(frame)[1] :]))

    def _alike(self, frame: av.AudioFrame) -> list[av.AudioFrame]:
        """Returns a frame converted to the sample format, layout and rate of the first one."""
        kind = (frame.format.name, frame.layout.name, frame.sample_rate)
        if kind == self._kind:
            return [frame]
        if kind not in self._resamplers:
            assert self._kind is not None
            self._resamplers[kind] = av.AudioResampler(*self._kind)
        frame.pts = None
        return list(self._resamplers[kind].resample(frame))

    def _pull(self) -> Iterator[av.Packet]:
        assert self._kind is not None
        while True:
            try:
                frame = self._graph.pull()
            except (av.error.BlockingIOError, av.error.EOFError):
                return
            frame.time_base = Fraction(1, frame.sample_rate)
            begin = self._start * self.slower / self._kind[2] + lead(self._kind[2], self.slower)
            frame.pts = rescale(1, begin, frame.time_base) + self._given
            self._given += frame.samples
            if self._limit is not None and frame.pts + frame.samples > self._limit:
                if frame.pts >= self._limit:
                    continue
                frame = _begin_of(frame, self._limit - frame.pts)
            self._end = frame.pts + frame.samples
            yield from self._encode(frame)

    def _encode(self, frame: av.AudioFrame | None) -> list[av.Packet]:
        try:
            return list(self.target.encode(frame))
        except av.error.FFmpegError as error:
            raise EncodeError(f"the audio encoder failed: {error.strerror}", path=self.path) from error


def _rows(frame: av.AudioFrame) -> tuple[int, int]:
    """Returns the number of rows of a frame's array, and the values per sample in a row."""
    channels = frame.layout.nb_channels
    return (channels, 1) if frame.format.is_planar else (1, channels)


def _silence(frame: av.AudioFrame, samples: int) -> av.AudioFrame:
    """Returns silence of this many samples, in the format of a frame."""
    (rows, values), dtype = _rows(frame), frame.to_ndarray().dtype
    return _like(frame, np.full((rows, samples * values), 128 if dtype == np.uint8 else 0, dtype))


def _begin_of(frame: av.AudioFrame, samples: int) -> av.AudioFrame:
    """Returns the first samples of a frame, with its pts."""
    made = _like(frame, np.ascontiguousarray(frame.to_ndarray()[:, : samples * _rows(frame)[1]]))
    made.pts = frame.pts
    return made


def _like(frame: av.AudioFrame, samples: np.ndarray[Any, Any]) -> av.AudioFrame:
    """Returns samples as a frame with the format, layout and rate of another."""
    made = av.AudioFrame.from_ndarray(samples, frame.format.name, frame.layout.name)
    made.sample_rate, made.time_base = frame.sample_rate, Fraction(1, frame.sample_rate)
    return made
