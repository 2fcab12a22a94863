"""The head's work on one file: plans its segments, stores the finished ones, and joins them to the output."""

from __future__ import annotations

import secrets
import time
from contextlib import ExitStack
from dataclasses import asdict, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from frame_booster.engine.memory_plan import Plan, default_batch_size, default_flow_scale
from frame_booster.errors import InputError, ModelError
from frame_booster.media.frames.planes import layout_of
from frame_booster.media.output.segments import shift_segment
from frame_booster.media.output.sink import CONSTANT_RATE
from frame_booster.options import SEGMENT_S, BoostOptions
from frame_booster.pipeline.boost import opened_run
from frame_booster.pipeline.boundaries import SegmentGrid
from frame_booster.pipeline.cluster.chain import Chain, added
from frame_booster.pipeline.cluster.messages import Answer, Failure, Fixed, Made, Task
from frame_booster.pipeline.noted_network import NotedNetwork
from frame_booster.pipeline.opened_run import OpenedRun
from frame_booster.pipeline.result import Result, result_of
from frame_booster.pipeline.resume import Segments, manifest_of
from frame_booster.pipeline.segmented_run import join_segments
from frame_booster.pipeline.settings import options_rate

_PER_WORKER = 4
"""Segments per worker, so that no worker waits long for the last segment."""
_LEAST_S = Fraction(2)
"""Shortest segment, in s: each opens and seeks the input, and starts with a key frame, which costs time and bytes."""


def segment_for(duration: Fraction | None, files: int, workers: int) -> Fraction:
    """Returns the length of segments in s that keeps all workers busy.

    Args:
      duration: duration of one of the files, in s; None if unknown.
      files: number of files.
      workers: number of workers.
    """
    if duration is None:
        return SEGMENT_S
    even = duration * files / (workers * _PER_WORKER)
    # Whole seconds, so that a user can pass the same length to --segment.
    return max(_LEAST_S, min(SEGMENT_S, Fraction(int(even))))


