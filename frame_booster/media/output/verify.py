"""The check of a finished output: reads it back and compares frames, times and packets with what was written."""

from __future__ import annotations

import math
import threading
from array import array
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from frame_booster.errors import Interrupted, OutputError
from frame_booster.media.input.apng import delays
from frame_booster.media.input.container import is_attached
from frame_booster.media.input.webp import webp_frames
from frame_booster.media.output.sink import CONSTANT_RATE, Written
from frame_booster.media.passthrough.capabilities import MP4_FAMILY, codec_name, shown_format
from frame_booster.media.passthrough.dispositions import lost_dispositions
from frame_booster.media.passthrough.streams import is_chapter_text, is_timecode_track
from frame_booster.media.passthrough.tags import lost_tags
from frame_booster.media.passthrough.timecode import KEY
from frame_booster.media.paths import url
from frame_booster.media.pyav.rational import exact
from frame_booster.media.pyav.tag_text import TAGS_AS_BYTES


def verify_pictures(folder: Path, written: Written) -> None:
    """Checks that every image exists and is not empty.

    Raises:
      OutputError: something is missing.
    """
    made = [p for p in folder.iterdir() if p.stat().st_size]
    if len(made) != written.frames:
        raise OutputError(f"the result has {len(made)} images instead of {written.frames}", path=folder)


_OF_ATTACHED = {"filename", "mimetype"}
"""Tags that Matroska needs for an attached file; cover art in another container needs neither."""


def verify(
    path: Path, format_name: str, written: Written, time_base: Fraction, stop: threading.Event | None = None
) -> list[str]:
    """Reads the file back and checks all frames, their times and copied packets.

    Args:
      path: path of the file.
      format_name: FFmpeg's name of its container.
      written: what was written.
      time_base: time base of the times in `written`.
      stop: ends the check when set.

    Returns:
      Warnings about tags and dispositions of streams that the container has not kept.

    Raises:
      OutputError: something is missing.
      Interrupted: `stop` was set.
    """
    if format_name == "webp":
        frames, length = webp_frames(path)
        # WebP merges equal frames, so the file may have fewer.
        if frames > written.frames:
            raise OutputError(f"the result has {frames} frames instead of {written.frames}", path=path)
        _check_length(path, length, _length(written) * time_base, Fraction(written.frames, 1000) + time_base)
        return []
    if format_name == "apng":
        return _verify_apng(path, written, time_base)
    if format_name == "rawvideo":
        # The file contains only pixels, and all frames have the same size.
        if not path.stat().st_size or path.stat().st_size % written.frames:
            raise OutputError(f"the result does not have {written.frames} frames", path=path)
        return []
    try:
        with av.open(url(path), **TAGS_AS_BYTES) as container:
            video = container.streams.video[0]
            base = exact(video.time_base)
            assert base is not None
            length_told = None if not video.duration else video.duration * base
            times = array("q")
            copied = {s.index: 0 for s in container.streams if s.index != video.index}
            sizes = dict.fromkeys(copied, 0)
            tags = {s.index: dict(s.metadata) for s in container.streams}
            flags = {s.index: int(s.disposition) for s in container.streams}
            found_at = _places(container, written)
            # FFmpeg's MOV muxer writes data tracks of any kind, but may not record the kind.
            unknown = {s.index for s in container.streams if s.type == "data" and codec_name(s) is None}
            for packet in container.demux():
                if stop is not None and stop.is_set():
                    raise Interrupted("stopped with the others")
                if packet.stream.index != video.index:
                    # Cover art has no dts; the flush packet at the end of a stream has no bytes.
                    copied[packet.stream.index] += packet.size > 0 or packet.dts is not None
                    sizes[packet.stream.index] += packet.size
                elif packet.dts is not None or packet.pts is not None:
                    times.append(packet.dts if packet.pts is None else packet.pts)
    except (av.error.FFmpegError, IndexError) as error:
        raise OutputError(f"the result cannot be read back: {error}", path=path) from error
    if len(times) != written.frames:
        raise OutputError(f"the result has {len(times)} frames instead of {written.frames}", path=path)
    for index, count in written.packets.items():
        place = found_at.get(index, -1)
        have, size = copied.get(place, 0), sizes.get(place, 0)
        if have < count and not _recut(have, size, written.sizes.get(index, 0)):
            raise OutputError(f"stream {index} of the result has {have} packets instead of {count}", path=path)
        if place in unknown and format_name in MP4_FAMILY:
            raise OutputError(f"the result has lost the codec of data stream {index}", path=path)
    # Two ticks: a container with coarse ticks rounds both the start and the end.
    tolerance = 2 * max(base, time_base)
    if format_name in CONSTANT_RATE:
        return []
    _check_times(path, sorted(times), base, sorted(written.times), time_base, tolerance)
    length = _length(written) * time_base
    if format_name == "mpegts":
        # MPEG-TS stores no durations, so FFmpeg guesses that of the last frame.
        shown = (written.last_pts - (written.first_pts or 0)) * time_base
        tolerance += max(length - shown, length / written.frames)
    if length_told is not None:
        # FFmpeg counts the duration from 0 if it does not know the start, or if an MP4 starts late.
        length_told = min(length_told, length_told - min(times) * base, key=lambda told: abs(told - length))
    _check_length(path, length_told, length, tolerance)
    told = {index: tags.get(place, {}) for index, place in found_at.items()}
    meant = {index: flags.get(place, 0) for index, place in found_at.items()}
    return _not_kept(shown_format(format_name), written, told, meant)


