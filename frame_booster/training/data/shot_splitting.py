"""Splits the frames of a source into snippets for training.

A run of frames ends at cuts, changes of size, still parts, repeated frames, flashes, fades and uneven steps. Frames are
scaled by area averaging, and their motion is measured.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from frame_booster.errors import InputError
from frame_booster.media.frames.planes import layout_of, planes_of
from frame_booster.media.frames.similarity import similarity, thumbnail
from frame_booster.media.input.file import FileSource
from frame_booster.media.input.source import SourceFrame
from frame_booster.training.data.manifest import FrameArray

MULTIPLE = 16
"""Frames are cropped so that both sides are multiples of this, px."""
MIN_FRAMES, MAX_FRAMES = 7, 48
CUT_BELOW = 0.35
"""Similarity of two frames (`media.frames.similarity`) below which there is a cut between them."""
_STILL_BELOW = 0.08
"""Motion between two frames below which the second counts as a repeat of the first or as still, px."""
_FLASH_ABOVE = 12.0
"""Change of mean brightness between two frames above which there is a flash, code values."""
_FADE_ABOVE, _FADE_STEPS = 2.5, 3
"""A fade: the mean brightness changes by more than this, code values, in the same direction for this many steps."""
_UNEVEN_ABOVE = 1.8
"""Ratio of a step's motion to that of its neighbours above which a frame is missing there."""


@dataclass(frozen=True)
class Target:
    """The size that frames are scaled down to by area averaging; they are never scaled up.

    Attributes:
      size: exact (width, height), px; None: as `short_side` says.
      short_side: short side, px. The long side keeps the aspect ratio, and both are cropped to multiples of `MULTIPLE`.
    """

    size: tuple[int, int] | None = None
    short_side: int = 256

    def apply(self, frame: FrameArray) -> FrameArray | None:
        """Scales and crops a frame (H, W, 3); None if it is smaller than `size`."""
        return scaled(frame, self.short_side) if self.size is None else fitted(frame, self.size)


@dataclass(frozen=True)
class Step:
    """A frame with its motion and brightness."""

    frame: FrameArray
    motion: float
    """Mean motion from the previous frame, px."""
    light: float = 0.0
    """Mean brightness, code values."""


