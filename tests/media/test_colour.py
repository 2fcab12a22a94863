"""Colour of generated media, read back by ffprobe as well: code values, tags, HDR, rotation, shape of pixels."""

from __future__ import annotations

import struct
from pathlib import Path

import av
import numpy as np
import pytest

from frame_booster.errors import DecodeError, EncodeError
from frame_booster.media.frames.planes import conversion_of, layout_of, planar, planes_of
from frame_booster.media.output.hdr import ContentLight, content_light, mastering_display
from tests.conftest import boosted, decoded, ffmpeg, make_video, picture, plane_rows, probe


@pytest.mark.parametrize(
    ("codec", "pix_fmt"),
    [
        ("libx264", "yuv420p"),
        ("libx264", "yuv422p10le"),
        ("libx264", "yuv444p"),
        ("libx265", "yuv420p10le"),
        ("libx265", "yuv420p12le"),
        ("ffv1", "yuv422p12le"),
        ("ffv1", "gray12le"),
        ("ffv1", "gbrp10le"),
        ("ffv1", "gbrap16le"),
        ("ffv1", "yuva444p10le"),
        ("prores_ks", "yuv422p10le"),
        ("libvpx-vp9", "yuv444p"),
        ("libsvtav1", "yuv420p10le"),
    ],
)
def test_every_depth_and_encoder(tmp_path: Path, codec: str, pix_fmt: str) -> None:
    source = make_video(tmp_path / "in.mkv", pts=range(3), codec="ffv1", pix_fmt=pix_fmt)
    boosted(source, tmp_path / "out.mkv", codec=codec)
    video = probe(tmp_path / "out.mkv")["streams"][0]
    assert video["pix_fmt"] == pix_fmt
    assert len(decoded(tmp_path / "out.mkv")) == 6


