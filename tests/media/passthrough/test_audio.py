"""Audio that cannot be copied: encoded again, every sample at its time; and what the options about audio do."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from frame_booster.errors import DecodeError, EncodeError, FrameBoosterError, InputError
from frame_booster.media.output.sink import CONTAINERS
from frame_booster.media.passthrough.audio_encoders import settings_for
from frame_booster.media.passthrough.capabilities import VIDEO_ONLY, container_takes
from frame_booster.media.pyav.rational import exact
from tests.conftest import boosted, make_video, packets

CLICK = Fraction(1, 2)
LENGTH = Fraction(1)
FAST_VP8 = {"codec": "libvpx", "options": (("deadline", "realtime"), ("cpu-used", "8"))}


def click(rate: int, channels: int = 1) -> np.ndarray:
    """A second of silence in which a tone begins at `CLICK`, (C, samples) float32."""
    time = np.arange(int(rate * LENGTH)) / rate
    tone = np.where((time >= CLICK) & (time < CLICK + Fraction(1, 20)), np.sin((time - 0.5) * 2 * np.pi * 1000), 0)
    return np.tile(0.8 * tone.astype(np.float32), (channels, 1))


def with_audio(
    path: Path,
    codec: str,
    rate: int,
    layout: str = "mono",
    keep: Callable[[int], bool] = lambda sample: True,
    sound: np.ndarray | None = None,
) -> Path:
    """A second of video with audio that clicks; packets at samples that are not to be kept are left out."""
    video = make_video(path.with_name("video.mkv"), pts=range(10), time_base=Fraction(1, 10), rate=10, codec="mpeg4")
    with av.open(str(video)) as source, av.open(str(path), "w") as out:
        pictures = out.add_stream_from_template(source.streams.video[0])
        track: Any = out.add_stream(codec, rate=rate)
        track.codec_context.layout, track.codec_context.bit_rate = layout, 128_000
        for packet in source.demux():
            if packet.dts is not None:
                packet.stream = pictures
                out.mux(packet)
        samples = click(rate, av.AudioLayout(layout).nb_channels) if sound is None else sound
        for start in range(0, samples.shape[1], rate // 50):
            part = np.ascontiguousarray(samples[:, start : start + rate // 50])
            frame = av.AudioFrame.from_ndarray(part, "fltp", layout)
            frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
            out.mux([p for p in track.encode(frame) if keep(start)])
        out.mux(track.encode(None))
    return path


def heard(path: Path) -> tuple[str, Fraction, np.ndarray]:
    """The audio's codec, when its first sample is heard after the first picture, s, and all samples."""
    with av.open(str(path)) as container:
        track = container.streams.audio[0]
        begin, parts, shown = None, [], None
        for packet in container.demux():
            base = exact(packet.time_base)
            if packet.stream.type == "video" and packet.pts is not None:
                shown = packet.pts * base if shown is None else min(shown, packet.pts * base)
            if packet.stream is track:
                for frame in packet.decode():
                    if begin is None:
                        begin = (frame.pts or 0) * exact(frame.time_base)
                    parts += av.AudioResampler("fltp", "mono").resample(frame)
        assert begin is not None
        assert shown is not None
        codec = track.codec_context.codec.canonical_name
        return codec, begin - shown, np.concatenate([part.to_ndarray() for part in parts], 1)[0]


def onset(path: Path) -> tuple[str, float]:
    """The codec, and when the click is heard after the first picture, s."""
    codec, begin, samples = heard(path)
    with av.open(str(path)) as container:
        rate = container.streams.audio[0].codec_context.sample_rate
    return codec, float(begin) + int(np.flatnonzero(abs(samples) > 0.2)[0]) / rate


