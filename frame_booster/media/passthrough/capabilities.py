"""What containers hold: which codecs their muxers take and readers find again, by FFmpeg's names of them."""

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
"""By FFmpeg's names of their muxers."""
_SHOWN_AS = {"ipod": "m4v"}
VIDEO_ONLY = frozenset({"yuv4mpegpipe", "rawvideo", "gif", "webp", "webp_anim", "apng", "image2"})
"""Formats of pictures alone: other streams are left out with a warning, not refused."""
_OF_TRANSPORT_STREAMS = {
    "video": {"h264", "hevc", "vvc", "mpeg1video", "mpeg2video", "mpegvideo", "mpeg4", "vc1", "cavs", "dirac"},
    "audio": {
        *("mp1", "mp1float", "mp2", "mp2float", "mp3", "mp3float", "aac", "aac_fixed", "aac_latm", "ac3", "ac3_fixed"),
        *("eac3", "dca", "opus", "libopus", "s302m"),
    },
    "subtitle": {"dvbsub", "dvb_subtitle", "dvb_teletext", "libzvbi_teletextdec"}
    | {"arib_caption", "libaribcaption", "libaribb24"},
}
"""Codecs for which an MPEG transport stream has a stream type or a descriptor, by names of FFmpeg's decoders."""
_OF_BLU_RAYS = {
    "video": {"h264", "hevc", "mpeg2video", "mpegvideo", "vc1"},
    "audio": _OF_TRANSPORT_STREAMS["audio"] | {"pcm_bluray", "truehd"},
    "subtitle": {"pgssub", "hdmv_pgs_subtitle"},
}
"""Likewise in those of Blu-rays, which have stream types of their own and no descriptors of DVB's subtitles."""
_DATA_OF_TRANSPORT_STREAMS = frozenset({"klv", "timed_id3", "smpte_2038"})
"""Data that FFmpeg's muxer of transport streams says the kind of; any other, as SCTE-35, it writes as private data."""
_WITH_WAVE_HEADER = frozenset(
    {
        *("wmav1", "wmav2", "wmapro", "wmalossless", "wmavoice", "pcm_alaw", "pcm_mulaw"),
        *("adpcm_ms", "adpcm_ima_wav", "adpcm_yamaha", "g726", "g722"),
    }
)
"""Codecs, by names of FFmpeg's decoders, of which Matroska's muxer in FFmpeg writes all that the header has."""
_UNREADABLE = {
    # It has no place for the size of a block, or of a coded sample, without which these cannot be decoded.
    "nut": frozenset(
        {"adpcm_ima_wav", "wmav1", "wmav2", "wmapro", "wmalossless", "wmavoice", "g726", "atrac3", "cook"}
    ),
    # FFmpeg 8's muxer ends the whole process at them.
    "flv": frozenset({"pcm_alaw", "pcm_mulaw", "pcm_u8", "pcm_s16le", "pcm_s16be"}),
}
"""Codecs, by names of FFmpeg's decoders, that a container's muxer takes and nothing can read from it."""


def transport_codecs(kind: str, path: Path | None) -> set[str] | None:
    """Returns the codecs of a kind that an MPEG transport stream holds, by FFmpeg's names; None where any is tried.

    Args:
      kind: of stream, as `audio`.
      path: of the output: by the ending .m2ts FFmpeg's muxer writes what Blu-rays have.
    """
    blu_ray = path is not None and path.suffix.lower() == ".m2ts"
    return (_OF_BLU_RAYS if blu_ray else _OF_TRANSPORT_STREAMS).get(kind)


def container_takes(format_name: str, stream: Any, path: Path | None = None) -> bool:
    """Tells whether a container takes a stream's packets as they are, by starting one with it alone.

    Args:
      format_name: FFmpeg's name of it.
      stream: of the source.
      path: of the output, by whose ending a transport stream is that of a Blu-ray.
    """
    if stream.type == "attachment" and format_name != "matroska":
        # WebM's muxer takes attachments and writes none.
        return False
    if is_cover(stream) and format_name not in ("mp4", "ipod"):
        # MOV's muxer takes cover art and writes none; Matroska's wants it as an attachment.
        return False
    if stream.type == "data" and not _names_data(format_name, stream):
        return False
    if not _readable(format_name, stream, path):
        return False
    # What MP4 says of PCM stands in its index, which is written at the end unless it is to be empty.
    index_first = {"movflags": "empty_moov"} if tells_speakers(format_name, codec_name(stream)) else {}
    try:
        with av.open(BytesIO(), "w", format=format_name, container_options=index_first) as trial:
            add_copy(trial, format_name, stream)
            trial.start_encoding()
    except (av.error.FFmpegError, ValueError, TypeError, AttributeError):
        return False
    return True


def _names_data(format_name: str, stream: Any) -> bool:
    """Tells whether a container says of data what it is; some of FFmpeg's muxers take any, and leave that out."""
    kinds, name = stream.container.format.name.split(","), codec_name(stream)
    if format_name in MP4_FAMILY:
        # Of all data the muxer describes gpmd alone, which is read by this name.
        return name == "bin_data" and "mov" in kinds
    if format_name == "mpegts":
        return name in _DATA_OF_TRANSPORT_STREAMS or (name in (None, "bin_data") and "mpegts" in kinds)
    return True


