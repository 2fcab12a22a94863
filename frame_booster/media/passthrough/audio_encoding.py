"""Audio that cannot be copied: decoded and encoded again, sample for sample at its time, or slower at its own pitch."""

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
"""By so much, s, timestamps may differ from the count of samples before silence is put in or samples are left out: more
than containers round by, less than one frame of any usual codec, so that a lost one leaves its gap."""

_NEED_OTHERS = 2
"""Packets at the beginning of a reading that a decoder may refuse though nothing is wrong with them."""


class AudioEncoding:
    """Decodes one audio stream and encodes it again, slowed down by FFmpeg's atempo where that is asked for.

    Samples stay at the times of the source: what an encoder puts before the first, it gives a time before the first.

    Args:
      stream: of the source.
      container: of the output; gets a stream.
      settings: of the encoder.
      slower: how many times longer, at least 1.
      path: of the output, for messages.

    Raises:
      ValueError: the container does not take the encoder's codec.
    """

    def __init__(self, stream: Any, container: Any, settings: AudioSettings, slower: Fraction, path: Path) -> None:
        self.stream, self.slower, self.path = stream, slower, path
        self.target = container.add_stream(settings.encoder, rate=settings.rate)
        apply_settings(self.target.codec_context, settings)
        if container.format.name == "tee":
            # It does not say of the muxer behind it that it wants headers apart.
            self.target.codec_context.flags |= Flags.global_header
        self._graph: Any = None
        self._kind: tuple[str, str, int] | None = None
        """Sample format, layout and rate of what the graph takes: those of the first frame."""
        self._resamplers: dict[tuple[str, str, int], Any] = {}
        """For frames of other kinds, as come after a splice in a recording."""
        self._start = 0
        """When the first sample is heard, at the rate of the graph's frames."""
        self._taken = self._given = 0
        """Samples that went into the graph and came out."""
        self._end = 0
        """When the last of them ends, at the rate of the encoder."""
        self._last: av.AudioFrame | None = None
        """The last that went into the graph."""
        self._limit: int | None = None
        """Where the audio has to end, at the rate of the encoder; None until the last sample is there."""
        self._failed = self._failed_first = 0
        """Packets that could not be decoded, and those of them before the first that could."""

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
        """Yields the packets that can be made by now; None is the end of the source's stream."""
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
        """How many packets became silence, as they cannot be decoded."""
        # Where reading begins in the middle, the first may need those before them.
        return self._failed - min(self._failed_first, _NEED_OTHERS if self._kind is not None else 0)

    def damage(self, stream: str) -> list[str]:
        """Returns a warning of packets that became silence."""
        return [f"damaged packets of {stream} became silence: {self.damaged}"] if self.damaged else []

    def _mark_padding(self, last: list[av.Packet]) -> None:
        """Notes with the last packet how many of its samples only fill it up; Matroska has a place for that."""
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
                # Of the parts of a frame that is converted, the first has its time.
                time = None
            for piece in self._in_time(part, late if abs(late) > JITTER * rate else 0):
                piece.pts = None
                self._taken += piece.samples
                self._last = piece
                self._graph.push(piece)
                yield from self._pull()

    def _push_end(self) -> Iterator[av.Packet]:
        """Ends the graph; what is stretched is as long as it has to be, to the sample."""
        assert self._kind is not None
        if self.slower != 1 and self._last is not None:
            end = (self._start + self._taken) * self.slower / self._kind[2]
            self._limit = round(end * self.target.codec_context.rate)
            self._graph.push(_silence(self._last, round(TAIL * self._kind[2])))
        self._graph.push(None)
        return self._pull()

    def _in_time(self, frame: av.AudioFrame, late: int) -> Iterator[av.AudioFrame]:
        """Yields a frame with silence before it, or without the samples that lie before the end of the last.

        Silence comes a second at a time: that of an hour would fill the memory.

        Args:
          frame: of the first one's kind.
          late: by how many samples it begins later than the one before ends; negative where they overlap.
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
        """Returns a frame as samples of the first one's kind."""
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
    """Returns the shape of a frame's samples: rows, and values of a row for each sample."""
    channels = frame.layout.nb_channels
    return (channels, 1) if frame.format.is_planar else (1, channels)


def _silence(frame: av.AudioFrame, samples: int) -> av.AudioFrame:
    """Returns so many samples of silence, of the kind of a frame."""
    (rows, values), dtype = _rows(frame), frame.to_ndarray().dtype
    return _like(frame, np.full((rows, samples * values), 128 if dtype == np.uint8 else 0, dtype))


def _begin_of(frame: av.AudioFrame, samples: int) -> av.AudioFrame:
    """Returns the first samples of a frame, at its time."""
    made = _like(frame, np.ascontiguousarray(frame.to_ndarray()[:, : samples * _rows(frame)[1]]))
    made.pts = frame.pts
    return made


def _like(frame: av.AudioFrame, samples: np.ndarray[Any, Any]) -> av.AudioFrame:
    """Returns a frame of the kind of another."""
    made = av.AudioFrame.from_ndarray(samples, frame.format.name, frame.layout.name)
    made.sample_rate, made.time_base = frame.sample_rate, Fraction(1, frame.sample_rate)
    return made
