"""The video stream of a container: which it is, and what is known of it before it is decoded."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import av
from av.codec.context import Flags

from frame_booster.errors import InputError
from frame_booster.media.input.container import LENGTH_FROM_0, is_cover, is_item_beside_a_sequence, is_raw_stream
from frame_booster.media.input.source import VideoInfo
from frame_booster.media.input.telecine import CYCLE, FINER, KEPT
from frame_booster.media.mp4.projection import read_projection
from frame_booster.media.mp4.tracks import is_protected
from frame_booster.media.paths import PIPE
from frame_booster.media.pyav.ffmpeg_log import Cropping, container_cropping
from frame_booster.media.pyav.rational import exact
from frame_booster.options import InputOptions

_ALPHA_DECODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
"""WebM has alpha as a second picture beside each packet, which FFmpeg's own decoders do not look at."""
_COLOUR = ("color_range", "color_primaries", "color_trc", "colorspace")


class VideoTrack(NamedTuple):
    """A chosen stream, ready to be decoded."""

    stream: Any
    """PyAV's."""
    info: VideoInfo
    """As frames will be given: what the container crops is off, and frames of pulldown are left out."""
    cropping: Cropping
    """Of the container; decoders do not know of it."""
    rate: Fraction | None
    """Of decoded frames, average frames a second, None if unknown."""
    decoder: Any = None
    """In place of the stream's own, where that would overlook something."""


def choose_video(container: Any, path: Path, options: InputOptions) -> VideoTrack:
    """Chooses the stream that is asked for and sets its decoder up.

    Args:
      container: opened for reading.
      path: for messages.
      options: which stream, and how many threads decode it.

    Raises:
      InputError: there is no such stream, or it cannot be decoded.
    """
    pictures = [s for s in container.streams.video if not is_cover(s) and not is_item_beside_a_sequence(s)]
    # WMV for several bit rates lists all of them, whichever the file holds; HLS has all, mostly the coarsest first.
    pictures.sort(key=lambda stream: (_is_unseen(stream), -(variant_of(stream) or 0)))
    if not pictures:
        raise InputError("has no video stream", path=path)
    if options.video_stream >= len(pictures):
        raise InputError(
            f"has no video stream {options.video_stream}",
            path=path,
            hint=f"it has {len(pictures)}, counted from 0",
        )
    stream = pictures[options.video_stream]
    in_mp4 = "mov" in container.format.name.split(",")
    if in_mp4 and is_protected(path, int(stream.id)):
        raise InputError(
            "the video is encrypted (DRM) and cannot be decoded",
            path=path,
            hint="use a file without copy protection",
        )
    context = stream.codec_context
    if context is None or not context.width or not context.height or context.format is None:
        raise InputError(
            "the video stream cannot be decoded: its size or format is unknown",
            path=path,
            hint="an MP4 whose index is at the end cannot be read from a pipe" if path == PIPE else None,
        )
    # Frame threads where there are any: faster, and FFmpeg's VP8 decoder gives other pixels now and then
    # in slice threads, PyAV's default.
    stream.thread_type = "AUTO"
    context.thread_count = options.threads or 0
    # Else columns that a stream's cropping takes off on the left come back where that makes rows start aligned.
    context.flags |= Flags.unaligned
    decoder = _alpha_decoder(stream)
    if decoder is not None:
        decoder.thread_count = options.threads or 0
    rate = _rate_of(container, stream, options)
    time_base = exact(stream.time_base)
    if time_base is None:
        raise InputError("the video stream has no time base", path=path)
    frames = _guess_frames(container, stream, rate, time_base)
    cropping = container_cropping(container, stream.index) or Cropping(0, 0, 0, 0)
    top, bottom, left, right = cropping
    info = VideoInfo(
        width=context.width - left - right,
        height=context.height - top - bottom,
        pix_fmt=context.pix_fmt if decoder is None else "yuva420p",
        time_base=time_base / FINER if options.ivtc else time_base,
        rate=rate * KEPT / CYCLE if options.ivtc and rate else rate,
        sample_aspect_ratio=exact(stream.sample_aspect_ratio),
        frames=frames if frames is None or not options.ivtc else frames * KEPT // CYCLE,
        metadata=dict(stream.metadata),
        disposition=int(stream.disposition),
        colour={tag: getattr(context, tag) for tag in _COLOUR if hasattr(context, tag)},
        projection=read_projection(path, int(stream.id)) if in_mp4 else None,
    )
    return VideoTrack(stream, info, cropping, rate, decoder)


def variant_of(stream: Any) -> int | None:
    """Returns the bit rate of the variant of a playlist (HLS) that a stream is of alone; None where it is of none."""
    text = stream.metadata.get("variant_bitrate", "")
    # What a file was once made of is of no matter.
    return int(text) if text.isdigit() and "hls" in stream.container.format.name.split(",") else None


def _is_unseen(stream: Any) -> bool:
    """Tells whether a file lists a stream that nothing is known of: no format of its pixels, or no time and no rate."""
    timeless = not stream.frames and stream.duration is None and stream.start_time is None
    context = stream.codec_context
    # Not `pix_fmt`, which ends the process where it is unknown, up to PyAV 17.
    return context is None or context.format is None or (timeless and not stream.average_rate)


def _rate_of(container: Any, stream: Any, options: InputOptions) -> Fraction | None:
    if is_raw_stream(container):
        # FFmpeg calls the average 25 whatever the codec's own headers say.
        return options.rate or exact(stream.guessed_rate) or exact(stream.average_rate)
    average, guessed, tick = exact(stream.average_rate), exact(stream.guessed_rate), exact(stream.time_base)
    if average and guessed and tick and guessed < average and average * tick >= 1:
        # The demuxer of DV tells the rate of its clock, one frame for each tick; the codec knows that of frames.
        return guessed
    if not average and guessed and tick and guessed * tick >= 1 and container.format.name == "apng":
        # Where delays differ, FFmpeg guesses one frame for each tick of its clock, 100000 a second.
        return None
    return average or guessed


def listed_frames(stream: Any, rate: Fraction | None) -> int:
    """Returns how many frames a file says that it has.

    An AVI counts ticks of its clock. Where that is twice as fine as frames are, as FFmpeg writes it for frames that are
    decoded in another order than shown, every second entry is empty.

    Args:
      stream: of the video.
      rate: of its frames, as they are.
    """
    average = exact(stream.average_rate)
    if rate is None or average is None or rate >= average:
        return int(stream.frames)
    return round(stream.frames * rate / average)


def _alpha_decoder(stream: Any) -> Any:
    """Returns a decoder that sees the alpha of a stream of WebM; None where there is none, or no such decoder."""
    told = any(key.lower() == "alpha_mode" and value == "1" for key, value in stream.metadata.items())
    # libvpx knows alpha beside 8 bits and 4:2:0 only.
    if not told or stream.codec_context.pix_fmt != "yuv420p":
        return None
    name = _ALPHA_DECODERS.get(stream.codec_context.codec.canonical_name)
    return av.CodecContext.create(name, "r") if name in av.codecs_available else None


def _guess_frames(container: Any, stream: Any, rate: Fraction | None, time_base: Fraction) -> int | None:
    if stream.frames:
        return listed_frames(stream, rate)
    if rate is None:
        return None
    if stream.duration:
        return round(stream.duration * time_base * rate)
    if container.duration:
        from_0 = LENGTH_FROM_0 & set(container.format.name.split(","))
        start = max(container.start_time or 0, 0) if from_0 else 0
        return max(round(Fraction(container.duration - start, av.time_base) * rate), 0)
    return None
