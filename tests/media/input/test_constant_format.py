"""Streams and picture sequences whose format changes: every frame comes out in the first one's, or is refused."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from frame_booster.errors import DecodeError, InputError
from frame_booster.media.frames.planes import _PLANAR, brought_to, converted, frame_of, layout_of, planar, planes_of
from frame_booster.media.input.constant_format import ConstantFormat, format_of
from frame_booster.media.input.open import open_source
from frame_booster.media.input.source import Resume, SourceFrame, SourceReport
from frame_booster.options import InputOptions
from frame_booster.pixels import LUMA_WEIGHTS
from tests.conftest import boosted, decoded, ffmpeg, make_video, picture

SIZE = (64, 48)


def smooth(width: int = SIZE[0], height: int = SIZE[1]) -> np.ndarray:
    """A picture whose colours change so slowly that fewer chroma samples lose nothing; (H, W, 3) in [0, 1]."""
    y, x = np.mgrid[:height, :width] / max(width, height)
    light = 0.25 + 0.25 * x + 0.3 * y
    return np.stack([light + 0.15 + 0.03 * x, light, light - 0.15 - 0.03 * y], -1)


def supported() -> Iterator[av.VideoFrame]:
    """The smooth picture in every format that `planar` gives and this FFmpeg can make, in limited range and full."""
    picture = av.VideoFrame.from_ndarray((smooth() * 65535).round().astype(np.uint16), "rgb48le")
    seen = set()
    for name, full in itertools.product(sorted({*av.video.format.names} | {*_PLANAR}), (False, True)):
        gray = name.startswith("gray") and not full
        try:
            # FFmpeg makes gray of full range only: that of limited range is the luma of another.
            frame = picture.reformat(
                format=name.replace("gray", "yuv444p") if gray else name,
                dst_colorspace=5,
                src_color_range=2,
                dst_color_range=1 + full,
            )
        except (OSError, ValueError):
            # FFmpeg makes no frames of some formats that it reads.
            continue
        frame.color_range, frame.colorspace = 1 + full, 5
        if gray:
            like = av.VideoFrame(*SIZE, name)
            like.color_range = 1
            try:
                frame = frame_of(planes_of(frame, layout_of(frame))[:1], like, layout_of(like))
            except ValueError:
                continue
        try:
            frame = planar(frame)
        except InputError:
            continue
        layout = layout_of(frame)
        if layout not in seen and not (layout.floating and layout.kind == "gray"):
            seen.add(layout)
            yield frame


def rgb(frame: av.VideoFrame) -> np.ndarray:
    """What a frame shows, (H, W, 3) float, by the formulas of H.273 and nothing of FFmpeg's."""
    layout = layout_of(frame)
    planes = [np.asarray(plane, np.float64) for plane in planes_of(frame, layout)]
    scale = 1 << (layout.depth - 8)
    if layout.kind == "rgb":
        return np.stack([planes[2], planes[0], planes[1]], -1) / layout.top
    luma = planes[0] / layout.top if layout.full_range else (planes[0] / scale - 16) / 219
    if layout.kind == "gray":
        return np.stack([luma] * 3, -1)
    wide, high = 1 << layout.log2_chroma_width, 1 << layout.log2_chroma_height
    blue, red = (
        (c.repeat(high, 0).repeat(wide, 1)[: layout.height, : layout.width] - (1 << (layout.depth - 1)))
        / (layout.top if layout.full_range else 224 * scale)
        for c in planes[1:3]
    )
    kr, kb = LUMA_WEIGHTS[layout.matrix]
    r, b = luma + 2 * (1 - kr) * red, luma + 2 * (1 - kb) * blue
    return np.stack([r, (luma - kr * r - kb * b) / (1 - kr - kb), b], -1)


def test_formats_show_the_same_picture_after_a_change_to_another() -> None:
    """Every pair with the usual format, and a quarter of the others, in which each format comes first and last."""
    frames = list(supported())
    assert len({frame.format.name for frame in frames}) > 50
    weights = np.array([0.299, 0.587, 0.114])
    pairs = itertools.permutations(enumerate(frames), 2)
    tried = [
        (first, second)
        for (i, first), (j, second) in pairs
        if (i + j) % 4 == 0 or "yuv420p" in (first.format.name, second.format.name)
    ]
    for first, second in tried:
        constant = ConstantFormat(Path("in"), SourceReport(), strict=False)
        assert constant.take(first, Fraction(0)) is first
        made = [constant.take(second, Fraction(k)) for k in (1, 2)]
        assert {format_of(frame) for frame in made} == {format_of(first)}
        shown, wanted = rgb(made[1]), rgb(second)
        if "gray" in first.format.name + second.format.name:
            shown, wanted = shown @ weights, wanted @ weights
        # A code value of 8 bits in each plane.
        assert np.abs(shown - wanted).max() < 0.018, (first.format, second.format)


