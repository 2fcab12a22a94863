"""Training and validation material from a folder of videos: what `ClipStore` and `read_triplets` read.

Each video is cut at cuts, still stretches, repeated frames, flashes and uneven steps into short clips, scaled so that
the short side is of one size, and measured. A video's clips go all into training or all into validation.
"""

from __future__ import annotations

import csv
import hashlib
import json
import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from tqdm import tqdm

from frame_booster.errors import FrameBoosterError, InputError
from frame_booster.media.finding import find_videos
from frame_booster.media.planes import layout_of, planes_of
from frame_booster.media.reader import SourceFrame
from frame_booster.media.scene import similarity, thumbnail
from frame_booster.media.source import FileSource
from frame_booster.training.clips import FrameArray

MULTIPLE = 16
"""Clips are cropped so that both sides are multiples of this, px."""
MIN_FRAMES, MAX_FRAMES = 7, 48
_CUT_BELOW = 0.35
"""Similarity of two frames (`media.scene`) below which they are taken for two scenes."""
_STILL_BELOW = 0.08
"""Motion between two frames, px, below which the second repeats the first or nothing moves."""
_FLASH_ABOVE = 12.0
"""Change of mean brightness between two frames, code values."""
_UNEVEN_ABOVE = 1.8
"""Motion of a step over that of its neighbours, above which a frame is missing there."""
_TRIPLETS_A_CLIP = 2
_COLUMNS = ("path", "source", "licence", "permissive", "width", "height", "frames", "source_fps", "mean_motion")
_TRIPLET_COLUMNS = ("id", "frame0", "middle", "frame1", "step", "width", "height", "mean_motion_px", "source")


@dataclass(frozen=True)
class DatasetOptions:
    """How the material is made.

    Attributes:
      short_side: of the clips, px; smaller videos are left as they are.
      validation: share of the videos that go into validation, in [0, 1).
      licence: of the videos, noted in the manifest.
      permissive: whether weights trained on them may be passed on.
      max_clips: at most so many of one video.
    """

    short_side: int = 256
    validation: float = 0.05
    licence: str = "own"
    permissive: bool = True
    max_clips: int = 100


@dataclass(frozen=True)
class _Step:
    """A frame on its way into a clip."""

    frame: FrameArray
    motion: float
    """From the frame before, px."""


def find_sources(folder: Path) -> list[Path]:
    """Returns the videos below a folder, sorted.

    Raises:
      InputError: there is none.
    """
    found = find_videos(folder, None)
    if not found:
        raise InputError("has no videos", path=folder)
    return found


def in_validation(name: str, share: float) -> bool:
    """Tells whether a video goes into validation: by its name alone, so that adding videos moves none."""
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big")
    return number / 2**32 < share


def scaled(frame: FrameArray, short_side: int) -> FrameArray:
    """Scales a frame (H, W, 3) down to a short side by area averaging and crops it to multiples of `MULTIPLE`."""
    height, width = frame.shape[:2]
    factor = min(1.0, short_side / min(height, width))
    if factor < 1.0:
        size = (round(width * factor), round(height * factor))
        frame = np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_AREA), np.uint8)
        height, width = frame.shape[:2]
    top, left = height % MULTIPLE // 2, width % MULTIPLE // 2
    return np.ascontiguousarray(
        frame[top : top + height // MULTIPLE * MULTIPLE, left : left + width // MULTIPLE * MULTIPLE]
    )


def clips_of(path: Path, short_side: int) -> Iterator[list[_Step]]:
    """Yields runs of frames of one shot that move evenly, at most `MAX_FRAMES` long.

    Raises:
      InputError, DecodeError: the video cannot be read.
    """
    dis = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    run: list[_Step] = []
    last_thumbnail: Any = None
    last_gray: Any = None
    with FileSource(path) as source:
        for item in source.items(packets=False):
            if not isinstance(item, SourceFrame):
                continue
            layout = layout_of(item.frame)
            small = thumbnail(planes_of(item.frame, layout), layout)
            frame = scaled(item.frame.to_ndarray(format="rgb24"), short_side)
            gray = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
            motion = 0.0
            whole = last_thumbnail is not None and similarity(last_thumbnail, small) >= _CUT_BELOW
            if whole:
                motion = float(np.linalg.norm(dis.calc(last_gray, gray, None), axis=-1).mean())
                flash = abs(float(gray.mean()) - float(last_gray.mean())) > _FLASH_ABOVE
                whole = motion >= _STILL_BELOW and not flash
            if not whole or len(run) == MAX_FRAMES:
                yield from _even(run)
                run = []
            run.append(_Step(frame, motion))
            last_thumbnail, last_gray = small, gray
    yield from _even(run)


def _even(run: list[_Step]) -> Iterator[list[_Step]]:
    """Splits a run where one step is much longer than those around it: a frame is missing there."""
    begin = 0
    for k in range(2, len(run) - 1):
        around = (run[k - 1].motion + run[k + 1].motion) / 2
        if run[k].motion > _UNEVEN_ABOVE * around and run[k].motion > 1.0:
            if k - begin >= MIN_FRAMES:
                yield run[begin:k]
            begin = k
    if len(run) - begin >= MIN_FRAMES:
        yield run[begin:]


def write_clip(path: Path, frames: list[FrameArray]) -> None:
    """Writes frames as H.264 of high quality."""
    height, width = frames[0].shape[:2]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "12", "preset": "fast", "g": "12"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, "rgb24")))
        container.mux(stream.encode(None))