@pytest.mark.parametrize(
    ("packed", "planes"),
    [
        *(("nv12", "yuv420p"), ("p010le", "yuv420p10le"), ("nv42", "yuv444p"), ("vuyx", "yuv444p")),
        *(("nv20le", "yuv422p10le"), ("nv20be", "yuv422p10le"), ("vyu444", "yuv444p"), ("uyva", "yuva444p")),
        *(("vuya", "yuva444p"), ("ayuv", "yuva444p"), ("ayuv64le", "yuva444p16le"), ("v30xle", "yuv444p10le")),
        *(("xv36le", "yuv444p12le"), ("xv48le", "yuv444p16le"), ("y210le", "yuv422p10le")),
        *(("y212le", "yuv422p12le"), ("y216le", "yuv422p16le"), ("x2bgr10le", "gbrp10le"), ("bgra", "gbrap")),
    ],
)
def test_what_hardware_gives_is_unpacked_to_the_same_codes(packed: str, planes: str) -> None:
    original = av.VideoFrame(64, 48, planes)
    bits = original.format.components[0].bits
    for plane in original.planes:
        codes = np.random.default_rng(1).integers(0, 1 << bits, plane.buffer_size // (1 if bits == 8 else 2))
        plane.update(codes.astype(np.uint8 if bits == 8 else "<u2").tobytes())
    unpacked = planar(original.reformat(format=packed))
    assert unpacked.format.name == planes
    assert plane_rows(unpacked) == plane_rows(original)


def test_what_is_no_yuv_or_rgb_is_converted_with_a_warning(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.nut", pts=range(3), codec="rawvideo", pix_fmt="xyz12le")
    result = boosted(source, tmp_path / "out.mkv", codec="ffv1")
    assert [text for text in result.warnings if "XYZ" in text]
    assert probe(tmp_path / "out.mkv")["streams"][0]["pix_fmt"] == "gbrp12le"
    true = picture(0, 64, 48)
    with av.open(str(tmp_path / "out.mkv")) as container:
        shown = next(container.decode(video=0)).to_ndarray(format="rgb48le") / 65535
    assert np.abs(shown - true).max() < 0.02
    with pytest.raises(DecodeError, match="XYZ"):
        boosted(source, tmp_path / "strict.mkv", input_strict=True)
    pattern = av.VideoFrame(64, 48, "bayer_rggb16be")
    pattern.planes[0].update(np.full(64 * 48, 0x8000, ">u2").tobytes())
    assert planar(pattern).format.name == "gbrp16le"
    assert all((plane == 0x8000).all() for plane in planes_of(planar(pattern), layout_of(planar(pattern))))
    assert conversion_of("bayer_rggb16be")
    assert not conversion_of("yuv420p")


def test_colours_of_five_bits(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mov", pts=range(3), codec="qtrle", pix_fmt="rgb555be", seed=1)
    boosted(source, tmp_path / "out.mkv", codec="ffv1", scene_threshold=0.0)
    shown, made = [], []
    for path, frames in ((source, shown), (tmp_path / "out.mkv", made)):
        with av.open(str(path)) as container:
            frames += [plane_rows(frame.reformat(format="gbrp")) for frame in container.decode(video=0)]
    assert made[::2] == shown


def test_depth_that_an_encoder_has_not_is_lost_with_a_warning_only(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mkv", pts=range(3), codec="ffv1", pix_fmt="yuv422p12le")
    result = boosted(source, tmp_path / "out.mkv")
    assert any("yuv422p12le is converted to" in warning for warning in result.warnings)
    assert probe(tmp_path / "out.mkv")["streams"][0]["pix_fmt"] == "yuv422p10le"


def test_webm_keeps_ten_bits(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mkv", pts=range(3), codec="ffv1", pix_fmt="yuv420p10le")
    result = boosted(source, tmp_path / "out.webm")
    assert probe(tmp_path / "out.webm")["streams"][0]["pix_fmt"] == "yuv420p10le"
    assert result.warnings == []


def seen_with_alpha(path: Path) -> list[list[np.ndarray]]:
    """The planes of the frames of a WebM, by libvpx, which alone sees alpha."""
    decoder = av.CodecContext.create("libvpx-vp9", "r")
    with av.open(str(path)) as container:
        frames = [frame for packet in container.demux(video=0) for frame in decoder.decode(packet)]
    return [[np.frombuffer(b, np.uint8) for b in plane_rows(frame)] for frame in frames]


@pytest.mark.parametrize("codec", ["libvpx-vp9", "libvpx"])
def test_alpha_beside_the_packets_of_webm(tmp_path: Path, codec: str) -> None:
    lossless = {"lossless": "1"} if codec == "libvpx-vp9" else {"b": "9000000", "auto-alt-ref": "0"}
    source = make_video(tmp_path / "in.webm", pts=range(4), codec=codec, pix_fmt="yuva420p", options=lossless, seed=1)
    result = boosted(source, tmp_path / "out.webm", options=(("lossless", "1"),), scene_threshold=0.0)
    made = seen_with_alpha(tmp_path / "out.webm")
    assert [len(planes) for planes in made] == 8 * [4]
    assert probe(tmp_path / "out.webm")["streams"][0]["tags"]["alpha_mode"] == "1"
    assert result.warnings == []
    if codec == "libvpx-vp9":
        for original, shown in zip(seen_with_alpha(source), made[::2], strict=True):
            assert all(np.array_equal(a, b) for a, b in zip(original, shown, strict=True))
    for first, middle, second in zip(made[0:6:2], made[1:6:2], made[2:7:2], strict=True):
        blended = (first[3].astype(int) + second[3]) / 2
        assert len(set(first[3].tolist())) > 20
        assert np.abs(middle[3] - blended).max() <= 1


@pytest.mark.parametrize(
    ("codec", "pix_fmt", "target", "expected"),
    [
        ("prores_ks", "yuva444p10le", "out.mov", ("prores", "yuva444p", "bit depth")),
        ("png", "rgba", "out.mov", ("prores", "yuva444p", "")),
        ("qtrle", "argb", "out.webm", ("vp9", "yuv420p", "chroma resolution")),
    ],
)
def test_alpha_goes_on_in_what_can_hold_it(
    tmp_path: Path, codec: str, pix_fmt: str, target: str, expected: tuple[str, str, str]
) -> None:
    source = make_video(tmp_path / "in.mov", pts=range(3), codec=codec, pix_fmt=pix_fmt)
    result = boosted(source, tmp_path / target)
    video = probe(tmp_path / target)["streams"][0]
    assert video["codec_name"] == expected[0]
    assert video["pix_fmt"].startswith(expected[1])
    # Newer decoders give 12 bits of what ProRes encoders take 10 of.
    assert all(warning.endswith(f", which loses {expected[2]}") for warning in result.warnings)
    assert expected[2] != "chroma resolution" or result.warnings
    asked = boosted(source, tmp_path / f"asked.{target}", crf=30.0, overwrite=True)
    assert any("alpha" in warning for warning in asked.warnings) == (codec != "qtrle")


def test_alpha_that_the_output_has_not_is_neither_promised_nor_lost_in_silence(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.webm", pts=range(3), codec="libvpx-vp9", pix_fmt="yuva420p")
    result = boosted(source, tmp_path / "out.mkv")
    assert result.warnings == ["yuva420p is converted to yuv420p for libx264, which loses alpha"]
    assert "alpha" not in str(probe(tmp_path / "out.mkv")["streams"][0]).lower()
    with pytest.raises(EncodeError, match="--resume does not support libvpx-vp9 with alpha"):
        boosted(source, tmp_path / "out.webm", resume=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.webm", "out.mkv"]


@pytest.mark.parametrize("size", [(63, 47), (34, 50), (65, 33)])
def test_odd_sizes_and_pixel_aspect(tmp_path: Path, size: tuple[int, int]) -> None:
    source = make_video(tmp_path / "in.mkv", pts=range(3), codec="ffv1", pix_fmt="yuv444p", size=size)
    boosted(source, tmp_path / "out.mkv", codec="ffv1")
    video = probe(tmp_path / "out.mkv")["streams"][0]
    assert (video["width"], video["height"]) == size


def test_hdr10_arrives(tmp_path: Path) -> None:
    parameters = (
        "log-level=error:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:max-cll=1000,400:"
        "master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)"
    )
    source = make_video(
        tmp_path / "in.mkv",
        pts=range(3),
        codec="libx265",
        pix_fmt="yuv420p10le",
        options={"x265-params": parameters},
        tags={"color_range": 1, "colorspace": 9, "color_primaries": 9, "color_trc": 16},
    )
    for codec in ("libx265", "libx264", "libsvtav1"):
        boosted(source, tmp_path / f"{codec}.mkv", codec=codec)
        with av.open(str(tmp_path / f"{codec}.mkv")) as container:
            frame = next(container.decode(video=0))
            display = mastering_display(frame)
            assert display is not None
            assert [float(v) for v in (*display.green, *display.white)] == pytest.approx(
                [0.265, 0.69, 0.3127, 0.329], abs=1e-4
            )
            assert (float(display.most), float(display.least)) == pytest.approx((1000, 0.005), rel=0.01)
            assert content_light(frame) == ContentLight(1000, 400)
        video = probe(tmp_path / f"{codec}.mkv")["streams"][0]
        assert (video["color_transfer"], video["color_primaries"], video["color_space"]) == (
            "smpte2084",
            "bt2020",
            "bt2020nc",
        )
    result = boosted(source, tmp_path / "ffv1.mkv", codec="ffv1")
    assert any("HDR metadata is lost" in warning for warning in result.warnings)


@pytest.mark.parametrize("location", ["left", "topleft", "center"])
@pytest.mark.parametrize(("codec", "suffix"), [("libx264", ".mp4"), ("libx265", ".mkv"), ("ffv1", ".mkv")])
def test_chroma_stays_where_it_is(tmp_path: Path, location: str, codec: str, suffix: str) -> None:
    source = make_video(tmp_path / "in.mkv", pts=range(3), codec="ffv1", options={"chroma_sample_location": location})
    boosted(source, tmp_path / f"out{suffix}", codec=codec)
    assert probe(source)["streams"][0]["chroma_location"] == location
    assert probe(tmp_path / f"out{suffix}")["streams"][0]["chroma_location"] == location


def test_hlg_and_wide_colour_arrive(tmp_path: Path) -> None:
    tags = {"color_range": 1, "colorspace": 9, "color_primaries": 9, "color_trc": 18}
    source = make_video(tmp_path / "in.mkv", pts=range(3), codec="ffv1", pix_fmt="yuv420p10le", tags=tags)
    for codec, suffix in (("libx265", ".mp4"), ("libx264", ".mov"), ("libsvtav1", ".webm"), ("ffv1", ".mkv")):
        boosted(source, tmp_path / f"{codec}{suffix}", codec=codec)
        video = probe(tmp_path / f"{codec}{suffix}")["streams"][0]
        assert video["pix_fmt"] == "yuv420p10le"
        assert [video[f"color_{key}"] for key in ("range", "space", "primaries", "transfer")] == [
            "tv",
            "bt2020nc",
            "bt2020",
            "arib-std-b67",
        ]


def test_a_cropped_stream_is_boosted_as_it_is_shown(tmp_path: Path) -> None:
    whole = make_video(tmp_path / "whole.mp4", pts=range(4), size=(96, 64))
    source = tmp_path / "in.mp4"
    crop = "h264_metadata=crop_left=6:crop_right=10:crop_top=4:crop_bottom=8"
    ffmpeg("-i", whole, "-c", "copy", "-bsf:v", crop, source)
    boosted(source, tmp_path / "out.mp4", options=(("qp", "0"),))
    video = probe(tmp_path / "out.mp4")["streams"][0]
    assert (video["width"], video["height"]) == (80, 52)
    assert [data for _, data in decoded(tmp_path / "out.mp4")[::2]] == [data for _, data in decoded(source)]
    with av.open(str(whole)) as container:
        shown = next(container.decode(video=0)).to_ndarray(format="gray")[4:56, 6:86]
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert (next(container.decode(video=0)).to_ndarray(format="gray") == shown).all()


def with_clean_aperture(path: Path, source: Path, width: int, height: int, right: int, down: int) -> Path:
    """Copies an MP4 and has it show the middle of its pictures only: a `clap` box in the description of the track."""
    data = bytearray(source.read_bytes())
    entry = data.index(b"avc1", data.index(b"stsd")) - 4
    box = struct.pack(">I4s8i", 40, b"clap", width, 1, height, 1, right, 1, down, 1)
    at = entry + int.from_bytes(data[entry : entry + 4], "big")
    data[at:at] = box
    for name in (b"avc1", b"stsd", b"stbl", b"minf", b"mdia", b"trak", b"moov"):
        begin = entry if name == b"avc1" else data.rindex(name, 0, entry) - 4
        size = int.from_bytes(data[begin : begin + 4], "big") + len(box)
        data[begin : begin + 4] = size.to_bytes(4, "big")
    path.write_bytes(data)
    return path


def test_what_a_container_crops_is_not_shown_again(tmp_path: Path) -> None:
    whole = make_video(tmp_path / "whole.mp4", pts=range(4), size=(96, 64))
    source = with_clean_aperture(tmp_path / "in.mp4", whole, 80, 52, -2, 0)
    boosted(source, tmp_path / "out.mkv", codec="ffv1")
    video = probe(tmp_path / "out.mkv")["streams"][0]
    assert (video["width"], video["height"]) == (80, 52)
    with av.open(str(whole)) as before, av.open(str(tmp_path / "out.mkv")) as after:
        made = [frame.to_ndarray() for frame in after.decode(video=0)][::2]
        for frame, shown in zip(before.decode(video=0), made, strict=True):
            luma = frame.to_ndarray()[:64]
            assert (luma[6:58, 6:86] == shown[:52]).all()


def test_missing_tags_stay_missing(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mp4", pts=range(3))
    boosted(source, tmp_path / "out.mp4")
    keys = ("color_space", "color_primaries", "color_transfer")
    assert not [key for key in keys if key in probe(tmp_path / "out.mp4")["streams"][0]]