@pytest.mark.parametrize(
    ("codec", "rate", "source", "output", "made"),
    [
        ("wmav2", 44100, "in.wmv", "out.mp4", "aac"),
        ("pcm_mulaw", 8000, "in.mov", "out.flv", "aac"),
        ("adpcm_ms", 44100, "in.wmv", "out.webm", "opus"),
    ],
)
def test_audio_that_a_container_cannot_hold_is_encoded_in_sync(
    tmp_path: Path, codec: str, rate: int, source: str, output: str, made: str
) -> None:
    with_audio(tmp_path / source, codec, rate)
    options = FAST_VP8 if output.endswith("webm") else {}
    result = boosted(tmp_path / source, tmp_path / output, **options)
    [warning] = [text for text in result.warnings if "audio" in text]
    assert f"stream 1 ({codec}) is re-encoded to {made}" in warning
    found, time = onset(tmp_path / output)
    assert found == made
    assert time == pytest.approx(onset(tmp_path / source)[1], abs=0.001)
    with pytest.raises(EncodeError, match=rf"audio stream 1 \({codec}\) cannot be copied.*--audio encode"):
        boosted(tmp_path / source, tmp_path / f"copied{Path(output).suffix}", audio="copy", **options)


@pytest.mark.parametrize(
    ("codec", "layout", "source"),
    [
        ("pcm_s16le", "stereo", "in.mkv"),
        ("pcm_s24le", "5.1", "in.mkv"),
        ("pcm_s16le", "4.0", "in.nut"),
        ("pcm_s16le", "stereo", "in.mov"),
    ],
)
def test_pcm_that_does_not_say_its_speakers_gets_the_usual_ones(
    tmp_path: Path, codec: str, layout: str, source: str
) -> None:
    """MP4 has to name them; other containers may leave it at the number of channels."""
    with_audio(tmp_path / source, codec, 48000, layout)
    output = tmp_path / "out.mp4"
    assert not [text for text in boosted(tmp_path / source, output, input_strict=True).warnings if "audio" in text]
    [before], [after] = (packets(path, "audio") for path in (tmp_path / source, output))
    assert b"".join(after) == b"".join(before)
    with av.open(str(output)) as container:
        assert container.streams.audio[0].codec_context.layout.name == layout


@pytest.mark.parametrize("options", [{}, {"audio": "copy"}, {"audio_codec": "pcm_s16le"}])
def test_channels_that_mp4_has_no_place_for_are_refused_before_any_work(
    tmp_path: Path, options: dict[str, Any]
) -> None:
    base = make_video(tmp_path / "base.mkv", pts=range(10))
    with av.open(str(base)) as video, av.open(str(tmp_path / "in.mkv"), "w") as out:
        pictures, track = out.add_stream_from_template(video.streams.video[0]), out.add_stream("pcm_s16le", rate=48000)
        track.codec_context.layout = "9 channels"
        for packet in (p for p in video.demux() if p.size):
            packet.stream = pictures
            out.mux(packet)
            sound = av.Packet(bytes(9 * 2 * 480))
            sound.stream, sound.pts, sound.dts, sound.time_base = track, packet.pts, packet.pts, packet.time_base
            out.mux(sound)
    seen: list[Any] = []
    with pytest.raises(EncodeError, match=r"write an \.mkv"):
        boosted(tmp_path / "in.mkv", tmp_path / "out.mp4", progress=seen.append, **options)
    assert not seen
    boosted(tmp_path / "in.mkv", tmp_path / "out.mkv", input_strict=True)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_encoded_audio_is_as_long_as_it_was(tmp_path: Path, suffix: str) -> None:
    source = with_audio(tmp_path / "in.mov", "pcm_s16le", 44100)
    boosted(source, tmp_path / f"out{suffix}", audio="encode")
    assert onset(tmp_path / f"out{suffix}")[0] == "aac"
    with av.open(str(tmp_path / f"out{suffix}")) as container:
        track = container.streams.audio[0]
        if suffix == ".mp4":
            # Its edit list says so; of the last packet's samples FFmpeg gives all.
            assert track.duration * track.time_base == LENGTH
        else:
            assert sum(frame.samples for frame in container.decode(track)) == 44100 * LENGTH


