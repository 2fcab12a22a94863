"""Long runs: memory stays flat and nothing drifts.

FRAME_BOOSTER_SOAK_FRAMES=700000 makes it eight hours of 24.3 fps (some ten minutes of work for each container).
"""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from frame_booster.pipeline.job import Progress
from tests.conftest import boosted

FRAMES = int(os.environ.get("FRAME_BOOSTER_SOAK_FRAMES", "8000"))
TICK = Fraction(1001, 24000)


def make_long_video(path: Path, frames: int) -> Path:
    """Writes 64x36 video at 23.976 fps, that moves, and a tone as long as it."""
    y, x = np.mgrid[:54, :64]
    cycle = []
    for k in range(50):
        luma = 128 + 80 * np.sin((x + 2 * k) * 2 * np.pi / 50) * np.cos((y + k) * 2 * np.pi / 25)
        luma[36:] = 128
        cycle.append(np.ascontiguousarray(luma.astype(np.uint8)))
    with av.open(str(path), "w") as container:
        video = container.add_stream("mpeg4", rate=Fraction(24000, 1001), options={"qscale": "5"})
        video.width, video.height, video.pix_fmt = 64, 36, "yuv420p"
        video.codec_context.time_base = TICK / 1001
        audio = container.add_stream("aac", rate=8000, options={"b": "16000"})
        tone = (0.3 * np.sin(np.arange(1024) * 2 * np.pi * 32 / 1024)).astype(np.float32)[None]
        sounded = 0
        for k in range(frames):
            frame = av.VideoFrame.from_ndarray(cycle[k % 50], "yuv420p")
            frame.pts, frame.time_base = 1001 * k, TICK / 1001
            container.mux(video.encode(frame))
            while Fraction(sounded * 1024, 8000) < (k + 1) * TICK:
                sound = av.AudioFrame.from_ndarray(tone, "fltp", "mono")
                sound.sample_rate, sound.pts, sound.time_base = 8000, 1024 * sounded, Fraction(1, 8000)
                container.mux(audio.encode(sound))
                sounded += 1
        container.mux(video.encode(None))
        container.mux(audio.encode(None))
    return path


def resident_kib() -> int:
    """Returns the process's memory, KiB."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])


INDEX_ENTRY = {".mkv": 0, ".mp4": 80}
"""Bytes that FFmpeg's muxer keeps for every packet until the end: an MP4's index is written last."""


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_memory_stays_flat_and_nothing_drifts(tmp_path: Path, suffix: str) -> None:
    source = make_long_video(tmp_path / "in.mp4", FRAMES)
    sizes: list[int] = []

    def watch(progress: Progress) -> None:
        if progress.frames % max(FRAMES // 50, 1) == 0:
            sizes.append(resident_kib())

    output = tmp_path / f"out{suffix}"
    result = boosted(source, output, preset="ultrafast", scene_threshold=0.0, progress=watch)
    assert (result.frames_in, result.frames_out) == (FRAMES, 2 * FRAMES)
    assert result.duration == FRAMES * TICK
    early, late = max(sizes[10:30]), max(sizes[-20:])
    print(f"{suffix}: {FRAMES} frames, {early} KiB early, {late} KiB late, {result.seconds:.0f} s")
    assert late <= 1.05 * early + 2 * FRAMES * INDEX_ENTRY[suffix] / 1024
    before, after = (times_of_streams(path) for path in (source, output))
    # Matroska rounds every time to the millisecond, and moves all streams where one begins before 0, as this AAC does.
    tick = Fraction(0) if suffix == ".mp4" else Fraction(1, 1000)
    moved = after["video"][0] - before["video"][0]
    assert moved == 0 or suffix == ".mkv"
    assert abs(after["audio"][0] - before["audio"][0] - moved) <= tick
    assert abs(after["audio"][1] - before["audio"][1] - moved) <= tick
    assert after["audio"][2] == before["audio"][2]
    with av.open(str(output)) as container:
        stream = container.streams.video[0]
        base = Fraction(stream.time_base.numerator, stream.time_base.denominator)
        count = 0
        for packet in container.demux(stream):
            if packet.pts is not None:
                count += 1
                time = packet.pts * base - after["video"][0]
                assert abs(time - round(time / (TICK / 2)) * TICK / 2) <= tick
    assert count == 2 * FRAMES


def times_of_streams(path: Path) -> dict[str, tuple[Fraction, Fraction, int]]:
    """Returns the first and last time and the number of packets of each kind of stream."""
    found: dict[str, tuple[Fraction, Fraction, int]] = {}
    with av.open(str(path)) as container:
        for packet in container.demux():
            if packet.pts is None:
                continue
            time = packet.pts * Fraction(packet.time_base.numerator, packet.time_base.denominator)
            first, last, count = found.get(packet.stream.type, (time, time, 0))
            found[packet.stream.type] = min(first, time), max(last, time), count + 1
    return found
