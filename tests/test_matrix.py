"""What went in comes out: time, colour and streams of generated media, read back by FFmpeg's own ffprobe as well."""

from __future__ import annotations

import itertools
import struct
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from frame_booster.errors import EncodeError, InputError
from frame_booster.media.frames.planes import planar
from frame_booster.media.input.container import is_cover
from frame_booster.media.output.hdr import ContentLight, content_light, mastering_display
from tests.conftest import boosted, decoded, ffmpeg, make_video, packets, plane_rows, probe, probed_times

MS = Fraction(1, 1000)


def near(times: list[Fraction], expected: list[Fraction], tick: Fraction = Fraction(0)) -> bool:
    """Whether times are those expected, but for a common offset and a container's tick."""
    moved = times[0] - expected[0]
    return len(times) == len(expected) and all(abs(a - moved - b) <= tick for a, b in zip(times, expected, strict=True))


# Time


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm", ".nut", ".ts"])
def test_constant_rate_of_ntsc_in_every_container(tmp_path: Path, suffix: str) -> None:
    source = make_video(
        tmp_path / "in.mp4", pts=[1001 * k for k in range(6)], time_base=Fraction(1, 24000), rate=Fraction(24000, 1001)
    )
    result = boosted(source, tmp_path / f"out{suffix}")
    tick = {".mp4": Fraction(0), ".mov": Fraction(0), ".ts": Fraction(1, 90000)}.get(suffix, MS)
    expected = [Fraction(1001 * k, 48000) for k in range(12)]
    assert near(probed_times(tmp_path / f"out{suffix}"), expected, tick)
    assert (result.frames_out, result.duration, result.rate) == (12, Fraction(12012, 48000), Fraction(48000, 1001))


@pytest.mark.parametrize("bframes", [0, 4])
@pytest.mark.parametrize("offset", [0, 777, 36000])
def test_variable_rate_with_late_starts_and_b_frames(tmp_path: Path, offset: int, bframes: int) -> None:
    gaps = [20, 40, 20, 60, 20, 20, 40]
    pts = [offset + sum(gaps[:k]) for k in range(len(gaps) + 1)]
    source = make_video(
        tmp_path / "in.mkv", pts=pts, time_base=Fraction(1, 1000), options={"bf": str(bframes), "qp": "0"}
    )
    boosted(source, tmp_path / "out.mp4", options=(("qp", "0"),))
    times = [Fraction(t, 1000) for a, b in itertools.pairwise(pts) for t in (a, Fraction(a + b, 2))]
    times += [Fraction(pts[-1], 1000), Fraction(pts[-1], 1000) + Fraction(20, 1000)]
    found = probed_times(tmp_path / "out.mp4")
    assert near(found, times, Fraction(20, 1000)), "but for the last, whose duration MKV does not tell"
    assert near(found[:-1], times[:-1])
    assert [data for _, data in decoded(tmp_path / "out.mp4")[::2]] == [data for _, data in decoded(source)]


