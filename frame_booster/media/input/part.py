"""The part of an input that is asked for: places given as times or as SMPTE timecodes, to seconds.

A timecode is the label of a frame, as editors use it: where the input says which label its first frame has, labels are
read against that one, else its first frame is 00:00:00:00. A time is counted from the start of the file, as in ffmpeg.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from frame_booster.errors import InputError
from frame_booster.options import Position
from frame_booster.timecode import Timecode, may_drop

_USE_TIMES = "use a time instead, for example 00:01:02.5"


@dataclass(frozen=True)
class Labels:
    """Labels of the frames of an input.

    Attributes:
      path: of the input, for messages.
      rate: frames a second, None if unknown.
      first: label of the first frame; None where the input has no timecode.
      origin: time of the first frame, s.
      tick: to which timestamps are rounded, s; 0 where they are exact.
      frames: of the input, as far as it tells.
    """

    path: Path
    rate: Fraction | None
    first: Timecode | None = None
    origin: Fraction = Fraction(0)
    tick: Fraction = Fraction(0)
    frames: int | None = None

    def time_of(self, label: Timecode) -> Fraction:
        """Returns a time, s, at or before that of the frame with a label, and after that of the frame before it.

        Raises:
          InputError: there is no such label at the rate, or it comes before that of the first frame.
        """
        rate, label = self._checked(label)
        first = self.first or Timecode(0, 0, 0, 0, label.drop)
        # A tag may say that it is drop-frame at a rate that has none.
        first = replace(first, drop=label.drop)
        number = label.number(rate) - first.number(rate)
        if number < 0:
            # Labels begin anew after 24 hours.
            number += label.a_day(rate)
            if self.frames is None or number > self.frames:
                hint = "or use a time from the start of the input, for example 00:01:02.5"
                raise InputError(f"has no timecode {label}: its first one is {first}", path=self.path, hint=hint)
        # Timestamps are rounded, to milliseconds in Matroska, and the frame may lie before its exact time.
        return self.origin + number / rate - (min(self.tick, 1 / rate / 2) if number else 0)

    def length_of(self, length: Timecode) -> Fraction:
        """Returns how long so many frames last, s, as a timecode counts them.

        Raises:
          InputError: there is no such label at the rate.
        """
        rate, label = self._checked(length)
        return label.number(rate) / rate

    def _checked(self, label: Timecode) -> tuple[Fraction, Timecode]:
        if self.rate is None:
            raise InputError(
                f"its frame rate is unknown, but timecode {label} needs it", path=self.path, hint=_USE_TIMES
            )
        rate = self.rate
        if self.first is not None and self.first.drop and may_drop(rate):
            # A semicolon is hard to type in a shell; all labels of a video are of one kind.
            label = replace(label, drop=True)
        if self.first is not None and label.drop and not self.first.drop:
            hint = f"write {replace(label, drop=False)}"
            raise InputError(f"its timecode is not drop-frame like {label}", path=self.path, hint=hint)
        if label.drop and not may_drop(rate):
            what = f"there is no drop-frame timecode at {float(rate):.6g} fps, such as {label}"
            raise InputError(what, path=self.path, hint=f"write {replace(label, drop=False)}")
        if not label.is_label(rate):
            raise InputError(f"there is no timecode {label} at {float(rate):.6g} fps", path=self.path)
        return rate, label


def frames_of_part(frames: int, rate: Fraction, begin: Fraction | None, end: Fraction | None) -> int:
    """Returns about how many of a video's frames lie in a part of it.

    Args:
      frames: of all of it.
      rate: frames a second.
      begin, end: of the part, s from the start of the video; None: those of the video.
    """
    whole = frames / rate
    length = min(whole, whole if end is None else end) - (begin or 0)
    return max(round(length * rate), 0)


def bounds(
    labels: Labels, start: Position | None, end: Position | None, duration: Position | None, origin: Fraction
) -> tuple[Fraction | None, Fraction | None]:
    """Returns where a part begins and ends, s in the input's own time; None where it does with the input.

    Args:
      labels: of the input.
      start, end: places in it.
      duration: of the part, instead of an end.
      origin: from where times are counted, s.

    Raises:
      InputError: a timecode is none of the input's, or the part ends before it begins.
    """

    def place(position: Position | None) -> Fraction | None:
        if position is None:
            return None
        return labels.time_of(position) if isinstance(position, Timecode) else origin + position

    first, last = place(start), place(end)
    if duration is not None:
        length = labels.length_of(duration) if isinstance(duration, Timecode) else duration
        if length <= 0:
            raise InputError("--duration must be positive")
        last = (origin if first is None else first) + length
    if last is not None and last <= (origin if first is None else first):
        raise InputError("the selected part ends before it starts", path=labels.path)
    return first, last


def nothing_in_part(path: Path, length: Fraction | None) -> InputError:
    """Returns the error about a part in which no frame lies.

    Args:
      path: of the input.
      length: that it has, s; None is unknown.
    """
    hint = None if length is None else f"it is {float(length):.2f} s long"
    return InputError("has no frame in the selected part", path=path, hint=hint)
