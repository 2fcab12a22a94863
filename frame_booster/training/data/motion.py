"""Known motion of an image: affine, perspective and smooth non-rigid, exact at any time in both directions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from frame_booster.training.data.manifest import FloatArray

Grid = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]
"""(y, x) of positions, px."""
_TERMS = 12
"""Terms of the series of the exponential. The norm of the generator is below 1, so the remainder is below 1e-9."""
_SOLVING = 8
"""Iterations of the fixed point that inverts a wave; each leaves at most a fifth of the error."""


def exponential(generator: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Returns the matrix exponential of a (3, 3) matrix of norm below about 2."""
    total, term = np.eye(3), np.eye(3)
    for k in range(1, _TERMS + 1):
        term = term @ generator / k
        total = total + term
    return total


@dataclass(frozen=True)
class Wave:
    """A smooth displacement: a sine over the image."""

    amplitude: tuple[float, float]
    """(dy, dx) px per interval."""
    number: tuple[float, float]
    """Wave numbers along y and x, radians per px."""
    phase: float

    def at(self, y: npt.NDArray[np.float64], x: npt.NDArray[np.float64]) -> Grid:
        """Returns the displacement at positions, px per interval."""
        value = np.sin(self.number[0] * y + self.number[1] * x + self.phase)
        return self.amplitude[0] * value, self.amplitude[1] * value


@dataclass(frozen=True)
class Motion:
    """Moves position x at time 0 to `H(time) (x + time wave(x))`, with `H(time) = exp(time generator)`.

    H(-time) inverts H(time) exactly, so that every frame is sampled from the same image and errors do not add up. The
    wave is inverted by a fixed-point iteration.
    """

    generator: npt.NDArray[np.float64]
    """(3, 3) matrix for (x, y, 1), with the origin at the centre and half the longer side as the unit."""
    size: tuple[int, int]
    """(height, width) of the image, px."""
    wave: Wave | None = None

    def _projected(self, y: npt.NDArray[np.float64], x: npt.NDArray[np.float64], time: float) -> Grid:
        height, width = self.size
        unit = max(height, width) / 2
        matrix = exponential(time * self.generator)
        u, v = (x - (width - 1) / 2) / unit, (y - (height - 1) / 2) / unit
        to_u, to_v, below = (row[0] * u + row[1] * v + row[2] for row in matrix)
        return to_v / below * unit + (height - 1) / 2, to_u / below * unit + (width - 1) / 2

    def forward(self, y: npt.NDArray[np.float64], x: npt.NDArray[np.float64], time: float) -> Grid:
        """Returns the positions, after `time` intervals, of what is at (y, x) now."""
        if self.wave is not None:
            dy, dx = self.wave.at(y, x)
            y, x = y + time * dy, x + time * dx
        return self._projected(y, x, time)

    def backward(self, y: npt.NDArray[np.float64], x: npt.NDArray[np.float64], time: float) -> Grid:
        """Returns the positions now of what is at (y, x) after `time` intervals."""
        at_y, at_x = self._projected(y, x, -time)
        if self.wave is None or time == 0.0:
            return at_y, at_x
        now_y, now_x = at_y, at_x
        for _ in range(_SOLVING):
            dy, dx = self.wave.at(now_y, now_x)
            now_y, now_x = at_y - time * dy, at_x - time * dx
        return now_y, now_x

    def grid(self) -> Grid:
        """Returns the positions of all pixels, (H, W) each."""
        y, x = np.mgrid[0 : self.size[0], 0 : self.size[1]].astype(np.float64)
        return y, x

    def flow(self, time: float) -> FloatArray:
        """Returns (H, W, 2) px, (dy, dx), such that `frame(x - flow(x))`, `time` intervals away, shows what is at x
        now."""
        y, x = self.grid()
        then_y, then_x = self.forward(y, x, time)
        return np.stack([y - then_y, x - then_x], -1).astype(np.float32)

    def scaled(self, factor: float) -> Motion:
        """Returns the same motion, faster by a factor."""
        wave = self.wave
        if wave is not None:
            wave = Wave((factor * wave.amplitude[0], factor * wave.amplitude[1]), wave.number, wave.phase)
        return Motion(factor * self.generator, self.size, wave)


def draw_motion(rng: np.random.Generator, size: tuple[int, int], reach: float) -> Motion:
    """Draws a motion of at most about `reach` px from frame 0 to frame 1; its length is drawn uniformly.

    Half of the motions are shifts. The others also rotate, zoom, shear, tilt (perspective) or bend (a wave).

    Args:
      rng: random generator.
      size: (height, width) of the image, px.
      reach: largest motion from frame 0 to frame 1, px.
    """
    unit = max(size) / 2
    length, direction = reach * float(rng.random()), float(rng.uniform(0, 2 * np.pi))
    generator = np.zeros((3, 3))
    generator[:2, 2] = length * np.cos(direction) / unit, length * np.sin(direction) / unit
    wave = None
    if rng.random() < 0.5:
        turn, grow = rng.normal(0, 0.04, 2)
        generator[:2, :2] = [[grow, -turn], [turn, grow]]
        if rng.random() < 0.4:
            generator[:2, :2] += rng.normal(0, 0.03, (2, 2))
        if rng.random() < 0.4:
            generator[2, :2] = rng.normal(0, 0.03, 2)
        if rng.random() < 0.4:
            number = float(rng.uniform(1, 3)) * np.pi / unit
            angle, bend = rng.uniform(0, 2 * np.pi, 2)
            height = min(0.2 / number, 0.25 * reach) * float(rng.random())
            wave = Wave(
                (height * np.sin(bend), height * np.cos(bend)),
                (number * np.sin(angle), number * np.cos(angle)),
                float(rng.uniform(0, 2 * np.pi)),
            )
    motion = Motion(generator, size, wave)
    y, x = np.mgrid[0 : size[0] : 9j, 0 : size[1] : 9j]
    (y0, x0), (y1, x1) = (motion.forward(y, x, time) for time in (-0.5, 0.5))
    furthest = float(np.hypot(y1 - y0, x1 - x0).max())
    return motion if furthest <= reach or furthest == 0.0 else motion.scaled(reach / furthest)
