"""SMPTE timecode (ST 12-1): converts the label of a video's first frame to another frame rate."""

from __future__ import annotations

from fractions import Fraction

from frame_booster.timecode import Timecode, nominal

KEY = "timecode"
"""FFmpeg's name of the timecode tag."""
MOST_A_SECOND = 255
"""Most frames per second in the timecode track of MOV and MP4: one byte (QuickTime File Format, tmcd)."""


def retimed(
    tags: dict[str, str], source: Fraction | None, target: Fraction | None, late: Fraction = Fraction(0)
) -> tuple[dict[str, str], str | None]:
    """Returns tags with the timecode of the output's first frame, and a warning if it is dropped or inexact.

    Args:
      tags: tags of a file or a stream.
      source, target: frames per second of the input and of the output, None if unknown.
      late: time in the input at which the output begins, in s.
    """
    key = next((k for k in tags if k.lower() == KEY), None)
    label = None if key is None else Timecode.parse(tags[key])
    if key is None or label is None:
        return tags, None
    rest = {k: v for k, v in tags.items() if k != key}
    if source is None or target is None or nominal(source) < 1:
        return rest, f"the timecode {label} is dropped: the frame rate is unknown"
    if nominal(target) > MOST_A_SECOND:
        return rest, f"the timecode {label} is dropped: timecodes do not support {float(target):g} fps"
    moved, exact = label.later(round(late * source), source).at_rate(source, target)
    warning = None if exact else f"the timecode starts at {moved}, the nearest before {label} at the new frame rate"
    return {**rest, key: str(moved)}, warning
