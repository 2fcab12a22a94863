"""One contract for everything that can be written: containers, animations, pictures, segments."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from frame_booster.errors import DecodeError, EncodeError, InputError, Interrupted, OutputError
from frame_booster.media.input.open import open_source
from frame_booster.media.input.source import SourceFrame
from frame_booster.media.output.file import FileSink
from frame_booster.media.output.lone_encoder import lone_encoder
from frame_booster.media.output.pictures import SequenceSink
from frame_booster.media.output.sink import Sink, SinkOptions, container_format
from frame_booster.media.passthrough.options import PassthroughOptions
from frame_booster.media.paths import PIPE, default_output, is_pattern
from frame_booster.options import BoostOptions, EncoderOptions, InputOptions
from frame_booster.pipeline.boost import run
from frame_booster.pipeline.job import Progress
from frame_booster.pipeline.keywords import options_of
from frame_booster.pipeline.pairing import Counts
from frame_booster.pipeline.resume import Segments, join
from frame_booster.pipeline.segment_sink import SegmentSink
from tests.conftest import MeanModel, boosted, decoded, ffmpeg, make_video
from tests.media.input.test_sources import make_pictures

KINDS = ["mp4", "mov", "3gp", "mkv", "webm", "nut", "ts", "flv", "y4m", "gif", "webp", "pictures", "segments"]
LOSSLESS = {"nut", "y4m", "pictures", "segments"}
BASE = Fraction(1, 50)


def open_sink(kind: str, folder: Path, source: Any, first: av.VideoFrame) -> tuple[Sink, Path]:
    if kind == "pictures":
        (folder / "out").mkdir()
        return SequenceSink(folder / "out", "%03d.png", first), folder / "out"
    path = folder / f"out.{'mkv' if kind == 'segments' else kind}"
    encoder = EncoderOptions(codec="ffv1") if kind == "segments" else EncoderOptions()
    options = SinkOptions(path, container_format(path), BASE, 1 / BASE, encoder, PassthroughOptions(allow_drop=True))
    if kind != "segments":
        return FileSink(path, source, first, options), path
    segments = Segments(path, "key")
    return SegmentSink(segments, lambda begun: lone_encoder(first, source.info, options, begun), Counts), path


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_written_can_be_read(tmp_path: Path, kind: str) -> None:
    original = make_video(tmp_path / "in.mkv", pts=range(6), codec="ffv1", pix_fmt="gray", tones=1)
    with open_source(original, InputOptions()) as source:
        items = list(source.items())
        frames = [item.frame for item in items if isinstance(item, SourceFrame)]
        sink, path = open_sink(kind, tmp_path, source, frames[0])
        with sink:
            for item in items:
                if isinstance(item, SourceFrame):
                    k = frames.index(item.frame)
                    sink.write(item.frame, 2 * k, 2)
                    assert sink.written.frames == k + 1
                elif kind != "segments":
                    sink.copy(item)
            written = sink.finish()
        assert (written.frames, written.first_pts, written.last_pts, written.end_pts) == (6, 0, 10, 12)
        if kind == "segments":
            assert isinstance(sink, SegmentSink)
            options = SinkOptions(path, "matroska", BASE, 1 / BASE, EncoderOptions(codec="ffv1"))
            with FileSink(path, source, frames[0], options) as joined:
                join(sink.segments, joined, (item for item in items if isinstance(item, av.Packet)))
    with open_source(path, InputOptions(rate=1 / (2 * BASE))) as again:
        back = [item for item in again.items() if isinstance(item, SourceFrame)]
        times = [frame.pts * again.info.time_base for frame in back]
    assert len(back) == 6
    assert [time - times[0] for time in times] == [
        2 * k * BASE * (Fraction(1, 2) if kind == "y4m" else 1) for k in range(6)
    ]
    if kind in LOSSLESS and kind != "y4m":
        for one, two in zip(frames, back, strict=True):
            np.testing.assert_array_equal(one.to_ndarray(format="gray"), two.frame.to_ndarray(format="gray"))


@pytest.mark.parametrize("kind", ["mp4", "pictures", "segments"])
def test_a_sink_left_by_an_error_is_quiet(tmp_path: Path, kind: str) -> None:
    original = make_video(tmp_path / "in.mkv", pts=range(3), codec="ffv1")

    def fail() -> None:
        with open_source(original, InputOptions()) as source:
            first = next(item.frame for item in source.items() if isinstance(item, SourceFrame))
            sink, _ = open_sink(kind, tmp_path, source, first)
            with sink:
                sink.write(first, 0, 1)
                raise KeyError("something else")

    with pytest.raises(KeyError, match="something else"):
        fail()


def test_a_pattern_has_the_suffix_of_pictures(tmp_path: Path) -> None:
    assert is_pattern(tmp_path / "x%03d.png")
    assert not is_pattern(tmp_path / "50%d off.mp4")
    assert not is_pattern(tmp_path / "50%d off")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        *((f"out.{suffix}", "cannot store every frame") for suffix in ("avi", "wmv", "mpg", "vob", "h264", "hevc")),
        ("out.m3u8", "writes several files"),
        ("out.mpd", "writes several files"),
        ("out.png", "an image holds a single frame"),
        ("out.xyz", "unknown container suffix"),
    ],
)
def test_what_could_not_be_trusted_is_refused_before_any_work(tmp_path: Path, name: str, message: str) -> None:
    source = make_video(tmp_path / "in.mkv", pts=range(2))
    with pytest.raises(InputError, match=message):
        boosted(source, tmp_path / name)
    assert [p.name for p in tmp_path.iterdir()] == ["in.mkv"]


def test_a_transport_stream_may_end_with_a_frame_of_its_own_length(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mkv", pts=[0, 50, 100, 150, 250, 350, 360], time_base=Fraction(1, 1000))
    result = boosted(source, tmp_path / "out.ts")
    assert result.frames_out == len(decoded(tmp_path / "out.ts")) == 14


def test_a_pipe_may_ask_for_any_single_stream() -> None:
    assert container_format(PIPE, "h264") == "h264"
    with pytest.raises(InputError, match="writes several files"):
        container_format(PIPE, "hls")


def test_raw_video_is_as_large_as_its_frames(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mkv", pts=range(3), codec="ffv1", pix_fmt="gray", tones=1)
    boosted(source, tmp_path / "out.yuv")
    with av.open(str(source)) as container:
        stream = container.streams.video[0]
        assert (tmp_path / "out.yuv").stat().st_size == 6 * stream.width * stream.height


@pytest.mark.parametrize(
    ("given", "made"),
    [
        ("a/film.mkv", "a/film.2x.mkv"),
        ("a/film.MP4", "a/film.2x.MP4"),
        ("a/film.wmv", "a/film.2x.mkv"),
        ("a/50%d off.mkv", "a/50%d off.2x.mkv"),
        ("a/frames", "a/frames.2x.mp4"),
        ("a/shot_%04d.png", "a/shot.2x.mp4"),
    ],
)
def test_where_the_result_goes_when_nobody_says(given: str, made: str) -> None:
    assert default_output(Path(given), 2) == Path(made)


def test_a_name_that_would_be_too_long_is_shortened() -> None:
    made = default_output(Path("a") / (125 * "\u00e9" + ".mkv"), 2)
    assert made.name.endswith("\u00e9.2x.mkv")
    assert 253 <= len(made.name.encode()) <= 255


def test_an_animation_too_fast_for_its_kind_becomes_a_film(tmp_path: Path) -> None:
    source = make_video(
        tmp_path / "in.gif", codec="gif", pix_fmt="gray", pts=range(3), rate=50, time_base=Fraction(1, 50)
    )
    assert run(str(source), None, options_of({}), None, MeanModel()).output == str(tmp_path / "in.2x.mp4")  # type: ignore[arg-type]


def test_a_sequence_without_a_name_has_that_of_its_folder(tmp_path: Path) -> None:
    assert default_output(tmp_path / "frames" / "%05d.png", 4) == tmp_path / "frames.4x.mp4"
    assert default_output(Path("/%05d.png"), 2) == Path("/frames.2x.mp4")


def test_only_the_number_of_a_pattern_is_replaced(tmp_path: Path) -> None:
    source = make_video(tmp_path / "100% sure %s.mkv", pts=range(2), codec="ffv1", pix_fmt="gray", tones=1)
    boosted(source, tmp_path / "out" / "100% sure %s %03d.png")
    assert [p.name for p in sorted((tmp_path / "out").iterdir())] == [f"100% sure %s 00{k}.png" for k in range(1, 5)]


def test_options_of_pictures_reach_their_encoder(tmp_path: Path) -> None:
    make_pictures(tmp_path / "in")
    sizes = {}
    for name, options in (("best", ()), ("small", (("qmin", "20"), ("qmax", "20")))):
        boosted(tmp_path / "in", tmp_path / name / "%d.jpg", options=options)
        sizes[name] = sum(path.stat().st_size for path in (tmp_path / name).iterdir())
    assert sizes["small"] < sizes["best"]


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"options": (("nonsense", "1"),)}, EncodeError, r"1\.png: png has no option nonsense"),
        ({"crf": 3.0}, InputError, "--crf does not apply to images"),
        ({"codec": "libx264"}, InputError, "--codec does not apply to images"),
        ({"preset": "slow"}, InputError, "--preset does not apply to images"),
        (
            {"container_options": (("movflags", "+faststart"),)},
            InputError,
            "--container-option does not apply to images",
        ),
    ],
)
def test_what_pictures_do_not_know_is_refused(tmp_path: Path, options: dict[str, Any], error: type, text: str) -> None:
    make_pictures(tmp_path / "in")
    with pytest.raises(error, match=text):
        boosted(tmp_path / "in", tmp_path / "out" / "%d.png", **options)
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_a_picture_with_a_percent_sign_is_only_itself(tmp_path: Path) -> None:
    folder = make_pictures(tmp_path / "50%d off")
    for path in list(folder.iterdir()):
        path.rename(folder / f"%02d {path.name}")
    boosted(folder, tmp_path / "out.mkv")
    assert len(decoded(tmp_path / "out.mkv")) == 2 * len(list(folder.iterdir()))


@pytest.mark.parametrize("name", ["50%d off", "12:30 clip", "-dash", "two\nlines", "pipe:1", "a'b\"c", "[x] #1 &"])
def test_any_name_is_only_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    source = make_video(tmp_path / "in.mkv", pts=range(2), codec="ffv1", pix_fmt="gray", tones=1).rename(f"{name}.mkv")
    boosted(Path(source.name), Path(f"{name}.out.mkv"), overwrite=True)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([f"{name}.mkv", f"{name}.out.mkv"])
    assert len(decoded(tmp_path / f"{name}.out.mkv")) == 4


def stopped_at(frame: int, source: Path, output: Path, **options: Any) -> None:
    """Runs until `frame` frames are written, and is told to stop then."""
    stop = threading.Event()

    def progress(done: Progress) -> None:
        if done.frames == frame:
            stop.set()

    run(str(source), str(output), BoostOptions(**options), progress, MeanModel(), stop)  # type: ignore[arg-type]


@pytest.mark.parametrize("keep", [False, True])
def test_an_interrupted_run_keeps_its_part_where_asked(tmp_path: Path, keep: bool) -> None:
    source = make_video(tmp_path / "in.mp4", pts=range(400), size=(320, 192), tones=1)
    with pytest.raises(Interrupted, match=r"out\.partial\.mp4" if keep else "nothing was written"):
        stopped_at(20, source, tmp_path / "out.mp4", keep_partial=keep)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.mp4", *(["out.partial.mp4"] if keep else [])]
    if keep:
        frames = decoded(tmp_path / "out.partial.mp4")
        assert 20 <= len(frames) < 800
        assert [time for time, _ in frames] == [Fraction(k, 50) for k in range(len(frames))]


def test_a_part_is_no_end_of_a_run_in_segments(tmp_path: Path) -> None:
    """With both, segments are what is kept, and the same command continues to the end."""
    source = make_video(tmp_path / "in.mp4", pts=range(200), size=(320, 192))
    options: dict[str, Any] = {"keep_partial": True, "resume": True, "segment": Fraction(1)}
    with pytest.raises(Interrupted, match="the same command continues"):
        stopped_at(120, source, tmp_path / "out.mp4", **options)
    run(str(source), str(tmp_path / "out.mp4"), BoostOptions(**options), None, MeanModel())  # type: ignore[arg-type]
    assert len(decoded(tmp_path / "out.mp4")) == 400
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.mp4", "out.mp4"]


def test_a_full_disk_is_an_error_that_leaves_nothing(tmp_path: Path) -> None:
    """A limit on the size of files stands in for the disk."""
    source = make_video(tmp_path / "in.mp4", pts=range(20), size=(320, 192), options={"crf": "30"})
    arguments = [str(source), "-o", str(tmp_path / "out.mkv"), "-c:v", "ffv1", "--quiet"]
    done = subprocess.run(
        [sys.executable, "-m", "frame_booster", *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000)),
    )
    assert done.returncode == OutputError.exit_code
    assert done.stderr.count("\n") == 1
    assert "the file is larger than this file system allows (write to a disk with another" in done.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["in.mp4"]


def with_small_disk(work: Callable[[], object]) -> None:
    """Works where no file may have more than 20 kB, which stands in for a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    try:
        work()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize(
    ("output", "options", "named"),
    [
        ("out.mkv", {"codec": "ffv1", "resume": True}, ".out.mkv.segments/00000.packets"),
        ("out/%03d.bmp", {}, "out/001.bmp"),
    ],
)
def test_a_full_disk_is_told_with_the_file_and_what_to_do(
    tmp_path: Path, output: str, options: dict[str, Any], named: str
) -> None:
    source = make_video(tmp_path / "in.mkv", pts=range(4), size=(320, 192), codec="ffv1")
    with pytest.raises(OutputError) as told:
        with_small_disk(lambda: boosted(source, tmp_path / output, **options))
    assert str(told.value).startswith(
        f"{tmp_path / named}: cannot be written: the file is larger than this file system allows ("
    )
    assert [p.name for p in tmp_path.iterdir()] == ["in.mkv"]


