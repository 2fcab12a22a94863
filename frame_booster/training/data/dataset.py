"""Makes training and validation sets of TFRecords from videos, image sequences, published sets or still images.

All of a source goes into either training or validation. Each unit of work writes its own shards, so that workers do not
have to coordinate, finished units are kept, and sources can be added later.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import itertools
import multiprocessing
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from tqdm import tqdm

from frame_booster.errors import FrameBoosterError, InputError, as_known
from frame_booster.media.input.file import FileSource
from frame_booster.training.data.dataset_layouts import TRAIN, VALIDATION, Unit, in_validation, units_of
from frame_booster.training.data.journal import Journal
from frame_booster.training.data.records import INDEX_COLUMNS, MANIFEST_COLUMNS, ShardWriter, Snippet, write_table
from frame_booster.training.data.shot_splitting import Step, Target, frames_of, mean_motion, read_picture, runs_of
from frame_booster.training.data.synthetic import layered_triplet
from frame_booster.waiting import wait_for

SYNTHETIC = "synthetic"
_TRIPLETS_A_RUN = 2
_PICTURES_A_UNIT = 20
_T = TypeVar("_T")
_R = TypeVar("_R")


@dataclass(frozen=True)
class DatasetOptions:
    """How a data set is made.

    Attributes:
      layout: layout of the folder: one of `dataset_layouts.LAYOUTS`, "auto", or "synthetic" (triplets are made from
        still images).
      size: (width, height) px that frames are scaled down to, or None.
      short_side: short side of the frames if there is no `size`, px; smaller sources are not scaled.
      validation: share of the sources used for validation, in [0, 1), if the layout does not say.
      licence: licence of the sources, recorded in the manifest.
      permissive: whether weights trained on them may be passed on.
      max_clips: maximum number of snippets of one video or sequence.
      coding: coding of training frames: "jpeg" (quality 100) or "png"; validation frames are always "png".
      count: total number of synthetic triplets.
      reach: largest synthetic motion between the outer frames, px.
      seed: seed of the synthetic motion.
    """

    layout: str = "auto"
    size: tuple[int, int] | None = None
    short_side: int = 256
    validation: float = 0.05
    licence: str = "own"
    permissive: bool = True
    max_clips: int = 100
    coding: str = "jpeg"
    count: int = 1000
    reach: float = 100.0
    seed: int = 1

    @property
    def target(self) -> Target:
        return Target(self.size, self.short_side)


@dataclass(frozen=True)
class Task:
    """A unit and what to make from it."""

    unit: Unit
    split: str
    triplets: int = 0
    """Number of synthetic triplets; 0 for other layouts."""
    pictures: tuple[Path, ...] = ()
    """Images that synthetic layers are cut from."""


def _shots(unit: Unit, split: str, options: DatasetOptions) -> Iterator[Snippet]:
    for place, paths in enumerate(unit.snippets):
        rate = ""
        if len(paths) == 1:
            with FileSource(paths[0]) as source:
                rate = str(source.info.rate)
        for number, run in enumerate(runs_of(frames_of(paths), options.target)):
            if number >= options.max_clips:
                break
            name = f"{_stem(unit)}/{place:03d}-{number:04d}"
            if split == TRAIN:
                yield _snippet(name, unit.name, run, rate)
                continue
            starts = np.linspace(0, len(run) - 3, min(_TRIPLETS_A_RUN, len(run) - 2)).astype(int)
            for start in dict.fromkeys(starts.tolist()):
                yield _snippet(f"{name}-{start:02d}", unit.name, run[start : start + 3], rate)


def _snippet(name: str, source: str, steps: list[Step], rate: str) -> Snippet:
    return Snippet(name, source, [step.frame for step in steps], [step.motion for step in steps[1:]], rate)


def _whole(unit: Unit, options: DatasetOptions) -> Iterator[Snippet]:
    for number, paths in enumerate(unit.snippets):
        frames = [options.target.apply(read_picture(path)) for path in paths]
        kept = [frame for frame in frames if frame is not None]
        if len(kept) < len(frames) or len({frame.shape for frame in kept}) > 1:
            raise InputError("is smaller than the requested size, or its frames differ in size", path=paths[0].parent)
        motion = [mean_motion(first, second) for first, second in pairwise(kept)]
        yield Snippet(f"{_stem(unit)}/{number:04d}", unit.name, kept, motion)


def _synthetic(task: Task, options: DatasetOptions) -> Iterator[Snippet]:
    rng = np.random.default_rng([options.seed, int(_stem(task.unit), 16)])
    pictures = [made for path in task.pictures if (made := options.target.apply(read_picture(path))) is not None]
    if not pictures:
        raise InputError("has no image as large as the requested size", path=task.pictures[0].parent)
    for number in range(task.triplets):
        background = pictures[int(rng.integers(len(pictures)))]
        layers = [p for p in pictures if p.shape == background.shape]
        chosen = [layers[int(k)] for k in rng.integers(len(layers), size=int(rng.integers(0, 3)))]
        frames, flows = layered_triplet(rng, [background, *chosen], 0.5, options.reach)
        lengths = [float(np.linalg.norm(flows[..., 2 * side : 2 * side + 2], axis=-1).mean()) for side in (0, 1)]
        yield Snippet(f"{_stem(task.unit)}/{number:04d}", task.unit.name, list(frames), lengths)


def _stem(unit: Unit) -> str:
    return hashlib.sha256(unit.name.encode()).hexdigest()[:10]


def process(task: Task, output: Path, options: DatasetOptions) -> dict[str, Any]:
    """Writes the shards of one unit.

    Args:
      task: the unit.
      output: folder of the data set, with `train/` and `val/`.
      options: how the data set is made.

    Returns:
      {"split", "rows": lines of the manifest, "index": lines of the index, "error": message or None}. After an error
        there are no shards and no lines.
    """
    coding = options.coding if task.split == TRAIN else "png"
    writer = ShardWriter(output / task.split, _stem(task.unit), coding, options.licence, options.permissive)
    record: dict[str, Any] = {"split": task.split, "rows": [], "index": [], "error": None}
    try:
        with writer:
            if task.triplets:
                snippets = _synthetic(task, options)
            else:
                snippets = _whole(task.unit, options) if task.unit.whole else _shots(task.unit, task.split, options)
            for snippet in snippets:
                writer.write(snippet)
    except FrameBoosterError as error:
        return {**record, "error": str(error)}
    # The outermost function of a worker: an unexpected exception must not stop other units.
    except Exception as error:
        return {**record, "error": str(as_known(error, task.unit.name))}
    return {**record, "rows": writer.rows, "index": writer.index}


def tasks_of(folder: Path, options: DatasetOptions) -> list[Task]:
    """Returns the tasks of a folder.

    Raises:
      InputError: the folder has no sources.
    """
    if options.layout != SYNTHETIC:
        units = units_of(folder, options.layout)
        chosen = in_validation([unit.name for unit in units if unit.split is None], options.validation)
        splits = [unit.split or (VALIDATION if unit.name in chosen else TRAIN) for unit in units]
        return [Task(unit, split) for unit, split in zip(units, splits, strict=True)]
    by_split: dict[str, list[Path]] = {TRAIN: [], VALIDATION: []}
    names = {str(p.relative_to(folder)): p for unit in units_of(folder, "sequences") for p in unit.snippets[0]}
    chosen = in_validation(list(names), options.validation)
    for name, path in names.items():
        by_split[VALIDATION if name in chosen else TRAIN].append(path)
    tasks = []
    for split, pictures in by_split.items():
        share = round(options.count * (options.validation if split == VALIDATION else 1 - options.validation))
        groups = [tuple(pictures[k : k + _PICTURES_A_UNIT]) for k in range(0, len(pictures), _PICTURES_A_UNIT)]
        for k, group in enumerate(groups):
            count = share // len(groups) + (k < share % len(groups))
            if count:
                tasks.append(Task(Unit(f"{split}/{k}", (group,), whole=True), split, count, group))
    return tasks


def _ignore_interrupts() -> None:
    # Ctrl-C reaches all processes of a terminal; the parent process terminates the workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def work_on(tasks: Iterable[_T], work: Callable[[_T], _R], ended: Callable[[_T, _R], None], *, jobs: int = 1) -> None:
    """Runs tasks in other processes, at most `jobs` at once.

    On an exception of any kind it starts no other task, passes on the results of finished tasks, and terminates the
    processes. By itself, Python would wait for all tasks and discard their results.

    Args:
      tasks: tasks, taken one by one.
      work: function of a task, called in another process.
      ended: is called with each task and the result of `work`, in the order in which tasks end.
      jobs: number of tasks at once.
    """
    # Not forked: a process with threads of TensorFlow or FFmpeg cannot be forked safely.
    context = multiprocessing.get_context("spawn")
    others = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(jobs, mp_context=context, initializer=_ignore_interrupts)
    waiting = iter(tasks)
    running: dict[Future[_R], _T] = {}
    try:
        while True:
            for task in itertools.islice(waiting, jobs - len(running)):
                running[pool.submit(work, task)] = task
            if not running:
                break
            for future in wait_for(running, FIRST_COMPLETED)[0]:
                ended(running.pop(future), future.result())
        pool.shutdown()
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        for process_at_work in set(multiprocessing.active_children()) - others:
            process_at_work.terminate()
        for future, task in running.items():
            if future.done() and not future.cancelled() and future.exception() is None:
                ended(task, future.result())
        raise


def build(folder: Path, output: Path, options: DatasetOptions, *, jobs: int = 1, quiet: bool = False) -> dict[str, int]:
    """Makes the data set of a folder; continues after an interruption, and tries failed sources again.

    Args:
      folder: folder of videos, images or a published set.
      output: folder to write to: `train/` and `val/`, each a set as described in `records`.
      options: how the data set is made.
      jobs: number of units at once.
      quiet: show no progress bar and no errors of sources.

    Returns:
      Numbers of sources, failed sources, training clips, their frames, and validation triplets.

    Raises:
      InputError: the folder has no sources, or the output was made with other options or from another folder.
    """
    tasks = tasks_of(folder, options)
    journal = Journal(output / "journal.jsonl", folder, dataclasses.asdict(options))
    left = [task for task in tasks if not journal.done(task.unit.name)]
    with tqdm(total=len(left), unit="source", disable=True if quiet else None) as bar:

        def ended(task: Task, record: dict[str, Any]) -> None:
            journal.add(task.unit.name, record)
            if record["error"] is not None and not quiet:
                bar.write(f"{task.unit.name}: {record['error']}", file=sys.stderr)
            bar.update()

        work_on(left, functools.partial(process, output=output, options=options), ended, jobs=jobs)
    records = [journal.record(task.unit.name) for task in tasks]
    counts = {"sources": len(tasks), "failed": sum(record["error"] is not None for record in records)}
    for split in (TRAIN, VALIDATION):
        rows, index = (
            [row for record in records if record["split"] == split for row in record[key]] for key in ("rows", "index")
        )
        write_table(output / split / "manifest.csv", MANIFEST_COLUMNS, rows)
        write_table(output / split / "index.csv", INDEX_COLUMNS, index)
        if split == TRAIN:
            counts |= {"clips": len(rows), "frames": sum(int(row[6]) for row in rows)}
        else:
            counts["triplets"] = len(rows)
    if options.validation > 0 and not counts["triplets"] and not quiet:
        text = "no validation triplets: a single source is used for training, and parts without motion are left out"
        print(f"{text}; add sources for validation", file=sys.stderr)
    return counts
