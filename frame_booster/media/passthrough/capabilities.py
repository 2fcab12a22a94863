"""Capabilities of containers: which codecs can be muxed into one and read back, by FFmpeg's names."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import av
import av.codec.codec
import av.error

from frame_booster.media.input.container import is_cover
from frame_booster.media.passthrough.audio_encoders import find_encoder, layout_name, tells_speakers

MP4_FAMILY = frozenset({"mp4", "mov", "ipod", "3gp", "3g2", "psp", "f4v"})
"""Muxers of MP4 and its relatives, by FFmpeg's names."""
_SHOWN_AS = {"ipod": "m4v"}
VIDEO_ONLY = frozenset({"yuv4mpegpipe", "rawvideo", "gif", "webp", "webp_anim", "apng", "image2"})
"""Formats that hold frames only: other streams are dropped with a warning, also with `--strict`."""
_OF_TRANSPORT_STREAMS = {
    "video": {"h264", "hevc", "vvc", "mpeg1video", "mpeg2video", "mpegvideo", "mpeg4", "vc1", "cavs", "dirac"},
    "audio": {
        *("mp1", "mp1float", "mp2", "mp2float", "mp3", "mp3float", "aac", "aac_fixed", "aac_latm", "ac3", "ac3_fixed"),
        *("eac3", "dca", "opus", "libopus", "s302m"),
    },
    "subtitle": {"dvbsub", "dvb_subtitle", "dvb_teletext", "libzvbi_teletextdec"}
    | {"arib_caption", "libaribcaption", "libaribb24"},
}
"""Codecs for which MPEG transport streams define a stream type or a descriptor, by FFmpeg's decoder names."""
_OF_BLU_RAYS = {
    "video": {"h264", "hevc", "mpeg2video", "mpegvideo", "vc1"},
    "audio": _OF_TRANSPORT_STREAMS["audio"] | {"pcm_bluray", "truehd"},
    "subtitle": {"pgssub", "hdmv_pgs_subtitle"},
}
"""The same for Blu-ray transport streams, which have stream types of their own and no DVB subtitle descriptors."""
_DATA_OF_TRANSPORT_STREAMS = frozenset({"klv", "timed_id3", "smpte_2038"})
"""Data codecs that FFmpeg's mpegts muxer labels; it writes others, such as SCTE-35, as unlabelled private data."""
_WITH_WAVE_HEADER = frozenset(
    {
        *("wmav1", "wmav2", "wmapro", "wmalossless", "wmavoice", "pcm_alaw", "pcm_mulaw"),
        *("adpcm_ms", "adpcm_ima_wav", "adpcm_yamaha", "g726", "g722"),
    }
)
"""Codecs, by FFmpeg's decoder names, for which FFmpeg's Matroska muxer writes a complete WAVE header."""
_UNREADABLE = {
    # NUT stores neither the block size nor the bits per coded sample, without which these cannot be decoded.
    "nut": frozenset(
        {"adpcm_ima_wav", "wmav1", "wmav2", "wmapro", "wmalossless", "wmavoice", "g726", "atrac3", "cook"}
    ),
    # FFmpeg 8's FLV muxer aborts the process at these.
    "flv": frozenset({"pcm_alaw", "pcm_mulaw", "pcm_u8", "pcm_s16le", "pcm_s16be"}),
}
"""Codecs, by FFmpeg's decoder names, that a muxer accepts although the result is unreadable, or that crash it."""


def transport_codecs(kind: str, path: Path | None) -> set[str] | None:
    """Returns the codecs that an MPEG transport stream holds, by FFmpeg's names; None for kinds without a list.

    Args:
      kind: kind of stream, such as "audio".
      path: path of the output; for the suffix .m2ts FFmpeg's muxer writes the Blu-ray variant.
    """
    blu_ray = path is not None and path.suffix.lower() == ".m2ts"
    return (_OF_BLU_RAYS if blu_ray else _OF_TRANSPORT_STREAMS).get(kind)


