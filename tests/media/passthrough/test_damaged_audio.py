"""Damaged audio that is encoded again, whatever its decoder calls the damage; and long gaps in audio."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from frame_booster.errors import DecodeError
from frame_booster.media.output.file import FileSink
from frame_booster.media.passthrough import audio_encoding
from tests.conftest import boosted
from tests.media.passthrough.test_audio import with_audio


def of_another_error(path: Path) -> tuple[int, bytes]:
    """A packet of audio, by number, and damage to it that its decoder does not call invalid data."""
    rng = np.random.default_rng(1)
    for _ in range(40):
        with av.open(str(path)) as container:
            for number, packet in enumerate(container.demux(audio=0)):
                if not packet.size or number < 5:
                    continue
                data = np.frombuffer(bytes(packet), np.uint8).copy()
                data[rng.integers(0, packet.size, 6)] = rng.integers(0, 256, 6)
                decoder = av.CodecContext.create(packet.stream.codec_context.codec.name, "r")
                decoder.extradata = packet.stream.codec_context.extradata
                try:
                    decoder.decode(av.Packet(data.tobytes()))
                except av.error.InvalidDataError:
                    continue
                except av.error.FFmpegError:
                    return number, data.tobytes()
    raise AssertionError


@pytest.mark.parametrize("codec", ["aac", "ac3", "eac3"])
def test_damage_ends_no_run_whatever_the_decoder_calls_it(tmp_path: Path, codec: str) -> None:
    noise = np.random.default_rng(2).uniform(-0.3, 0.3, (2, 48000)).astype(np.float32)
    whole, path = with_audio(tmp_path / "whole.mkv", codec, 48000, "stereo", sound=noise), tmp_path / "in.mkv"
    place, data = of_another_error(whole)
    with av.open(str(whole)) as source, av.open(str(path), "w") as out:
        streams = {stream.index: out.add_stream_from_template(stream) for stream in source.streams}
        seen = 0
        for packet in source.demux():
            if packet.dts is None:
                continue
            if packet.stream.type == "audio":
                if seen == place:
                    packet.update(data)
                seen += 1
            packet.stream = streams[packet.stream.index]
            out.mux(packet)
    result = boosted(path, tmp_path / "out.mkv", audio_codec="flac")
    assert f"damaged packets of audio stream 1 ({codec}) are replaced by silence: 1" in result.warnings
    with pytest.raises(DecodeError, match=r"a packet of audio stream 1 .* is damaged"):
        boosted(path, tmp_path / "strict.mkv", audio_codec="flac", input_strict=True)


def test_the_silence_of_a_long_gap_is_written_as_it_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An hour of it, made at once, would fill the memory."""
    made, waiting = [], []

    def silence(*arguments: Any) -> av.AudioFrame:
        made.append(1)
        return of_samples(*arguments)

    def put(sink: FileSink, packet: av.Packet) -> bool:
        waiting.append(len(made) - len(waiting))
        return put_copied(sink, packet)

    of_samples, put_copied = audio_encoding._silence, FileSink._put_copied
    monkeypatch.setattr(audio_encoding, "_silence", silence)
    monkeypatch.setattr(FileSink, "_put_copied", put)
    whole, path = with_audio(tmp_path / "whole.mkv", "pcm_s16le", 8000), tmp_path / "in.mkv"
    with av.open(str(whole)) as source, av.open(str(path), "w") as out:
        streams = {stream.index: out.add_stream_from_template(stream) for stream in source.streams}
        for packet in source.demux():
            if packet.dts is None:
                continue
            if packet.pts * packet.time_base >= 0.5:
                packet.pts = packet.dts = packet.pts + 60_000
            packet.stream = streams[packet.stream.index]
            out.mux(packet)
    boosted(path, tmp_path / "out.mkv", audio_codec="pcm_s16le")
    assert len(made) == 60
    assert max(waiting) <= 2
