"""Measured speeds: the time per interpolated frame in earlier runs, stored in the user's cache folder.

The file is JSON, and several processes may write it at the same time. If it is damaged, it is replaced; if it cannot be
written, nothing is stored.
"""

from __future__ import annotations

import json
import math
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from frame_booster.engine.files_on_disk import cache_folder
from frame_booster.files import atomic
from frame_booster.options import BoostOptions
from frame_booster.pipeline.job import Progress

_KEPT = 200
"""Number of the newest speeds that are stored."""
_LOCK_S = 1.0
_FIRST = 4
"""Number of written frames after which the network is certainly working; also the least for a measurement."""
_NEAR = 4
"""A speed is used for other frame sizes up to this ratio of numbers of pixels."""


@dataclass(frozen=True)
class Speed:
    """Speed of runs under some conditions."""

    start: float
    """Time to the first frames, in s."""
    per_frame: float
    """Time per interpolated frame in s, including all stages, which work in parallel."""
    size: tuple[int, int]
    """Width and height of the frames, px."""


class Pace:
    """Measures the speed of a run by its progress."""

    def __init__(self) -> None:
        self._first: Progress | None = None
        self._last: Progress | None = None

    def update(self, progress: Progress) -> None:
        """Records the progress after a written frame."""
        if self._first is None and progress.frames >= _FIRST:
            self._first = progress
        self._last = progress

    def speed(self, made: int, frames: int, size: tuple[int, int]) -> Speed | None:
        """Returns the speed of a run; None if it was too short.

        Args:
          made: number of interpolated frames; with a shutter, of all moments.
          frames: number of output frames.
          size: width and height of the frames, px.
        """
        first, last = self._first, self._last
        if first is None or last is None or last.frames - first.frames < _FIRST or made < _FIRST:
            return None
        share = made / frames
        return Speed(first.seconds, (last.seconds - first.seconds) / ((last.frames - first.frames) * share), size)


def conditions(options: BoostOptions, engine: str) -> str:
    """Returns the conditions on which a speed depends, except the frame size, as text: network, engine, device, ..."""
    facts = [
        options.weights or options.model,
        engine,
        options.provider,
        options.device,
        options.precision,
        "auto" if options.flow_scale is None else str(options.flow_scale),
        "" if options.threads is None else f"{options.threads} threads",
        options.encoder.codec or "",
        options.encoder.preset or "",
    ]
    if options.shutter is not None:
        # With a shutter, interpolated frames are averaged, and fewer frames are encoded.
        facts.append(f"{options.shutter_samples} samples")
    return "|".join(facts)


def _file() -> Path:
    return cache_folder() / "speeds.json"


def note_speed(under: str, speed: Speed) -> None:
    """Stores a speed for later runs under the same conditions."""
    with suppress(OSError, Timeout):
        path = _file()
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_name(f"{path.name}.lock"), timeout=_LOCK_S):
            kept = _read(path)
            key = f"{under}|{speed.size[0]}x{speed.size[1]}"
            kept.pop(key, None)
            kept[key] = {"start": round(speed.start, 3), "per_frame": round(speed.per_frame, 6), "size": speed.size}
            newest = dict(list(kept.items())[-_KEPT:])
            with atomic(path) as partial:
                partial.write_text(json.dumps(newest, indent=1) + "\n", encoding="utf-8")


def known_speed(under: str, size: tuple[int, int]) -> Speed | None:
    """Returns the speed of earlier runs with this frame size, else that of the nearest size, scaled by the pixels."""
    kept = _read(_file())
    found = [_speed(entry) for key, entry in kept.items() if key.rpartition("|")[0] == under]
    pixels = size[0] * size[1]
    near = [
        (abs(math.log(speed.size[0] * speed.size[1] / pixels)), speed.size != size, speed)
        for speed in found
        if speed is not None
    ]
    if not near:
        return None
    distance, _, speed = min(near, key=lambda one: one[:2])
    if distance > math.log(_NEAR):
        return None
    scale = pixels / (speed.size[0] * speed.size[1])
    return Speed(speed.start, speed.per_frame * scale, speed.size)


def _read(path: Path) -> dict[str, Any]:
    """Returns the content of the file; empty if it is missing or damaged."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return kept if isinstance(kept, dict) else {}


def _speed(entry: Any) -> Speed | None:
    """Returns the speed of an entry in the file; None if it is invalid."""
    try:
        start, per_frame, (width, height) = float(entry["start"]), float(entry["per_frame"]), entry["size"]
        speed = Speed(start, per_frame, (int(width), int(height)))
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    sound = math.isfinite(start) and math.isfinite(per_frame) and start >= 0 and per_frame > 0 and min(speed.size) > 0
    return speed if sound else None