def add_copy(container: Any, format_name: str, stream: Any) -> Any:
    """Adds a stream to an output that has the packets of another, and returns it.

    Args:
      container: of the output, before its header is written.
      format_name: FFmpeg's name of it.
      stream: of the source.
    """
    # Unless it is to copy all there is, PyAV looks for an encoder by the decoder's name, and AV1's has none.
    copy = container.add_stream_from_template(stream, opaque=stream.type != "video" or not _has_encoder(stream))
    if tells_speakers(format_name, codec_name(stream)):
        # AVI, MXF, NUT and Matroska say of PCM how many channels there are, not where they are heard.
        copy.codec_context.layout = layout_name(stream.codec_context.layout)
    return copy


def _has_encoder(stream: Any) -> bool:
    """Tells whether there is an encoder by the name of a stream's decoder."""
    try:
        av.Codec(codec_name(stream) or "", "w")
    except av.codec.codec.UnknownCodecError:
        return False
    return True


def container_takes_encoder(format_name: str, encoder: str, path: Path | None = None) -> bool:
    """Tells whether a container takes what an encoder of audio makes, and readers know it again; see `container_takes`.

    Args:
      format_name: FFmpeg's name of it.
      encoder: FFmpeg's name of it.
      path: of the output.
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
    """Tells whether readers know again what a container's muxer takes; some of FFmpeg's take too much."""
    name = codec_name(stream)
    known = transport_codecs(stream.type, path) if format_name == "mpegts" else None
    if known is not None:
        # Anything else is written, as private data. Frames of TrueHD are shorter than the ticks of most containers.
        return name in known and (name != "truehd" or stream.container.format.name == "mpegts")
    return name not in _UNREADABLE.get(format_name, frozenset())


_KEEP_PIXEL_SHAPE = MP4_FAMILY | {"ismv"}
_KEEP_ROTATION = _KEEP_PIXEL_SHAPE | {"matroska", "webm"}
_KEEP_CHAPTERS = _KEEP_ROTATION | {"nut"}
_TURNED_PICTURES = {"tiff"} | ({"png", "apng"} if av.library_versions["libavcodec"][0] >= 63 else set())
"""Codecs of pictures that hold it themselves; PNG's Exif is written by newer FFmpegs."""
_WITH_PROFILE = frozenset({"png", "apng", "mjpeg"})
"""Codecs of pictures whose encoders in FFmpeg write a colour profile."""
_TELL_PIXEL_SHAPE = frozenset({"h264", "hevc", "mpeg4", "mpeg1video", "mpeg2video", "mjpeg", "gif", "apng"})
"""Codecs whose streams tell the shape of pixels themselves; of containers PyAV has those of MP4's kind tell it."""


def keeps_chapters(format_name: str) -> bool:
    """Tells whether a container holds chapters."""
    return format_name in _KEEP_CHAPTERS


def keeps_rotation(format_name: str, codec: str) -> bool:
    """Tells whether what is written says by how much it is to be turned when it is shown.

    Args:
      format_name: FFmpeg's name of the container.
      codec: FFmpeg's name of the codec.
    """
    return format_name in _KEEP_ROTATION or codec in _TURNED_PICTURES


def lost_profile(name: str, codec: str) -> str | None:
    """Returns a warning where the colour profile (ICC) of a frame is lost; None where what is written has it.

    Args:
      name: of the container, or of the codec of pictures, for the message.
      codec: FFmpeg's name of the codec.
    """
    if codec in _WITH_PROFILE:
        return None
    return f"the colour profile (ICC) is lost: {name} does not hold it; colours are right where it is sRGB"


def keeps_pixel_shape(format_name: str, codec: str) -> bool:
    """Tells whether what is written says how wide pixels are to be shown.

    Args:
      format_name: FFmpeg's name of the container.
      codec: FFmpeg's name of the codec.
    """
    return format_name in _KEEP_PIXEL_SHAPE or codec in _TELL_PIXEL_SHAPE


def codec_of(stream: Any) -> str | None:
    """Returns FFmpeg's name of a stream's codec, as `av1`, whatever decodes it; None where it does not know it."""
    codec = getattr(stream.codec_context, "codec", None)
    return codec_name(stream) if codec is None else str(codec.canonical_name)


def codec_name(stream: Any) -> str | None:
    """Returns FFmpeg's name of a stream's decoder, as `libdav1d`; None where it has none."""
    name: str | None = getattr(stream.codec_context, "name", None) or getattr(stream, "name", None)
    return name


def shown_format(format_name: str) -> str:
    """Returns the name of a container for messages: FFmpeg's, but for one whose name no user has heard."""
    return _SHOWN_AS.get(format_name, format_name)


def needs_wave_header(format_name: str, stream: Any) -> bool:
    """Tells whether Matroska holds audio under a header of WAVE files (A_MS/ACM), as of WMA, and not otherwise.

    PyAV does not ask Matroska's muxer for that, so that it must be reached by another (`muxer.open_output`).
    """
    return format_name == "matroska" and stream.type == "audio" and codec_name(stream) in _WITH_WAVE_HEADER


def better_container(stream: Any) -> str | None:
    """Returns advice on which container to write for a stream; None where none is known that holds it."""
    if is_cover(stream):
        return "write an .mp4 or .mkv, which can"
    for name, suffix in (("matroska", ".mkv"), ("mov", ".mov"), ("nut", ".nut"), ("mpegts", ".ts")):
        if container_takes(name, stream) or needs_wave_header(name, stream):
            return f"write an {suffix}, which can" if suffix == ".mkv" else f"write a {suffix}, which can"
    return None
