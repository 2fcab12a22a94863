"""Reading from a place on gives the frames that reading from the beginning gives there, and loses no packet."""

from __future__ import annotations

import os
import threading
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest

from frame_booster.media.input.file import FileSource
from frame_booster.media.input.open import open_source
from frame_booster.media.input.packet_reader import PacketReader
from frame_booster.media.input.source import Resume, SourceFrame, SourceReport
from frame_booster.options import InputOptions
from tests.conftest import boosted, ffmpeg, make_video, picture

FRAMES = 60


def two_videos(path: Path, distances: tuple[int, int] = (1, 14), bframes: int = 0) -> Path:
    """Writes two video streams of 10 frames a second, with key frames at distances of their own."""
    with av.open(str(path), "w") as container:
        streams = []
        for distance in distances:
            options = {"preset": "ultrafast", "bf": str(bframes), "x264-params": f"keyint={distance}:scenecut=0"}
            stream = container.add_stream("libx264", rate=10, options=options)
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
            streams.append(stream)
        for k in range(FRAMES):
            for number, stream in enumerate(streams):
                rgb = (picture(k + 100 * number, 64, 48) * 255).astype(np.uint8)
                frame = av.VideoFrame.from_ndarray(rgb, "rgb24").reformat(format="yuv420p")
                frame.pts, frame.time_base = k, Fraction(1, 10)
                container.mux(stream.encode(frame))
        for stream in streams:
            container.mux(stream.encode(None))
    return path


def frames_of(path: Path, index: int) -> list[tuple[Fraction, bytes]]:
    """Times, to 1 ms, and pictures of a video stream."""
    with av.open(str(path)) as container:
        stream = container.streams.video[index]
        return [(round(Fraction(f.pts) * f.time_base, 3), f.to_ndarray().tobytes()) for f in container.decode(stream)]


def pictures(
    path: Path, options: InputOptions, start: Fraction | None = None, resume: Resume | None = None
) -> list[bytes]:
    with open_source(path, options, start=start) as source:
        items = [item.frame for item in source.items(resume=resume) if isinstance(item, SourceFrame)]
        assert not any("starts" in text for text in source.report.warnings)
        return [frame.to_ndarray().tobytes() for frame in items]


@pytest.mark.parametrize("kind", ["mkv", "nut", "mp4"])
def test_a_second_video_with_b_frames_is_copied_whole(tmp_path: Path, kind: str) -> None:
    """FFmpeg gives the first packets of such a stream no decode time in Matroska and NUT."""
    source = two_videos(tmp_path / f"in.{kind}", (14, 14), bframes=3)
    for suffix in (".mkv", ".mp4"):
        boosted(source, output := tmp_path / f"out{suffix}")
        assert frames_of(output, 1) == frames_of(source, 1), suffix


@pytest.mark.parametrize("kind", ["mkv", "nut", "mp4"])
@pytest.mark.parametrize("distance", [14, 250])
def test_a_part_of_the_second_video_has_all_its_frames(tmp_path: Path, kind: str, distance: int) -> None:
    path, options = two_videos(tmp_path / f"in.{kind}", (1, distance)), InputOptions(video_stream=1)
    whole = pictures(path, options)
    assert len(whole) == FRAMES
    assert pictures(path, options, start=Fraction(4)) == whole[40:]


@pytest.mark.parametrize("suffix", [".m4v", ".h264", ".mjpeg"])
def test_a_raw_stream_is_counted_from_its_beginning(tmp_path: Path, suffix: str) -> None:
    codec, pix_fmt = {".m4v": ("mpeg4", "yuv420p"), ".h264": ("libx264", "yuv420p"), ".mjpeg": ("mjpeg", "yuvj420p")}[
        suffix
    ]
    with av.open(str(tmp_path / f"raw{suffix}"), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt, stream.codec_context.gop_size = 64, 48, pix_fmt, 12
        for k in range(100):
            rgb = (picture(k, 64, 48) * 255).astype(np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, "rgb24").reformat(format=pix_fmt)))
        container.mux(stream.encode(None))
    path, options = tmp_path / f"raw{suffix}", InputOptions(rate=Fraction(25))
    whole = pictures(path, options)
    assert len(whole) == 100
    assert pictures(path, options, start=Fraction(2)) == whole[50:]
    with open_source(path, options) as source:
        first = [item for item in source.items() if isinstance(item, SourceFrame)]
        here = Resume(first[60].pts, source.shift, source.format, source.fields)
    assert pictures(path, options, resume=here) == whole[60:]


def test_a_named_pipe_is_not_sought_in(tmp_path: Path) -> None:
    written = make_video(tmp_path / "in.flv", pts=range(50), rate=10, time_base=Fraction(1, 10))
    whole = pictures(written, InputOptions())
    os.mkfifo(pipe := tmp_path / "pipe.flv")
    feeder = threading.Thread(target=lambda: pipe.write_bytes(written.read_bytes()), daemon=True)
    feeder.start()
    assert pictures(pipe, InputOptions(), start=Fraction(3)) == whole[30:]
    feeder.join(60)