def process(path: Path, name: str, output: Path, options: DatasetOptions) -> dict[str, Any]:
    """Makes all clips, or validation triplets, of one video.

    Args:
      path: of the video.
      name: by which it is known, its path below the folder.
      output: folder of the material, with `train/` and `val/`.
      options: how.

    Returns:
      {"rows": of the training manifest, "triplets": of the validation manifest, "error": text or None}.
    """
    stem = hashlib.sha256(name.encode()).hexdigest()[:10]
    rows: list[list[Any]] = []
    triplets: list[list[Any]] = []
    validation = in_validation(name, options.validation)
    try:
        with FileSource(path) as source:
            rate = source.info.rate
        for number, run in enumerate(clips_of(path, options.short_side)):
            if number >= options.max_clips:
                break
            height, width = run[0].frame.shape[:2]
            motion = [step.motion for step in run[1:]]
            if validation:
                triplets += _write_triplets(output / "val", f"{stem}_{number}", run, name)
                continue
            relative = f"{stem}/{number:04d}.mp4"
            target = output / "train" / relative
            target.parent.mkdir(parents=True, exist_ok=True)
            write_clip(target, [step.frame for step in run])
            facts = [relative, name, options.licence, "yes" if options.permissive else "no", width, height, len(run)]
            rows.append([*facts, f"{rate}", f"{np.mean(motion):.2f}", " ".join(f"{value:.2f}" for value in motion)])
    except FrameBoosterError as error:
        return {"rows": rows, "triplets": triplets, "error": str(error)}
    return {"rows": rows, "triplets": triplets, "error": None}


def _write_triplets(folder: Path, stem: str, run: list[_Step], name: str) -> Iterator[list[Any]]:
    starts = np.linspace(0, len(run) - 3, min(_TRIPLETS_A_CLIP, len(run) - 2)).astype(int)
    for start in dict.fromkeys(starts.tolist()):
        place = folder / f"{stem}_{start}"
        place.mkdir(parents=True, exist_ok=True)
        steps = run[start : start + 3]
        for k, step in enumerate(steps):
            cv2.imwrite(str(place / f"im{k + 1}.png"), step.frame[..., ::-1])
        height, width = steps[0].frame.shape[:2]
        motion = (steps[1].motion + steps[2].motion) / 2
        pictures = [f"{place.name}/im{k}.png" for k in (1, 2, 3)]
        yield [f"{place.name}_123", *pictures, 1, width, height, f"{motion:.2f}", name]


def build(folder: Path, output: Path, options: DatasetOptions, *, jobs: int = 1, quiet: bool = False) -> dict[str, int]:
    """Makes the material of all videos below a folder; goes on where an earlier call was stopped.

    Args:
      folder: of videos.
      output: folder to write to: `train/` and `val/`, each with a `manifest.csv`.
      options: how.
      jobs: videos at once.
      quiet: no progress bar.

    Returns:
      Numbers of videos, failed videos, clips, frames and triplets.

    Raises:
      InputError: there are no videos, or the output was made with other options.
    """
    sources = find_sources(folder)
    journal = _Journal(output / "journal.jsonl", options)
    left = [path for path in sources if str(path.relative_to(folder)) not in journal.done]
    # Not forked: a process that TensorFlow or FFmpeg has given threads cannot be.
    context = multiprocessing.get_context("spawn")
    with (
        ProcessPoolExecutor(jobs, mp_context=context) as pool,
        tqdm(total=len(left), unit="video", disable=True if quiet else None) as bar,
    ):
        futures = {
            name: pool.submit(process, folder / name, name, output, options)
            for name in (str(path.relative_to(folder)) for path in left)
        }
        for name, future in futures.items():
            journal.add(name, future.result())
            bar.update()
    records = [journal.done[str(path.relative_to(folder))] for path in sources]
    rows = [row for record in records for row in record["rows"]]
    triplets = [row for record in records for row in record["triplets"]]
    _write_manifest(output / "train", (*_COLUMNS, "pair_motion"), rows)
    _write_manifest(output / "val", _TRIPLET_COLUMNS, triplets)
    return {
        "videos": len(sources),
        "failed": sum(record["error"] is not None for record in records),
        "clips": len(rows),
        "frames": sum(int(row[6]) for row in rows),
        "triplets": len(triplets),
    }


class _Journal:
    """What became of each video so far, a line each."""

    def __init__(self, path: Path, options: DatasetOptions) -> None:
        self.path = path
        self.done: dict[str, dict[str, Any]] = {}
        head = json.dumps(options.__dict__, sort_keys=True)
        if path.exists():
            lines = path.read_text(encoding="utf-8").splitlines()
            if not lines or lines[0] != head:
                raise InputError("was made with other options", path=path.parent, hint="give another output folder")
            for line in lines[1:]:
                try:
                    record = json.loads(line)
                except ValueError:
                    # The last line of a run that was killed.
                    break
                self.done[record["video"]] = record
            kept = [head, *(json.dumps(record) for record in self.done.values())]
            path.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(head + "\n", encoding="utf-8")

    def add(self, name: str, record: dict[str, Any]) -> None:
        self.done[name] = {"video": name, **record}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(self.done[name]) + "\n")


def _write_manifest(folder: Path, columns: tuple[str, ...], rows: list[list[Any]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(rows)
