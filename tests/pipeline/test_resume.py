"""Runs in durable segments: cut off anywhere, they end as if they had not been."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from frame_booster.errors import EncodeError, InputError, Interrupted, OutputError
from frame_booster.media.input.source import Resume
from frame_booster.media.output.segments import read_segment
from frame_booster.options import BoostOptions
from frame_booster.pipeline import boost, opened_run, segmented_run
from frame_booster.pipeline.boundaries import Boundary
from frame_booster.pipeline.comparison.compare import compare
from frame_booster.pipeline.fingerprint import fingerprint
from frame_booster.pipeline.job import Progress
from frame_booster.pipeline.keywords import options_of
from frame_booster.pipeline.pairing import Counts
from frame_booster.pipeline.resume import Segments
from tests.conftest import MeanModel, boosted, decoded, make_video, packets, probed_times
from tests.media.passthrough.test_captions import captioned
from tests.stand_in import STAND_IN

SEGMENT = Fraction(8, 25)
OPTIONS = {"resume": True, "segment": SEGMENT, "preset": "veryfast", "weights": str(MeanModel.weights)}


class Crash(Exception):
    """Stands in for the end of the process."""


def crash_at(frame: int) -> Any:
    def progress(done: Progress) -> None:
        if done.frames == frame:
            raise Crash

    return progress


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return make_video(tmp_path / "in.mp4", pts=range(30), tones=1, cut_at=13, size=(320, 192))


def run(source: Path, output: Path, **options: Any) -> Any:
    return boosted(source, output, **OPTIONS, **options)


@pytest.mark.parametrize("crashes", [(3, 59), (16, 33, 48)])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_run_that_crashed_gives_what_one_that_did_not_gives(
    source: Path, tmp_path: Path, crashes: tuple[int, ...], suffix: str
) -> None:
    whole = run(source, tmp_path / f"whole{suffix}")
    for frame in crashes:
        with pytest.raises(Crash):
            run(source, tmp_path / f"out{suffix}", progress=crash_at(frame))
        assert not (tmp_path / f"out{suffix}").exists()
    result = run(source, tmp_path / f"out{suffix}")
    if suffix == ".mp4":
        # Matroska files have random numbers in them.
        assert (tmp_path / "out.mp4").read_bytes() == (tmp_path / "whole.mp4").read_bytes()
    assert decoded(tmp_path / f"out{suffix}") == decoded(tmp_path / f"whole{suffix}")
    for fact in ("frames_in", "frames_out", "made", "held", "cuts", "duration"):
        assert getattr(result, fact) == getattr(whole, fact), fact
    assert packets(tmp_path / f"out{suffix}", "audio") == packets(source, "audio")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.mp4", f"out{suffix}", f"whole{suffix}"]


def test_segments_make_the_same_frames_as_one_run(source: Path, tmp_path: Path) -> None:
    """In a lossless codec, where it does not matter that every segment begins with a key frame."""
    boosted(source, tmp_path / "one.mkv", codec="ffv1")
    with pytest.raises(Crash):
        boosted(source, tmp_path / "out.mkv", codec="ffv1", resume=True, segment=SEGMENT, progress=crash_at(20))
    result = boosted(source, tmp_path / "out.mkv", codec="ffv1", resume=True, segment=SEGMENT)
    assert decoded(tmp_path / "out.mkv") == decoded(tmp_path / "one.mkv")
    assert (result.frames_in, result.frames_out, result.made, result.cuts) == (30, 60, 28, 1)


@pytest.mark.parametrize(
    "options",
    [
        {"fps": Fraction(60)},
        {"start": Fraction(3, 25), "duration": Fraction(20, 25)},
        {"dedupe": True},
        {"slow_motion": 2, "slow_audio": "drop"},
        {"audio_codec": "flac"},
    ],
)
def test_other_timelines_resume_too(source: Path, tmp_path: Path, options: dict[str, Any]) -> None:
    boosted(source, tmp_path / "one.mkv", codec="ffv1", **options)
    for frame in (18, 25):
        with pytest.raises(Crash):
            boosted(
                source,
                tmp_path / "out.mkv",
                codec="ffv1",
                resume=True,
                segment=SEGMENT,
                progress=crash_at(frame),
                **options,
            )
    boosted(source, tmp_path / "out.mkv", codec="ffv1", resume=True, segment=SEGMENT, **options)
    assert decoded(tmp_path / "out.mkv") == decoded(tmp_path / "one.mkv")
    assert packets(tmp_path / "out.mkv", "audio") == packets(tmp_path / "one.mkv", "audio")


def test_uneven_frames_with_b_frames_keep_their_times(tmp_path: Path) -> None:
    pts = [0, 20, 60, 80, 200, 220, 300, 320, 360, 400, 420, 440, 500, 520, 560, 580, 600, 640]
    source = make_video(tmp_path / "in.mp4", pts=pts, time_base=Fraction(1, 600), rate=30)
    run(source, tmp_path / "out.mp4")
    boosted(source, tmp_path / "one.mp4")
    assert probed_times(tmp_path / "out.mp4") == probed_times(tmp_path / "one.mp4")


def test_it_refuses_to_go_on_with_anything_else(source: Path, tmp_path: Path) -> None:
    with pytest.raises(Crash):
        run(source, tmp_path / "out.mp4", progress=crash_at(33))
    with pytest.raises(InputError, match=r"another input, options.*delete the folder"):
        run(source, tmp_path / "out.mp4", crf=30.0)
    status = source.stat()
    os.utime(source, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    with pytest.raises(InputError, match="another input"):
        run(source, tmp_path / "out.mp4")


def test_what_else_lies_in_a_folder_of_pictures_is_no_part_of_it(tmp_path: Path) -> None:
    """As the run's own segments beside an output in that folder, and what a file manager leaves there."""
    pictures = tmp_path / "pictures"
    boosted(make_video(tmp_path / "in.mkv", pts=range(30), size=(64, 48)), pictures, output_format="png")
    with pytest.raises(Crash):
        run(pictures, pictures / "out.mp4", progress=crash_at(33))
    (pictures / ".DS_Store").write_text("left by a file manager")
    assert run(pictures, pictures / "out.mp4").frames_out == 120
    (pictures / "out.mp4").unlink()

    with pytest.raises(Crash):
        run(pictures, tmp_path / "out.mp4", progress=crash_at(33))
    first = min(pictures.glob("*.png"))
    first.write_bytes(first.read_bytes() + b"changed")
    with pytest.raises(InputError, match="another input"):
        run(pictures, tmp_path / "out.mp4")


