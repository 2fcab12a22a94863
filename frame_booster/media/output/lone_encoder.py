"""A video encoder without an output file: a run with segments stores its packets on disk and muxes them later."""

from __future__ import annotations

from io import BytesIO

import av
import av.error

from frame_booster.media.input.source import VideoInfo
from frame_booster.media.output.encoders import needs_riff_header
from frame_booster.media.output.sink import TICKS, SinkOptions
from frame_booster.media.output.video_encoder import VideoEncoder
from frame_booster.media.pyav.ffmpeg_log import errors_logged


def lone_encoder(first: av.VideoFrame, info: VideoInfo, options: SinkOptions, begun: int = 0) -> VideoEncoder:
    """Opens an encoder for a segment, whose packets are muxed later.

    Args:
      first, info, options, begun: as in `VideoEncoder`.

    Raises:
      EncodeError: the encoder cannot be opened.
    """
    # The container only determines whether the encoder uses global headers. It is in memory and is not written to.
    # NUT replaces Matroska for codecs with an AVI header: it accepts them, and needs global headers as well.
    format_name = "nut" if needs_riff_header(options.encoder.codec, options.format) else options.format
    container = av.open(BytesIO(), "w", format=format_name)
    encoder = VideoEncoder(container, first, info, options, begun)
    context = encoder.stream.codec_context
    for key, value in options.encoder.container_options:
        # PyAV passes the options of a container to its encoders in the same way.
        context.options.setdefault(key, value)
    try:
        with errors_logged() as said:
            context.open()
    except (av.error.FFmpegError, ValueError) as error:
        raise encoder.refused(error, said) from error
    encoder.opened(TICKS.get(options.format))
    return encoder
