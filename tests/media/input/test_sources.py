"""One contract for everything that can be read: files of several containers, pictures, animations, a pipe."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from frame_booster.errors import DecodeError, InputError
from frame_booster.media.frames.planes import layout_of, planes_of
from frame_booster.media.input.close_guard import CloseGuard
from frame_booster.media.input.open import open_source
from frame_booster.media.input.pictures import numbered
from frame_booster.media.input.source import Resume, Source, SourceFrame
from frame_booster.media.paths import find_videos
from frame_booster.options import InputOptions
from tests.conftest import boosted, make_video, picture

KINDS = ["mp4", "mkv", "nut", "avi", "y4m", "raw", "gif", "pictures", "pattern", "webp", "pipe"]
FRAMES, SIZE = 6, (64, 48)


def rgb(index: int) -> np.ndarray:
    return (picture(index, *SIZE) * 255).round().astype(np.uint8)


def make_pictures(folder: Path, suffix: str = ".png", pix_fmt: str = "rgb24") -> Path:
    folder.mkdir()
    for k in range(FRAMES):
        context = av.CodecContext.create("png", "w")
        context.width, context.height, context.pix_fmt, context.time_base = *SIZE, pix_fmt, Fraction(1, 25)
        frame = av.VideoFrame.from_ndarray(rgb(k), "rgb24").reformat(format=pix_fmt)
        frame.pts = 0
        (folder / f"{k + 8:03d}{suffix}").write_bytes(b"".join(bytes(p) for p in context.encode(frame)))
    return folder


def make_raw(path: Path) -> Path:
    frames = (av.VideoFrame.from_ndarray(rgb(k), "rgb24").reformat(format="yuv420p") for k in range(FRAMES))
    path.write_bytes(b"".join(frame.to_ndarray().tobytes() for frame in frames))
    return path


def make_webp(path: Path) -> Path:
    from PIL import Image

    images = [Image.fromarray(rgb(k)) for k in range(FRAMES)]
    images[0].save(path, save_all=True, append_images=images[1:], duration=40, lossless=True)
    return path


@pytest.fixture(params=KINDS)
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Source]:
    """A source of six frames at 25 a second, of every kind."""
    kind = request.param
    options = InputOptions()
    if kind in ("pictures", "pattern"):
        folder = make_pictures(tmp_path / "frames")
        path = folder / "%03d.png" if kind == "pattern" else folder
    elif kind == "webp":
        path = make_webp(tmp_path / "in.webp")
    elif kind == "raw":
        path = make_raw(tmp_path / "in.yuv")
        options = InputOptions(format="rawvideo", size="64x48", rate=Fraction(25))
    elif kind == "gif":
        path = make_video(tmp_path / "in.gif", codec="gif", pix_fmt="gray")
    elif kind == "pipe":
        make_video(tmp_path / "in.nut")
        path = Path("-")
    else:
        codec = {"avi": "mpeg4", "y4m": "wrapped_avframe"}.get(kind, "libx264")
        path = make_video(tmp_path / f"in.{kind}", codec=codec)
    with standard_input(tmp_path / "in.nut" if kind == "pipe" else None), open_source(path, options) as source:
        yield source


@contextmanager
def standard_input(path: Path | None) -> Iterator[None]:
    """Makes a file the process's standard input."""
    if path is None:
        yield
        return
    kept = os.dup(0)
    try:
        with path.open("rb") as file:
            os.dup2(file.fileno(), 0)
            yield
    finally:
        os.dup2(kept, 0)
        os.close(kept)


def test_frames_come_whole_in_order_and_on_time(opened: Source) -> None:
    frames = [item for item in opened.items() if isinstance(item, SourceFrame)]
    assert len(frames) == FRAMES
    # A progress bar may be off by one where a container tells a length only.
    assert abs((opened.expected_frames or FRAMES) - FRAMES) <= 1
    base = opened.info.time_base
    assert isinstance(base, Fraction)
    times = [frame.pts * base for frame in frames]
    assert [time - times[0] for time in times] == [Fraction(k, 25) for k in range(FRAMES)]
    assert all(frame.duration in (0, Fraction(1, 25) / base) for frame in frames)
    layouts = {layout_of(frame.frame) for frame in frames}
    assert len(layouts) == 1
    layout = layouts.pop()
    assert (layout.width, layout.height) == (opened.info.width, opened.info.height) == SIZE
    means = [float(np.mean(planes_of(frame.frame, layout)[0])) for frame in frames]
    assert len(set(means)) == FRAMES, "six different pictures"
    assert opened.report.decode_errors == 0


