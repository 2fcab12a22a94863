"""A video encoder without a file of its own: a run in segments keeps its packets on disk, and muxes them later."""

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
    """Opens an encoder whose packets somebody else will mux: those of a segment.

    Args:
      first, info, options, begun: as `VideoEncoder` takes them.

    Raises:
      EncodeError: the encoder refuses.
    """
    # In memory, and never written to: it decides where the encoder's headers go.
    # NUT takes what Matroska would under a header of AVI files, and wants the encoder's headers apart, too.
    format_name = "nut" if needs_riff_header(options.encoder.codec, options.format) else options.format
    container = av.open(BytesIO(), "w", format=format_name)
    encoder = VideoEncoder(container, first, info, options, begun)
    context = encoder.stream.codec_context
    for key, value in options.encoder.container_options:
        # As PyAV does where a container is opened with them.
        context.options.setdefault(key, value)
    try:
        with errors_logged() as said:
            context.open()
    except (av.error.FFmpegError, ValueError) as error:
        raise encoder.refused(error, said) from error
    encoder.opened(TICKS.get(options.format))
    return encoder