@pytest.mark.parametrize("depth", [9, 10, 12, 14, 16])
@pytest.mark.parametrize("full", [False, True])
def test_more_bits_are_exact(depth: int, full: bool) -> None:
    rng = np.random.default_rng(depth)
    source = av.VideoFrame(*SIZE, "yuv420p")
    for plane in source.planes:
        plane.update(rng.integers(0, 256, plane.buffer_size).astype(np.uint8).tobytes())
    like = av.VideoFrame(*SIZE, f"yuv420p{depth}le")
    source.color_range = like.color_range = 1 + full
    made = planes_of(brought_to(source, like), layout_of(like))
    for before, after in zip(planes_of(source, layout_of(source)), made, strict=True):
        top = (1 << depth) - 1
        exact = np.rint(before * (top / 255)) if full else before.astype(int) << (depth - 8)
        assert np.abs(after.astype(int) - exact).max() <= (1 << (depth - 8) if full else 0)


def spliced(path: Path, parts: list[tuple[str, tuple[int, int]]], codec: str = "libx264") -> Path:
    """Writes a transport stream of parts of five frames, each with a pixel format and a size of its own."""
    with av.open(str(path), "w", format="mpegts") as container:
        stream = container.add_stream(codec, rate=25)
        for number, (pix_fmt, size) in enumerate(parts):
            encoder = stream.codec_context if number == 0 else av.CodecContext.create(codec, "w")
            encoder.width, encoder.height, encoder.pix_fmt = *size, pix_fmt
            encoder.time_base, encoder.framerate = Fraction(1, 25), Fraction(25)
            encoder.options = {"bf": "0", "qp": "0", "preset": "ultrafast"}
            frames = []
            for k in range(5 * number, 5 * number + 5):
                colours = (picture(k, *size) * 255).round().astype(np.uint8)
                frame = av.VideoFrame.from_ndarray(colours, "rgb24").reformat(format=pix_fmt)
                frame.pts, frame.time_base = k, Fraction(1, 25)
                frames.append(frame)
            for frame in (*frames, None):
                for packet in encoder.encode(frame):
                    packet.stream, packet.time_base = stream, Fraction(1, 25)
                    container.mux(packet)
    return path


def alone(path: Path, pix_fmt: str, size: tuple[int, int]) -> list[bytes]:
    """The frames that the second part of such a stream shows, without any other."""
    make_video(path, pts=list(range(10)), pix_fmt=pix_fmt, size=size)
    return [data for _, data in decoded(path)][5:]


@pytest.mark.parametrize(
    ("first", "second", "lost"),
    [
        ("yuv420p", "yuv420p10le", "bit depth"),
        ("yuv420p10le", "yuv420p", None),
        ("yuv420p", "yuv422p", "chroma resolution"),
        ("yuv422p", "yuv420p", None),
        ("yuv420p", "yuv444p10le", "bit depth and chroma resolution"),
        ("yuv444p10le", "yuv420p", None),
    ],
)
def test_the_pixel_format_changes_in_mid_stream(tmp_path: Path, first: str, second: str, lost: str | None) -> None:
    source = spliced(tmp_path / "in.ts", [(first, SIZE), (second, SIZE)])
    with open_source(source, InputOptions()) as opened:
        frames = [item.frame for item in opened.items() if isinstance(item, SourceFrame)]
        told = [text for text in opened.report.warnings if "pixel format" in text]
    assert [format_of(frame) for frame in frames] == [format_of(frames[0])] * 10
    wanted = f"at 0.20 s the pixel format changes from {first} to {second}: converted back to the first, losing {lost}"
    assert told == ([] if lost is None else [wanted])


def test_later_frames_show_what_they_show(tmp_path: Path) -> None:
    """The made frames on both sides of a splice are a mix of their neighbours, not noise."""
    source = spliced(tmp_path / "in.ts", [("yuv420p", SIZE), ("yuv420p10le", SIZE), ("yuv420p", SIZE)])
    result = boosted(source, tmp_path / "out.mkv", codec="ffv1", scene_threshold=0.0)
    assert (result.frames_in, result.frames_out) == (15, 30)
    luma = [np.frombuffer(data[: 64 * 48], np.uint8).astype(float) for _, data in decoded(tmp_path / "out.mkv")]
    for k in range(1, 29, 2):
        assert np.abs(luma[k] - (luma[k - 1] + luma[k + 1]) / 2).max() <= 1.0, k
    with pytest.raises(DecodeError, match=r"at 0\.\d+ s the pixel format changes from yuv420p to yuv420p10le"):
        boosted(source, tmp_path / "strict.mkv", input_strict=True)
    assert not (tmp_path / "strict.mkv").exists()


def test_fewer_bits_come_through_exactly(tmp_path: Path) -> None:
    source = spliced(tmp_path / "in.ts", [("yuv420p10le", SIZE), ("yuv420p", SIZE)])
    result = boosted(source, tmp_path / "out.mkv", codec="ffv1", input_strict=True)
    assert result.warnings == []
    wanted = alone(tmp_path / "alone.mkv", "yuv420p", SIZE)
    for (_, ours), theirs in zip(decoded(tmp_path / "out.mkv")[10::2], wanted, strict=True):
        assert (np.frombuffer(ours, np.uint16) == np.frombuffer(theirs, np.uint8).astype(np.uint16) * 4).all()