def test_a_target_rate_has_its_own_exact_grid(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mp4", pts=range(24), rate=24, time_base=Fraction(1, 24))
    result = boosted(source, tmp_path / "out.mp4", fps=Fraction(60), options=(("qp", "0"),))
    assert probed_times(tmp_path / "out.mp4") == [Fraction(k, 60) for k in range(60)]
    before, after = dict(decoded(source)), dict(decoded(tmp_path / "out.mp4"))
    shared = sorted(set(before) & set(after))
    assert shared == [Fraction(k, 12) for k in range(12)]
    assert all(before[time] == after[time] for time in shared), "where both have a frame it is the original"
    assert (result.duration, result.rate) == (1, 60)


def test_slow_motion_without_audio(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mp4", pts=range(8))
    result = boosted(source, tmp_path / "out.mp4", slow_motion=4)
    assert probed_times(tmp_path / "out.mp4") == [Fraction(k, 25) for k in range(32)]
    assert (result.frames_out, result.rate, result.duration) == (32, 25, Fraction(32, 25))


def test_slow_motion_asks_what_to_do_with_audio(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mp4", pts=range(50), tones=1)
    with pytest.raises(EncodeError, match=r"--slow-audio drop.*--slow-audio stretch"):
        boosted(source, tmp_path / "out.mp4", slow_motion=2)
    boosted(source, tmp_path / "dropped.mp4", slow_motion=2, slow_audio="drop")
    assert packets(tmp_path / "dropped.mp4", "audio") == []
    boosted(source, tmp_path / "out.mp4", slow_motion=2, slow_audio="stretch")
    lengths, pitches = [], []
    for path in (source, tmp_path / "out.mp4"):
        with av.open(str(path)) as container:
            samples = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])
        lengths.append(len(samples) / 48000)
        middle = samples[len(samples) // 4 : len(samples) // 4 + 16384]
        pitches.append(np.abs(np.fft.rfft(middle * np.hanning(16384))).argmax() * 48000 / 16384)
    assert lengths[1] == pytest.approx(2 * lengths[0], abs=0.1)
    assert pitches[1] == pytest.approx(pitches[0], abs=6)


def test_sound_that_changes_in_mid_stream_is_slowed_down_as_a_whole(tmp_path: Path) -> None:
    source = make_video(tmp_path / "plain.mkv", pts=range(50))
    with av.open(str(source)) as plain, av.open(str(tmp_path / "in.ts"), "w") as target:
        video = target.add_stream_from_template(plain.streams.video[0])
        sound = target.add_stream("mp2", rate=48000, layout="stereo")
        other = av.CodecContext.create("mp2", "w")
        other.sample_rate, other.layout, other.format, other.time_base = 44100, "mono", "s16", Fraction(1, 44100)
        for packet in plain.demux(video=0):
            if packet.dts is not None:
                packet.stream = video
                target.mux(packet)
        for encoder, rate, channels in ((sound.codec_context, 48000, 2), (other, 44100, 1)):
            begin = 0 if encoder is not other else 44100
            for k in range(0, rate, 1152):
                tone = np.sin(np.arange(k, k + 1152) * 2 * np.pi * 440 / rate)
                samples = (tone * 9000).astype(np.int16).repeat(channels)[None]
                frame = av.AudioFrame.from_ndarray(samples, "s16", "stereo" if channels == 2 else "mono")
                frame.sample_rate, frame.pts, frame.time_base = rate, begin + k, Fraction(1, rate)
                for packet in encoder.encode(frame):
                    packet.stream, packet.time_base = sound, Fraction(1, rate)
                    target.mux(packet)
    boosted(tmp_path / "in.ts", tmp_path / "out.mp4", slow_motion=2, slow_audio="stretch")
    with av.open(str(tmp_path / "out.mp4")) as container:
        frames = list(container.decode(audio=0))
        assert {(f.sample_rate, f.layout.name) for f in frames} == {(48000, "stereo")}
        samples = np.concatenate([frame.to_ndarray()[0] for frame in frames])
    assert len(samples) / 48000 == pytest.approx(4.0, abs=0.15)
    for at in (1.0, 3.0):
        part = samples[int(at * 48000) :][:16384]
        assert np.abs(np.fft.rfft(part * np.hanning(16384))).argmax() * 48000 / 16384 == pytest.approx(440, abs=6)


def test_repeated_frames_become_motion(tmp_path: Path) -> None:
    """Animation on twos in a 24 fps file: with --dedupe every second frame is no repetition any more."""
    still = make_video(tmp_path / "in.mkv", pts=range(0, 12, 2), codec="ffv1")
    with av.open(str(still)) as container:
        frames = list(container.decode(video=0))
    source = tmp_path / "twos.mkv"
    with av.open(str(source), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for k in range(12):
            frame = frames[k // 2]
            frame.pts, frame.time_base = k, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    plain = boosted(source, tmp_path / "plain.mkv", codec="ffv1")
    result = boosted(source, tmp_path / "out.mkv", codec="ffv1", dedupe=True)
    assert (plain.still, plain.repeats) == (6, 0)
    assert (result.still, result.repeats, result.frames_out, result.duration) == (0, 5, 24, plain.duration)
    pictures = [data for _, data in decoded(tmp_path / "out.mkv")]
    assert len(set(pictures[:21])) == 21
    assert probed_times(tmp_path / "out.mkv") == probed_times(tmp_path / "plain.mkv")


def test_a_start_before_zero_and_streams_of_differing_length(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mp4", pts=range(25, 75), tones=1)
    boosted(source, tmp_path / "out.mp4")
    before, after = probe(source), probe(tmp_path / "out.mp4")

    def lead(facts: dict[str, Any]) -> Fraction:
        starts = {s["codec_type"]: Fraction(s["start_time"]) for s in facts["streams"]}
        return starts["video"] - starts["audio"]

    assert abs(lead(before) - lead(after)) <= Fraction(1, 10000)
    assert [s["nb_frames"] for s in after["streams"] if s["codec_type"] == "audio"] == [
        s["nb_frames"] for s in before["streams"] if s["codec_type"] == "audio"
    ]


def test_an_edit_list_that_begins_late_is_obeyed(tmp_path: Path) -> None:
    """What an edit list hides stays hidden: as much of the film as a player shows, and sound in step with it."""
    long = make_video(
        tmp_path / "long.mp4", pts=range(50), tones=1, options={"qp": "0", "g": "10", "preset": "ultrafast"}
    )
    source = tmp_path / "in.mp4"
    # A cut between two key frames: FFmpeg copies from the one before and hides the rest by an edit list.
    ffmpeg("-ss", "0.56", "-i", long, "-c", "copy", source)
    shown = decoded(source)
    assert len(shown) < 40
    with av.open(str(source)) as container:
        assert container.streams.video[0].frames > len(shown), "the file has frames that are not shown"
    result = boosted(source, tmp_path / "out.mp4", options=(("qp", "0"),))
    made = decoded(tmp_path / "out.mp4")
    assert (result.frames_in, len(made)) == (len(shown), 2 * len(shown))
    assert [data for _, data in made[::2]] == [data for _, data in shown]
    starts = []
    for path in (source, tmp_path / "out.mp4"):
        streams = probe(path)["streams"]
        starts.append(Fraction(streams[0]["start_time"]) - Fraction(streams[1]["start_time"]))
    assert abs(starts[0] - starts[1]) <= Fraction(1, 1000)


@pytest.mark.parametrize("suffix", [".mkv", ".nut"])
def test_times_below_zero(tmp_path: Path, suffix: str) -> None:
    source = make_video(tmp_path / "in.nut", pts=range(-10, 40, 2), codec="ffv1", time_base=Fraction(1, 1000), rate=25)
    before = decoded(source)
    boosted(source, tmp_path / f"out{suffix}", codec="ffv1")
    made = decoded(tmp_path / f"out{suffix}")
    assert len(made) == 2 * len(before) == 50
    assert near([time for time, _ in made][::2], [time for time, _ in before], MS)


# Colour


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
    assert any("12 bits of yuv422p12le is lost" in warning for warning in result.warnings)
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
        ("prores_ks", "yuva444p10le", "out.mov", ("prores", "yuva444p", "12 bits")),
        ("png", "rgba", "out.mov", ("prores", "yuva444p", "")),
        ("qtrle", "argb", "out.webm", ("vp9", "yuv420p", "chroma")),
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
    assert all(warning.startswith(f"{expected[2]} of ") for warning in result.warnings)
    assert expected[2] != "chroma" or result.warnings
    asked = boosted(source, tmp_path / f"asked.{target}", crf=30.0, overwrite=True)
    assert any("alpha" in warning for warning in asked.warnings) == (codec != "qtrle")


def test_alpha_that_the_output_has_not_is_neither_promised_nor_lost_in_silence(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.webm", pts=range(3), codec="libvpx-vp9", pix_fmt="yuva420p")
    result = boosted(source, tmp_path / "out.mkv")
    assert result.warnings == ["alpha of yuva420p is lost: libx264 gets yuv420p"]
    assert "alpha" not in str(probe(tmp_path / "out.mkv")["streams"][0]).lower()
    with pytest.raises(EncodeError, match="--resume loses the alpha of libvpx-vp9"):
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
    assert any("HDR metadata is left out" in warning for warning in result.warnings)


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


def test_interlaced_video_is_made_whole_first(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mkv", pts=range(6), options={"flags": "+ilme+ildct", "preset": "ultrafast"})
    with pytest.raises(InputError, match="--deinterlace"):
        boosted(source, tmp_path / "out.mkv")
    result = boosted(source, tmp_path / "out.mkv", input_deinterlace=True)
    assert near(probed_times(tmp_path / "out.mkv"), [Fraction(k, 50) for k in range(12)], MS)
    assert result.frames_in == 6
    with av.open(str(tmp_path / "out.mkv")) as container:
        assert not any(frame.interlaced_frame for frame in container.decode(video=0))


# Streams


@pytest.fixture
def rich(tmp_path: Path) -> Path:
    """A file with two audio tracks, a text subtitle, a font, cover art, chapters and tags."""
    subtitles = tmp_path / "text.srt"
    subtitles.write_text(
        "1\n00:00:00,100 --> 00:00:00,500\nHello <i>you</i>\n\n2\n00:00:00,600 --> 00:00:00,900\nTwo\n"
    )
    base = make_video(tmp_path / "base.mkv", pts=range(25), tones=2)
    path = tmp_path / "rich.mkv"
    with av.open(str(base)) as video, av.open(str(subtitles)) as text, av.open(str(path), "w") as out:
        streams = {s.index: out.add_stream_from_template(s) for s in video.streams}
        words = out.add_stream_from_template(text.streams[0])
        languages = ("eng", "deu")
        for stream, language in zip([s for s in out.streams if s.type == "audio"], languages, strict=True):
            stream.metadata["language"] = language
            stream.metadata["title"] = f"track {language}"
        words.metadata["language"] = "fra"
        words.disposition = 0x40
        out.add_attachment("font.ttf", "application/x-truetype-font", b"not a real font")
        out.metadata.update({"title": "A film", "artist": "Somebody"})
        out.set_chapters(
            [
                {"id": 1, "start": 0, "end": 400, "time_base": Fraction(1, 1000), "metadata": {"title": "One"}},
                {"id": 2, "start": 400, "end": 1000, "time_base": Fraction(1, 1000), "metadata": {"title": "Two"}},
            ]
        )
        for packet in video.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream.index]
                out.mux_one(packet)
        for packet in text.demux():
            if packet.dts is not None:
                packet.stream = words
                out.mux_one(packet)
    return path


def test_everything_arrives_in_matroska(rich: Path, tmp_path: Path) -> None:
    result = boosted(rich, tmp_path / "out.mkv")
    before, after = probe(rich), probe(tmp_path / "out.mkv")
    assert [s["codec_type"] for s in after["streams"]] == [s["codec_type"] for s in before["streams"]]
    for one, two in zip(before["streams"], after["streams"], strict=True):
        for tag in ("language", "title", "filename", "mimetype"):
            assert one.get("tags", {}).get(tag) == two.get("tags", {}).get(tag)
        if one["codec_type"] != "video":
            assert one["disposition"] == two["disposition"]
    assert (after["format"]["tags"]["title"], after["format"]["tags"]["ARTIST"]) == ("A film", "Somebody")
    chapters = [(c["start_time"], c["end_time"], c["tags"]["title"]) for c in after["chapters"]]
    assert chapters == [(c["start_time"], c["end_time"], c["tags"]["title"]) for c in before["chapters"]]
    for kind in ("audio", "subtitle"):
        assert packets(tmp_path / "out.mkv", kind) == packets(rich, kind)
    assert result.warnings == []


@pytest.mark.parametrize(("suffix", "codec"), [(".mp4", "mov_text"), (".mov", "mov_text")])
def test_text_subtitles_are_converted_where_they_must_be(rich: Path, tmp_path: Path, suffix: str, codec: str) -> None:
    with pytest.raises(EncodeError, match=r"cannot hold attachment.*\.mkv.*--allow-drop"):
        boosted(rich, tmp_path / f"out{suffix}")
    result = boosted(rich, tmp_path / f"out{suffix}", allow_drop=True)
    assert any(f"converted to {codec}" in warning for warning in result.warnings)
    facts = probe(tmp_path / f"out{suffix}")
    [words] = [s for s in facts["streams"] if s["codec_type"] == "subtitle"]
    assert (words["codec_name"], words["tags"]["language"]) == (codec, "fra")
    text = ffmpeg("-i", tmp_path / f"out{suffix}", "-f", "srt", "-")
    assert "Hello <i>you</i>" in text
    assert "Two" in text
    assert [c["tags"]["title"] for c in facts["chapters"]] == ["One", "Two"]


def test_what_a_container_cannot_hold_is_refused_by_name(rich: Path, tmp_path: Path) -> None:
    with pytest.raises(EncodeError, match=r"webm cannot hold audio stream 1 \(aac\).*write an \.mkv.*--allow-drop"):
        boosted(rich, tmp_path / "out.webm")
    result = boosted(rich, tmp_path / "out.webm", allow_drop=True)
    kinds = [s["codec_name"] for s in probe(tmp_path / "out.webm")["streams"]]
    assert kinds == ["vp9", "webvtt"]
    assert sum("left out" in warning for warning in result.warnings) == 3


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_cover_art_is_kept(tmp_path: Path, suffix: str) -> None:
    from tests.test_sources import make_pictures

    cover = sorted(make_pictures(tmp_path / "frames").iterdir())[0]
    base = make_video(tmp_path / "base.mp4", pts=range(5))
    source = tmp_path / "in.mp4"
    with av.open(str(base)) as video, av.open(str(cover)) as picture, av.open(str(source), "w") as out:
        moving, still = (out.add_stream_from_template(c.streams.video[0]) for c in (video, picture))
        still.disposition = 0x400
        for container, stream in ((video, moving), (picture, still)):
            for packet in container.demux():
                if packet.size:
                    packet.stream = stream
                    out.mux_one(packet)
    boosted(source, tmp_path / f"out{suffix}")
    with pytest.raises(EncodeError, match=r"mov cannot hold video stream 1.*write an \.mp4 or \.mkv"):
        boosted(source, tmp_path / "out.mov")
    # Once more from there, so that the covers of Matroska are read as well as written.
    boosted(tmp_path / f"out{suffix}", tmp_path / f"again{suffix}")
    for name, frames in (("out", 10), ("again", 20)):
        with av.open(str(tmp_path / f"{name}{suffix}")) as container:
            [found] = [s for s in container.streams if is_cover(s)]
            assert [bytes(p) for p in container.demux(found) if p.size] == [cover.read_bytes()]
        with av.open(str(tmp_path / f"{name}{suffix}")) as container:
            assert sum(1 for _ in container.decode(container.streams.video[0])) == frames


def test_data_arrives_or_is_refused_by_the_name_of_what_can_hold_it(tmp_path: Path) -> None:
    base = make_video(tmp_path / "base.mp4", pts=range(10))
    source = tmp_path / "in.ts"
    with av.open(str(base)) as video, av.open(str(source), "w") as out:
        moving, data = out.add_stream_from_template(video.streams.video[0]), out.add_data_stream("klv")
        for k, packet in enumerate(p for p in video.demux() if p.dts is not None):
            packet.stream = moving
            out.mux_one(packet)
            telemetry = av.Packet(b"\x06\x0e\x2b\x34" + bytes([k] * 20))
            telemetry.stream, telemetry.time_base = data, Fraction(1, 25)
            telemetry.pts = telemetry.dts = k
            out.mux_one(telemetry)
    [before] = packets(source, "data")
    assert len(before) == 10
    for suffix in (".ts", ".nut"):
        boosted(source, tmp_path / f"out{suffix}")
        assert packets(tmp_path / f"out{suffix}", "data") == [before]
    for suffix in (".mp4", ".mkv", ".mov"):
        with pytest.raises(EncodeError, match=r"cannot hold data stream 1 \(klv\).*write a \.nut.*--allow-drop"):
            boosted(source, tmp_path / f"out{suffix}")
    result = boosted(source, tmp_path / "out.mp4", allow_drop=True)
    assert any("data stream 1" in warning and "left out" in warning for warning in result.warnings)


def test_another_video_stream_can_be_chosen(tmp_path: Path) -> None:
    first = make_video(tmp_path / "a.mkv", pts=range(5))
    second = make_video(tmp_path / "b.mkv", pts=range(5), size=(96, 64))
    path = tmp_path / "two.mkv"
    with av.open(str(first)) as one, av.open(str(second)) as two, av.open(str(path), "w") as out:
        streams = [out.add_stream_from_template(c.streams.video[0]) for c in (one, two)]
        for container, stream in zip((one, two), streams, strict=True):
            for packet in container.demux():
                if packet.dts is not None:
                    packet.stream = stream
                    out.mux_one(packet)
    boosted(path, tmp_path / "out.mkv", input_video_stream=1)
    assert [len(probed_times(tmp_path / "out.mkv", index)) for index in (0, 1)] == [10, 5]
    with av.open(str(tmp_path / "out.mkv")) as container:
        boosted_stream = container.streams.video[0]
        assert (boosted_stream.width, boosted_stream.height) == (96, 64)


# Pictures and animations


@pytest.mark.parametrize("pix_fmt", ["rgb24", "gray", "rgba", "rgb48be"])
def test_pictures_in_and_out_are_the_same_to_the_bit(tmp_path: Path, pix_fmt: str) -> None:
    from tests.test_sources import make_pictures

    source = make_pictures(tmp_path / "frames", pix_fmt=pix_fmt)
    result = boosted(source, f"{tmp_path}/out/")
    made = sorted((tmp_path / "out").iterdir())
    assert [path.name for path in made] == [f"{k:06d}.png" for k in range(1, 13)]
    assert result.frames_out == 12
    for before, after in zip(sorted(source.iterdir()), made[::2], strict=True):
        [(_, one)], [(_, two)] = decoded(before), decoded(after)
        assert one == two


def floats(path: Path) -> list[np.ndarray]:
    """The planes of an OpenEXR picture."""
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
        assert "f32" in frame.format.name
        return [
            np.frombuffer(plane, np.float32).reshape(plane.height, -1)[:, : plane.width].copy()
            for plane in frame.planes
        ]


@pytest.mark.parametrize("pix_fmt", ["gbrpf32le", "gbrapf32le", "grayf32le"])
def test_openexr_keeps_its_floating_numbers(tmp_path: Path, pix_fmt: str) -> None:
    folder = tmp_path / "frames"
    folder.mkdir()
    rng = np.random.default_rng(1)
    base = rng.uniform(-0.2, 24.0, (32, 48)).astype(np.float32)
    base[5, 7] = np.nan
    for k in range(3):
        encoder: Any = av.CodecContext.create("exr", "w")
        encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = 48, 32, pix_fmt, Fraction(1, 25)
        encoder.options = {"format": "float"}
        frame = av.VideoFrame(48, 32, pix_fmt)
        for plane in frame.planes:
            values = np.frombuffer(plane, np.float32).reshape(32, -1)
            values[:, :48] = base * np.float32(1.0 + 0.1 * k)
        frame.pts, frame.time_base = 0, Fraction(1, 25)
        (folder / f"{k:03d}.exr").write_bytes(b"".join(map(bytes, [*encoder.encode(frame), *encoder.encode(None)])))
    result = boosted(folder, tmp_path / "out" / "%03d.exr")
    assert (result.frames_out, result.warnings) == (6, [])
    for k in range(3):
        assert [x.tobytes() for x in floats(folder / f"{k:03d}.exr")] == [
            x.tobytes() for x in floats(tmp_path / "out" / f"{2 * k + 1:03d}.exr")
        ]
    colours = 1 if pix_fmt.startswith("gray") else 3
    made = floats(tmp_path / "out" / "002.exr")
    for plane in made[:colours]:
        perceived = (np.sign(base) * np.abs(base) ** (1 / 2.2)).astype(np.float32)
        middle = perceived * (1 + 1.1 ** (1 / 2.2)) / 2
        expected = np.sign(middle) * np.abs(middle) ** 2.2
        expected[5, 7] = 0
        assert plane == pytest.approx(expected, rel=1e-4, abs=1e-5)
    if pix_fmt == "gbrapf32le":
        assert made[3] == pytest.approx(base * 1.05, rel=1e-5, nan_ok=True)
    video = boosted(folder, tmp_path / "out.mkv")
    assert any("32 bits" in warning for warning in video.warnings)


def test_pictures_never_replace_others_unless_told(tmp_path: Path) -> None:
    from tests.test_sources import make_pictures

    source = make_pictures(tmp_path / "frames")
    with pytest.raises(InputError, match="the output is the input"):
        boosted(source, f"{source}/")
    boosted(source, tmp_path / "out_%03d.png")
    with pytest.raises(InputError, match="exists already"):
        boosted(source, tmp_path / "out_%03d.png")
    boosted(source, tmp_path / "out_%03d.png", overwrite=True)
    assert len(list(tmp_path.glob("out_*.png"))) == 12
    assert sorted(p.name for p in tmp_path.iterdir() if p.is_dir()) == ["frames"]


def test_animated_gif_keeps_the_durations_of_its_frames(tmp_path: Path) -> None:
    pts = [0, 10, 14, 34, 40]
    source = make_video(tmp_path / "in.gif", codec="gif", pix_fmt="gray", pts=pts, time_base=Fraction(1, 100), rate=10)
    boosted(source, tmp_path / "out.gif")
    times = probed_times(tmp_path / "out.gif")
    assert times[:9] == [Fraction(k, 100) for k in (0, 5, 10, 12, 14, 24, 34, 37, 40)]
    with pytest.raises(EncodeError, match=r"gif cannot show 100 .* --fps 50"):
        boosted(source, tmp_path / "fast.gif", fps=Fraction(100))


def test_animated_webp_keeps_the_durations_of_its_frames(tmp_path: Path) -> None:
    from PIL import Image

    from tests.test_sources import make_webp

    source = make_webp(tmp_path / "in.webp")
    boosted(source, tmp_path / "out.webp")
    with Image.open(tmp_path / "out.webp") as image:
        # WebP has no two equal frames in a row: the last one, which is held, comes back as one of twice the length.
        assert image.n_frames == 11
        pictures, durations = [], []
        for k in range(11):
            image.seek(k)
            image.load()
            pictures.append(np.asarray(image.convert("RGB")))
            durations.append(image.info["duration"])
    assert durations == [20] * 10 + [40]
    with Image.open(source) as image:
        for k in range(6):
            image.seek(k)
            np.testing.assert_array_equal(np.asarray(image.convert("RGB")), pictures[2 * k])


def with_projection(path: Path) -> Path:
    """Adds to an MP4 whose index comes last what says that its picture is that of a sphere (Spherical Video V2)."""

    def box(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I4s", 8 + len(content), kind) + content

    whole = bytes(4)
    projection = box(b"proj", box(b"prhd", whole + bytes(12)) + box(b"equi", whole + bytes(16)))
    added = box(b"sv3d", box(b"svhd", whole + b"us\0") + projection)
    data = bytearray(path.read_bytes())
    at = 0
    for kind in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"avc1"):
        at = data.index(kind, at) - 4
        size = struct.unpack_from(">I", data, at)[0]
        struct.pack_into(">I", data, at, size + len(added))
        end, at = at + size, at + 8
    data[end:end] = added
    path.write_bytes(data)
    return path


def test_a_projection_that_cannot_be_written_is_not_lost_in_silence(tmp_path: Path) -> None:
    source = with_projection(make_video(tmp_path / "in.mp4", pts=range(3)))
    result = boosted(source, tmp_path / "out.mp4")
    assert [warning for warning in result.warnings if "360" in warning]
    plain = boosted(make_video(tmp_path / "flat.mp4", pts=range(3)), tmp_path / "flat2.mp4")
    assert plain.warnings == []
