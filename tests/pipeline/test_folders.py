"""A folder of videos: the tree is kept, a file that fails stops no other, and the end tells of all."""

from __future__ import annotations

import errno
import json
import shutil
import subprocess
import threading
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from frame_booster.engine.memory_plan import make_plan
from frame_booster.errors import InputError, ModelError, OutputError, UnexpectedError
from frame_booster.media.paths import find_videos
from frame_booster.options import BoostOptions
from frame_booster.pipeline import folder as folders
from frame_booster.pipeline.folder import FolderOptions, FolderRun
from frame_booster.pipeline.forecast import forecasts
from frame_booster.pipeline.outcome import FileOutcome
from tests.conftest import MeanModel, decoded, ffmpeg, make_video
from tests.reference import validate
from tests.stand_in import STAND_IN


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Three good videos and a bad one."""
    folder = tmp_path / "clips"
    for path in (folder / "a.mp4", folder / "more" / "b.mkv", folder / "more" / "deep" / "c.avi"):
        path.parent.mkdir(parents=True, exist_ok=True)
        make_video(path, pts=range(4), codec="mpeg4" if path.suffix == ".avi" else "libx264")
    (folder / "more" / "bad.mov").write_bytes(b"not a video")
    (folder / "notes.txt").write_text("no video")
    (folder / ".hidden.mp4").write_bytes(b"")
    return folder


@pytest.fixture(autouse=True)
def loaded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Devices that models were loaded for; the models are stand-ins."""
    devices: list[str] = []

    def load(options: BoostOptions) -> Any:
        devices.append(options.device)
        return MeanModel()

    monkeypatch.setattr(folders, "load", load)
    return devices


def names(outcomes: list[FileOutcome]) -> dict[str, str]:
    return {Path(o.input).name: o.outcome for o in outcomes}


@pytest.mark.parametrize("jobs", [1, 3])
def test_the_tree_is_kept_and_a_bad_file_stops_no_other(
    tree: Path, tmp_path: Path, jobs: int, loaded: list[str]
) -> None:
    run = FolderRun(tree, tmp_path / "out", BoostOptions(), FolderOptions(jobs=jobs))
    outcomes = run.run()
    assert names(outcomes) == {"a.mp4": "done", "b.mkv": "done", "c.avi": "done", "bad.mov": "failed"}
    made = sorted(str(p.relative_to(tmp_path / "out")) for p in (tmp_path / "out").rglob("*") if p.is_file())
    assert made == ["a.mp4", "more/b.mkv", "more/deep/c.mkv"]
    assert all(len(decoded(tmp_path / "out" / name)) == 8 for name in made)
    [failed] = [o for o in outcomes if o.outcome == "failed"]
    assert failed.exit_code == InputError.exit_code
    assert "cannot be opened" in str(failed.error)
    assert loaded == ["auto"], "the model is loaded once"


@pytest.mark.parametrize(
    "options", [BoostOptions(), BoostOptions(end=Fraction(2, 25)), BoostOptions(loop=True)], ids=["all", "to", "loop"]
)
def test_what_is_there_is_skipped_or_refused(tree: Path, tmp_path: Path, options: BoostOptions) -> None:
    FolderRun(tree, tmp_path / "out", options, FolderOptions(pattern="a.*")).run()
    skipped = FolderRun(tree, tmp_path / "out", options, FolderOptions(pattern="a.*", skip_existing=True)).run()
    assert names(skipped) == {"a.mp4": "skipped"}
    refused = FolderRun(tree, tmp_path / "out", BoostOptions(), FolderOptions(pattern="a.*")).run()
    assert names(refused) == {"a.mp4": "failed"}