def _not_kept(name: str, written: Written, tags: dict[int, dict[str, str]], flags: dict[int, int]) -> list[str]:
    """Returns warnings about tags and dispositions that a container has not kept.

    Args:
      name: name of the container in messages.
      written: what was written.
      tags, flags: those of each stream as read back, by its index in `written`.
    """
    warnings = []
    for index, wanted in sorted(written.tags.items()):
        # These tags are compared for the whole file instead.
        not_told = {"creation_time", KEY} | (_OF_ATTACHED if index in written.attached else set())
        own = {key: value for key, value in wanted.items() if key.lower() not in not_told}
        lost = lost_tags(own, tags.get(index, {}))
        if lost:
            warnings.append(f"tags of stream {index} are lost, since {name} does not store them: {', '.join(lost)}")
    for index, lost in lost_dispositions(written.dispositions, flags).items():
        warnings.append(f"dispositions of stream {index} are lost, since {name} does not store them: {', '.join(lost)}")
    return warnings


def _places(container: Any, written: Written) -> dict[int, int]:
    """Returns the index at which each written stream is read back.

    Demuxers list cover art and attachments after all tracks, wherever they were written, and before them the tracks
    that the muxer added for chapters and timecodes.
    """
    attached = [s.index for s in container.streams if is_attached(s)]
    tracks = [
        s.index
        for s in container.streams
        if s.index not in attached and not is_chapter_text(s) and not is_timecode_track(s)
    ]
    apart = sorted(written.attached)
    together = [index for index in range(len(tracks) + len(apart)) if index not in written.attached]
    return dict(zip(together, tracks, strict=False)) | dict(zip(apart, attached, strict=False))


def _verify_apng(path: Path, written: Written, time_base: Fraction) -> list[str]:
    found = delays(path)
    if len(found) != written.frames:
        raise OutputError(f"the result has {len(found)} frames instead of {written.frames}", path=path)
    # Each delay is rounded to the nearest fraction of two 16-bit numbers.
    _check_length(path, sum(found, Fraction(0)), _length(written) * time_base, Fraction(written.frames, 65535))
    return []


def _recut(packets: int, size: int, written: int) -> bool:
    """Returns whether a stream is complete in packets of another size, as PCM audio read from MOV or MXF.

    Args:
      packets: number of packets found, of `size` bytes in all.
      written: number of bytes written; MXF drops a last packet that is not full.
    """
    return packets > 0 and 0 <= written - size < -(-size // packets)


def _length(written: Written) -> int:
    return written.end_pts - (written.first_pts or 0)


def _check_times(
    path: Path, found: list[int], base: Fraction, wanted: list[int], time_base: Fraction, tolerance: Fraction
) -> None:
    """Raises OutputError if a frame is not at its time, apart from a common offset, or not after the previous one."""
    # In whole ticks of both time bases: fractions would take seconds for an hour of video.
    tick = Fraction(1, math.lcm(base.denominator, time_base.denominator))
    have, want, most = int(base / tick), int(time_base / tick), int(tolerance / tick)
    moved = found[0] * have - wanted[0] * want
    last: int | None = None
    for number, (a, b) in enumerate(zip(found, wanted, strict=True)):
        if abs(a * have - b * want - moved) > most:
            times = (float((a - found[0]) * base), float((b - wanted[0]) * time_base))
            raise OutputError(
                f"frame {number} of the result is at {times[0]:.4f} s instead of {times[1]:.4f} s", path=path
            )
        if last is not None and a <= last:
            raise OutputError(f"frames {number - 1} and {number} of the result have the same time", path=path)
        last = a


def _check_length(path: Path, found: Fraction | None, wanted: Fraction, tolerance: Fraction) -> None:
    if found is not None and abs(found - wanted) > tolerance:
        raise OutputError(f"the result is {float(found):.4f} s long instead of {float(wanted):.4f} s", path=path)