def test_pipes_cannot_be_resumed(source: Path) -> None:
    with pytest.raises(InputError, match="a file as input and a file as output"):
        boosted(source, "-", resume=True, output_format="nut")


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="the system has no SIGKILL")
def test_a_killed_process_is_taken_up(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mp4", pts=range(120), tones=1, size=(320, 192))
    command = [*STAND_IN, str(source), "--resume", "--segment", "0.4", "-q", "-o"]
    subprocess.run([*command, str(tmp_path / "whole.mp4")], check=True, timeout=300)
    output = tmp_path / "out.mp4"
    manifest = tmp_path / ".out.mp4.segments" / "manifest.json"
    process = subprocess.Popen([*command, str(output)])
    while process.poll() is None and not manifest.exists():
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert manifest.exists()
    assert not output.exists()
    subprocess.run([*command, str(output)], check=True, timeout=300)
    assert output.read_bytes() == (tmp_path / "whole.mp4").read_bytes()


@pytest.mark.parametrize("suffix", [".gif", ".y4m", ".nut", ".ts"])
def test_every_container_can_be_resumed_into(tmp_path: Path, suffix: str) -> None:
    """Palettes of GIF, and the counted frames of y4m, go through segments as well."""
    source = make_video(tmp_path / "in.mp4", pts=range(24), tones=1, cut_at=13)
    options = {"segment": SEGMENT, "codec": "ffv1" if suffix == ".nut" else None}
    plain = boosted(source, tmp_path / f"plain{suffix}", codec=options["codec"])
    with pytest.raises(Crash):
        boosted(source, tmp_path / f"out{suffix}", resume=True, progress=crash_at(30), **options)
    result = boosted(source, tmp_path / f"out{suffix}", resume=True, **options)
    assert (result.frames_out, result.duration) == (plain.frames_out, plain.duration)
    assert set(plain.warnings) <= set(result.warnings)
    ours, wanted = decoded(tmp_path / f"out{suffix}"), decoded(tmp_path / f"plain{suffix}")
    assert [time - ours[0][0] for time, _ in ours] == [time - wanted[0][0] for time, _ in wanted]
    if suffix in (".gif", ".y4m", ".nut"):
        assert [data for _, data in ours] == [data for _, data in wanted]


def test_a_gif_in_segments_is_a_gif_for_others(tmp_path: Path) -> None:
    """Another reader than FFmpeg's finds all frames, their times and their colours."""
    source = make_video(tmp_path / "in.mp4", pts=range(24), cut_at=13)
    boosted(source, tmp_path / "plain.gif")
    boosted(source, tmp_path / "out.gif", resume=True, segment=SEGMENT)
    with Image.open(tmp_path / "out.gif") as ours, Image.open(tmp_path / "plain.gif") as wanted:
        assert ours.n_frames == wanted.n_frames == 48
        for k in range(48):
            ours.seek(k)
            wanted.seek(k)
            assert ours.info["duration"] == wanted.info["duration"] == 20
            assert ours.convert("RGB").tobytes() == wanted.convert("RGB").tobytes(), k


def test_what_was_told_before_a_crash_is_told_in_the_end(tmp_path: Path) -> None:
    source = captioned(tmp_path / "in.ts")
    options = {"resume": True, "segment": SEGMENT, "codec": "ffv1"}
    with pytest.raises(Crash):
        boosted(source, tmp_path / "out.mkv", progress=crash_at(40), **options)
    result = boosted(source, tmp_path / "out.mkv", **options)
    assert sum("closed captions are lost" in text for text in result.warnings) == 1


def test_segments_keep_the_warnings_of_all_runs(tmp_path: Path) -> None:
    """Of one that counts, what it said last."""
    for told, boundary in (
        ([["a"], ["a", "1 of b"], ["a", "2 of b"]], Boundary(Resume(5, Fraction(0)), 0, 1, Counts())),
        ([["1 of c"], ["2 of c", "a"]], None),
    ):
        segments = Segments(tmp_path / "out.mkv", "key")
        for warnings in told:
            segments.add(segments.new(), 1, boundary, warnings=warnings)
        segments.release()
    assert segments.warnings == ["a", "2 of b", "2 of c"]


@pytest.mark.parametrize("changed", ["first", "last", "weights"])
def test_a_fingerprint_knows_the_content_of_both_ends(tmp_path: Path, changed: str) -> None:
    """Also where size and time are as before, as after a copy that keeps them."""
    source, weights = tmp_path / "in.mkv", tmp_path / "weights"
    source.write_bytes(bytes(3 << 20))
    weights.write_bytes(b"1")
    before, status = fingerprint(source, weights, BoostOptions()), source.stat()
    assert fingerprint(source, weights, BoostOptions(overwrite=True)) == before
    if changed == "weights":
        weights.write_bytes(b"2")
    else:
        data = bytearray(3 << 20)
        data[0 if changed == "first" else -1] = 1
        source.write_bytes(data)
        os.utime(source, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert fingerprint(source, weights, BoostOptions()) != before


def test_what_a_container_refuses_is_known_before_the_work(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mp4", pts=range(24), tones=1)
    with pytest.raises(EncodeError, match=r"audio stream 1 .* cannot be copied: webm cannot store it"):
        boosted(
            source,
            tmp_path / "out.webm",
            resume=True,
            audio="copy",
            progress=lambda done: pytest.fail("frames were made"),
        )
    assert [p.name for p in tmp_path.iterdir()] == ["in.mp4"]


def begun(source: Path, output: Path, at: int = 33) -> Path:
    """Begins a run that crashes; returns the folder of its segments."""
    with pytest.raises(Crash):
        run(source, output, progress=crash_at(at))
    return output.with_name(f".{output.name}.segments")


def test_it_goes_on_with_the_network_that_it_began_with(source: Path, tmp_path: Path) -> None:
    """Engine, precision, provider and flow scale are chosen by the machine where nobody asks for one."""
    folder = begun(source, tmp_path / "out.mp4")
    manifest = folder / "manifest.json"
    state = json.loads(manifest.read_text())
    wanted = {"name": "mean", "precision": "float32", "engine": "tensorflow", "provider": None}
    assert wanted.items() <= state["network"].items()
    assert state["network"]["flow_scale"] == "1"
    state["network"]["precision"] = "bfloat16"
    manifest.write_text(json.dumps(state))
    with pytest.raises(
        InputError, match="the earlier run used precision bfloat16, but this one uses precision float32"
    ):
        run(source, tmp_path / "out.mp4")
    asked: list[BoostOptions] = []

    def load(options: BoostOptions) -> Any:
        asked.append(options)
        return MeanModel()

    boost.run(str(source), str(tmp_path / "out.mp4"), options_of(OPTIONS), None, load)
    [options] = asked
    assert (options.engine, options.precision, options.flow_scale) == ("tensorflow", "bfloat16", 1)


def test_joining_alone_loads_no_network(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = run(source, tmp_path / "whole.mp4")

    def interrupted(*_: Any) -> Any:
        raise Interrupted("interrupted")

    with monkeypatch.context() as patched:
        patched.setattr(segmented_run, "join", interrupted)
        with pytest.raises(Interrupted, match=r"segments are kept; the same command"):
            run(source, tmp_path / "out.mp4")

    def load(_: BoostOptions) -> Any:
        raise AssertionError

    result = boost.run(str(source), str(tmp_path / "out.mp4"), options_of(OPTIONS), None, load)
    assert (tmp_path / "out.mp4").read_bytes() == (tmp_path / "whole.mp4").read_bytes()
    for fact in ("model", "device", "precision", "engine", "provider"):
        assert getattr(result, fact) == getattr(whole, fact), fact


def test_joining_stops_with_the_others(source: Path, tmp_path: Path) -> None:
    stop = threading.Event()

    def at_the_end(done: Progress) -> None:
        if done.frames == done.total:
            stop.set()

    with pytest.raises(Interrupted):
        boost.run(
            str(source),
            str(tmp_path / "out.mp4"),
            options_of(OPTIONS),
            at_the_end,
            MeanModel(),
            stop,  # type: ignore[arg-type]
        )
    assert not (tmp_path / "out.mp4").exists()
    assert run(source, tmp_path / "out.mp4").frames_out == 60


@pytest.mark.parametrize(
    ("name", "value"),
    [("after", ...), ("after", {}), ("segments", [1]), ("network", 3), ("warnings", [[]]), ("frames", "a few")],
)
def test_a_manifest_that_is_damaged_says_what_to_do(source: Path, tmp_path: Path, name: str, value: Any) -> None:
    manifest = begun(source, tmp_path / "out.mp4") / "manifest.json"
    state = json.loads(manifest.read_text()) | {name: value}
    manifest.write_text(json.dumps({key: value for key, value in state.items() if value is not ...}))
    with pytest.raises(InputError, match=r"manifest.json: cannot be read \(delete its folder to start again"):
        run(source, tmp_path / "out.mp4")


@pytest.mark.parametrize("text", ["[]", "{", '{"key": "a"}'])
def test_a_manifest_that_is_none_says_what_to_do(source: Path, tmp_path: Path, text: str) -> None:
    (begun(source, tmp_path / "out.mp4") / "manifest.json").write_text(text)
    with pytest.raises(InputError, match="delete its folder to start again"):
        run(source, tmp_path / "out.mp4")


def test_a_segment_that_is_missing_is_told_before_the_work(source: Path, tmp_path: Path) -> None:
    folder = begun(source, tmp_path / "out.mp4")
    (folder / "@eaDir").mkdir()
    (folder / "00000.packets").unlink()
    with pytest.raises(InputError, match=r"00000.packets is missing .*delete the folder"):
        run(source, tmp_path / "out.mp4")


def test_a_segment_that_is_cut_off_is_not_whole(source: Path, tmp_path: Path) -> None:
    path = begun(source, tmp_path / "out.mp4") / "00000.packets"
    whole = path.read_bytes()
    assert len(list(read_segment(path))) > 1
    for size in (len(whole) - 1, 10):
        path.write_bytes(whole[:size])
        with pytest.raises(OutputError, match=r"a segment is incomplete \(delete its folder"):
            list(read_segment(path))


def test_folders_among_the_segments_are_left_alone(source: Path, tmp_path: Path) -> None:
    (begun(source, tmp_path / "out.mp4") / "@eaDir").mkdir()
    assert run(source, tmp_path / "out.mp4").frames_out == 60


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has names that are no text")
def test_a_name_that_is_no_text_is_only_a_name(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mkv", pts=range(4), codec="ffv1").rename(tmp_path / os.fsdecode(b"caf\xe9.mkv"))
    boosted(source, tmp_path / "out.mkv", resume=True)
    compare(str(source), str(tmp_path / "out.mkv"), str(tmp_path / "page.html"))
    assert "caf" in (tmp_path / "page.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("resume", [False, True])
def test_a_check_that_fails_says_the_name_of_the_output(
    tmp_path: Path, resume: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = make_video(tmp_path / "in.mkv", pts=range(4), codec="ffv1")

    def incomplete(path: Path, *_: Any) -> list[str]:
        raise OutputError("the result has 7 frames instead of 8", path=path)

    monkeypatch.setattr(opened_run, "verify", incomplete)
    left = "the finished segments are kept" if resume else "nothing was written"
    with pytest.raises(OutputError, match=rf"/out\.mkv: the result has 7 frames instead of 8 \({left}; try another"):
        boosted(source, tmp_path / "out.mkv", resume=resume)
    assert not (tmp_path / "out.mkv").exists()
