"""Copied audio that changes in mid-stream, or goes back in time: nothing is lost in silence, and no run ends."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import av
import pytest

from frame_booster.errors import DecodeError
from tests.conftest import boosted, make_video, packets
from tests.media.passthrough.test_audio import with_audio

CHANGES = r"audio stream 1 (aac) changes its sample rate or channels at "
_SEQUENCE_HEADER = b"\xaf\x00"


def programme(folder: Path, rate: int) -> Path:
    """A second of a transmission with sound of a rate."""
    video, path = make_video(folder / "video.mp4", pts=range(25)), folder / f"{rate}.ts"
    sound = with_audio(folder / "sound.mkv", "aac", rate)
    with av.open(str(video)) as seen, av.open(str(sound)) as heard, av.open(str(path), "w") as out:
        streams = [seen.streams.video[0], heard.streams.audio[0]]
        copies = [out.add_stream_from_template(stream) for stream in streams]
        for stream, copy in zip(streams, copies, strict=True):
            for packet in stream.container.demux(stream):
                if packet.dts is not None:
                    packet.stream = copy
                    out.mux(packet)
    return path


def advertisement(folder: Path) -> Path:
    """A transport stream that goes over from 48,000 Hz to 24,000 Hz."""
    parts = [programme(folder, rate) for rate in (48000, 24000)]
    path = folder / "in.ts"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    return path


def rates(path: Path) -> set[int]:
    with av.open(str(path)) as container:
        return {frame.sample_rate for frame in container.decode(audio=0)}


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".flv"])
def test_aac_that_changes_its_rate_is_told_of_where_the_container_has_one_header(tmp_path: Path, suffix: str) -> None:
    source = advertisement(tmp_path)
    [told] = [text for text in boosted(source, tmp_path / f"out{suffix}").warnings if text.startswith(CHANGES)]
    assert "1.0" in told
    assert "--audio encode" in told


def test_a_transport_stream_and_encoded_audio_have_all_of_it(tmp_path: Path) -> None:
    source = advertisement(tmp_path)
    for output, options in (("out.ts", {}), ("out.mkv", {"audio": "encode"})):
        result = boosted(source, tmp_path / output, **options)
        assert not [text for text in result.warnings if text.startswith(CHANGES)]
    assert rates(tmp_path / "out.ts") == {48000, 24000}
    assert rates(tmp_path / "out.mkv") == {48000}


def tags(data: bytes) -> Iterator[bytes]:
    """The tags of an FLV, each with the four bytes of its size behind it."""
    place = 13
    while place < len(data):
        end = place + 11 + int.from_bytes(data[place + 1 : place + 4], "big") + 4
        yield data[place:end]
        place = end


@pytest.mark.parametrize("other", [False, True])
def test_a_header_that_an_flv_sends_anew_is_told_of_where_it_is_another(tmp_path: Path, other: bool) -> None:
    data = make_video(tmp_path / "in.flv", pts=range(25), tones=1).read_bytes()
    whole = list(tags(data))
    [header] = [tag for tag in whole if tag[0] == 8 and tag[11:13] == _SEQUENCE_HEADER]
    # Sampling rate and channels: 48,000 Hz becomes 44,100 Hz.
    again = header[:13] + bytes([header[13], header[14] ^ (0x80 if other else 0)]) + header[15:]
    place = [k for k, tag in enumerate(whole) if tag[0] == 8][20]
    source = tmp_path / "again.flv"
    again = again[:4] + whole[place][4:8] + again[8:]
    source.write_bytes(data[:13] + b"".join([*whole[:place], again, *whole[place:]]))
    warnings = boosted(source, tmp_path / "out.mkv").warnings
    assert [text.startswith(CHANGES) for text in warnings] == [True] * other
    if other:
        with pytest.raises(DecodeError, match=r"changes its sample rate or channels .*without --strict"):
            boosted(source, tmp_path / "strict.mkv", input_strict=True)


def back_in_time(path: Path, back: int) -> None:
    """Takes so many ticks off the times of the second half of the sound of a transport stream."""
    data = bytearray(path.read_bytes())
    for place in range(len(data) // 376 * 188, len(data), 188):
        begins, number = data[place + 1] & 0x40, (data[place + 1] & 0x1F) << 8 | data[place + 2]
        if number != 0x101 or not begins:
            continue
        # Behind what adapts a packet's length; of a PES packet bytes 9 to 13 are its time (ISO/IEC 13818-1, 2.4.3.6).
        header = place + 4 + (1 + data[place + 4] if data[place + 3] & 0x20 else 0)
        top, *pairs = data[header + 9 : header + 14]
        time = (top >> 1 & 7) << 30 | pairs[0] << 22 | pairs[1] >> 1 << 15 | pairs[2] << 7 | pairs[3] >> 1
        time -= back
        data[header + 9 : header + 14] = [
            *(top & 0xF1 | time >> 29 & 0xE, time >> 22 & 255, time >> 14 & 254 | 1),
            *(time >> 7 & 255, time << 1 & 254 | 1),
        ]
    path.write_bytes(data)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts"])
def test_audio_that_goes_back_in_time_goes_on(tmp_path: Path, suffix: str) -> None:
    """By less than a clock that restarts; muxers refuse such packets."""
    source = make_video(tmp_path / "in.ts", pts=range(50), tones=1)
    [whole] = packets(source, "audio")
    back_in_time(source, 5400)
    [text] = boosted(source, tmp_path / f"out{suffix}").warnings
    assert re.fullmatch(r"timestamps of audio stream 1 \(aac\) go back: \d packets are delayed by up to 0\.0\d s", text)
    assert len(packets(tmp_path / f"out{suffix}", "audio")[0]) == len(whole)
