"""SMPTE timecode (ST 12-1): labels of frames, as video files carry them and as editors name a place in a video."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

_TEXT = re.compile(r"(\d{1,2}):(\d{2}):(\d{2})([:;.])(\d{2,3})")
_NTSC = Fraction(1000, 1001)


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

    def _dropped(self, rate: Fraction) -> int:
        """Returns how many numbers a minute leaves out."""
        return nominal(rate) // 15 if self.drop else 0

    def is_label(self, rate: Fraction) -> bool:
        """Tells whether there is such a label at a rate: no number is too large, and none is left out."""
        if self.drop and not may_drop(rate):
            return False
        if self.hours > 23 or self.minutes > 59 or self.seconds > 59 or self.frames >= nominal(rate):
            return False
        return bool(self.seconds or self.minutes % 10 == 0 or self.frames >= self._dropped(rate))

    def number(self, rate: Fraction) -> int:
        """Returns how many frames lie between 00:00:00:00 and this label at a rate."""
        minutes = self.hours * 60 + self.minutes
        left_out = self._dropped(rate) * (minutes - minutes // 10)
        return (minutes * 60 + self.seconds) * nominal(rate) + self.frames - left_out

    def a_day(self, rate: Fraction) -> int:
        """Returns how many labels there are until they begin anew."""
        return 24 * 60 * 60 * nominal(rate) - self._dropped(rate) * (24 * 60 - 24 * 6)

    def later(self, frames: int, rate: Fraction) -> Timecode:
        """Returns the label of the frame that comes so many frames later at a rate; the day begins anew after 24 h."""
        base, dropped = nominal(rate), self._dropped(rate)
        number = (self.number(rate) + frames) % self.a_day(rate)
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