class FileWork:
    """One file of a run on a cluster.

    Args:
      source, output: as in `boost.run`.
      options: options of the run.
      tries: how often a segment is begun before the file fails.
      film: as in `boost.run`.
    """

    def __init__(
        self, source: str, output: str | None, options: BoostOptions, tries: int, film: Path | None = None
    ) -> None:
        self.source, self.output, self.options, self._film = source, output, options, film
        self._tries = tries
        self._lost: dict[int, int] = {}
        """How often each segment was lost, by number."""
        self._stack = ExitStack()
        self._files: dict[int, str] = {}
        """File names of finished segments that are not appended yet, by number."""
        self._told: list[str] = []
        self._plans: tuple[Plan, ...] | None = None
        self._began = time.monotonic()
        self.workers: set[str] = set()
        """Names of machines that have made segments."""
        self.made_again = 0
        """Number of segments made again because they were lost, or failed for a reason of their machine."""
        self.pace: float | None = None
        """Longest mean time per frame in a segment so far, in s; None before the first."""

    def open(self, fixed: Fixed, files: int, workers: int) -> None:
        """Opens the input, decodes its first frame, and resumes the work of an earlier run.

        Args:
          fixed: settings that all workers share.
          files: number of files in the run.
          workers: number of workers, which determines the length of segments.

        Raises:
          FrameBoosterError: as `boost.run`, or an earlier run used other shared settings.
        """
        self.fixed = fixed
        asked = replace(self.options, resume=True, threads=fixed.threads)
        work: OpenedRun = self._stack.enter_context(
            opened_run(self.source, self.output, asked, _not_here, film=self._film)
        )
        self.target = work.target
        manifest = manifest_of(work.target)
        begun = NotedNetwork.in_manifest(manifest)
        noted = manifest.get("cluster") or ({} if begun is None else asdict(begun))
        info, expected = work.source.info, work.source.expected_frames
        duration = None if expected is None or info.rate is None else expected / info.rate
        length = self.options.segment
        if length is None:
            length = Fraction(noted["segment"]) if "segment" in noted else segment_for(duration, files, workers)
        opening, first = work.opening()
        batch = self.options.batch_size or noted.get("batch_size")
        layout = layout_of(opening.frame)
        if batch is None:
            batch = default_batch_size(layout, fixed.device)
        flow_scale = self.options.flow_scale or (Fraction(noted["flow_scale"]) if noted.get("flow_scale") else None)
        if flow_scale is None:
            flow_scale = default_flow_scale(layout.width, layout.height, fixed.name, fixed.device)
        facts = {
            "segment": str(length),
            "batch_size": batch,
            "flow_scale": str(flow_scale),
            "precision": fixed.precision,
            "engine": fixed.engine,
            "provider": fixed.provider,
            "threads": fixed.threads,
        }
        fixed_names = ("precision", "engine", "provider", "threads")
        differs = [name for name in fixed_names if noted.get(name, facts[name]) != facts[name]]
        if differs:
            had, has = (", ".join(f"{name} {of[name]}" for name in differs) for of in (noted, facts))
            raise InputError(
                f"the earlier run used {had}, but the workers of this cluster use {has}",
                path=work.target,
                hint="use the earlier values (--cluster-cpus sets threads), or delete the folder with its segments",
            )
        options = replace(work.options, segment=length, batch_size=batch, flow_scale=flow_scale)
        self.work = work = replace(work, options=options)
        work.check_container(opening)
        # The key leaves out the flow scale chosen here, so that a single machine can resume this run by default.
        key = replace(work, options=replace(options, flow_scale=self.options.flow_scale)).fingerprint()
        self.segments = Segments(work.target, key)
        self._stack.callback(self.segments.release)
        self._told = list(self.segments.warnings)
        network = NotedNetwork(fixed.name, fixed.device, fixed.precision, fixed.engine, fixed.provider, str(flow_scale))
        self.segments.note(cluster=facts, **network.for_manifest())
        grid = SegmentGrid(opening.pts, length / info.time_base)
        # Rounded up: an expected segment that turns out empty costs nothing, an unexpected one would start late.
        count = None if duration is None else max(int(-(-duration // length)), 1)
        self.chain = Chain(grid, first, count, self.segments.after)
        self.chain.complete = self.segments.complete
        self.total = options_rate(options).expected_frames(expected, info.rate)
        for name, made in self.segments.state.get("ahead", {}).items():
            if (self.segments.folder / name).exists():
                self._files[made["number"]] = name
                self.chain.take(made["number"], Made.from_json(made))
        self._go_on()

    def next(self, key: int, ahead: int) -> Task | None:
        """Returns the next segment to make as a task with this key; see `Chain.next`."""
        found = self.chain.next(ahead)
        if found is None:
            return None
        number, start = found
        work = self.work
        # Workers have another current directory.
        source, target = (str(path.absolute()) for path in (work.source.path, work.target))
        mask = None if work.mask is None else work.mask.digest
        return Task(key, source, target, work.format_name, work.options, number, start, mask)

    def lost(self, number: int, why: str) -> None:
        """Records that a segment was lost with its worker.

        Raises:
          ModelError: the segment was lost too often.
        """
        self.made_again += 1
        self._lost[number] = self._lost.get(number, 0) + 1
        if self._lost[number] >= self._tries:
            raise ModelError(
                f"segment {number} was started {self._tries} times, and its worker was lost each time: {why}",
                path=self.source,
                hint="the same command continues from the finished segments",
            )
        self.chain.lost(number)

    def new_path(self, number: int) -> Path:
        """Returns a new path for a segment that is fetched from a worker."""
        return self.segments.folder / f"part-{number:05d}-{secrets.token_hex(4)}.packets"

    def take(self, answer: Answer, path: Path | None = None) -> list[str]:
        """Records the result of a task.

        Args:
          answer: answer of the worker.
          path: path of the fetched segment, from `new_path`.

        Returns:
          Warnings.

        Raises:
          FrameBoosterError: the file has failed.
        """
        said = []
        if isinstance(answer, Made) and path is not None:
            self._files[answer.number] = path.name
            said = self._compare(answer.plans)
        if isinstance(answer, Failure) and answer.exact and answer.elsewhere:
            again = self._lost.get(answer.number, 0) + 1
            self._lost[answer.number] = again
            if again < self._tries:
                self.made_again += 1
                self.chain.lost(answer.number)
                return said
        self.chain.take(answer.number, answer)
        self._go_on()
        return said

    def note_pace(self, made: Made) -> None:
        """Records how fast a segment was made."""
        if made.frames:
            self.pace = max(self.pace or 0.0, made.seconds / made.frames)

    def _compare(self, plans: tuple[Plan, ...]) -> list[str]:
        """Returns a warning if a worker had to split frames or batches into smaller parts than others.

        Raises:
          ModelError: it had to, with `strict`.
        """
        parts = tuple(replace(plan, at_once=1) for plan in plans)
        if self._plans is None or not parts:
            self._plans = self._plans or parts or None
        elif self._plans != parts:
            text = (
                f"{self.source}: a worker had less memory than the others and split the frames differently, "
                "so they may differ in the last bits (--max-memory gives all the same limit)"
            )
            if self.options.source.strict:
                raise ModelError(text, hint="without --strict this is only a warning")
            return [text]
        return []

    def _go_on(self) -> None:
        """Appends the finished segments that come next to the manifest, and records those that wait for others."""
        segments, before = self.segments, set(self.segments.state.get("ahead", {}))
        noted = False
        for made in self.chain.followers():
            name = whole = self._files.pop(made.number)
            if self.work.format_name in CONSTANT_RATE:
                counted = self.new_path(made.number)
                shift_segment(segments.folder / name, counted, segments.frames - min(made.number, 1))
                name = counted.name
            self._told += [text for text in made.warnings if text not in self._told]
            after = segments.after
            counts = made.counts if after is None else added(after.counts, made.counts)
            end = None if made.end is None else replace(made.end, counts=counts)
            errors = segments.state.get("decode_errors", 0) + made.decode_errors
            segments.append(
                name,
                segments.frames + made.frames,
                end,
                counts,
                self._told,
                made.truncated,
                ahead=self._ahead(),
                decode_errors=errors,
            )
            noted = True
            if name != whole:
                (segments.folder / whole).unlink(missing_ok=True)
        ahead = self._ahead()
        if not noted and before != set(ahead):
            segments.note(ahead=ahead)
        for number in set(self._files) - set(self.chain.held):
            (segments.folder / self._files.pop(number)).unlink(missing_ok=True)

    def _ahead(self) -> dict[str, Any]:
        held = self.chain.held.items()
        return {
            self._files[number]: made.as_json()
            for number, made in held
            if isinstance(made, Made) and number in self._files
        }

    @property
    def frames(self) -> int:
        """Number of output frames in finished segments."""
        ahead = sum(made.frames for made in self.chain.held.values() if isinstance(made, Made))
        return self.segments.frames + ahead

    def join(self) -> Result:
        """Writes the output from the segments and returns the result."""
        with self._stack:
            errors = self.segments.state.get("decode_errors", 0)
            noted = self.segments.state["cluster"]
            outcome = join_segments(self.work, self.segments)
            seconds = time.monotonic() - self._began
            result = result_of(self.work.source, str(self.target), outcome, self.fixed, seconds)
            again = self.made_again + self.chain.remade
            flags = [f"--resume --segment {noted['segment']} --batch-size {noted['batch_size']}"]
            flags.append(f"--precision {noted['precision']} --engine {noted['engine']}")
            if noted["flow_scale"] != "1":
                flags.append(f"--flow-scale {noted['flow_scale']}")
            if noted["provider"] is not None:
                flags.append(f"--provider {noted['provider']}")
            if noted["threads"] is not None:
                flags.append(f"--threads {noted['threads']}")
            facts = {**noted, "machines": sorted(self.workers), "made_again": again, "same_as": " ".join(flags)}
            return replace(result, decode_errors=result.decode_errors + errors, cluster=facts)

    def abandon(self) -> None:
        """Closes the files; finished segments are kept for another run."""
        segments = getattr(self, "segments", None)
        if segments is not None and not segments.paths and not segments.state.get("ahead"):
            segments.remove()
        self._stack.close()


def _not_here(_: BoostOptions) -> Any:
    raise AssertionError("the head has no use for a network")
