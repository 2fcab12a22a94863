"""Times of generated media, read back by ffprobe as well: constant, variable, late, slow."""

from __future__ import annotations

import itertools
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from frame_booster.errors import EncodeError
from tests.conftest import boosted, decoded, ffmpeg, make_video, packets, probe, probed_times

MS = Fraction(1, 1000)


def near(times: list[Fraction], expected: list[Fraction], tick: Fraction = Fraction(0)) -> bool:
    """Whether times are those expected, but for a common offset and a container's tick."""
    moved = times[0] - expected[0]
    return len(times) == len(expected) and all(abs(a - moved - b) <= tick for a, b in zip(times, expected, strict=True))


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


def test_slow_motion_by_any_ratio(tmp_path: Path) -> None:
    """A constant rate, whatever the source's gaps; the sound as long as the pictures, the source's moments kept."""
    source = make_video(tmp_path / "in.mp4", pts=range(25), tones=1)
    result = boosted(source, tmp_path / "out.mp4", slow_motion=2.5, slow_audio="stretch", options=(("qp", "0"),))
    assert probed_times(tmp_path / "out.mp4") == [Fraction(k, 25) for k in range(63)]
    assert (result.frames_out, result.rate, result.held) == (63, 25, 2)
    before, after = decoded(source), decoded(tmp_path / "out.mp4")
    assert [data for _, data in after[::5]] == [data for _, data in before[::2]]
    lengths = []
    for path in (source, tmp_path / "out.mp4"):
        with av.open(str(path)) as container:
            lengths.append(sum(frame.samples for frame in container.decode(audio=0)))
    assert abs(lengths[1] - 2.5 * lengths[0]) < 48000 * 0.05


def test_slow_motion_asks_what_to_do_with_audio(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mp4", pts=range(50), tones=1)
    with pytest.raises(EncodeError, match=r"--slow-audio stretch.*--slow-audio drop"):
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


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_single_frame_of_a_transmission_begins_at_zero(tmp_path: Path, suffix: str) -> None:
    source = make_video(tmp_path / "in.vob", pts=[0], codec="mpeg2video", options={})
    result = boosted(source, tmp_path / f"out{suffix}")
    assert (result.frames_out, result.duration) == (2, Fraction(1, 25))
    assert probed_times(tmp_path / f"out{suffix}") == [0, Fraction(1, 50)]


def test_an_mp4_is_as_long_as_its_frames_to_the_tick(tmp_path: Path) -> None:
    """Edit lists count in the movie's time scale, by default FFmpeg's milliseconds."""
    pts = [151 * k for k in (0, 20, 60, 80, 140, 160, 200, 220)]
    source = make_video(tmp_path / "in.mp4", pts=pts, time_base=Fraction(1, 90001), rate=30)
    result = boosted(source, tmp_path / "out.mp4", options=(("bf", "2"),))
    with av.open(str(tmp_path / "out.mp4")) as container:
        stream = container.streams.video[0]
        assert stream.duration * stream.time_base == result.duration
