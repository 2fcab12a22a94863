"""A trial of an output in memory, which finds errors and warnings before any work."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO

import av

from frame_booster.media.input.source import Source
from frame_booster.media.output.file import FileSink
from frame_booster.media.output.sink import SinkOptions
from frame_booster.media.passthrough.streams import StreamFate


@dataclass(frozen=True)
class Trial:
    """Facts about an output, found by a trial in memory."""

    codec: str
    pix_fmt: str
    streams: list[StreamFate]
    warnings: list[str]


def check_container(source: Source, first: av.VideoFrame, options: SinkOptions) -> Trial:
    """Tries in memory whether the container and the encoder support the output; returns what happens to each stream.

    Raises:
      EncodeError: one of them does not.
    """
    sink = FileSink(BytesIO(), source, first, options)
    try:
        return Trial(sink.encoder.codec, sink.encoder.pix_fmt, sink.fates, list(sink.warnings))
    finally:
        sink.abandon()