def test_the_size_changes_in_mid_stream(tmp_path: Path) -> None:
    source = spliced(tmp_path / "in.ts", [("yuv420p", SIZE), ("yuv420p", (96, 72))])
    result = boosted(source, tmp_path / "out.mkv", codec="ffv1")
    assert result.frames_out == 20
    assert any(
        "the frame size changes from 64x48 to 96x72: scaled back to the first" in text for text in result.warnings
    )
    alone(tmp_path / "alone.mkv", "yuv420p", (96, 72))
    as_raw = ("-c:v", "ffv1")
    ffmpeg("-i", tmp_path / "alone.mkv", "-vf", "scale=64:48:flags=bicubic", *as_raw, tmp_path / "scaled.mkv")
    wanted = [data for _, data in decoded(tmp_path / "scaled.mkv")][5:]
    for (_, ours), theirs in zip(decoded(tmp_path / "out.mkv")[10::2], wanted, strict=True):
        difference = np.frombuffer(ours, np.uint8).astype(int) - np.frombuffer(theirs, np.uint8)
        assert np.abs(difference).max() <= 5, "as ffmpeg scales, but for rounding"
    with pytest.raises(DecodeError, match="the frame size changes"):
        boosted(source, tmp_path / "strict.mkv", input_strict=True)


def test_a_part_has_the_format_of_its_own_first_frame(tmp_path: Path) -> None:
    source = spliced(tmp_path / "in.ts", [("yuv420p", SIZE), ("yuv420p10le", (96, 72))])
    with open_source(source, InputOptions(), start=Fraction(5, 25)) as opened:
        frames = [item.frame for item in opened.items() if isinstance(item, SourceFrame)]
        assert opened.report.warnings == []
    assert {(f.width, f.height, f.format.name) for f in frames} == {(96, 72, "yuv420p10le")}


def test_a_run_that_is_taken_up_keeps_the_format_it_began_with(tmp_path: Path) -> None:
    source = spliced(tmp_path / "in.ts", [("yuv420p", SIZE), ("yuv420p10le", (96, 72))])
    with open_source(source, InputOptions()) as opened:
        frames = [item for item in opened.items() if isinstance(item, SourceFrame)]
        here = opened.format
    assert here is not None
    with open_source(source, InputOptions()) as again:
        taken_up = Resume(frames[7].pts, opened.shift, here)
        rest = [item for item in again.items(resume=taken_up) if isinstance(item, SourceFrame)]
    assert [f.pts for f in rest] == [f.pts for f in frames[7:]]
    assert {format_of(f.frame) for f in rest} == {here}


@pytest.mark.parametrize("odd", ["L", "RGBA", "P", "LA", "I;16", "1", "TIFF", "larger"])
def test_one_picture_among_others_is_of_another_kind(tmp_path: Path, odd: str) -> None:
    """The fourth of six pictures has another of Pillow's modes."""
    folder = tmp_path / "frames"
    folder.mkdir()
    colours = (smooth() * 255).round().astype(np.uint8)
    gray = colours.mean(-1).round().astype(np.uint8)
    images = [Image.fromarray(colours) for _ in range(6)]
    middle = colours if odd in ("RGBA", "P", "TIFF", "larger") else gray[..., None].repeat(3, -1)
    if odd == "I;16":
        images[3] = Image.fromarray(gray.astype(np.uint16) * 257)
    elif odd == "1":
        images[3] = Image.fromarray(gray > 127)
        middle = (gray > 127)[..., None].repeat(3, -1) * 255
    elif odd == "larger":
        images[3] = Image.fromarray((smooth(128, 96) * 255).round().astype(np.uint8))
    elif odd != "TIFF":
        images[3] = (Image.fromarray(gray) if odd in ("L", "LA") else images[3]).convert(odd)
    for k, image in enumerate(images):
        if k == 3 and odd == "TIFF":
            image.save(folder / "003.tif")
        else:
            image.save(folder / f"{k:03d}.png")
    result = boosted(folder, tmp_path / "out.mkv", codec="ffv1", scene_threshold=0.0)
    assert (result.frames_in, result.frames_out) == (6, 12)
    with av.open(str(tmp_path / "out.mkv")) as container:
        shown = [rgb(planar(frame)) for frame in container.decode(video=0)]
    for k, frame in enumerate(shown):
        wanted = middle if k == 6 else (middle / 2 + colours / 2) if k in (5, 7) else colours
        assert np.abs(frame - wanted / 255).max() < (0.2 if odd == "P" else 0.016), k


def test_rgb_and_yuv_are_told_apart_in_their_tags() -> None:
    frame = av.VideoFrame.from_ndarray((smooth() * 255).round().astype(np.uint8), "rgb24")
    frame.colorspace, frame.color_range = 0, 2
    yuv = converted(planar(frame), "yuv444p")
    assert (int(yuv.colorspace), int(yuv.color_range)) == (5, 1)
    assert np.abs(rgb(yuv) - smooth()).max() < 0.012
    back = converted(yuv, "gbrp")
    assert (int(back.colorspace), int(back.color_range)) == (0, 2)
    assert np.abs(rgb(back) - smooth()).max() < 0.016
