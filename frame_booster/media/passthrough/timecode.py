"""SMPTE timecode (ST 12-1): the label of a video's first frame, from one frame rate to another."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

KEY = "timecode"
"""FFmpeg's name of the tag."""
_TEXT = re.compile(r"(\d{1,2}):(\d{2}):(\d{2})([:;.])(\d{2,3})")
_NTSC = Fraction(1000, 1001)
MOST_A_SECOND = 255
"""Frames a second that the timecode track of MOV and MP4 can count: a byte (QuickTime File Format, tmcd)."""


def nominal(rate: Fraction) -> int:
    """Returns how many frames a timecode counts as a second: 30 at 29.97."""
    return int(rate + Fraction(1, 2))


def may_drop(rate: Fraction) -> bool:
    """Tells whether a rate has drop-frame timecode: 29.97 and its multiples, or what is measured of them."""
    base = nominal(rate)
    return base > 0 and base % 30 == 0 and base - rate > (base - base * _NTSC) / 2


@dataclass(frozen=True)
class Timecode:
    """The label of a frame; `drop` says that numbers are left out so that labels follow the clock at 29.97."""

    hours: int
    minutes: int
    seconds: int
    frames: int
    drop: bool = False

    @classmethod
    def parse(cls, text: str) -> Timecode | None:
        """Reads "HH:MM:SS:FF"; a ";" or "." before the frames means drop-frame. None if it is no timecode."""
        match = _TEXT.fullmatch(text.strip())
        if match is None:
            return None
        hours, minutes, seconds, mark, frames = match.groups()
        return cls(int(hours), int(minutes), int(seconds), int(frames), mark != ":")

    def __str__(self) -> str:
        mark = ";" if self.drop else ":"
        return f"{self.hours:02d}:{self.minutes:02d}:{self.seconds:02d}{mark}{self.frames:02d}"

    def later(self, frames: int, rate: Fraction) -> Timecode:
        """Returns the label of the frame that comes so many frames later at a rate; the day begins anew after 24 h."""
        base = nominal(rate)
        dropped = base // 15 if self.drop else 0
        minutes = self.hours * 60 + self.minutes
        number = (minutes * 60 + self.seconds) * base + self.frames - dropped * (minutes - minutes // 10) + frames
        a_day = 24 * 60 * 60 * base - dropped * (24 * 60 - 24 * 6)
        number %= a_day
        if self.drop:
            # ST 12-1, 5.2.2: each minute but every tenth has `dropped` numbers less.
            ten, rest = divmod(number, 600 * base - 9 * dropped)
            number += 9 * dropped * ten
            if rest >= 60 * base:
                number += dropped * (1 + (rest - 60 * base) // (60 * base - dropped))
        seconds, frame = divmod(number, base)
        return Timecode(seconds // 3600, seconds // 60 % 60, seconds % 60, frame, self.drop)

    def at_rate(self, source: Fraction, target: Fraction) -> tuple[Timecode, bool]:
        """Returns the label of the same moment at another rate, and whether it is exact.

        Hours, minutes and seconds stay; the frames are counted in the new rate. Where there is no drop-frame at the new
        rate, labels follow the clock by themselves.
        """
        frames = Fraction(self.frames * nominal(target), nominal(source))
        label = Timecode(self.hours, self.minutes, self.seconds, int(frames), self.drop and may_drop(target))
        return label, frames.denominator == 1 and label.drop == self.drop


def retimed(
    tags: dict[str, str], source: Fraction | None, target: Fraction | None, late: Fraction = Fraction(0)
) -> tuple[dict[str, str], str | None]:
    """Returns tags whose timecode is that of the output's first frame, and what there is to warn of.

    Args:
      tags: of a file or a stream.
      source, target: frames a second of the input and of the output, None if unknown.
      late: how far into the input the output begins, s.
    """
    key = next((k for k in tags if k.lower() == KEY), None)
    label = None if key is None else Timecode.parse(tags[key])
    if key is None or label is None:
        return tags, None
    rest = {k: v for k, v in tags.items() if k != key}
    if source is None or target is None or nominal(source) < 1:
        return rest, f"the timecode {label} is left out: the frame rate is not known"
    if nominal(target) > MOST_A_SECOND:
        return rest, f"the timecode {label} is left out: it cannot count {float(target):g} frames a second"
    moved, exact = label.later(round(late * source), source).at_rate(source, target)
    warning = None if exact else f"the timecode begins at {moved}, the nearest before {label} at the new frame rate"
    return {**rest, key: str(moved)}, warning