def test_reading_can_be_taken_up_anywhere(opened: Source) -> None:
    if opened.path == Path("-"):
        pytest.skip("a pipe cannot be read twice")
    frames = [item for item in opened.items(packets=False) if isinstance(item, SourceFrame)]
    options = opened.options if hasattr(opened, "options") else InputOptions()
    with open_source(opened.path, options) as again:
        rest = list(again.items(resume=Resume(frames[3].pts, opened.shift), packets=False))
    assert [item.pts for item in rest if isinstance(item, SourceFrame)] == [frame.pts for frame in frames[3:]]
    for one, two in zip(rest, frames[3:], strict=True):
        assert isinstance(one, SourceFrame)
        for a, b in zip(
            planes_of(one.frame, layout_of(one.frame)), planes_of(two.frame, layout_of(two.frame)), strict=True
        ):
            np.testing.assert_array_equal(a, b)


def test_a_part_begins_at_zero(opened: Source) -> None:
    if opened.path == Path("-") or opened.path.suffix in (".yuv", ".y4m", ".nut"):
        pytest.skip("covered by the files that can be sought in")
    with open_source(opened.path, InputOptions(), start=Fraction(2, 25), duration=Fraction(3, 25)) as part:
        frames = [item for item in part.items() if isinstance(item, SourceFrame)]
        assert len(frames) == 3
        assert not part.whole
        if not opened.path.is_dir() and "%" not in opened.path.name:
            assert [frame.pts * part.info.time_base for frame in frames] == [Fraction(k, 25) for k in range(3)]


def test_deep_pictures_keep_their_depth(tmp_path: Path) -> None:
    folder = make_pictures(tmp_path / "frames", pix_fmt="rgb48be")
    with open_source(folder, InputOptions(rate=Fraction(24))) as source:
        frame = next(iter(source.items()))
        assert isinstance(frame, SourceFrame)
        assert layout_of(frame.frame).depth == 16
        assert source.info.rate == 24


def test_numbers_are_sorted_as_numbers_and_must_be_complete(tmp_path: Path) -> None:
    for name in ("a2.png", "a10.png", "a1.png"):
        (tmp_path / name).touch()
    assert [path.name for path in numbered(tmp_path)] == ["a1.png", "a2.png", "a10.png"]
    with pytest.raises(InputError, match="image 3 of the sequence is missing"):
        numbered(tmp_path / "a%d.png")
    with pytest.raises(InputError, match="no file matches"):
        numbered(tmp_path / "b%d.png")


def test_pictures_of_different_sizes_are_scaled_or_refused(tmp_path: Path) -> None:
    folder = make_pictures(tmp_path / "frames")
    context = av.CodecContext.create("png", "w")
    context.width, context.height, context.pix_fmt, context.time_base = 32, 32, "rgb24", Fraction(1, 25)
    frame = av.VideoFrame(32, 32, "rgb24")
    frame.pts = 0
    (folder / "009.png").write_bytes(b"".join(bytes(p) for p in context.encode(frame)))
    with open_source(folder, InputOptions()) as source:
        sizes = {(item.frame.width, item.frame.height) for item in source.items() if isinstance(item, SourceFrame)}
        assert sizes == {SIZE}
        assert source.report.warnings == [
            "at 0.04 s the frame size changes from 64x48 to 32x32: scaled back to the first"
        ]
    with (
        open_source(folder, InputOptions(strict=True)) as source,
        pytest.raises(DecodeError, match="64x48 to 32x32"),
    ):
        list(source.items())


@pytest.mark.parametrize(
    ("name", "options", "text"),
    [
        ("in.yuv", InputOptions(format="rawvideo"), "needs a frame size"),
        ("in.mkv", InputOptions(video_stream=3), r"no video stream 3.*it has 1"),
        ("in.mkv", InputOptions(hwaccel="nonsense"), "unknown hardware decoder 'nonsense'"),
        ("in.mkv", InputOptions(format="nonsense"), "nonsense"),
    ],
)
def test_what_cannot_be_opened_says_why(tmp_path: Path, name: str, options: InputOptions, text: str) -> None:
    path = tmp_path / name
    make_raw(path) if name.endswith(".yuv") else make_video(path)
    with pytest.raises(InputError, match=text):
        open_source(path, options)


def test_a_playlist_of_dash_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "in.mpd"
    path.write_text('<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"></MPD>')
    with pytest.raises(InputError, match=r"in\.mpd: .* cannot read DASH playlists .*-c copy FILE\.mkv"):
        open_source(path, InputOptions())


def test_hardware_decoding_falls_back_to_software_where_it_may(tmp_path: Path) -> None:
    path = make_video(tmp_path / "in.mp4")
    with open_source(path, InputOptions(hwaccel="auto")) as source:
        assert sum(isinstance(item, SourceFrame) for item in source.items()) == FRAMES