def container_takes(format_name: str, stream: Any, path: Path | None = None) -> bool:
    """Returns whether a container can hold a stream's packets unchanged, tried with an output in memory.

    Args:
      format_name: FFmpeg's name of the container.
      stream: stream of the source.
      path: path of the output, whose suffix tells a Blu-ray transport stream (`transport_codecs`).
    """
    if stream.type == "attachment" and format_name != "matroska":
        # WebM's muxer accepts attachments but does not write them.
        return False
    if is_cover(stream) and format_name not in ("mp4", "ipod"):
        # MOV's muxer accepts cover art but does not write it; Matroska's needs it as an attachment.
        return False
    if stream.type == "data" and not _names_data(format_name, stream):
        return False
    if not _readable(format_name, stream, path):
        return False
    # MP4 describes PCM in its index, which the muxer writes only at the end unless an empty one comes first.
    index_first = {"movflags": "empty_moov"} if tells_speakers(format_name, codec_name(stream)) else {}
    try:
        with av.open(BytesIO(), "w", format=format_name, container_options=index_first) as trial:
            add_copy(trial, format_name, stream)
            trial.start_encoding()
    except (av.error.FFmpegError, ValueError, TypeError, AttributeError):
        return False
    return True


def _names_data(format_name: str, stream: Any) -> bool:
    """Returns whether a container records the kind of a data stream; some muxers accept any and do not record it."""
    kinds, name = stream.container.format.name.split(","), codec_name(stream)
    if format_name in MP4_FAMILY:
        # The muxer describes gpmd (GoPro metadata) only, which the demuxer reports under this name.
        return name == "bin_data" and "mov" in kinds
    if format_name == "mpegts":
        return name in _DATA_OF_TRANSPORT_STREAMS or (name in (None, "bin_data") and "mpegts" in kinds)
    return True


def add_copy(container: Any, format_name: str, stream: Any) -> Any:
    """Adds a stream to an output for the packets of a source's stream, and returns it.

    Args:
      container: container of the output, before its header is written.
      format_name: FFmpeg's name of the container.
      stream: stream of the source.
    """
    # Unless `opaque` is set, PyAV looks for an encoder with the decoder's name, and AV1's decoder has none.
    copy = container.add_stream_from_template(stream, opaque=stream.type != "video" or not _has_encoder(stream))
    if tells_speakers(format_name, codec_name(stream)):
        # AVI, MXF, NUT and Matroska give only the number of channels of PCM, not the speaker positions.
        copy.codec_context.layout = layout_name(stream.codec_context.layout)
    return copy


def _has_encoder(stream: Any) -> bool:
    """Returns whether FFmpeg has an encoder with the name of a stream's decoder."""
    try:
        av.Codec(codec_name(stream) or "", "w")
    except av.codec.codec.UnknownCodecError:
        return False
    return True


def container_takes_encoder(format_name: str, encoder: str, path: Path | None = None) -> bool:
    """Returns whether a container can hold the codec of an audio encoder so that it can be read back.

    Args:
      format_name: FFmpeg's name of the container.
      encoder: FFmpeg's name of the encoder.
      path: path of the output, as in `container_takes`.
    """
    codec = find_encoder(encoder).canonical_name
    if format_name == "mpegts":
        return codec in (transport_codecs("audio", path) or ())
    if codec in _UNREADABLE.get(format_name, frozenset()):
        return False
    try:
        with av.open(BytesIO(), "w", format=format_name) as trial:
            trial.add_stream(encoder, rate=48_000)
    except (av.error.FFmpegError, ValueError):
        return False
    return True


def _readable(format_name: str, stream: Any, path: Path | None) -> bool:
    """Returns whether a stream can be read back from a container; some muxers accept more than that."""
    name = codec_name(stream)
    known = transport_codecs(stream.type, path) if format_name == "mpegts" else None
    if known is not None:
        # The muxer writes unlisted codecs as private data. TrueHD frames are shorter than the ticks of most
        # containers, so their times are exact only if they come from a transport stream.
        return name in known and (name != "truehd" or stream.container.format.name == "mpegts")
    return name not in _UNREADABLE.get(format_name, frozenset())