@pytest.mark.parametrize("codec", ["wmav2", "pcm_alaw"])
def test_matroska_gets_audio_of_wave_files_as_it_is(tmp_path: Path, codec: str) -> None:
    folder = tmp_path / "it's [here] | a:b=c"
    folder.mkdir()
    source = with_audio(folder / ("in.mov" if codec == "pcm_alaw" else "in.wmv"), codec, 44100)
    assert [text for text in boosted(source, folder / "out.mkv").warnings if "audio" in text] == []
    assert packets(folder / "out.mkv", "audio") == packets(source, "audio")
    assert onset(folder / "out.mkv")[0] == codec
    assert onset(folder / "out.mkv")[1] == pytest.approx(onset(source)[1], abs=0.001)


def test_no_audio_is_written_that_readers_do_not_find(tmp_path: Path) -> None:
    source = with_audio(tmp_path / "in.wmv", "wmav2", 44100)
    # Its muxer takes WMA, and readers know nothing of it then.
    boosted(source, tmp_path / "out.ts")
    assert onset(tmp_path / "out.ts")[0] == "aac"
    with av.open(str(source)) as container:
        takers = [name for name in CONTAINERS - VIDEO_ONLY if container_takes(name, container.streams.audio[0])]
    assert takers == []
    with pytest.raises(EncodeError, match="mpegts does not support audio from flac"):
        boosted(source, tmp_path / "flac.ts", audio_codec="flac")


def test_a_gap_in_the_source_stays_a_gap_and_no_sample_is_changed(tmp_path: Path) -> None:
    def kept(sample: int) -> bool:
        return not 9600 <= sample < 19200

    source = with_audio(tmp_path / "in.mkv", "pcm_s16le", 48000, keep=kept)
    boosted(source, tmp_path / "out.mkv", audio_codec="flac")
    codec, begin, samples = heard(tmp_path / "out.mkv")
    wanted = click(48000)[0]
    assert (codec, begin, len(samples)) == ("flac", 0, 48000)
    assert not samples[9600:19200].any()
    assert np.abs(samples - wanted).max() <= 1 / 32768


def test_surround_keeps_its_channels(tmp_path: Path) -> None:
    source = with_audio(tmp_path / "in.mkv", "flac", 48000, "5.1(side)")
    with av.open(str(source)) as container:
        for encoder in ("libopus", "aac", "ac3"):
            settings = settings_for(container.streams.audio[0], encoder, None, "matroska")
            assert settings is not None
            assert av.AudioLayout(settings.layout).nb_channels == 6
            assert settings.bit_rate >= 6 * 64_000


def test_what_the_options_about_audio_do(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mp4", pts=range(5), tones=2)
    boosted(source, tmp_path / "dropped.mp4", audio="drop")
    assert packets(tmp_path / "dropped.mp4", "audio") == []
    boosted(source, tmp_path / "copied.mp4", audio="copy")
    assert packets(tmp_path / "copied.mp4", "audio") == packets(source, "audio")
    boosted(source, tmp_path / "slow.mp4", audio="drop", slow_motion=2)
    assert packets(tmp_path / "slow.mp4", "audio") == []
    sizes = []
    for bitrate in (32_000, 256_000):
        result = boosted(source, tmp_path / f"{bitrate}.mp4", audio_bitrate=bitrate)
        assert result.warnings == []
        sizes.append(sum(map(len, packets(tmp_path / f"{bitrate}.mp4", "audio")[1])))
    assert sizes[1] > 3 * sizes[0]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"audio": "loud"}, InputError, "is not copy, encode or drop"),
        ({"audio": "copy", "audio_codec": "aac"}, InputError, "--audio copy excludes --audio-codec"),
        ({"audio_bitrate": 0}, InputError, "must be positive"),
        (
            {"audio": "copy", "slow_motion": 2, "slow_audio": "stretch"},
            InputError,
            "--audio copy and --slow-audio stretch exclude",
        ),
        ({"audio_codec": "nonsense"}, EncodeError, "unknown audio encoder 'nonsense'"),
    ],
)
def test_options_about_audio_that_cannot_be(
    tmp_path: Path, options: dict[str, Any], error: type[FrameBoosterError], message: str
) -> None:
    source = make_video(tmp_path / "in.mp4", pts=range(2), tones=1)
    with pytest.raises(error, match=message):
        boosted(source, tmp_path / "out.mp4", **options)
    assert not (tmp_path / "out.mp4").exists()


