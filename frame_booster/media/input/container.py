"""Opening an input with FFmpeg: by name or from standard input, in hardware or in software."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import av
import av.error
from av.format import Flags

from frame_booster.errors import InputError
from frame_booster.media.mp4.boxes import boxes
from frame_booster.media.paths import PIPE, readable
from frame_booster.media.pyav.tag_text import TAGS_AS_BYTES
from frame_booster.options import InputOptions


def check_file(path: Path) -> None:
    """Raises InputError where a path is no file that holds anything."""
    if not path.exists():
        raise InputError("no such file", path=path)
    if path.is_dir():
        raise InputError("is a folder, not a video", path=path)
    if path.is_file() and path.stat().st_size == 0:
        raise InputError("the file is empty", path=path)


ATTACHED_PICTURE = 0x400
"""AV_DISPOSITION_ATTACHED_PIC: cover art."""


def is_cover(stream: Any) -> bool:
    """Tells whether a video stream is cover art, one picture beside the film."""
    return bool(stream.disposition & ATTACHED_PICTURE)


_WITH_ITEMS = frozenset({"avis", "avif", "msf1", "mif1", "hevc", "heic"})
"""Brands of files that hold pictures as items beside a sequence (ISO/IEC 23008-12, HEIF)."""


def is_item_beside_a_sequence(stream: Any) -> bool:
    """Tells whether a video stream is the still picture that an animated AVIF or HEIF shows where it is not played."""
    container = stream.container
    if container.metadata.get("major_brand", "").strip() not in _WITH_ITEMS:
        return False
    still = stream.duration is None and stream.frames == 1
    return still and any(other.frames > 1 for other in container.streams.video)


def is_attached(stream: Any) -> bool:
    """Tells whether a stream is no track with times of its own: cover art, or an attached file as a font."""
    return stream.type == "attachment" or is_cover(stream)


LENGTH_FROM_0 = frozenset({"matroska", "nut", "asf"})
"""Formats whose length FFmpeg gives from 0, whenever the first frame is shown."""


def is_raw_stream(container: Any) -> bool:
    """Tells whether an input is the stream of a codec without a container, which has no timestamps of its own."""
    return _has(container, Flags.no_timestamps)


def without_times(container: Any) -> bool:
    """Tells whether an input is a stream without a container, raw video or joined pictures: its rate is to be told."""
    name = container.format.name
    return is_raw_stream(container) or name == "rawvideo" or name.endswith("pipe")


def may_restart(container: Any) -> bool:
    """Tells whether an input is of a format whose clock may restart, so that its times cannot be sought by."""
    return _has(container, Flags.ts_discont)


def _has(container: Any, flag: Flags) -> bool:
    return bool(int(container.format.flags) & int(flag.value))


def index_comes_first(path: Path) -> bool:
    """Tells whether a file is MP4 or MOV with its index before its pictures, so that it plays while it is loaded."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return next((box.kind for box in boxes(file) if box.kind in (b"moov", b"mdat")), None) == b"moov"


def open_input(path: Path, options: InputOptions) -> Any:
    """Opens a file, or standard input, as a PyAV container.

    Raises:
      InputError: FFmpeg cannot read it, or the hardware asked for is not there.
    """
    settings: dict[str, str] = {}
    if options.size is not None:
        settings["video_size"] = options.size
    if options.pix_fmt is not None:
        settings["pixel_format"] = options.pix_fmt
    if options.rate is not None:
        settings["framerate"] = str(options.rate)
    if options.format == "rawvideo" and options.size is None:
        raise InputError("raw video needs a frame size", path=path, hint="use --size WIDTHxHEIGHT and --rate")
    for accelerator in _hardware(options.hwaccel):
        try:
            return _open_with(path, options.format, settings, accelerator)
        except av.error.PermissionError as error:
            # What FFmpeg says of a device that is not there.
            if options.hwaccel != "auto":
                raise InputError(
                    f"the hardware decoder {options.hwaccel!r} does not work on this machine",
                    path=path,
                    hint="remove --hwaccel",
                ) from error
    return _open_with(path, options.format, settings, None)


def _open_with(path: Path, format_name: str | None, settings: dict[str, str], accelerator: Any) -> Any:
    try:
        return av.open(
            _standard_input() if path == PIPE else readable(path),
            format=format_name,
            options=settings,
            hwaccel=accelerator,
            **TAGS_AS_BYTES,
        )
    except av.error.PermissionError:
        if accelerator is not None:
            raise
        raise InputError("cannot be opened: permission denied", path=path, hint="change its permissions") from None
    except av.error.FFmpegError as error:
        if path.suffix.lower() == ".mpd" and not av.format.ContainerFormat("dash").is_input:
            hint = "convert it to one file: ffmpeg -i FILE.mpd -c copy FILE.mkv"
            raise InputError("PyAV's FFmpeg cannot read DASH playlists", path=path, hint=hint) from error
        raise InputError(
            f"cannot be opened as a video: {error.strerror}",
            path=path,
            hint="it may be truncated, not a video, or in a format that FFmpeg does not support",
        ) from error
    except ValueError as error:
        raise InputError(f"cannot be opened: {error}", path=path) from error


def _standard_input() -> str:
    """Returns where to open standard input: by name where it is a file, which can be sought in."""
    if stat.S_ISREG(os.fstat(0).st_mode) and Path("/dev/stdin").exists():
        return "/dev/stdin"
    return "pipe:0"


def _hardware(name: str | None) -> list[Any]:
    """Returns PyAV's hardware decoders to try for a name; for "auto" all there may be, none for None."""
    if name is None:
        return []
    from av.codec.hwaccel import HWAccel, hwdevices_available

    there = hwdevices_available()
    if name != "auto" and name not in there:
        raise InputError(f"unknown hardware decoder {name!r}", hint=f"this FFmpeg has {', '.join(there)}")
    return [
        HWAccel(device_type=device, allow_software_fallback=name == "auto")
        for device in (there if name == "auto" else [name])
    ]
