"""Records the video of a page: each frame contains a source frame and a boosted frame, so both are always in sync.

Two players in a browser drift apart and seek separately. In a single stream, a frame of the boosted video is decoded
together with the source frame that a player would show at that moment. The page draws one half over the other.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

from frame_booster.errors import InputError
from frame_booster.media.frames.display import Display, Shown, display_size, frame_of_shown, rgb_of_shown
from frame_booster.media.output.proxy import ProxyWriter
from frame_booster.media.pyav.rational import rescale
from frame_booster.pipeline.comparison.in_step import Moment, Reading, Step, TimedFrame, tolerance_of
from frame_booster.pipeline.comparison.uncertainty import Candidates, Picture, is_held

BOX = (1280, 720)
"""Largest longer and shorter side of each half, px."""
SOURCE, INTERPOLATED, HELD = "s", "i", "h"
"""Kinds of frames: the source has a frame at that time; it has none; it has none, and the last frame is held."""
_CHECKS = 24
"""Number of moments at which the videos are compared, to check that one was made from the other."""
_FIRST_CHECKS = 8
_UNLIKE = 20.0
"""Mean difference of block means, in code values, above which two images show different content."""
_THUMBNAIL = 192
"""Longer side of a chapter's thumbnail, px."""


@dataclass
class Chapter:
    """A section of the page's video that is continuous in the source."""

    title: str
    reason: str
    begin: Fraction
    """Time of its first frame in the source, in s."""
    slower: Fraction
    first: int
    """Number of its first frame in the page's video."""
    frames: int = 0
    thumbnail: Picture | None = None


@dataclass
class Recorded:
    """The content of the page's video."""

    time_base: Fraction = Fraction(1)
    size: tuple[int, int] = (0, 0)
    """Width and height of one half, px."""
    times: list[int] = field(default_factory=list)
    """pts of the frames in ticks."""
    end: int = 0
    """End of the last frame in ticks."""
    kinds: list[str] = field(default_factory=list)
    sources: list[int] = field(default_factory=list)
    """For each frame, the number of the source frame in its other half, among those read."""
    chapters: list[Chapter] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    sound: bool = False

    def note(self, text: str) -> None:
        """Adds a note for the reader of the page, once."""
        if text not in self.notes:
            self.notes.append(text)


@dataclass(frozen=True)
class Clips:
    """A section of a source and of its boosted video, both open."""

    before: Reading
    after: Reading
    title: str
    reason: str
    begin: Fraction | None
    """Time in the source, in s, at which the boosted video starts; None is that of the first frame read."""
    slower: Fraction = Fraction(1)
    sound: bool = False


class Recording:
    """Records sections, one after the other, into one proxy.

    Args:
      path: path of the proxy.
      most_bytes: limit for the size of the proxy.
      seconds: approximate duration of all sections together, in s.
      tell: called with the number of frames after each frame.
    """

    def __init__(
        self, path: Path, most_bytes: int, seconds: Fraction, tell: Callable[[int], None] = lambda frames: None
    ) -> None:
        self._path, self._most_bytes, self._tell = path, most_bytes, tell
        self.seconds = seconds
        self._writer: ProxyWriter | None = None
        self.recorded = Recorded()
        self.candidates = Candidates(seconds)
        self._waiting: tuple[av.VideoFrame, int] | None = None

    def add(self, clips: Clips) -> None:
        """Records a section.

        Raises:
          InputError: the second video was not made from the first.
        """
        _Stretch(self, clips).record()

    def open(self, clips: Clips, size: tuple[int, int]) -> ProxyWriter:
        """Returns the writer, which is created with the size and time base of the first section."""
        if self._writer is None:
            after, made = clips.after.source, self.recorded
            made.size, made.time_base = size, after.info.time_base
            width, height = size
            whole = (width, 2 * height) if width >= height else (2 * width, height)
            rate = after.info.rate or Fraction(30)
            self._writer = ProxyWriter(self._path, whole, made.time_base, rate, self._most_bytes, self.seconds)
            tracks = [s for s in after.other_streams if s.type == "audio"] if clips.sound else []
            made.sound = bool(tracks) and self._writer.add_audio(tracks[0])
            if clips.sound and not tracks:
                made.note("the boosted file has no sound")
            elif tracks and not made.sound:
                made.note("the sound cannot be decoded and is left out")
        return self._writer

    def put(self, halves: tuple[Shown, Shown], pts: int, kind: str, source: int) -> None:
        """Adds a frame, of the source's and the boosted half; it is written when the next one, its end, is known."""
        made = self.recorded
        axis = 1 if made.size[0] < made.size[1] else 0
        luma, blue, red = (np.concatenate(pair, axis) for pair in zip(*halves, strict=True))
        frame = frame_of_shown((luma, blue, red))
        self._write(pts)
        self._waiting = frame, pts
        made.times.append(pts)
        made.kinds.append(kind)
        made.sources.append(source)
        self._tell(len(made.times))

    def _write(self, end: int) -> None:
        if self._waiting is not None:
            assert self._writer is not None
            frame, pts = self._waiting
            self._writer.write(frame, pts, end - pts)
            self._waiting = None

    def finish(self) -> Recorded:
        """Writes the last frame and closes the file."""
        made = self.recorded
        self._write(made.end)
        assert self._writer is not None
        self._writer.finish()
        return made

    def close(self) -> None:
        """Closes the file after an error."""
        if self._writer is not None:
            self._writer.__exit__(None, None, None)


