"""Metadata tags of files and streams: which ones a container keeps."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from io import BytesIO

import av
import av.error

from frame_booster.media.passthrough.timecode import KEY
from frame_booster.media.pyav.tag_text import TAGS_AS_BYTES, said_once

KEYS_OPTION = ("movflags", "use_metadata_tags")
"""FFmpeg's option that makes MOV and MP4 store tags of any name, as QuickTime metadata keys."""
_OF_A_VENDOR = "com."
"""Prefix of QuickTime metadata keys of vendors: com.apple.quicktime.make, com.android.version."""
_TECHNICAL = frozenset(
    {
        *(
            "alpha_mode",
            "bps",
            "duration",
            "encoder",
            "handler_name",
            "number_of_bytes",
            "number_of_frames",
            "vendor_id",
        ),
        *("compatible_brands", "major_brand", "minor_version"),
        *("application_platform", "file_package_umid", "generation_uid", "material_package_umid", "product_uid", "uid"),
        "operational_pattern_ul",
        # Tags about the program that wrote an MXF.
        *("company_name", "product_name", "product_version", "product_version_num"),
        *("toolkit_version", "toolkit_version_num"),
        # The program that wrote an AVI or WAVE file, and the bit rate of an HLS variant.
        *("software", "variant_bitrate"),
    }
)
"""Tags about how a file was written, not about its content (of MP4, Matroska, MXF, AVI and HLS)."""
_TRIAL_CODECS = {"webm": "libvpx", "flv": "flv", "mxf": "mpeg2video"}
_TRIAL_PIX_FMT = "yuv420p"
_TRIAL_RATE = Fraction(25)
_LABEL = re.compile(r"(\d+:\d\d:\d\d[:;.])(\d+)")


def is_technical(key: str) -> bool:
    """Returns whether a tag describes only the file in which it was found."""
    name = key.lower().partition("-")[0]
    return name in _TECHNICAL or name.startswith("_statistics")


def named(tags: Mapping[str, str]) -> dict[str, str]:
    """Returns a stream's tags with `name` renamed to `title`.

    FFmpeg reads the name of an MP4 track as `name`, but never writes that tag.
    """
    found = dict(tags)
    if "name" in found and not any(key.lower() == "title" for key in found):
        found["title"] = found.pop("name")
    return found


def _plain(value: str) -> str:
    # Some containers write fractional seconds into dates, and three digits for frames from 100 frames per second on.
    text = value.strip().lower().replace(".000000z", "z")
    label = _LABEL.fullmatch(text)
    return text if label is None else f"{label[1]}{int(label[2]):02d}"


def lost_tags(wanted: Mapping[str, str], found: Mapping[str, str]) -> list[str]:
    """Returns the names of non-technical tags whose values were not found; a container may have renamed them."""
    values = {_plain(value) for value in found.values()} | {"", "und"}
    return [key for key, value in wanted.items() if not is_technical(key) and _plain(value) not in values]


def kept_tags(
    format_name: str, tags: Mapping[str, str], options: Mapping[str, str], rate: Fraction | None = None
) -> dict[str, str]:
    """Returns the file tags and the timecode that a container keeps, tried with a small file in memory.

    Args:
      format_name: FFmpeg's name of the container.
      tags: tags to write.
      options: options of the container.
      rate: frames per second by which a timecode counts.
    """
    memory = BytesIO()
    try:
        with av.open(memory, "w", format=format_name, container_options=dict(options)) as trial:
            codec = _TRIAL_CODECS.get(format_name, "mpeg4")
            # VP8 accepts no frame rate that differs from the time base, and WebM has no timecode track that needs it.
            stream = trial.add_stream(codec, rate=_TRIAL_RATE if codec == "libvpx" else rate or _TRIAL_RATE)
            stream.width, stream.height, stream.pix_fmt = 64, 48, _TRIAL_PIX_FMT
            stream.codec_context.time_base = 1 / _TRIAL_RATE
            trial.metadata.update(tags)
            stream.metadata.update({k: v for k, v in tags.items() if k.lower() == KEY})
            frame = av.VideoFrame(64, 48, _TRIAL_PIX_FMT)
            frame.pts, frame.time_base = 0, 1 / _TRIAL_RATE
            for packet in (*stream.encode(frame), *stream.encode(None)):
                trial.mux(packet)
        memory.seek(0)
        with av.open(memory, **TAGS_AS_BYTES) as trial:
            found = {**trial.streams.video[0].metadata, **trial.metadata}
            said_once(found)
            return found
    except (av.error.FFmpegError, ValueError):
        # A format that holds frames only, and no tags.
        return {}


def wants_keys(format_name: str, tags: Mapping[str, str]) -> bool:
    """Returns whether MOV or MP4 needs `KEYS_OPTION` to keep tags of phones and cameras.

    The option is not set otherwise: it stores titles and the like where only FFmpeg finds them.
    """
    vendor = {key: value for key, value in tags.items() if key.lower().startswith(_OF_A_VENDOR)}
    if not vendor or format_name not in ("mov", "mp4", "ipod"):
        return False
    return bool(lost_tags(vendor, kept_tags(format_name, tags, {})))
