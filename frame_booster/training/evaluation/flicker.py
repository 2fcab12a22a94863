"""Flicker of a clip of which every second frame is interpolated, as one number.

Where interpolated frames are softer or darker than the originals between which they are shown, the picture pulses at
half the frame rate: 30 times a second at 60 frames, below the 50 to 90 at which light fuses to the eye (Davis, Hsieh &
Lee, "Humans perceive flicker artifacts at 500 Hz", Scientific Reports 5, 2015). No figure of single frames shows it.

The measure is the amplitude of that one temporal frequency, as display metrology measures flicker (ICDM, "Information
Display Measurements Standard"), less what the original clip has of it, since flicker is change that the original does
not have (Fan et al., "Flicking reduction in all intra frame coding", JVT-E070, 2002). What alternates are the two
things that SSIM compares within its window: brightness and contrast (Wang et al., 2004).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from frame_booster.errors import InputError
from frame_booster.media.frames.similarity import Thumbnail, similarity
from frame_booster.training.data.manifest import FloatArray, FrameArray
from frame_booster.training.data.shot_splitting import CUT_BELOW, Target, frames_of
from frame_booster.training.evaluation.methods import Method

RUN = 24
"""Shown frames over which an alternation must last: a second of film."""
_LEAST = RUN // 4
"""Interpolated frames that a shorter run, before a cut or at the end, must have."""
_WINDOW, _DEVIATION = (11, 11), 1.5
"""Size and standard deviation of SSIM's Gaussian window, px."""

Frames = Iterable[tuple[FrameArray, Thumbnail]]
"""(H, W, 3) uint8 RGB frames of one size with their thumbnails, by which cuts are found."""


@dataclass(frozen=True)
class Flicker:
    """Flicker of one method on one clip."""

    clip: str
    method: str
    flicker: float
    """8-bit code values, at least 0: how far interpolated frames differ from originals, in the same way for 24 frames,
    in the mean over the picture. 0 is the original clip; below 0.5 it is less than a display of 8 bits can show."""
    frames: int
    """Interpolated frames that were compared."""


def _look(frame: FrameArray) -> FloatArray:
    """Returns brightness and contrast about every pixel, (H, W, 2) code values: weighted mean, standard deviation."""
    gray = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY).astype(np.float32)
    # Less the mean of all, so that the difference of two large numbers keeps its digits.
    centre = np.float32(gray.mean())
    gray -= centre
    mean, square = (cv2.GaussianBlur(x, _WINDOW, _DEVIATION) for x in (gray, np.square(gray)))
    return np.stack([mean + centre, np.sqrt(np.maximum(square - np.square(mean), 0.0))], -1)


class _Runs:
    """Alternation of one method, over one run of frames after another."""

    def __init__(self) -> None:
        self.done: list[tuple[float, int]] = []
        self._sum: FloatArray | None = None
        self._count = 0

    def add(self, interpolated: FrameArray, truth: FloatArray) -> None:
        # The frames before and after are those of the original clip. So what an interpolated frame has more than the
        # true one is what alternates, from top to bottom.
        difference = _look(interpolated) - truth
        self._sum = difference if self._sum is None else self._sum + difference
        self._count += 1
        if self._count == RUN // 2:
            self.end()

    def end(self) -> None:
        """Closes a run: what had the same sign all the time is left in the mean, the rest cancels out."""
        if self._sum is not None and self._count >= _LEAST:
            lasting = np.linalg.norm(self._sum / self._count, axis=-1)
            self.done.append((float(lasting.mean()), self._count))
        self._sum, self._count = None, 0


def measure_flicker(frames: Frames, methods: dict[str, Method], clip: str = "") -> list[Flicker]:
    """Measures the flicker of methods on a clip whose every second frame they replace.

    Args:
      frames: of the clip. Between the first and the third a frame is interpolated and compared with the second, then
        between the third and the fifth, and so on; not where one of them is of another shot.
      methods: by name.
      clip: its name.

    Raises:
      InputError: no shot has 13 frames.
    """
    runs = {name: _Runs() for name in methods}
    seen: list[tuple[FrameArray, Thumbnail]] = []
    for frame, small in frames:
        if seen and similarity(seen[-1][1], small) < CUT_BELOW:
            seen.clear()
            for run in runs.values():
                run.end()
        seen.append((frame, small))
        if len(seen) == 3:
            truth = _look(seen[1][0])
            for name, method in methods.items():
                runs[name].add(method(seen[0][0], frame), truth)
            del seen[:2]
    found = []
    for name, run in runs.items():
        run.end()
        if not run.done:
            raise InputError(f"no shot of it has {2 * _LEAST + 1} frames, which flicker takes", path=clip or None)
        values, counts = zip(*run.done, strict=True)
        found.append(Flicker(clip, name, float(np.average(values, weights=counts)), sum(counts)))
    return found


def flicker_of(path: Path, methods: dict[str, Method], size: tuple[int, int] | None, limit: int) -> list[Flicker]:
    """Measures the flicker of methods on a video file.

    Args:
      path: of the video.
      methods: by name.
      size: (width, height) that frames are scaled down and cropped to; None leaves them as they are.
      limit: frames to read at most.

    Raises:
      InputError, DecodeError: it cannot be read, is smaller than `size`, or no shot has 13 frames.
    """

    def sized() -> Frames:
        for number, (frame, small) in enumerate(frames_of((path,))):
            if number == limit:
                return
            fitted = frame if size is None else Target(size).apply(frame)
            if fitted is None:
                raise InputError(f"is {frame.shape[1]}x{frame.shape[0]}, smaller than --size", path=path)
            yield fitted, small

    return measure_flicker(sized(), methods, str(path))


def table(found: list[Flicker]) -> str:
    """Formats flicker for a terminal: a line a method; a column a clip, then the mean over clips."""
    clips = list(dict.fromkeys(one.clip for one in found))
    heads = [Path(clip).name for clip in clips] + (["mean"] if len(clips) > 1 else [])
    lines = [["", *heads]]
    for method in dict.fromkeys(one.method for one in found):
        values = [one.flicker for one in found if one.method == method]
        means = [float(np.mean(values))] if len(clips) > 1 else []
        lines.append([method, *(f"{value:.2f}" for value in values + means)])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        f"{first:<{widths[0]}}" + "".join(f"{cell:>{width + 3}}" for cell, width in zip(cells, widths[1:], strict=True))
        for first, *cells in lines
    )