@pytest.mark.parametrize("output", ["out.mkv", "out/%03d.png"])
def test_an_error_about_another_file_is_not_one_of_the_output(tmp_path: Path, output: str) -> None:
    """As of a cache, of weights, or of what the caller's own code does."""
    source = make_video(tmp_path / "in.mkv", pts=range(4), codec="ffv1")

    def refused(_: object) -> Any:
        raise PermissionError(13, "Permission denied", "/models/graph.bin")

    with pytest.raises(PermissionError, match=r"/models/graph\.bin"):
        run(str(source), str(tmp_path / output), BoostOptions(), None, refused)
    with pytest.raises(PermissionError, match=r"/models/graph\.bin"):
        boosted(source, tmp_path / output, progress=refused)
    assert [p.name for p in tmp_path.iterdir()] == ["in.mkv"]


AHEAD = 2500
"""Frames that are not read all at once: twice what two queues hold, and more."""


def broken_at(frame: int, what: Callable[[], object], source: Path, output: Path) -> None:
    """Runs, and does something to the files once `frame` frames are written."""

    def progress(done: Progress) -> None:
        if done.frames == frame:
            what()

    boosted(source, output, progress=progress)


def test_an_input_that_is_cut_short_under_way(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mkv", pts=range(AHEAD), size=(16, 16), codec="ffv1")
    with pytest.raises(DecodeError, match=r"in\.mkv: .*truncated: .* is kept as .*out\.partial\.mkv"):
        broken_at(10, lambda: os.truncate(source, source.stat().st_size // 2), source, tmp_path / "out.mkv")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.mkv", "out.partial.mkv"]


def test_pictures_that_vanish_under_way(tmp_path: Path) -> None:
    folder = tmp_path / "frames"
    folder.mkdir()
    video = make_video(tmp_path / "in.mkv", pts=range(AHEAD), size=(16, 16), codec="ffv1")
    ffmpeg("-i", video, folder / "%04d.png")
    with pytest.raises(DecodeError, match=rf"{AHEAD}\.png"):
        broken_at(10, (folder / f"{AHEAD}.png").unlink, folder, tmp_path / "out.mkv")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["frames", "in.mkv"]


@pytest.mark.parametrize("form", ["video", "pictures"])
def test_an_output_folder_that_is_taken_away_under_way(tmp_path: Path, form: str) -> None:
    """Stands in for a disk that is unmounted and for a permission lost: root, who runs tests, has them all."""
    source = make_video(tmp_path / "in.mkv", pts=range(200), codec="ffv1")
    folder = tmp_path / "there"
    folder.mkdir()
    output = folder / ("out.mkv" if form == "video" else "out/%03d.png")
    with pytest.raises(OutputError, match=r"[Nn]o such file or (directory|folder)"):
        broken_at(10, lambda: shutil.rmtree(folder), source, output)
    assert [p.name for p in tmp_path.iterdir()] == ["in.mkv"]


def test_a_hardware_encoder_that_is_missing_names_those_that_are_there(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mp4", pts=range(2))
    with pytest.raises(EncodeError, match=r"unknown video encoder 'h264_nothing'.*use one of libx264"):
        run(
            str(source),
            str(tmp_path / "o.mp4"),
            BoostOptions(encoder=EncoderOptions(codec="h264_nothing")),
            None,
            MeanModel(),
        )  # type: ignore[arg-type]
