"""Segments that workers make in any order, joined: the same bytes as of one machine with `--resume`. No Ray in it."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest
from PIL import Image

from frame_booster.errors import DecodeError, InputError, ModelError, OutputError
from frame_booster.options import BoostOptions
from frame_booster.pipeline.cluster.file_work import FileWork, segment_for
from frame_booster.pipeline.cluster.messages import Failure, Fixed, Made, Setup, Task
from frame_booster.pipeline.cluster.worker import Worker
from frame_booster.pipeline.keywords import options_of
from tests.conftest import MeanModel, boosted, make_video, packets
from tests.media.passthrough.test_captions import captioned

SEGMENT = Fraction(8, 25)
FIXED = Fixed("fbnet-r", "/CPU:0", "float32", "tensorflow", None, None)


class InProcess(Worker):
    """A worker in this process, with a stand-in for the network."""

    def load(self) -> Any:
        return MeanModel()


@pytest.fixture(scope="module")
def worker() -> Worker:
    made = InProcess(Setup(BoostOptions(), 1, None, ""))
    made.hello()
    return made


def opened(source: Path, output: Path, **options: Any) -> FileWork:
    work = FileWork(str(source), str(output), options_of({"segment": SEGMENT, **options}), tries=3)
    work.open(FIXED, files=1, workers=4)
    return work


def hand_in(work: FileWork, worker: Worker, task: Task) -> None:
    """Makes a segment, and takes it as the head does."""
    answer = worker.make(task)
    if isinstance(answer, Made):
        path = work.new_path(answer.number)
        shutil.move(answer.path, path)
        work.take(answer, path)
    else:
        work.take(answer)


def worked(work: FileWork, worker: Worker, *, seed: int = 0, until: Callable[[int], bool] = lambda done: False) -> int:
    """Makes segments, three at a time and the last of them first or any, until all are made."""
    rng, done, key, tasks = random.Random(seed), 0, 0, []
    while not work.chain.complete and not until(done):
        while len(tasks) < 3 and (task := work.next(key := key + 1, 3)) is not None:
            tasks.append(task)
        hand_in(work, worker, tasks.pop(rng.randrange(len(tasks))))
        done += 1
    return done


@pytest.mark.parametrize(
    ("suffix", "options"),
    [
        (".mp4", {}),
        (".mp4", {"fps": Fraction(60)}),
        (".mp4", {"start": Fraction(3, 25), "duration": Fraction(20, 25)}),
        (".mp4", {"dedupe": True}),
        (".y4m", {}),
        (".gif", {}),
    ],
)
def test_any_order_gives_what_one_machine_gives(
    tmp_path: Path, worker: Worker, suffix: str, options: dict[str, Any]
) -> None:
    source = make_video(tmp_path / "in.mp4", pts=range(38), tones=1, cut_at=13)
    alone = boosted(source, tmp_path / f"alone{suffix}", resume=True, segment=SEGMENT, **options)
    work = opened(source, tmp_path / f"out{suffix}", **options)
    assert worked(work, worker, seed=len(options)) >= 3
    result = work.join()
    assert (tmp_path / f"out{suffix}").read_bytes() == (tmp_path / f"alone{suffix}").read_bytes()
    for fact in ("frames_in", "frames_out", "made", "held", "cuts", "gaps", "still", "repeats", "duration", "rate"):
        assert getattr(result, fact) == getattr(alone, fact), fact
    assert result.warnings == alone.warnings
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(["in.mp4", f"alone{suffix}", f"out{suffix}"])


def test_a_loop_under_a_shutter_and_a_mask(tmp_path: Path, worker: Worker) -> None:
    """The last segment needs the first frame of all; a worker with another mask is refused."""
    mask = tmp_path / "mask.png"
    Image.linear_gradient("L").resize((64, 48)).save(mask)
    asked = {"loop": True, "shutter": 180, "shutter_samples": 2, "mask": mask, "codec": "ffv1"}
    source = make_video(tmp_path / "in.mkv", pts=range(20))
    alone = boosted(source, tmp_path / "alone.mkv", resume=True, segment=SEGMENT, **asked)
    assert alone.made == 20
    work = opened(source, tmp_path / "out.mkv", **asked)
    assert worked(work, worker, seed=1) >= 3
    work.join()
    assert packets(tmp_path / "out.mkv", "video") == packets(tmp_path / "alone.mkv", "video")
    work = opened(source, tmp_path / "other.mkv", **asked)
    task = work.next(1, 3)
    assert task is not None
    answer = worker.make(replace(task, mask="of a different image"))
    assert isinstance(answer, Failure)
    assert "a different image" in answer.message
    work.abandon()


def test_uneven_frames_and_empty_segments(tmp_path: Path, worker: Worker) -> None:
    """Gaps longer than segments, and a last segment of a single frame, which lasts as long as the one before."""
    pts = [0, 20, 60, 80, 200, 220, 300, 320, 1100, 1120, 1160, 1180, 1200, 1220, 1300, 1352]
    source = make_video(tmp_path / "in.mkv", pts=pts, time_base=Fraction(1, 1000), rate=30)
    alone = boosted(source, tmp_path / "alone.mp4", resume=True, segment=Fraction(15, 100))
    work = opened(source, tmp_path / "out.mp4", segment=Fraction(15, 100))
    worked(work, worker, seed=3)
    result = work.join()
    assert packets(tmp_path / "out.mp4", "video") == packets(tmp_path / "alone.mp4", "video")
    assert (tmp_path / "out.mp4").read_bytes() == (tmp_path / "alone.mp4").read_bytes()
    assert (result.frames_out, result.duration) == (alone.frames_out, alone.duration)


def test_animation_on_twos_is_made_once(tmp_path: Path, worker: Worker) -> None:
    """With `--dedupe` no segment begins at a repeated frame, whichever it would be."""
    drawn = make_video(tmp_path / "drawn.mkv", pts=range(30), codec="ffv1")
    source = tmp_path / "in.mkv"
    with av.open(str(drawn)) as reading, av.open(str(source), "w") as writing:
        stream = writing.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        shown = -1
        for drawing in reading.decode(video=0):
            for _ in range(2):
                drawing.pts, drawing.time_base, shown = shown + 1, Fraction(1, 25), shown + 1
                writing.mux(stream.encode(drawing))
        writing.mux(stream.encode(None))
    options = {"dedupe": True, "segment": Fraction(9, 25)}
    alone = boosted(source, tmp_path / "alone.mp4", resume=True, **options)
    assert alone.repeats > 20
    work = opened(source, tmp_path / "out.mp4", **options)
    worked(work, worker, seed=2)
    assert work.chain.remade == 0
    work.join()
    assert (tmp_path / "out.mp4").read_bytes() == (tmp_path / "alone.mp4").read_bytes()


def test_captions_that_wait_put_a_segment_off(tmp_path: Path, worker: Worker) -> None:
    source = captioned(tmp_path / "in.ts")
    alone = boosted(source, tmp_path / "alone.mp4", resume=True, segment=SEGMENT)
    work = opened(source, tmp_path / "out.mp4")
    worked(work, worker, seed=1)
    result = work.join()
    assert (tmp_path / "out.mp4").read_bytes() == (tmp_path / "alone.mp4").read_bytes()
    assert result.warnings == alone.warnings


def test_a_head_that_died_is_taken_up_and_nothing_is_made_twice(tmp_path: Path, worker: Worker) -> None:
    source = make_video(tmp_path / "in.mp4", pts=range(78), tones=1)
    boosted(source, tmp_path / "alone.mp4", resume=True, segment=SEGMENT)
    work = opened(source, tmp_path / "out.mp4")
    assert work.chain.expected == 10
    # The first segment stays away: all that is made is ahead of its turn.
    tasks = [task for key in range(1, 6) if (task := work.next(key, 5))]
    for task in tasks[1:]:
        hand_in(work, worker, task)
    assert work.segments.paths == []
    # As the death of a process leaves it.
    work._stack.close()
    again = opened(source, tmp_path / "out.mp4")
    assert sorted(again.chain.held) == [1, 2, 3, 4]
    assert worked(again, worker) == 6
    again.join()
    assert (tmp_path / "out.mp4").read_bytes() == (tmp_path / "alone.mp4").read_bytes()


def test_one_machine_goes_on_where_a_cluster_was_cut_off(tmp_path: Path, worker: Worker) -> None:
    source = make_video(tmp_path / "in.mp4", pts=range(38))
    boosted(source, tmp_path / "alone.mp4", resume=True, segment=SEGMENT)
    work = opened(source, tmp_path / "out.mp4", weights=str(MeanModel.weights))
    worked(work, worker, until=lambda done: done == 2)
    work.abandon()
    result = boosted(source, tmp_path / "out.mp4", resume=True, segment=SEGMENT, weights=str(MeanModel.weights))
    assert (tmp_path / "out.mp4").read_bytes() == (tmp_path / "alone.mp4").read_bytes()
    assert result.cluster is None


def test_a_file_that_breaks_off_is_told_as_by_one_machine(tmp_path: Path, worker: Worker) -> None:
    source = make_video(tmp_path / "whole.mkv", pts=range(100))
    broken = tmp_path / "in.mkv"
    broken.write_bytes(source.read_bytes()[: source.stat().st_size // 2])
    alone = boosted(broken, tmp_path / "alone.mp4", resume=True, segment=SEGMENT, allow_truncated=True)
    work = opened(broken, tmp_path / "out.mp4", allow_truncated=True)
    worked(work, worker)
    result = work.join()
    assert (tmp_path / "out.mp4").read_bytes() == (tmp_path / "alone.mp4").read_bytes()
    assert any("ends there, too" in text for text in result.warnings)
    assert result.warnings == alone.warnings
    work = opened(broken, tmp_path / "strict.mp4")
    worked(work, worker)
    with pytest.raises(DecodeError, match=r"strict\.partial\.mp4"):
        work.join()


def test_damage_in_all_segments_is_summed(tmp_path: Path, worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    work = opened(make_video(tmp_path / "in.mkv", pts=range(40)), tmp_path / "out.mp4")
    make, made = worker.make, list[int]()

    def damaged(task: Task) -> Any:
        made.append(task.number)
        return replace(make(task), decode_errors=task.number + 1)

    monkeypatch.setattr(worker, "make", damaged)
    worked(work, worker)
    assert len(made) > 2
    assert work.join().decode_errors == sum(number + 1 for number in made)


def test_a_segment_that_is_lost_too_often_fails_its_file(tmp_path: Path, worker: Worker) -> None:
    source = make_video(tmp_path / "in.mp4", pts=range(20))
    work = opened(source, tmp_path / "out.mp4")
    for _ in range(2):
        task = work.next(1, 1)
        assert task is not None
        assert task.number == 0
        work.lost(0, "the machine is gone")
    with pytest.raises(ModelError, match=r"segment 0 was started 3 times.*the machine is gone"):
        work.lost(0, "the machine is gone")
    work.abandon()
    assert [p.name for p in tmp_path.iterdir()] == ["in.mp4"]


def test_what_a_worker_cannot_do_is_told_as_its_error(tmp_path: Path, worker: Worker) -> None:
    source = make_video(tmp_path / "in.mp4", pts=range(20))
    work = opened(source, tmp_path / "out.mp4")
    task = work.next(1, 1)
    assert task is not None
    source.unlink()
    answer = worker.make(task)
    assert isinstance(answer, Failure)
    with pytest.raises(InputError, match="no such file"):
        work.take(answer)


def test_an_earlier_run_with_another_precision_is_not_gone_on_with(tmp_path: Path, worker: Worker) -> None:
    source = make_video(tmp_path / "in.mp4", pts=range(20))
    work = opened(source, tmp_path / "out.mp4")
    worked(work, worker, until=lambda done: done == 1)
    work.abandon()
    other = FileWork(str(source), str(tmp_path / "out.mp4"), options_of({"segment": SEGMENT}), tries=3)
    with pytest.raises(InputError, match="precision float32, but the workers of this cluster use precision float16"):
        other.open(Fixed("fbnet-r", "/GPU:0", "float16", "tensorflow", None, None), 1, 4)


@pytest.mark.parametrize(
    ("duration", "files", "workers", "wanted"),
    [(7200, 1, 2, 60), (60, 1, 4, 3), (10, 1, 100, 2), (60, 1000, 4, 60), (None, 1, 8, 60)],
)
def test_segments_are_as_long_as_keeps_all_workers_busy(
    duration: int | None, files: int, workers: int, wanted: int
) -> None:
    length = None if duration is None else Fraction(duration)
    assert segment_for(length, files, workers) == wanted


def test_what_a_worker_cannot_write_is_a_segment_and_what_it_cannot_read_is_not() -> None:
    full = OutputError(
        "cannot be written: the disk is full", path="/tmp/frame-booster-1/a.packets", hint="free some space"
    )
    told = Failure.of(full, 1, 1, exact=True, source="in.mkv")
    assert str(told.error()) == "in.mkv: a segment on a worker: cannot be written: the disk is full (free some space)"
    denied = Failure.of(PermissionError(13, "denied", "/models/a.bin"), 1, 1, exact=True, source="in.mkv")
    assert (denied.path, denied.elsewhere) == ("/models/a.bin", True)
