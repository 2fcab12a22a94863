"""What is said to be held by an MPEG transport stream is read from one again as what it was."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import pytest

from frame_booster.media.input.source import SourceReport
from frame_booster.media.input.window import Window
from frame_booster.media.passthrough.capabilities import container_takes, transport_codecs
from tests.conftest import boosted, ffmpeg, make_video, packets, probed_times

SUFFIXES = (".ts", ".m2ts")
SOURCES = {
    "ac3": ".mkv",
    "aac": ".mkv",
    "eac3": ".mkv",
    "dca": ".mkv",
    "mp2": ".mkv",
    "opus": ".mkv",
    "pcm_bluray": ".m2ts",
    "s302m": ".ts",
    "truehd": ".m2ts",
}
"""Encoders of FFmpeg's, and containers in which others have what they make."""
NAMES = {"pgssub": "hdmv_pgs_subtitle", "dvbsub": "dvb_subtitle"}
"""Of codecs, by those of what decodes them."""
SEGMENT = bytes((0x16, 0, 11)) + bytes(11) + bytes((0x80, 0, 0))
"""Stands in for a subtitle: a segment of PGS, and the one that ends what is shown together."""


def with_sound(path: Path, encoder: str) -> Path:
    ffmpeg("-f", "lavfi", "-i", "sine=r=48000:d=0.3", "-ac", "2", "-c:a", encoder, "-strict", "-2", path)
    return path


def with_words(path: Path, codec: str) -> Path:
    """Writes a second of video with subtitles of a codec that nothing encodes here."""
    plain = make_video(path.parent / "plain.mp4", pts=range(25), size=(32, 16))
    with av.open(str(plain)) as source, av.open(str(path), "w") as out:
        video, words = out.add_stream_from_template(source.streams.video[0]), out.add_mux_stream(codec)
        words.time_base = Fraction(1, 1000)
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = video
                out.mux(packet)
        for time in (200, 600):
            packet = av.Packet(SEGMENT)
            packet.pts = packet.dts = time
            packet.time_base, packet.stream, packet.is_keyframe = Fraction(1, 1000), words, True
            out.mux(packet)
    return path


def kinds(path: Path) -> list[tuple[str, str | None]]:
    with av.open(str(path)) as container:
        return [(s.type, getattr(s.codec_context, "name", None)) for s in container.streams]


def copied(source: Any, path: Path) -> list[tuple[str, str | None]]:
    """What a reader finds of a stream that is copied into a transport stream."""
    with av.open(str(path), "w", format="mpegts") as out:
        stream = out.add_stream_from_template(source)
        for packet in source.container.demux(source):
            if packet.dts is not None:
                packet.stream = stream
                out.mux(packet)
    return kinds(path)


@pytest.mark.parametrize("encoder", SOURCES)
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_audio_that_is_held_is_found_again(tmp_path: Path, encoder: str, suffix: str) -> None:
    with av.open(str(with_sound(tmp_path / f"in{SOURCES[encoder]}", encoder))) as container:
        stream = container.streams.audio[0]
        name, path = stream.codec_context.name, tmp_path / f"out{suffix}"
        held = container_takes("mpegts", stream, path)
        assert held == (suffix == ".m2ts" or encoder not in ("pcm_bluray", "truehd"))
        if held:
            # Behind that of TrueHD there is the AC-3 of a Blu-ray, empty here.
            kind, found = copied(stream, path)[0]
            assert (kind, found in (name, "mp3float")) == ("audio", True), "FFmpeg decodes MP2 by that of MP3"


@pytest.mark.parametrize(("codec", "holds"), [("pgssub", ".m2ts"), ("dvbsub", ".ts")])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_subtitles_that_are_held_are_found_again(tmp_path: Path, codec: str, holds: str, suffix: str) -> None:
    source, path = with_words(tmp_path / "in.mkv", codec), tmp_path / f"out{suffix}"
    result = boosted(source, path)
    if suffix == holds:
        assert result.warnings == []
        assert kinds(path) == [("video", "h264"), ("subtitle", codec)]
        [found], [wanted] = packets(path, "subtitle"), packets(source, "subtitle")
        # DVB's have a byte before and behind them there.
        assert all(data in each for data, each in zip(wanted, found, strict=True))
    else:
        assert result.warnings == [
            f"subtitle stream 1 ({NAMES[codec]}) is dropped: mpegts cannot store it (write an .mkv, which can)"
        ]
        assert kinds(path) == [("video", "h264")]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_subtitle_in_the_table_is_written_as_one(tmp_path: Path, suffix: str) -> None:
    """Teletext and ARIB's captions have no decoder here, and are known again by what stands beside them."""
    path = tmp_path / f"out{suffix}"
    tried = {"pgssub", "dvbsub", "dvb_teletext"} & (transport_codecs("subtitle", path) or set())
    assert tried
    for codec in sorted(tried):
        with av.open(str(path), "w", format="mpegts") as out:
            stream = out.add_mux_stream(codec)
            stream.time_base = Fraction(1, 90000)
            packet = av.Packet(SEGMENT)
            packet.pts = packet.dts = 0
            packet.time_base, packet.stream = stream.time_base, stream
            out.mux(packet)
        assert [kind for kind, _ in kinds(path)] == ["subtitle"], codec


