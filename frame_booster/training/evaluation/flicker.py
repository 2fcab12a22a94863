"""Flicker of a clip in which every second frame is interpolated, as one number.

Where interpolated frames are softer or darker than the originals between which they are shown, the video pulses at half
the frame rate: 30 times a second at 60 frames per second, below the 50 to 90 Hz at which flicker fuses for the eye
(Davis, Hsieh & Lee, "Humans perceive flicker artifacts at 500 Hz", Scientific Reports 5, 2015). Figures of single
frames do not show this.

The measure is the amplitude of this one temporal frequency, as in display metrology (ICDM, "Information Display
Measurements Standard"). The amplitude of the original clip is subtracted, since flicker is change that the original
does not have (Fan et al., "Flicking reduction in all intra frame coding", JVT-E070, 2002). It is measured for the two
quantities that SSIM compares within its window: brightness and contrast (Wang et al., 2004).
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
"""Number of shown frames over which an alternation must last: a second of film."""
_LEAST = RUN // 4
"""Minimum number of interpolated frames in a shorter run, before a cut or at the end."""
_WINDOW, _DEVIATION = (11, 11), 1.5
"""Size and standard deviation of the Gaussian window of SSIM, px."""

Frames = Iterable[tuple[FrameArray, Thumbnail]]
"""(H, W, 3) uint8 RGB frames of one size, with their thumbnails for cut detection."""


@dataclass(frozen=True)
class Flicker:
    """Flicker of one method on one clip."""

    clip: str
    method: str
    flicker: float
    """Mean over the image, in 8-bit code values, of how far interpolated frames differ from the true ones in the same
    direction for 24 frames. 0 is the original clip; values below 0.5 are less than an 8-bit display can show."""
    frames: int
    """Number of interpolated frames that were compared."""


def _look(frame: FrameArray) -> FloatArray:
    """Returns brightness and contrast at each pixel, (H, W, 2) code values: weighted mean and standard deviation."""
    gray = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY).astype(np.float32)
    # The mean of the image is subtracted first, because the difference of two large numbers would lose digits.
    centre = np.float32(gray.mean())
    gray -= centre
    mean, square = (cv2.GaussianBlur(x, _WINDOW, _DEVIATION) for x in (gray, np.square(gray)))
    return np.stack([mean + centre, np.sqrt(np.maximum(square - np.square(mean), 0.0))], -1)


class _Runs:
    """Alternation of one method, over consecutive runs of frames."""

    def __init__(self) -> None:
        self.done: list[tuple[float, int]] = []
        self._sum: FloatArray | None = None
        self._count = 0

    def add(self, interpolated: FrameArray, truth: FloatArray) -> None:
        # The neighbouring frames are those of the original clip. The difference to the true frame is thus the
        # peak-to-peak amplitude of the alternation.
        difference = _look(interpolated) - truth
        self._sum = difference if self._sum is None else self._sum + difference
        self._count += 1
        if self._count == RUN // 2:
            self.end()

    def end(self) -> None:
        """Closes a run. In the mean only differences that keep their sign remain; the others cancel out."""
        if self._sum is not None and self._count >= _LEAST:
            lasting = np.linalg.norm(self._sum / self._count, axis=-1)
            self.done.append((float(lasting.mean()), self._count))
        self._sum, self._count = None, 0


def measure_flicker(frames: Frames, methods: dict[str, Method], clip: str = "") -> list[Flicker]:
    """Measures the flicker of methods on a clip in which they replace every second frame.

    Args:
      frames: frames of the clip. A frame is interpolated between the first and the third and compared with the second,
        then between the third and the fifth, and so on, but not across cuts.
      methods: methods by name.
      clip: name of the clip.

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
            raise InputError(f"no shot has the {2 * _LEAST + 1} frames that flicker needs", path=clip or None)
        values, counts = zip(*run.done, strict=True)
        found.append(Flicker(clip, name, float(np.average(values, weights=counts)), sum(counts)))
    return found


def flicker_of(path: Path, methods: dict[str, Method], size: tuple[int, int] | None, limit: int) -> list[Flicker]:
    """Measures the flicker of methods on a video file.

    Args:
      path: path of the video.
      methods: methods by name.
      size: (width, height) that frames are scaled down and cropped to; None: frames are not changed.
      limit: maximum number of frames to read.

    Raises:
      InputError, DecodeError: the video cannot be read, is smaller than `size`, or no shot has 13 frames.
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
    """Formats flicker for a terminal: a row for each method and a column for each clip, then the mean over clips."""
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