@pytest.mark.parametrize("suffix", [None, ".gif"])
def test_an_animation_too_fast_for_its_kind_becomes_a_film_among_others(tmp_path: Path, suffix: str | None) -> None:
    """As where it is the only input, but under no name that is another's; and it is found there by the next run."""
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    gif = make_video(tmp_path / "a.mkv", pts=range(0, 24, 3), time_base=Fraction(1, 100), rate=33, codec="ffv1")
    ffmpeg("-i", gif, "-vf", "fps=100/3", folder / "a.gif")
    shutil.copy(folder / "a.gif", folder / "b.gif")
    make_video(folder / "b.mp4", pts=range(2))
    options = FolderOptions(suffix=suffix, pattern=None if suffix is None else "*.gif", skip_existing=True)
    outcomes = FolderRun(folder, out, BoostOptions(), options).run()
    if suffix is not None:
        assert ["gif does not support" in str(one.error) for one in outcomes] == [True, True]
        return
    assert names(outcomes) == dict.fromkeys(["a.gif", "b.gif", "b.mp4"], "done")
    assert sorted(path.name for path in out.iterdir()) == ["a.mp4", "b.gif.mp4", "b.mp4"]
    assert [one.output for one in forecasts(FolderRun(folder, tmp_path / "else", BoostOptions(), options))] == [
        str(tmp_path / "else" / name) for name in ("a.mp4", "b.gif.mp4", "b.mp4")
    ]
    again = FolderRun(folder, out, BoostOptions(), options).run()
    assert names(again) == dict.fromkeys(["a.gif", "b.gif", "b.mp4"], "skipped")


def test_pattern_and_suffix(tree: Path, tmp_path: Path) -> None:
    outcomes = FolderRun(tree, tmp_path / "out", BoostOptions(), FolderOptions(pattern="*.mp4", suffix=".mov")).run()
    assert [o.output for o in outcomes] == [str(tmp_path / "out" / "a.mov")]


def test_results_inside_the_folder_are_no_input(tree: Path) -> None:
    run = FolderRun(tree, tree / "out", BoostOptions(), FolderOptions(pattern="*.mp4"))
    run.run()
    assert [p.name for p in find_videos(tree, "*.mp4", without=tree / "out")] == ["a.mp4"]
    assert run.output_of(tree / "a.mp4") == tree / "out" / "a.mp4"