@pytest.mark.parametrize("name", ["klv", "timed_id3", "smpte_2038", "scte_35", "epg"])
def test_data_that_is_held_is_found_again(tmp_path: Path, name: str) -> None:
    """FFmpeg's muxer takes SCTE-35, too, and writes it as private data, in which nothing finds it."""
    path = tmp_path / "out.ts"
    with av.open(str(path), "w", format="mpegts") as out:
        stream = out.add_data_stream(name)
        held = container_takes("mpegts", stream, path)
        stream.time_base = Fraction(1, 90000)
        packet = av.Packet(SEGMENT)
        packet.pts = packet.dts = 0
        packet.time_base, packet.stream = stream.time_base, stream
        out.mux(packet)
    with av.open(str(path)) as container:
        [found] = container.streams.data
        assert (found.name == name) == held


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts"])
def test_data_that_is_ahead_of_the_pictures_makes_none_of_them_late(tmp_path: Path, suffix: str) -> None:
    """Teletext and SCTE-35 go by the clock of the sender, which is ahead by what receivers buffer."""
    source, path = tmp_path / "in.ts", tmp_path / f"out{suffix}"
    plain = make_video(tmp_path / "plain.mp4", pts=range(10, 35), size=(32, 16))
    with av.open(str(plain)) as video, av.open(str(source), "w") as out:
        pictures, words = out.add_stream_from_template(video.streams.video[0]), out.add_data_stream("timed_id3")
        words.time_base = Fraction(1, 90000)
        for number, packet in enumerate(p for p in video.demux(video=0) if p.dts is not None):
            packet.stream = pictures
            out.mux(packet)
            text = av.Packet(b"ID3" + bytes([number]) * 20)
            text.pts = text.dts = number * 3600
            text.time_base, text.stream = words.time_base, words
            out.mux(text)
    with av.open(str(source)) as container:
        assert [stream.start_time for stream in container.streams] == [36000, 0]
    boosted(source, path)
    assert probed_times(path)[0] < Fraction(1, 10)
    if suffix == ".ts":
        assert packets(path, "data") == packets(source, "data")


def test_a_stream_that_has_no_decoder_is_said_to_have_none(tmp_path: Path) -> None:
    """PyAV can copy none; that a transport stream cannot hold teletext would not be true."""
    source = with_words(tmp_path / "in.ts", "dvb_teletext")
    with av.open(str(source)) as container:
        assert container.streams[1].codec_context is None, "of wheels of PyAV"
    [warning] = boosted(source, tmp_path / "out.ts").warnings
    assert warning == (
        "subtitle stream 1 (no decoder) is dropped: "
        "PyAV cannot copy a stream without a decoder, such as AC-4, teletext or TTML"
    )


def test_audio_that_is_not_there_at_the_beginning_is_said_to_be_missing(tmp_path: Path) -> None:
    """A programme lists all of its languages, also those in which nothing is said yet."""
    plain, source = make_video(tmp_path / "plain.mp4", pts=range(25), size=(32, 16), tones=1), tmp_path / "in.ts"
    with av.open(str(plain)) as made, av.open(str(source), "w") as out:
        video, audio = (out.add_stream_from_template(stream) for stream in made.streams)
        for packet in made.demux(video=0):
            if packet.dts is not None:
                packet.stream = video
                out.mux(packet)
        assert audio.index == 1
    [warning] = boosted(source, tmp_path / "out.ts").warnings
    assert warning == "audio stream 1 (aac) is dropped: it has no packets near the start of the file"


def test_audio_without_a_decoder_is_said_to_have_none(tmp_path: Path) -> None:
    path = make_video(tmp_path / "in.mp4", pts=range(25), tones=1)
    # AC-4 (ETSI TS 103 190-2, E.4).
    path.write_bytes(path.read_bytes().replace(b"mp4a", b"ac-4").replace(b"esds", b"free"))
    [warning] = boosted(path, tmp_path / "out.mkv").warnings
    assert warning.startswith("audio stream 1 (no decoder) is dropped: PyAV cannot copy a stream")


def test_what_is_ahead_of_the_pictures_is_there_from_their_beginning_on() -> None:
    """A packet that is over before them is not; one of unknown length keeps it unknown."""
    window = Window(Fraction(1), None, None, SourceReport())
    context = SimpleNamespace(initial_padding=0, sample_rate=48000)
    kinds = {kind: SimpleNamespace(type=kind, codec_context=context) for kind in ("audio", "subtitle", "data")}

    def taken(kind: str, time: int, duration: int) -> tuple[int, int, int] | None:
        packet: Any = SimpleNamespace(
            stream=kinds[kind], pts=time, dts=time, duration=duration, time_base=Fraction(1, 10), is_discard=False
        )
        return (packet.pts, packet.dts, packet.duration) if window.take(packet) else None

    assert taken("subtitle", 4, 8) == (0, 0, 2)
    assert taken("subtitle", 4, 6) is None
    assert taken("subtitle", 4, 0) == taken("data", 4, 0) == (0, 0, 0)
    assert taken("subtitle", 12, 3) == taken("data", 12, 3) == (2, 2, 3)
    assert taken("audio", 4, 1) == (-6, -6, 1), "decoders may need it"