_KEEP_PIXEL_SHAPE = MP4_FAMILY | {"ismv"}
_KEEP_ROTATION = _KEEP_PIXEL_SHAPE | {"matroska", "webm"}
_KEEP_CHAPTERS = _KEEP_ROTATION | {"nut"}
_TURNED_PICTURES = {"tiff"} | ({"png", "apng"} if av.library_versions["libavcodec"][0] >= 63 else set())
"""Image codecs that store the rotation themselves; FFmpeg writes it into PNG (Exif) since libavcodec 63."""
_WITH_PROFILE = frozenset({"png", "apng", "mjpeg"})
"""Image codecs whose FFmpeg encoders write an ICC colour profile."""
_TELL_PIXEL_SHAPE = frozenset({"h264", "hevc", "mpeg4", "mpeg1video", "mpeg2video", "mjpeg", "gif", "apng"})
"""Codecs that store the pixel aspect ratio in the stream; through PyAV only containers of the MP4 family store it."""


def keeps_chapters(format_name: str) -> bool:
    """Returns whether a container holds chapters."""
    return format_name in _KEEP_CHAPTERS


def keeps_rotation(format_name: str, codec: str) -> bool:
    """Returns whether the output stores the rotation for display.

    Args:
      format_name: FFmpeg's name of the container.
      codec: FFmpeg's name of the codec.
    """
    return format_name in _KEEP_ROTATION or codec in _TURNED_PICTURES


def lost_profile(name: str, codec: str) -> str | None:
    """Returns a warning if the ICC colour profile of frames is lost; None if the output stores it.

    Args:
      name: name of the container or of the image codec, for the message.
      codec: FFmpeg's name of the codec.
    """
    if codec in _WITH_PROFILE:
        return None
    return f"the ICC colour profile is lost: {name} does not store it; colours change unless it is sRGB"


def keeps_pixel_shape(format_name: str, codec: str) -> bool:
    """Returns whether the output stores the pixel aspect ratio.

    Args:
      format_name: FFmpeg's name of the container.
      codec: FFmpeg's name of the codec.
    """
    return format_name in _KEEP_PIXEL_SHAPE or codec in _TELL_PIXEL_SHAPE


def codec_of(stream: Any) -> str | None:
    """Returns FFmpeg's name of a stream's codec, such as `av1`, independent of the decoder; None if unknown."""
    codec = getattr(stream.codec_context, "codec", None)
    return codec_name(stream) if codec is None else str(codec.canonical_name)


def codec_name(stream: Any) -> str | None:
    """Returns FFmpeg's name of a stream's decoder, such as `libdav1d`; None if there is none."""
    name: str | None = getattr(stream.codec_context, "name", None) or getattr(stream, "name", None)
    return name


def shown_format(format_name: str) -> str:
    """Returns the name of a container for messages: FFmpeg's, except `m4v` for its obscure `ipod`."""
    return _SHOWN_AS.get(format_name, format_name)


def needs_wave_header(format_name: str, stream: Any) -> bool:
    """Returns whether Matroska can hold audio only with a WAVE header (codec ID A_MS/ACM), such as WMA.

    PyAV rejects such codecs for Matroska, so `muxer.open_output` reaches its muxer through FFmpeg's tee muxer.
    """
    return format_name == "matroska" and stream.type == "audio" and codec_name(stream) in _WITH_WAVE_HEADER


def better_container(stream: Any) -> str | None:
    """Returns advice on which container holds a stream; None if none is known."""
    if is_cover(stream):
        return "write an .mp4 or .mkv, which can"
    for name, suffix in (("matroska", ".mkv"), ("mov", ".mov"), ("nut", ".nut"), ("mpegts", ".ts")):
        if container_takes(name, stream) or needs_wave_header(name, stream):
            return f"write an {suffix}, which can" if suffix == ".mkv" else f"write a {suffix}, which can"
    return None