@pytest.mark.parametrize("spelt", ["out", "../tree/out", "link"])
@pytest.mark.parametrize("given", [".", "../tree", "absolute"])
def test_results_inside_are_no_input_by_any_name(
    tmp_path: Path, given: str, spelt: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = tmp_path / "tree" / "out"
    inside.mkdir(parents=True)
    (tmp_path / "tree" / "link").symlink_to(inside)
    for video in (tmp_path / "tree" / "a.mp4", inside / "a.mp4"):
        video.touch()
    monkeypatch.chdir(tmp_path / "tree")
    source = tmp_path / "tree" if given == "absolute" else Path(given)
    run = FolderRun(source, Path(spelt), BoostOptions(), FolderOptions())
    assert [file.resolve() for file in run.files] == [tmp_path / "tree" / "a.mp4"]


@pytest.mark.parametrize("given", [".", "..", "link"])
def test_the_results_of_a_folder_lie_beside_it(tmp_path: Path, given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = tmp_path / "shots" / "season"
    (tree / "more").mkdir(parents=True)
    (tree / "a.mp4").touch()
    (tmp_path / "link").symlink_to(tree)
    monkeypatch.chdir({".": tree, "..": tree / "more", "link": tmp_path}[given])
    run = FolderRun(Path(given), None, BoostOptions(), FolderOptions())
    beside = tmp_path if given == "link" else tree.parent
    assert [run.output_of(file).absolute() for file in run.files] == [beside / "season.2x" / "a.mp4"]


def test_jobs_take_the_devices_in_turn(tree: Path, tmp_path: Path, loaded: list[str]) -> None:
    FolderRun(tree, tmp_path / "out", BoostOptions(), FolderOptions(jobs=2, devices=("gpu:0", "gpu:1"))).run()
    assert sorted(loaded) == ["gpu:0", "gpu:1"]


def test_a_file_has_a_device_that_is_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first file is at work until the last is done, so that all others belong on the other device."""
    folder, taken, ended = tmp_path / "in", dict[str, str](), threading.Event()
    folder.mkdir()
    for name in "abcdef":
        make_video(folder / f"{name}.mkv", pts=range(2), codec="ffv1")

    def run_one(self: FolderRun, path: Path, target: Path, device: str) -> FileOutcome:
        taken[path.stem] = device
        if path.stem == "a":
            assert ended.wait(60)
        elif path.stem == "f":
            ended.set()
        return FileOutcome(str(path), str(target), "skipped")

    monkeypatch.setattr(FolderRun, "_one", run_one)
    FolderRun(folder, tmp_path / "out", BoostOptions(), FolderOptions(jobs=2, devices=("gpu:0", "gpu:1"))).run()
    busy = taken.pop("a")
    assert len(taken) == 5
    assert busy not in taken.values()


@pytest.mark.parametrize("jobs", [1, 2])
def test_jobs_share_the_memory_and_the_cores(
    tree: Path, tmp_path: Path, jobs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned: list[tuple[int, int]] = []

    def noted(*args: Any, max_memory: int, at_once: int, **more: Any) -> Any:
        planned.append((max_memory, at_once))
        return make_plan(*args, max_memory=max_memory, at_once=at_once, **more)

    monkeypatch.setattr("frame_booster.pipeline.makers.make_plan", noted)
    options = BoostOptions(max_memory=6 << 30)
    FolderRun(tree, tmp_path / "out", options, FolderOptions(jobs=jobs, pattern="[ab].m*")).run()
    assert planned == [((6 << 30) // jobs, 2 if jobs == 1 else 1)] * 2


def test_folders_that_cannot_be(tree: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is the input folder"):
        FolderRun(tree, tree, BoostOptions(), FolderOptions())
    with pytest.raises(InputError, match="contains no videos"):
        FolderRun(tree, tmp_path / "out", BoostOptions(), FolderOptions(pattern="*.xyz"))
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="is a file"):
        FolderRun(tree, tmp_path / "file", BoostOptions(), FolderOptions())


@pytest.mark.parametrize("jobs", [1, 2])
def test_files_of_one_name_have_a_result_each(tmp_path: Path, jobs: int) -> None:
    folder = tmp_path / "clips"
    folder.mkdir()
    frames = {"clip.avi": 4, "clip.flv": 6, "clip.mp4": 3, "other.avi": 2, "Other.flv": 5, "clip.avi.wmv": 7}
    for name, count in frames.items():
        codec = {"avi": "mpeg4", "flv": "flv", "wmv": "wmv2"}.get(name.rpartition(".")[2], "libx264")
        make_video(folder / name, pts=range(count), codec=codec)
    run = FolderRun(folder, tmp_path / "out", BoostOptions(), FolderOptions(jobs=jobs))
    outcomes = run.run()
    assert {o.outcome for o in outcomes} == {"done"}
    made = {p.name: len(decoded(p)) for p in (tmp_path / "out").iterdir()}
    assert made == {
        "clip.avi.mkv": 8,
        "clip.flv.mkv": 12,
        "clip.mp4": 6,
        "other.avi.mkv": 4,
        "Other.flv.mkv": 10,
        "clip.avi.wmv.mkv": 14,
    }
    again = FolderRun(folder, tmp_path / "out", BoostOptions(), FolderOptions(skip_existing=True)).run()
    assert {o.outcome for o in again} == {"skipped"}


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize(
    ("error", "exit_code", "message"),
    [
        (ValueError("odd"), UnexpectedError.exit_code, "failed unexpectedly: ValueError: odd"),
        (ZeroDivisionError(), UnexpectedError.exit_code, "failed unexpectedly: ZeroDivisionError"),
        (MemoryError(), ModelError.exit_code, "out of memory"),
        (OSError(errno.ENOSPC, "full"), OutputError.exit_code, "the disk is full"),
    ],
)
def test_an_error_that_nobody_expects_is_that_file_s_failure(
    tree: Path,
    tmp_path: Path,
    jobs: int,
    error: Exception,
    exit_code: int,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    boost = folders.run

    def faulty(path: str, *more: Any) -> Any:
        if path.endswith("b.mkv"):
            raise error
        return boost(path, *more)

    monkeypatch.setattr(folders, "run", faulty)
    told: list[str] = []

    def report(path: Path, news: Any) -> None:
        if isinstance(news, FileOutcome):
            told.append(path.name)

    outcomes = FolderRun(tree, tmp_path / "out", BoostOptions(), FolderOptions(jobs=jobs), report).run()
    assert names(outcomes) == {"a.mp4": "done", "b.mkv": "failed", "c.avi": "done", "bad.mov": "failed"}
    assert sorted(told) == ["a.mp4", "b.mkv", "bad.mov", "c.avi"]
    [failed] = [o for o in outcomes if o.input.endswith("b.mkv")]
    assert failed.exit_code == exit_code
    assert message in str(failed.error)


def test_warnings_of_every_file_are_shown(tmp_path: Path) -> None:
    folder = tmp_path / "clips"
    folder.mkdir()
    make_video(folder / "a.ts", pts=range(4))
    command = [*STAND_IN, str(folder), "-o", str(tmp_path / "out"), "--suffix", ".gif"]
    make_video(folder / "b.mp4", pts=range(4), tones=1)
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "warning: yuv420p is converted to pal8 for gif, which loses colours beyond 256 per frame" in done.stderr
    assert "warning: audio stream 1 (aac) is dropped" in done.stderr


def test_a_watched_folder_is_gone_on_with(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = make_video(tmp_path / "late.mp4", pts=range(3))
    done: list[str] = []
    first, arrived = threading.Event(), threading.Event()

    def report(path: Path, news: Any) -> None:
        if isinstance(news, FileOutcome):
            done.append(path.name)
            first.set()
            if path.name == "late.mp4":
                arrived.set()

    options = FolderOptions(pattern="*.mp4", watch=True, interval_s=0.1)
    run = FolderRun(tree, tmp_path / "out", BoostOptions(), options, report)

    def sources() -> Any:
        for path in original():
            yield path
            if arrived.is_set():
                return

    original = run._sources
    monkeypatch.setattr(run, "_sources", sources)

    def arrive() -> None:
        assert first.wait(60)
        source.rename(tree / "late.mp4")
        arrived.wait(60)
        make_video(tree / "last.mp4", pts=range(2))

    helper = threading.Thread(target=arrive)
    helper.start()
    run.run()
    helper.join()
    assert done[:2] == ["a.mp4", "late.mp4"]


def test_results_that_come_into_a_watched_folder_are_no_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The output folder lies around the input, in which a folder has its name."""
    (tmp_path / "a" / "a").mkdir(parents=True)
    make_video(tmp_path / "a" / "a" / "x.mkv", pts=range(2), codec="ffv1")
    run = FolderRun(tmp_path / "a", tmp_path, BoostOptions(), FolderOptions(watch=True, interval_s=0.01))
    looks: list[int] = []

    def look() -> Any:
        looks.extend([1] * len(run.outcomes))
        if len(looks) > 4:
            raise KeyboardInterrupt
        return original()

    original = run._found
    monkeypatch.setattr(run, "_found", look)
    assert names(run.run()) == {"x.mkv": "done"}
    assert (tmp_path / "a" / "x.mkv").exists()
    assert not (tmp_path / "x.mkv").exists()


def test_the_command_reports_every_file_and_fails_at_the_end(tree: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    done = subprocess.run(
        [*STAND_IN, str(tree), "-o", str(tmp_path / "out"), "--report", str(report)],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == InputError.exit_code
    assert done.stdout == ""
    assert "3 of 4 files done" in done.stderr
    facts = json.loads(report.read_text())
    validate(facts)
    assert facts["failed"] == 1
    assert {Path(f["input"]).name: f["outcome"] for f in facts["files"]} == {
        "a.mp4": "done",
        "b.mkv": "done",
        "c.avi": "done",
        "bad.mov": "failed",
    }
    assert all({"frames_out", "duration", "warnings"} <= set(f) for f in facts["files"] if f["outcome"] == "done")
