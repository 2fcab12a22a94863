"""Whole files through the real network: frames, times, streams, tags and safety of the output."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

import frame_booster
from frame_booster.errors import EncodeError, InputError, Interrupted, OutputError
from frame_booster.media.input.container import index_comes_first
from frame_booster.options import BoostOptions
from frame_booster.pipeline import boost as whole
from frame_booster.pipeline.result import Result
from tests.conftest import boosted, decoded, make_video, packets

Boost = Callable[..., Result]


@pytest.fixture(autouse=True, scope="module")
def loaded_once() -> Iterator[None]:
    """A model is the same for all files, as in a folder's run: loading it for every test takes long."""
    models: dict[tuple[Any, ...], Any] = {}
    load = whole.load

    def cached(options: BoostOptions, work: Any = None) -> Any:
        key = options.model, options.weights, options.device, options.precision, options.engine
        if key not in models:
            models[key] = load(options, work)
        return models[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(whole, "load", cached)
        yield


@pytest.fixture
def lossless(tmp_path: Path) -> Boost:
    """Boosts to a lossless file and returns the result."""

    def boost(source: Path, suffix: str = ".mkv", **options: Any) -> Result:
        return frame_booster.boost(source, tmp_path / f"out{suffix}", codec="ffv1", device="cpu", **options)

    return boost


def check(source: Path, result: Result) -> None:
    """What must hold for any lossless run: 2N frames, originals to the bit, midpoints, duration."""
    before, after = decoded(source), decoded(Path(result.output))
    tick = Fraction(1, 1000) if result.output.endswith(".mkv") else Fraction(0)
    assert len(after) == 2 * len(before)
    assert [data for _, data in after[::2]] == [data for _, data in before]
    # Matroska has no negative times: a file whose audio begins before 0 is moved as a whole.
    moved = after[0][0] - before[0][0]
    times = [time - moved for time, _ in after]
    assert all(abs(a - b) <= tick for a, (b, _) in zip(times[::2], before, strict=True))
    for k in range(len(before) - 1):
        assert abs(times[2 * k + 1] - (before[k][0] + before[k + 1][0]) / 2) <= tick
    assert times == sorted(set(times))


def starts(path: Path) -> Fraction:
    """How long the video starts after the audio, s."""
    first: dict[str, Fraction] = {}
    with av.open(str(path)) as container:
        for packet in container.demux():
            if packet.pts is not None:
                time = packet.pts * Fraction(packet.time_base.numerator, packet.time_base.denominator)
                kind = packet.stream.type
                first[kind] = min(first.get(kind, time), time)
    return first["video"] - first["audio"]


def test_frames_times_and_audio(tmp_path: Path, lossless: Boost) -> None:
    source = make_video(tmp_path / "in.mp4", pts=range(8), tones=2)
    result = lossless(source)
    check(source, result)
    assert packets(Path(result.output), "audio") == packets(source, "audio")
    leads = [starts(path) for path in (source, Path(result.output))]
    assert abs(leads[0] - leads[1]) <= Fraction(1, 1000), "audio and video are as far apart as before"
    assert (result.frames_in, result.frames_out, result.made, result.held) == (8, 16, 7, 1)
    assert result.duration == Fraction(8, 25)
    assert result.rate == 50


def test_mp4_times_are_exact(tmp_path: Path) -> None:
    """24000/1001 in an mp4: every timestamp is a whole number of ticks, none is rounded."""
    source = make_video(
        tmp_path / "in.mp4", pts=[1001 * k for k in range(6)], time_base=Fraction(1, 24000), rate=Fraction(24000, 1001)
    )
    output = tmp_path / "out.mp4"
    result = frame_booster.boost(source, output, device="cpu", options=(("qp", "0"),), preset="ultrafast")
    assert [time for time, _ in decoded(output)] == [Fraction(1001 * k, 48000) for k in range(12)]
    check(source, result)
    assert result.rate == Fraction(48000, 1001)
    with av.open(str(output)) as container:
        stream = container.streams.video[0]
        assert stream.duration * stream.time_base == Fraction(6 * 1001, 24000)


def test_variable_frame_rate_keeps_every_gap(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mp4", pts=[0, 20, 60, 80, 140, 160], time_base=Fraction(1, 600), rate=30)
    result = frame_booster.boost(source, tmp_path / "out.mp4", device="cpu", options=(("qp", "0"),))
    check(source, result)
    times = [time for time, _ in decoded(tmp_path / "out.mp4")]
    assert [time * 600 for time in times[:11]] == [0, 10, 20, 40, 60, 70, 80, 110, 140, 150, 160]


@pytest.mark.parametrize("pix_fmt", ["yuv420p10le", "gbrp10le", "yuva420p"])
def test_depth_and_chroma_are_kept(tmp_path: Path, lossless: Boost, pix_fmt: str) -> None:
    source = make_video(tmp_path / "in.mkv", pts=range(3), codec="ffv1", pix_fmt=pix_fmt, size=(62, 46))
    result = lossless(source)
    check(source, result)
    with av.open(result.output) as container:
        assert container.streams.video[0].codec_context.pix_fmt == pix_fmt


def test_a_still_clip_of_random_codes_comes_back_to_the_bit(tmp_path: Path, lossless: Boost) -> None:
    """Every frame, made or not, equals the source: nothing passes through a lossy conversion."""
    source = make_video(tmp_path / "in.mkv", pts=range(3), codec="ffv1", pix_fmt="yuv420p", still=True)
    result = lossless(source)
    assert {data for _, data in decoded(Path(result.output))} == {decoded(source)[0][1]}
    assert result.still == 2


@pytest.mark.parametrize("colour_range", [1, 2])
def test_made_frames_are_as_bright_as_their_neighbours(tmp_path: Path, lossless: Boost, colour_range: int) -> None:
    """video2x#1336: originals and made frames that differ by a conversion flicker."""
    source = make_video(
        tmp_path / "in.mkv",
        pts=range(4),
        codec="ffv1",
        tags={"color_range": colour_range, "colorspace": 1},
        size=(96, 64),
    )
    with av.open(lossless(source).output) as container:
        frames = [frame.to_ndarray().astype(float) for frame in container.decode(video=0)]
    for rows in (slice(0, 64), slice(64, None)):
        means = [frame[rows].mean() for frame in frames]
        even, odd = np.mean(means[:-1:2]), np.mean(means[1:-1:2])
        assert abs(even - odd) < 0.25


def test_colour_tags_and_rotation_arrive(tmp_path: Path) -> None:
    tags = {"color_range": 1, "colorspace": 9, "color_primaries": 9, "color_trc": 16}
    rotatable = hasattr(av.VideoStream, "set_display_matrix") or _can_rotate()
    source = make_video(tmp_path / "in.mp4", pts=range(3), pix_fmt="yuv420p10le", tags=tags, rotation=rotatable)
    output = tmp_path / "out.mp4"
    frame_booster.boost(source, output, device="cpu")
    with av.open(str(output)) as container:
        context = container.streams.video[0].codec_context
        assert {tag: int(getattr(context, tag)) for tag in tags} == tags
        assert context.pix_fmt == "yuv420p10le"
        rotations = {frame.rotation for frame in container.decode(video=0)}
    with av.open(str(source)) as container:
        assert rotations == {next(container.decode(video=0)).rotation}


def _can_rotate() -> bool:
    from av.video.stream import VideoStream

    return hasattr(VideoStream, "set_display_matrix")


def test_metadata_subtitles_and_chapters_of_streams(tmp_path: Path, lossless: Boost) -> None:
    source = tmp_path / "in.mkv"
    plain = make_video(tmp_path / "plain.mp4", pts=range(4), tones=1)
    with av.open(str(plain)) as given, av.open(str(source), "w") as container:
        copies = {s.index: container.add_stream_from_template(s) for s in given.streams}
        copies[1].metadata["language"] = "fra"
        container.metadata["title"] = "A title"
        for packet in given.demux():
            if packet.dts is not None:
                packet.stream = copies[packet.stream.index]
                container.mux(packet)
    with av.open(lossless(source).output) as container:
        assert container.metadata["title"] == "A title"
        assert container.streams.audio[0].metadata["language"] == "fra"


def test_a_cut_is_held(tmp_path: Path, lossless: Boost) -> None:
    source = make_video(tmp_path / "in.mkv", pts=range(6), codec="ffv1", cut_at=3)
    result = lossless(source)
    check(source, result)
    frames = [data for _, data in decoded(Path(result.output))]
    assert result.cuts == 1
    assert frames[5] == frames[4]
    blended = lossless(source, scene_threshold=0.0, overwrite=True)
    assert blended.cuts == 0
    assert blended.made == 5


def test_factor_4(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mp4", pts=range(3))
    result = frame_booster.boost(source, tmp_path / "out.mp4", device="cpu", factor=4, options=(("qp", "0"),))
    times = [time for time, _ in decoded(Path(result.output))]
    assert times == [Fraction(k, 100) for k in range(12)]
    assert result.rate == 100


def test_a_part_is_exact_to_the_frame(tmp_path: Path, lossless: Boost) -> None:
    source = make_video(tmp_path / "in.mp4", pts=range(40), tones=1)
    result = lossless(source, start=Fraction(1, 2), duration=Fraction(2, 5))
    before, after = decoded(source), decoded(Path(result.output))
    wanted = [data for time, data in before if Fraction(1, 2) <= time < Fraction(9, 10)]
    assert len(wanted) == 10
    assert [data for _, data in after[::2]] == wanted
    assert after[0][0] == 0
    assert result.duration == Fraction(2, 5)
    audio, whole = packets(Path(result.output), "audio")[0], packets(source, "audio")[0]
    assert audio[0] in whole
    first = whole.index(audio[0])
    assert audio == whole[first : first + len(audio)]


def test_raw_h264_without_timestamps_is_timed_by_its_rate(tmp_path: Path, lossless: Boost) -> None:
    source = make_video(tmp_path / "in.h264", pts=range(5))
    result = lossless(source, ".mkv")
    assert result.frames_out == 10
    assert result.duration == Fraction(5, 25)
    assert any("without timestamps" in warning for warning in result.warnings)


def test_one_frame(tmp_path: Path, lossless: Boost) -> None:
    source = make_video(tmp_path / "in.mkv", pts=[0], codec="ffv1")
    result = lossless(source)
    assert [data for _, data in decoded(Path(result.output))] == [decoded(source)[0][1]] * 2


def test_default_name_and_progress(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mp4", pts=range(4))
    seen: list[tuple[int, int | None]] = []
    result = frame_booster.boost(source, device="cpu", progress=lambda p: seen.append((p.frames, p.total)))
    assert Path(result.output) == tmp_path / "in.2x.mp4"
    assert seen == [(k, 8) for k in range(1, 9)]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.2x.mp4", "in.mp4"]


def test_the_published_network_runs_too(tmp_path: Path, lossless: Boost) -> None:
    source = make_video(tmp_path / "in.mp4", pts=range(3))
    result = lossless(source, model="fbnet")
    check(source, result)
    assert result.model == "fbnet"


def test_existing_output_is_kept_unless_told(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mp4", pts=range(2))
    output = tmp_path / "out.mp4"
    output.write_bytes(b"mine")
    with pytest.raises(InputError, match="exists already"):
        frame_booster.boost(source, output, device="cpu")
    assert output.read_bytes() == b"mine"
    frame_booster.boost(source, output, device="cpu", overwrite=True)
    assert len(decoded(output)) == 4


@pytest.mark.parametrize("link", ["same", "symbolic", "hard"])
def test_output_that_is_the_input_is_refused(tmp_path: Path, link: str) -> None:
    source = make_video(tmp_path / "in.mp4", pts=range(2))
    output = source if link == "same" else tmp_path / "link.mp4"
    if link == "symbolic":
        output.symlink_to(source)
    elif link == "hard":
        output.hardlink_to(source)
    before = source.read_bytes()
    with pytest.raises(InputError, match="the output is the input"):
        frame_booster.boost(source, output, device="cpu", overwrite=True)
    assert source.read_bytes() == before


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"codec": "nonsense"}, EncodeError, "unknown video encoder 'nonsense'"),
        ({"codec": "ffv1", "crf": 3.0}, EncodeError, "ffv1 has no --crf"),
        ({"codec": "mpeg4", "crf": 3.0}, EncodeError, "mpeg4 has no option crf"),
        ({"options": (("tuen", "film"), ("bf", "1"))}, EncodeError, "libx264 has no option tuen"),
        ({"container_options": (("movflagz", "+faststart"),)}, EncodeError, "mp4 has no option movflagz"),
        (
            {"container_options": (("movflags", "+no"),)},
            EncodeError,
            r"mp4 rejects libx264 or its settings: .*--container-option",
        ),
        ({"codec": "libx264", "pix_fmt": "pal8"}, EncodeError, "does not support pixel format pal8"),
        ({"nonsense": 1}, InputError, "unknown option: nonsense"),
    ],
)
def test_options_that_cannot_be_met(tmp_path: Path, options: dict[str, Any], error: type, text: str) -> None:
    source = make_video(tmp_path / "in.mp4", pts=range(2))
    with pytest.raises(error, match=text):
        frame_booster.boost(source, tmp_path / "out.mp4", device="cpu", **options)
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]