def test_a_folder_without_pictures(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="folder without images"):
        open_source(tmp_path, InputOptions())


def test_a_damaged_frame_is_counted_or_refused(tmp_path: Path) -> None:
    path = make_video(tmp_path / "in.mkv", pts=range(12), options={"g": "4", "preset": "ultrafast"})
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 200] = bytes(200)
    path.write_bytes(data)
    with open_source(path, InputOptions()) as source:
        list(source.items())
        damaged = source.report.decode_errors
    assert damaged > 0
    with (
        open_source(path, InputOptions(strict=True)) as source,
        pytest.raises(DecodeError, match=r"damaged.*--strict"),
    ):
        list(source.items())


def test_closing_waits_for_a_read_and_ends_the_reading(tmp_path: Path) -> None:
    """Else FFmpeg reads on in memory that is gone, and the process with it."""
    turns, entered, go_on, order = CloseGuard(), threading.Event(), threading.Event(), []

    def slow() -> Iterator[int]:
        entered.set()
        go_on.wait(60)
        order.append("read")
        yield 1
        order.append("read again")
        yield 2

    got: list[int] = []
    reader = threading.Thread(target=lambda: got.extend(turns.reading(slow())))
    reader.start()
    entered.wait(60)
    closer = threading.Thread(target=turns.close, args=(lambda: order.append("closed"),))
    closer.start()
    go_on.set()
    closer.join(60)
    reader.join(60)
    assert "closed" in order
    assert order[0] == "read"
    assert order[-1] == "closed"
    assert got == list(range(1, len(got) + 1))


def test_a_read_that_never_ends_is_left_alone() -> None:
    turns, entered, go_on, closed = CloseGuard(), threading.Event(), threading.Event(), []

    def silent() -> Iterator[int]:
        entered.set()
        go_on.wait(20)
        yield 1

    reader = threading.Thread(target=lambda: list(turns.reading(silent())))
    reader.start()
    entered.wait(60)
    turns.close(lambda: closed.append(True))
    go_on.set()
    reader.join(60)
    assert closed == []


@pytest.mark.parametrize(
    ("kind", "options", "ignored"),
    [
        ("mp4", {"rate": Fraction(50), "size": "10x10", "pix_fmt": "yuv444p"}, ["--size", "--input-pix-fmt", "--rate"]),
        ("mp4", {"deinterlace": "on", "hwaccel": "auto"}, []),
        ("pictures", {"rate": Fraction(50), "deinterlace": "off"}, []),
        ("pictures", {"ivtc": True, "video_stream": 3, "size": "10x10"}, ["--size", "--video-stream", "--ivtc"]),
        ("webp", {"rate": Fraction(50), "deinterlace": "on", "format": "mp4"}, ["--input-format", "--rate", "--deint"]),
        ("raw", {"rate": Fraction(25), "size": "64x48", "format": "rawvideo", "pix_fmt": "yuv420p"}, []),
    ],
)
def test_options_that_mean_nothing_to_an_input_are_told_of(
    tmp_path: Path, kind: str, options: dict[str, Any], ignored: list[str]
) -> None:
    make = {"pictures": make_pictures, "webp": make_webp, "raw": make_raw}.get(kind, make_video)
    with open_source(make(tmp_path / f"in.{kind}"), InputOptions(**options)) as source:
        assert len(source.report.warnings) == len(ignored)
        for flag, text in zip(ignored, source.report.warnings, strict=True):
            assert text.startswith(flag)
            assert "has no effect on this input" in text


@pytest.mark.parametrize(
    ("rate", "height", "pix_fmt"), [(Fraction(25), 576, "yuv420p"), (Fraction(30000, 1001), 480, "yuv411p")]
)
def test_raw_dv_has_the_rate_of_its_frames_not_of_its_clock(
    tmp_path: Path, rate: Fraction, height: int, pix_fmt: str
) -> None:
    path = make_video(
        tmp_path / "tape.dv",
        pts=range(4),
        time_base=1 / rate,
        rate=rate,
        size=(720, height),
        codec="dvvideo",
        pix_fmt=pix_fmt,
    )
    assert find_videos(tmp_path, None) == [path], "a folder's tapes are taken"
    with open_source(path, InputOptions()) as source:
        assert (source.info.rate, source.info.frames) == (rate, 4)
    boosted(path, tmp_path / "out.mkv", codec="mpeg4", options=(("b", "1000000"),))
    with av.open(str(tmp_path / "out.mkv")) as container:
        frames = list(container.decode(video=0))
    shown = [round(frame.pts * frame.time_base * rate * 2) for frame in frames if frame.pts is not None]
    assert shown == list(range(8))