def damaged(path: Path, every: int) -> Path:
    """Writes a file again with noise instead of every so-many-th packet of audio."""
    rng = np.random.default_rng(1)
    with av.open(str(path)) as source, av.open(str(made := path.with_name(f"damaged-{every}.mkv")), "w") as out:
        streams = {stream.index: out.add_stream_from_template(stream) for stream in source.streams}
        for number, packet in enumerate(source.demux()):
            if packet.dts is None:
                continue
            if packet.stream.type == "audio" and number % every == every - 1:
                packet.update(rng.integers(0, 256, packet.size, np.uint8).tobytes())
            packet.stream = streams[packet.stream.index]
            out.mux(packet)
    return made


def test_damaged_audio_that_is_encoded_again_is_told_of(tmp_path: Path) -> None:
    whole = with_audio(tmp_path / "in.mkv", "ac3", 48000)
    assert not boosted(whole, tmp_path / "whole.mkv", audio="encode").warnings
    source = damaged(whole, every=3)
    result = boosted(source, tmp_path / "out.mkv", audio="encode")
    assert any("damaged packets of audio stream 1 (ac3) are replaced by silence: " in text for text in result.warnings)
    with pytest.raises(DecodeError, match=r"a packet of audio stream 1 .* is damaged"):
        boosted(source, tmp_path / "strict.mkv", audio="encode", input_strict=True)
    assert not (tmp_path / "strict.mkv").exists()


def middles(samples: np.ndarray, rate: int, slower: Fraction) -> list[float]:
    """When the energy of each of three sounds lies on the average, s, by the source's clock."""
    parts = [samples[round(rate * slower * k / 3) : round(rate * slower * (k + 1) / 3)] ** 2.0 for k in range(3)]
    centres = [float((np.arange(len(part)) * part).sum() / part.sum()) for part in parts]
    return [k / 3 + centre / float(rate * slower) for k, centre in enumerate(centres)]


@pytest.mark.parametrize("slower", [Fraction(3, 2), Fraction(2), Fraction(4)])
@pytest.mark.parametrize("rate", [8000, 48000])
def test_stretched_audio_stays_beside_the_pictures_to_its_end(tmp_path: Path, rate: int, slower: Fraction) -> None:
    time = np.arange(rate // 20) / rate
    noise = np.random.default_rng(3).standard_normal(len(time)) / 4
    sounds = [np.sin(time * 2 * np.pi * 1000) / 2, noise, np.exp(-time * 500) * np.sin(time * 2 * np.pi * 2000)]
    played = np.zeros((1, rate), np.float32)
    for k, sound in enumerate(sounds):
        begin = round(rate * (k + 0.4) / 3)
        played[0, begin : begin + len(sound)] = sound * np.hanning(2 * len(sound))[len(sound) :]
    with_audio(tmp_path / "in.mov", "pcm_s16le", rate, sound=played)
    output = tmp_path / "out.mov"
    boosted(tmp_path / "in.mov", output, slow_motion=slower, slow_audio="stretch", audio_codec="pcm_s16le")
    _, begin, samples = heard(output)
    assert abs(begin + Fraction(len(samples), rate) - slower) <= Fraction(1, 1000), "as long as the pictures"
    shown = np.concatenate([np.zeros(round(begin * rate)), samples])
    found = middles(shown, rate, slower)
    apart = [(a - b) * float(slower) for a, b in zip(found, middles(played[0], rate, Fraction(1)), strict=True)]
    assert max(abs(a) for a in apart) < 0.012 * float(slower)
    assert abs(np.mean(apart)) < 0.005 * float(slower), "no kind of sound is on the average early or late"