def _resized(frame: FrameArray, width: int, height: int) -> FrameArray:
    return np.asarray(cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def scaled(frame: FrameArray, short_side: int) -> FrameArray:
    """Scales a frame (H, W, 3) down to a short side by area averaging, and crops it to multiples of `MULTIPLE`."""
    height, width = frame.shape[:2]
    factor = min(1.0, short_side / min(height, width))
    if factor < 1.0:
        frame = _resized(frame, round(width * factor), round(height * factor))
        height, width = frame.shape[:2]
    top, left = height % MULTIPLE // 2, width % MULTIPLE // 2
    return np.ascontiguousarray(
        frame[top : top + height // MULTIPLE * MULTIPLE, left : left + width // MULTIPLE * MULTIPLE]
    )


def fitted(frame: FrameArray, size: tuple[int, int]) -> FrameArray | None:
    """Scales a frame down to (width, height) by area averaging; returns None if it is smaller.

    The middle is cropped if the aspect ratios differ by more than 3%. With this limit, Vimeo90K's 448x256 (1.75)
    becomes 256x144 (1.78) without a crop, as published.
    """
    width, height = size
    shape = frame.shape[1] / frame.shape[0] / (width / height)
    if frame.shape[1] < width or frame.shape[0] < height:
        return None
    if abs(shape - 1.0) > 0.03:
        rows = min(frame.shape[0], round(frame.shape[1] * height / width))
        columns = min(frame.shape[1], round(frame.shape[0] * width / height))
        top, left = (frame.shape[0] - rows) // 2, (frame.shape[1] - columns) // 2
        frame = frame[top : top + rows, left : left + columns]
    if (frame.shape[1], frame.shape[0]) == size:
        return np.ascontiguousarray(frame)
    return _resized(np.ascontiguousarray(frame), width, height)


def read_picture(path: Path) -> FrameArray:
    """Reads an image as 8-bit RGB, (H, W, 3).

    Raises:
      InputError: it cannot be read.
    """
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if picture is None:
        raise InputError("cannot read the image", path=path)
    return np.ascontiguousarray(picture[..., ::-1])


def frames_of(paths: tuple[Path, ...]) -> Iterator[tuple[FrameArray, Any]]:
    """Yields every frame of a video (one path) or of an image sequence, with its thumbnail for cut detection.

    Raises:
      InputError, DecodeError: the source cannot be read.
    """
    from av import VideoFrame

    if len(paths) > 1:
        for path in paths:
            picture = read_picture(path)
            frame = VideoFrame.from_ndarray(picture, "rgb24")
            layout = layout_of(frame)
            yield picture, thumbnail(planes_of(frame, layout), layout)
        return
    with FileSource(paths[0]) as source:
        for item in source.items(packets=False):
            if isinstance(item, SourceFrame):
                layout = layout_of(item.frame)
                yield item.frame.to_ndarray(format="rgb24"), thumbnail(planes_of(item.frame, layout), layout)


def mean_motion(first: FrameArray, second: FrameArray) -> float:
    """Returns the mean length of DIS optical flow from one frame (H, W, 3) to another, px."""
    dis = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    grays = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in (first, second)]
    return float(np.linalg.norm(dis.calc(*grays, None), axis=-1).mean())


def runs_of(frames: Iterable[tuple[FrameArray, Any]], target: Target) -> Iterator[list[Step]]:
    """Yields runs of frames of one shot with even motion, at most `MAX_FRAMES` long.

    Args:
      frames: frames with their thumbnails, as `frames_of` yields them.
      target: size that they are scaled to.
    """
    run: list[Step] = []
    last_thumbnail: Any = None
    for full, small in frames:
        frame = target.apply(full)
        if frame is None:
            continue
        light, motion = float(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY).mean()), 0.0
        whole = bool(run) and frame.shape == run[-1].frame.shape and similarity(last_thumbnail, small) >= CUT_BELOW
        if whole:
            motion = mean_motion(run[-1].frame, frame)
            whole = motion >= _STILL_BELOW and abs(light - run[-1].light) <= _FLASH_ABOVE
        if not whole or len(run) == MAX_FRAMES:
            yield from _clean(run)
            run = []
        run.append(Step(frame, motion, light))
        last_thumbnail = small
    yield from _clean(run)


def _clean(run: list[Step]) -> Iterator[list[Step]]:
    for part in _without_fades(run):
        yield from _even(part)


def _without_fades(run: list[Step]) -> Iterator[list[Step]]:
    """Removes parts in which the brightness rises or falls steadily."""
    change = np.diff([step.light for step in run])
    fading = np.zeros(len(run), bool)
    for k in range(len(change) - _FADE_STEPS + 1):
        around = change[k : k + _FADE_STEPS]
        if (around > _FADE_ABOVE).all() or (around < -_FADE_ABOVE).all():
            fading[k : k + _FADE_STEPS + 1] = True
    begin = 0
    for k in range(len(run) + 1):
        if k == len(run) or fading[k]:
            if k - begin >= MIN_FRAMES:
                yield run[begin:k]
            begin = k + 1


def _even(run: list[Step]) -> Iterator[list[Step]]:
    """Splits a run where one step is much longer than its neighbours, since a frame is missing there."""
    begin = 0
    for k in range(2, len(run) - 1):
        around = (run[k - 1].motion + run[k + 1].motion) / 2
        if run[k].motion > _UNEVEN_ABOVE * around and run[k].motion > 1.0:
            if k - begin >= MIN_FRAMES:
                yield run[begin:k]
            begin = k
    if len(run) - begin >= MIN_FRAMES:
        yield run[begin:]