@pytest.mark.parametrize("kind", ["mp4", "mkv", "avi", "webm"])
def test_a_reading_that_goes_on_does_not_tell_of_a_late_beginning(tmp_path: Path, kind: str) -> None:
    codec = {"webm": "libvpx-vp9", "avi": "mpeg4"}.get(kind, "libx264")
    path = make_video(tmp_path / f"in.{kind}", pts=range(100), codec=codec)
    with open_source(path, InputOptions()) as source:
        frames = [item for item in source.items() if isinstance(item, SourceFrame)]
        here = Resume(frames[90].pts, source.shift, source.format, source.fields)
    with open_source(path, InputOptions()) as source:
        assert sum(isinstance(item, SourceFrame) for item in source.items(resume=here)) == 10
        assert source.report.warnings == []


@pytest.mark.parametrize(
    ("part", "frames"),
    [
        ({"start": Fraction(2)}, 14),
        ({"duration": Fraction(1)}, 4),
        ({"start": Fraction(2), "duration": Fraction(1)}, 4),
    ],
)
@pytest.mark.parametrize("kind", ["ts", "mkv", "webp"])
def test_the_frames_of_a_part_are_known_whenever_its_clock_begins(
    tmp_path: Path, kind: str, part: dict[str, Fraction], frames: int
) -> None:
    if kind == "webp":
        from PIL import Image

        images = [Image.new("RGB", (16, 16), (k, 0, 0)) for k in range(22)]
        path = tmp_path / "in.webp"
        images[0].save(path, save_all=True, append_images=images[1:], duration=250, lossless=True)
    else:
        pts = range(144000, 144022) if kind == "ts" else range(80, 102)
        path = make_video(tmp_path / f"in.{kind}", pts=pts, rate=4, time_base=Fraction(1, 4))
    with open_source(path, InputOptions(), **part) as source:
        expected = source.expected_frames
        assert sum(isinstance(item, SourceFrame) for item in source.items()) == frames
    assert expected is None or abs(expected - frames) <= 1


def test_a_file_that_is_closed_has_nothing_under_way_in_its_decoder(tmp_path: Path) -> None:
    """Its threads would still decode, and one that logs an error while the decoder is freed waits for ever."""
    path = make_video(tmp_path / "in.mkv", pts=range(60), options={"preset": "medium"})
    left = []
    for close in (True, False):
        source = FileSource(path, options=InputOptions(threads=4))
        items = source.items()
        assert isinstance(next(items), SourceFrame)
        if close:
            source.close()
        left.append(len(source.stream.codec_context.decode(None)))
        source.close()
    assert left[0] == 0
    assert left[1] > 0, "it had"


def test_what_is_on_at_the_beginning_is_looked_for_before_it(tmp_path: Path) -> None:
    """Matroska is sought in by the key frames of the video, here one a second; a subtitle began five before."""
    plain = make_video(tmp_path / "plain.mkv", pts=range(100), rate=10, time_base=Fraction(1, 10), options={"g": "10"})
    (tmp_path / "text.srt").write_text("1\n00:00:02,000 --> 00:00:09,000\nstill on\n")
    path = tmp_path / "in.mkv"
    ffmpeg("-i", plain, "-i", tmp_path / "text.srt", "-c", "copy", path)
    with open_source(path, InputOptions(), start=Fraction(7)) as source:
        items = list(source.items())
        [text] = [item for item in items if not isinstance(item, SourceFrame) and item.stream.type == "subtitle"]
        assert (text.pts, text.duration) == (0, 2000)
        assert sum(isinstance(item, SourceFrame) for item in items) == 30


@pytest.mark.parametrize(
    ("kinds", "skipped", "subtitles", "sought"),
    [
        (["audio"], 0, True, 59),
        (["subtitle"], 0, True, 50),
        (["subtitle"], 0, False, 59),
        (["audio"], 3 * 48000, False, 57),
    ],
)
def test_as_much_is_read_before_a_place_as_is_on_there(
    kinds: list[str], skipped: int, subtitles: bool, sought: int
) -> None:
    """Subtitles for as long as one may last, sound for as long as its decoder skips."""
    places: list[int] = []
    video = SimpleNamespace(index=0, type="video", time_base=Fraction(1, 100))
    context = SimpleNamespace(initial_padding=skipped, sample_rate=48000)
    others = [SimpleNamespace(index=k, type=kind, codec_context=context) for k, kind in enumerate(kinds, 1)]
    container = SimpleNamespace(streams=[video, *others], format=SimpleNamespace(flags=0, name="matroska"))
    container.seek = lambda place, stream: places.append(place)
    reader = PacketReader(container, Path("in.mkv"), video, InputOptions(), SourceReport())
    reader.seek(Fraction(60), subtitles=subtitles)
    assert places == [sought * 100]


@pytest.mark.parametrize("form", ["mpjpeg", "smjpeg"])
def test_an_end_that_a_demuxer_calls_invalid_is_none_of_truncation(tmp_path: Path, form: str) -> None:
    plain, path = make_video(tmp_path / "plain.mkv"), tmp_path / "in.jpegs"
    ffmpeg("-i", plain, "-c:v", "mjpeg", "-q:v", "2", "-f", form, path)
    result = boosted(path, tmp_path / "out.mkv")
    assert (result.frames_in, result.frames_out) == (6, 12)
    assert not [text for text in result.warnings if "truncated" in text or "read to its end" in text]