@pytest.mark.parametrize("resume", [False, True])
def test_an_option_of_the_container_reaches_it(tmp_path: Path, resume: bool) -> None:
    source = make_video(tmp_path / "in.mp4", pts=range(4))
    index_first = []
    for asked in ((), (("movflags", "+faststart"),)):
        options = {"container_options": asked, "resume": resume, "overwrite": True}
        boosted(source, tmp_path / "out.mp4", **options)
        index_first.append(index_is_first(tmp_path / "out.mp4"))
    assert index_first == [False, True]


def index_is_first(path: Path) -> bool:
    made = path.read_bytes()
    return made.index(b"moov") < made.index(b"mdat")


@pytest.mark.parametrize("resume", [False, True])
@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
@pytest.mark.parametrize("first", [False, True])
def test_an_index_that_comes_first_does_so_in_the_output(
    tmp_path: Path, first: bool, suffix: str, resume: bool
) -> None:
    container = {"movflags": "faststart"} if first else {}
    source = make_video(tmp_path / f"in{suffix}", pts=range(4), container_options=container, tones=1)
    assert index_is_first(source) == first
    boosted(source, tmp_path / f"out{suffix}", resume=resume)
    assert index_is_first(tmp_path / f"out{suffix}") == first


@pytest.mark.parametrize(
    ("data", "first"),
    [
        (b"\0\0\0\x10ftypisom\0\0\2\0\0\0\0\x20moov" + bytes(32), True),
        (b"\0\0\0\1free\0\0\0\0\0\0\0\x18" + bytes(8) + b"\0\0\0\x20moov" + bytes(32), True),
        (b"\0\0\0\x10ftypisom\0\0\2\0\0\0\0\1mdat" + bytes(32), False),
        (b"\0\0\0\0free" + bytes(32), False),
        (b"\0\0\0\1\x67\x64\0\x0a" + 8 * b"\xff" + bytes(32), False),
        (b"RIFF\0\0\0\0AVI LIST", False),
        (b"\0\0\0\x10ftyp", False),
    ],
)
def test_where_the_index_of_a_file_lies(tmp_path: Path, data: bytes, first: bool) -> None:
    (tmp_path / "file").write_bytes(data)
    assert index_comes_first(tmp_path / "file") == first
    assert not index_comes_first(tmp_path / "none")


def test_audio_that_the_container_cannot_copy_is_refused_with_advice(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mp4", pts=range(6), tones=1)
    with pytest.raises(EncodeError, match=r"audio stream 1 \(aac\) cannot be copied: webm cannot store it.*\.mkv"):
        frame_booster.boost(source, tmp_path / "out.webm", device="cpu", audio="copy")
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]


def test_an_interruption_leaves_nothing(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mp4", pts=range(30))

    def stop(_progress: object) -> None:
        raise Interrupted("stopped")

    with pytest.raises(Interrupted):
        frame_booster.boost(source, tmp_path / "out.mp4", device="cpu", progress=stop)
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]


def test_a_folder_that_is_missing(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mp4", pts=range(2))
    with pytest.raises(OutputError, match="no such folder"):
        frame_booster.boost(source, tmp_path / "nowhere" / "out.mp4", device="cpu")