class _Stretch:
    """Recording of one section."""

    def __init__(self, recording: Recording, clips: Clips) -> None:
        self._recording, self._clips, self._made = recording, clips, recording.recorded
        self._displays: tuple[Display, Display] | None = None
        self._sources: dict[int, Shown] = {}
        """Converted source frames around the current moment, by number."""
        self._held: Shown | None = None
        """The last frame of the boosted video that is a source frame."""
        self._differences: list[float] = []
        self._next_check = Fraction(0)
        self._first: Fraction | None = None
        self._origin = Fraction(0)
        self._begin = self._made.end
        self._chapter: Chapter | None = None
        self._early: list[av.Packet] = []

    def record(self) -> None:
        clips = self._clips
        tolerance = tolerance_of(clips.before.source, clips.after.source, clips.slower)
        step = Step(clips.before.frames(), clips.begin, clips.slower, tolerance)
        self._origin = step.begin
        heard = {s.index for s in clips.after.source.other_streams if s.type == "audio"} if clips.sound else set()
        track = min(heard, default=None)
        for item in clips.after.items(packets=clips.sound):
            if isinstance(item, TimedFrame):
                moment = step.moment(item)
                if moment is not None:
                    self._take(moment)
            elif item.stream.index == track:
                self._hear(item)
        if self._chapter is None:
            raise InputError(
                "has no frame at the same time as the first video",
                path=clips.after.source.path,
                hint="choose the part that both have, with --start and --duration, or use --offset",
            )
        self._check(last=True)

    def _hear(self, packet: av.Packet) -> None:
        if self._first is None:
            self._early.append(packet)
            return
        writer = self._recording.open(self._clips, self._made.size)
        if self._made.sound:
            writer.write_audio(packet, self._clips.after.origin + self._first)

    def _take(self, moment: Moment) -> None:
        clips, made = self._clips, self._made
        if self._displays is None:
            self._begin_with(moment)
        assert self._displays is not None
        assert self._chapter is not None
        assert self._first is not None
        before, after = self._displays
        earlier = self._source(moment.earlier, before)
        shown = after.show(moment.after.frame)
        later = None if moment.later is None else self._source(moment.later, before)
        kind = SOURCE
        if moment.interpolated:
            held = self._held is not None and is_held(self._held[0], shown[0], None if later is None else later[0])
            kind = HELD if held else INTERPOLATED
        else:
            self._held = shown
        since = moment.after.time - self._first
        pts = self._begin + rescale(1, since, made.time_base)
        if made.times:
            pts = max(pts, made.times[-1] + 1)
        number = len(made.times)
        if kind == INTERPOLATED and moment.t is not None and later is not None:
            time = pts * made.time_base
            self._recording.candidates.see(number, time, moment.t, earlier, shown, later)
        self._compare(since, earlier, later if moment.interpolated else None, shown)
        step = pts - made.times[-1] if self._chapter.frames else rescale(1, self._usual(), made.time_base)
        self._recording.put((earlier, shown), pts, kind, moment.earlier.number)
        self._chapter.frames += 1
        made.end = pts + max(step, 1)
        around = {moment.earlier.number, moment.earlier.number + 1}
        self._sources = {k: v for k, v in self._sources.items() if k in around}
        if self._chapter.thumbnail is None:
            self._chapter.thumbnail = rgb_of_shown(shown, _THUMBNAIL)
        if self._early:
            early, self._early = self._early, []
            for packet in early:
                self._hear(packet)
        if clips.before.source.info.width * clips.before.source.info.height > BOX[0] * BOX[1]:
            made.note(f"pictures are scaled down to {made.size[0]} x {made.size[1]}")

    def _usual(self) -> Fraction:
        rate = self._clips.after.source.info.rate
        return 1 / rate if rate else Fraction(1, 30)

    def _begin_with(self, moment: Moment) -> None:
        clips, made = self._clips, self._made
        frames = moment.earlier.frame, moment.after.frame
        infos = clips.before.source.info, clips.after.source.info
        sizes = [display_size(frame, info.sample_aspect_ratio, BOX) for frame, info in zip(frames, infos, strict=True)]
        shapes = [width / height for width, height in sizes]
        # Rounding by a pixel must not count as another aspect ratio in a small image.
        if abs(shapes[0] / shapes[1] - 1) > 0.02 + 4 / min(*sizes[0], *sizes[1]):
            raise InputError(
                f"has another aspect ratio than the first video, so it is not its boosted version: "
                f"{sizes[1][0]} x {sizes[1][1]} instead of {sizes[0][0]} x {sizes[0][1]}",
                path=clips.after.source.path,
            )
        size = made.size if made.times else max(sizes)
        self._displays = Display(frames[0], size), Display(frames[1], size)
        self._first = moment.after.time
        self._recording.open(clips, size)
        begin = self._origin + moment.after.time / clips.slower
        self._chapter = Chapter(clips.title, clips.reason, begin, clips.slower, len(made.times))
        made.chapters.append(self._chapter)
        if any(display.hdr for display in self._displays):
            made.note("HDR is tone-mapped to SDR, so that every screen can show it")
        if any(component.is_alpha for frame in frames for component in frame.format.components):
            made.note("transparent pixels are shown on grey")

    def _source(self, frame: TimedFrame, display: Display) -> Shown:
        if frame.number not in self._sources:
            self._sources[frame.number] = display.show(frame.frame)
        return self._sources[frame.number]

    def _compare(self, since: Fraction, earlier: Shown, later: Shown | None, shown: Shown) -> None:
        if len(self._differences) >= _FIRST_CHECKS and since < self._next_check:
            return
        self._next_check = since + self._recording.seconds / _CHECKS
        neighbours = [earlier] if later is None else [earlier, later]
        self._differences.append(min(_difference(neighbour[0], shown[0]) for neighbour in neighbours))
        if len(self._differences) == _FIRST_CHECKS:
            self._check()

    def _check(self, *, last: bool = False) -> None:
        if (last or len(self._differences) >= _FIRST_CHECKS) and statistics.median(self._differences) > _UNLIKE:
            raise InputError(
                "shows other pictures than the first video at the same times, so it is not its boosted version",
                path=self._clips.after.source.path,
                hint="if it was made with --start, set --offset to the same time",
            )


def _difference(first: npt.NDArray[np.uint8], second: npt.NDArray[np.uint8]) -> float:
    """Returns the mean absolute difference of two luma planes in code values, after averaging over blocks."""
    means = [np.add.reduceat(np.add.reduceat(p, _edges(p, 0), 0, np.float32), _edges(p, 1), 1) for p in (first, second)]
    blocks = len(_edges(first, 0)) * len(_edges(first, 1))
    return float(np.abs(means[0] - means[1]).mean() * blocks / first.size)


def _edges(plane: npt.NDArray[np.uint8], axis: int) -> npt.NDArray[np.int64]:
    return np.arange(0, plane.shape[axis], max(plane.shape[axis] // 32, 1))
